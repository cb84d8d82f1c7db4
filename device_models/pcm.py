"""Phase-change memory, one differential pair a weight, 25 uS.

S. R. Nandakumar et al., "Phase-Change Memory Models for Deep Learning Training and Inference",
ICECS 2019, pp. 727-730 (more than 10,000 devices); the same technology as V. Joshi et al.,
Nature Communications 11:2473 (2020). The law is aihwkit's `PCMLikeNoiseModel`, wrapped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from device_models.constants import (
    Constant,
    declared,
    order_problem,
    pair_spread,
    problems_of,
    settable,
    spread_problem,
)
from device_models.contract import (
    DRIFT,
    PROGRAMMING,
    READ_NOISE,
    Device,
    DeviceInfo,
    FusedLaw,
    NoiseLaw,
    Switch,
    TileContext,
)

SOURCE = "Nandakumar et al., ICECS 2019, as in aihwkit PCMLikeNoiseModel"
SET = "set by hand"

# What one number can replace: fits clip(slope ln x + offset, min, max).
_FITTED = ("nu_mean", "nu_std")

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

    The other options are the constants of the law; their defaults are as published. The
    coefficients of sigma stay in uS, of x = g / g_max: with a larger g_max the same noise is
    smaller beside the weights (aihwkit, given g_max alone, stretches the noise with it, and no
    weight changes). `nu_mean` and `nu_std` give all cells one mean and one spread of nu, in place
    of the fits.
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

    g_max_us: float = settable(
        25.0, "g_max", "uS", "conductance of the largest weight of a tile", SOURCE, above=0
    )
    c_0_us: float = settable(0.26348, "c_0", "uS", "sigma_prog = c_0 + c_1 x + c_2 x^2", SOURCE)
    c_1_us: float = settable(1.9650, "c_1", "uS", "sigma_prog, linear term", SOURCE)
    c_2_us: float = settable(-1.1731, "c_2", "uS", "sigma_prog, quadratic term", SOURCE)
    t_0_s: float = settable(
        20.0, "t_0", "s", "time of the first read; drift counts from it", SOURCE, above=0
    )
    # aihwkit 1.1.0 and 1.2.0 hard-code nu and Q: held to it by a test, handed to our subclass.
    nu_mean: float | None = settable(
        None, "nu_mean", "1", "mean nu of all cells, whatever they conduct", SET, least=0
    )
    nu_mean_slope: float = settable(
        -0.0155, "nu_mean_slope", "1", "mean nu = slope ln x + offset, clipped", SOURCE
    )
    nu_mean_offset: float = settable(
        0.0244, "nu_mean_offset", "1", "mean nu at x = 1, before clipping", SOURCE
    )
    nu_mean_min: float = settable(0.049, "nu_mean_min", "1", "smallest mean nu", SOURCE, least=0)
    nu_mean_max: float = settable(0.1, "nu_mean_max", "1", "largest mean nu", SOURCE, least=0)
    nu_std: float | None = settable(
        None, "nu_std", "1", "spread of nu of all cells, whatever they conduct", SET, least=0
    )
    nu_std_slope: float = settable(
        -0.0125, "nu_std_slope", "1", "spread of nu = slope ln x + offset, clipped", SOURCE
    )
    nu_std_offset: float = settable(
        -0.0059, "nu_std_offset", "1", "spread of nu at x = 1, before clipping", SOURCE
    )
    nu_std_min: float = settable(0.008, "nu_std_min", "1", "smallest spread of nu", SOURCE, least=0)
    nu_std_max: float = settable(0.045, "nu_std_max", "1", "largest spread of nu", SOURCE, least=0)
    q_factor: float = settable(
        0.0088, "Q_factor", "1", "1/f noise Q = factor / x^exponent", SOURCE, least=0
    )
    # A float32 holds the power of the smallest conductance up to 5.
    q_exponent: float = settable(
        0.65, "Q_exponent", "1", "1/f noise, exponent of x", SOURCE, least=0, most=5
    )
    q_max: float = settable(0.2, "Q_max", "1", "largest Q", SOURCE, least=0)
    t_read_s: float = settable(250e-9, "t_read", "s", "width of the read pulse", SOURCE, above=0)

    def problems(self) -> list[str]:
        """Add constants that do not go together."""
        found, name = super().problems(), self.info.name
        if problems_of(self):
            return found
        found += spread_problem(name, "sigma_prog = c_0 + c_1 x + c_2 x^2", self._programming_us())
        found += order_problem(name, ("t_read_s", self.t_read_s), ("t_0_s", self.t_0_s))
        for one in _FITTED:
            low, high = (f"{one}_min", f"{one}_max")
            found += order_problem(name, (low, getattr(self, low)), (high, getattr(self, high)))
            also = [part for part in self._fit_of(one) if getattr(self, part) != getattr(Pcm, part)]
            if getattr(self, one) is not None and also:
                found.append(
                    f"preset {name!r} {one} must stand alone, got {', '.join(also)} too, which it "
                    "replaces; leave one out"
                )
        return found

    def constants(self) -> tuple[Constant, ...]:
        """List the numbers of the law; x = g / g_max."""
        # One number for all cells takes the place of a fit.
        replaced = {
            part for one in _FITTED if getattr(self, one) is not None for part in self._fit_of(one)
        }
        return tuple(one for one in declared(self) if one.option not in replaced)

    def programming_spread(self, x: float, context: TileContext) -> float | None:
        """As stated by the law, in units of the largest weight."""
        scale = self.noise_scale * self.programming_scale
        return scale * pair_spread(self._programming_us(), x, self.g_max_us)

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
            "prog_coeff": list(self._programming_us()),
            "g_max": self.g_max_us,
            "t_0": self.t_0_s,
            "t_read": self.t_read_s,
            "prog_noise_scale": programming,
            "drift_scale": drift,
            "read_noise_scale": read,
        }
        if alone:
            from device_models.laws.cells import CellConverter

            options["g_converter"] = CellConverter(self.g_max_us)
        fits = (self._nu("nu_mean"), self._nu_std(), self._q())
        if fits == (_PUBLISHED._nu("nu_mean"), _PUBLISHED._nu_std(), _PUBLISHED._q()):
            upstream: NoiseLaw = PCMLikeNoiseModel(**options)
            return upstream
        from device_models.laws.pcm_fits import PcmFitsLaw

        nu_mean, nu_std, q = fits
        return PcmFitsLaw(nu_mean=nu_mean, nu_std=nu_std, q=q, **options)

    def fused_law(self) -> FusedLaw | None:
        """Return the same law with half the work, bit for bit; None if all is switched off."""
        programming = self.noise_scale * self.programming_scale
        drift = self.noise_scale * self.drift_scale
        read = self.noise_scale * self.read_scale
        if programming == drift == read == 0:
            return None
        from device_models.laws.pcm_fused import PcmFusedLaw

        return PcmFusedLaw(
            g_max_us=self.g_max_us,
            programming_us=self._programming_us(),
            t_0_s=self.t_0_s,
            t_read_s=self.t_read_s,
            nu_mean=self._nu("nu_mean"),
            nu_std=self._nu_std(),
            q=self._q(),
            programming_scale=programming,
            drift_scale=drift,
            read_scale=read,
        )

    def _programming_us(self) -> tuple[float, float, float]:
        return self.c_0_us, self.c_1_us, self.c_2_us

    def _q(self) -> tuple[float, float, float]:
        return self.q_factor, self.q_exponent, self.q_max

    @staticmethod
    def _fit_of(name: str) -> tuple[str, str, str, str]:
        """The options of the fit that option `name` replaces."""
        return f"{name}_slope", f"{name}_offset", f"{name}_min", f"{name}_max"

    def _nu(self, name: str) -> tuple[float, float, float, float]:
        """Slope and offset over ln x, lower and upper bound of the mean or the spread of nu."""
        one = getattr(self, name)
        if one is not None:
            return 0.0, one, one, one
        slope, offset, low, high = (getattr(self, part) for part in self._fit_of(name))
        return slope, offset, low, high

    def _nu_std(self) -> tuple[float, float, float, float]:
        """Those of the spread, each times its scale."""
        slope, offset, low, high = (self.nu_std_scale * number for number in self._nu("nu_std"))
        return slope, offset, low, high


_PUBLISHED = Pcm()
