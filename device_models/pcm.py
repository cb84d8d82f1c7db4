"""Phase-change memory, one differential pair a weight, 25 uS.

S. R. Nandakumar et al., "Phase-Change Memory Models for Deep Learning Training and Inference",
ICECS 2019, pp. 727-730 (more than 10,000 devices); the same technology as V. Joshi et al.,
Nature Communications 11:2473 (2020). The law is aihwkit's `PCMLikeNoiseModel`, wrapped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from device_models.contract import (
    DRIFT,
    PROGRAMMING,
    READ_NOISE,
    Constant,
    Device,
    DeviceInfo,
    FusedLaw,
    NoiseLaw,
    Switch,
    TileContext,
)

SOURCE = "Nandakumar et al., ICECS 2019, as in aihwkit PCMLikeNoiseModel"

# Handed to aihwkit, so that what `constants()` says is what the law uses.
G_MAX_US = 25.0
PROGRAMMING_US = (0.26348, 1.9650, -1.1731)
T_0_S = 20.0
T_READ_S = 250e-9

# Hard-coded in aihwkit 1.1.0 and 1.2.0: stated for the reader, held to upstream by a test.
NU_MEAN_SLOPE, NU_MEAN_OFFSET, NU_MEAN_MIN, NU_MEAN_MAX = -0.0155, 0.0244, 0.049, 0.1
NU_STD_SLOPE, NU_STD_OFFSET, NU_STD_MIN, NU_STD_MAX = -0.0125, -0.0059, 0.008, 0.045
NU_MEAN = (NU_MEAN_SLOPE, NU_MEAN_OFFSET, NU_MEAN_MIN, NU_MEAN_MAX)
NU_STD = (NU_STD_SLOPE, NU_STD_OFFSET, NU_STD_MIN, NU_STD_MAX)
Q_FACTOR, Q_EXPONENT, Q_MAX = 0.0088, 0.65, 0.2

BIBTEX = r"""
@inproceedings{nandakumar2019,
  author    = {Nandakumar, S. R. and Boybat, Irem and Joshi, Vinay and Piveteau, Christophe and Le Gallo, Manuel and Rajendran, Bipin and Sebastian, Abu and Eleftheriou, Evangelos},
  title     = {Phase-Change Memory Models for Deep Learning Training and Inference},
  booktitle = {26th IEEE International Conference on Electronics, Circuits and Systems (ICECS)},
  year      = {2019},
  pages     = {727--730},
  doi       = {10.1109/ICECS46596.2019.8964852}
}

@article{joshi2020,
  author  = {Joshi, Vinay and Le Gallo, Manuel and Haefeli, Simon and Boybat, Irem and Nandakumar, S. R. and Piveteau, Christophe and Dazzi, Martino and Rajendran, Bipin and Sebastian, Abu and Eleftheriou, Evangelos},
  title   = {Accurate deep neural network inference using computational phase-change memory},
  journal = {Nature Communications},
  year    = {2020},
  volume  = {11},
  pages   = {2473},
  doi     = {10.1038/s41467-020-16108-9}
}
"""  # noqa: E501 - a title is not torn


@dataclass(frozen=True, kw_only=True)
class Pcm(Device):
    """g(t) = g_prog ((t + t_0)/t_0)^-nu + read noise, g_prog = max(g + sigma(g) z, 0).

    NOT modelled: temperature, stuck or failed cells, saturation above g_max, correlation
    between cells, read noise within one evaluation (it is drawn once when the chip is read), and
    the second cell of a pair after programming: aihwkit then keeps one net cell a weight, relative
    to the largest programmed weight of the tile (weight errors 1 to 2 % larger than with two).
    t counts from the first read, t_0 = 20 s after programming: t = 1 s is 21 s after it. After
    about a day it extrapolates the power law.

    `programming_scale`, `drift_scale` and `read_scale` switch one effect each and multiply
    `noise_scale`. A drift scale multiplies the whole exponent nu, mean and spread alike: 0.5
    halves the loss in log conductance. With all three at 0 the law is the identity, bit for bit.
    `nu_std_scale` multiplies the spread of nu between cells alone: at 0 all cells of one
    conductance drift alike.
    """

    info: ClassVar[DeviceInfo] = DeviceInfo(
        name="pcm",
        title="Phase-change memory, doped GST mushroom cells, 25 uS",
        models="Programming noise, drift with one exponent a cell, and accumulated 1/f read "
        "noise, all dependent on the conductance; two cells a weight.",
        not_modelled="Temperature, stuck cells, correlation between cells, and read noise "
        "changing within one evaluation. After programming one net cell a weight is left (G+ less "
        "G-), relative to the largest programmed weight of the tile, and drifts: weight errors are "
        "1 to 2 % larger than with two living cells.",
        law="g_prog = max(g + sigma(g) z, 0); g(t) = g_prog ((t + t_0)/t_0)^-nu; "
        "read noise g(t) Q(g) sqrt(ln((t + t_0 + t_read)/(2 t_read)))",
        citation="S. R. Nandakumar et al., Phase-Change Memory Models for Deep Learning Training "
        "and Inference, ICECS 2019, 727-730; V. Joshi et al., Nat. Commun. 11:2473 (2020)",
        valid_times="any finite t >= 0 s, counted from the first read, t_0 = 20 s after "
        "programming: 1 s is 21 s after it; networks on this technology were followed for one "
        "day (Joshi 2020); later times extrapolate the power law",
        bibtex=BIBTEX,
    )

    switches: ClassVar[tuple[Switch, ...]] = (
        PROGRAMMING,
        DRIFT,
        Switch(
            option="nu_std_scale",
            name="drift-spread",
            title="the spread of drift exponents between cells",
            part_of=DRIFT.name,
        ),
        READ_NOISE,
    )

    knows_cells: ClassVar[bool] = True

    programming_scale: float = 1.0
    drift_scale: float = 1.0
    read_scale: float = 1.0
    nu_std_scale: float = 1.0

    def constants(self) -> tuple[Constant, ...]:
        """List the numbers of the law; x = g / g_max."""
        rows: tuple[tuple[str, float, str, str], ...] = (
            ("g_max", G_MAX_US, "uS", "conductance of the largest weight of a tile"),
            ("c_0", PROGRAMMING_US[0], "uS", "sigma_prog = c_0 + c_1 x + c_2 x^2"),
            ("c_1", PROGRAMMING_US[1], "uS", "sigma_prog, linear term"),
            ("c_2", PROGRAMMING_US[2], "uS", "sigma_prog, quadratic term"),
            ("t_0", T_0_S, "s", "time of the first read; drift counts from it"),
            ("nu_mean_slope", NU_MEAN_SLOPE, "1", "mean nu = slope ln x + offset, clipped"),
            ("nu_mean_offset", NU_MEAN_OFFSET, "1", "mean nu at x = 1, before clipping"),
            ("nu_mean_min", NU_MEAN_MIN, "1", "smallest mean nu"),
            ("nu_mean_max", NU_MEAN_MAX, "1", "largest mean nu"),
            ("nu_std_slope", NU_STD_SLOPE, "1", "spread of nu = slope ln x + offset, clipped"),
            ("nu_std_offset", NU_STD_OFFSET, "1", "spread of nu at x = 1, before clipping"),
            ("nu_std_min", NU_STD_MIN, "1", "smallest spread of nu"),
            ("nu_std_max", NU_STD_MAX, "1", "largest spread of nu"),
            ("Q_factor", Q_FACTOR, "1", "1/f noise Q = factor / x^exponent"),
            ("Q_exponent", Q_EXPONENT, "1", "1/f noise, exponent of x"),
            ("Q_max", Q_MAX, "1", "largest Q"),
            ("t_read", T_READ_S, "s", "width of the read pulse"),
        )
        return tuple(
            Constant(symbol=symbol, value=value, unit=unit, meaning=meaning, source=SOURCE)
            for symbol, value, unit, meaning in rows
        )

    def noise_law(self, context: TileContext) -> NoiseLaw:
        """Return aihwkit's own noise model, or the identity if every effect is switched off."""
        return self._law()

    def cell_law(self, context: TileContext) -> NoiseLaw:
        """Return the same law for cells without a second one."""
        return self._law(alone=True)

    def _law(self, *, alone: bool = False) -> NoiseLaw:
        programming = self.noise_scale * self.programming_scale
        drift = self.noise_scale * self.drift_scale
        read = self.noise_scale * self.read_scale
        if programming == drift == read == 0:
            # Upstream with zero scales still rounds at each conversion (about 1e-7).
            from device_models.laws.identity import IdentityLaw

            return IdentityLaw()
        from aihwkit.inference.noise.pcm import PCMLikeNoiseModel

        # `prog_coeff_g_max_reference` is left out: with `prog_coeff` given, passing it too makes
        # aihwkit 1.1.0 and 1.2.0 raise AttributeError. Left out it is g_max, which is right here.
        options: dict[str, Any] = {
            "prog_coeff": list(PROGRAMMING_US),
            "g_max": G_MAX_US,
            "t_0": T_0_S,
            "t_read": T_READ_S,
            "prog_noise_scale": programming,
            "drift_scale": drift,
            "read_noise_scale": read,
        }
        if alone:
            from device_models.laws.cells import CellConverter

            options["g_converter"] = CellConverter(G_MAX_US)
        law: NoiseLaw
        if self.nu_std_scale == 1:
            law = PCMLikeNoiseModel(**options)
        else:
            from device_models.laws.pcm_spread import PcmSpreadLaw

            law = PcmSpreadLaw(nu_mean=NU_MEAN, nu_std=self._nu_std(), **options)
        return law

    def fused_law(self) -> FusedLaw | None:
        """Return the same law with half the work, bit for bit; None if all is switched off."""
        programming = self.noise_scale * self.programming_scale
        drift = self.noise_scale * self.drift_scale
        read = self.noise_scale * self.read_scale
        if programming == drift == read == 0:
            return None
        from device_models.laws.pcm_fused import PcmFusedLaw

        return PcmFusedLaw(
            g_max_us=G_MAX_US,
            programming_us=PROGRAMMING_US,
            t_0_s=T_0_S,
            t_read_s=T_READ_S,
            nu_mean=NU_MEAN,
            nu_std=self._nu_std(),
            q=(Q_FACTOR, Q_EXPONENT, Q_MAX),
            programming_scale=programming,
            drift_scale=drift,
            read_scale=read,
        )

    def _nu_std(self) -> tuple[float, float, float, float]:
        """Slope, offset, lower and upper bound of the spread, each times its scale."""
        slope, offset, low, high = (self.nu_std_scale * number for number in NU_STD)
        return slope, offset, low, high
