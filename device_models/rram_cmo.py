"""Filamentary CMO/HfOx RRAM, one cell a weight, 9 to 88.2 uS.

D. F. Falcone et al., "All-in-One Analog AI Accelerator: On-Chip Training and Inference with
Conductive-Metal-Oxide/HfOx ReRAM Devices", arXiv 2502.04524 (2025); 1/f noise: Lombardo et al.,
DRC 2024. Programming is aihwkit's `ReRamCMONoiseModel`, wrapped; its relaxation and read
noise are kept, with one correction: one chip keeps its identity over time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from device_models.contract import (
    Constant,
    Device,
    DeviceInfo,
    NoiseLaw,
    ProductNoise,
    TileContext,
)
from device_models.errors import DeviceError

SOURCE = "Falcone et al., arXiv 2502.04524, as in aihwkit ReRamCMONoiseModel"
READ_SOURCE = "Lombardo et al., DRC 2024, as in aihwkit ReRamCMONoiseModel"
PRODUCT_SOURCE = "about 1 %, constant: what aihwkit ReRamCMONoiseModel says is to be added"

# A cell's noise in each product, of a full cell; the same whatever its weight.
PRODUCT_NOISE = 0.01
G_MIN_US = 9.0
G_MAX_US = 88.199997
# sigma_prog = c_0 + c_1 g, in uS, at each acceptance range in percent of the target.
PROGRAMMING = {0.2: (0.00081107, 0.00106879), 2.0: (0.0112185391, 0.01129027418)}
# Relaxation in uS, of ln(t / 1 s); it does not depend on the conductance.
RELAXATION_MEAN_SLOPE_US = -0.08900206
RELAXATION_STD_SLOPE_US, RELAXATION_STD_OFFSET_US = 0.04201137, 0.41183342
# Read noise in uS: K log10(g / 1 uS) sqrt(ln((t + t_read) / (2 t_read))).
READ_K_US, T_READ_S = 0.0277316483, 1e-6

BIBTEX = r"""
@misc{falcone2025,
  author        = {Falcone, D. F. and Clerico, V. and Choi, W. and Stecconi, T. and Horst, F. and B{\'e}gon-Lours, L. and Galetta, M. and La Porta, A. and Garg, N. and Alibart, F. and Offrein, B. J. and Bragaglia, V.},
  title         = {All-in-One Analog {AI} Accelerator: On-Chip Training and Inference with Conductive-Metal-Oxide/{HfOx} {ReRAM} Devices},
  year          = {2025},
  eprint        = {2502.04524},
  archiveprefix = {arXiv}
}

@inproceedings{lombardo2024,
  author    = {Lombardo, D. G. F. and Ram, M. S. and Stecconi, T. and Choi, W. and La Porta, A. and Falcone, D. F. and Offrein, B. and Bragaglia, V.},
  title     = {Read Noise Analysis in Analog Conductive-Metal-Oxide/{HfOx} {ReRAM} Devices},
  booktitle = {Device Research Conference (DRC)},
  year      = {2024},
  pages     = {1--2},
  doi       = {10.1109/DRC61706.2024.10643760}
}
"""  # noqa: E501 - a title is not torn


@dataclass(frozen=True, kw_only=True)
class RramCmo(Device):
    """g(t) = g_prog + a ln t + (b ln t + c) z + read noise, clipped to [g_min, g_max].

    NOT modelled: dependence of the relaxation on the conductance (none was seen), partial
    correlation of a cell's relaxation between times (z is drawn once a cell when it is
    programmed; aihwkit draws it anew at each time), temperature, stuck cells. Holds from 1 s:
    before that the fit moves conductances *up*. The paper shows relaxation errors measured up to an
    hour; later times extrapolate the line in ln t (the paper does so to 10 years).

    `acceptance_range` is the window of the write-verify loop in percent of the target, 0.2 or 2.
    The default is 0.2: the paper's final setting, and what aihwkit falls back on (its own
    default, 0.02, is not a key of its table).
    `programming_scale`, `drift_scale` (both parts of the relaxation) and `read_scale` switch one
    effect each and multiply `noise_scale`. With all three at 0 the law is the identity.
    `product_scale` multiplies the read noise that each product draws anew, on the native tile
    alone, beside the 1/f read noise that is drawn at a time.

    The smallest weight of a tile sits at g_min and the largest at g_max, as upstream. A tile
    whose weights are all equal has no such range (upstream: NaN): there -1 sits at g_min and
    +1 at g_max.
    """

    info: ClassVar[DeviceInfo] = DeviceInfo(
        name="rram-cmo",
        title="Filamentary CMO/HfOx RRAM, one cell a weight, 9 to 88.2 uS",
        models="Programming noise of a write-verify loop, relaxation of mean and spread linear "
        "in ln t, and 1/f read noise; a cell keeps its own relaxation.",
        not_modelled="Dependence of the relaxation on the conductance, partial correlation of a "
        "cell's relaxation between times, temperature, stuck cells.",
        law="g_prog = g + (c_0 + c_1 g) z_0; g(t) = g_prog + a ln t + (b ln t + c) z + read "
        "noise K log10(g) sqrt(ln((t + t_read)/(2 t_read))), clipped to [g_min, g_max]",
        citation="D. F. Falcone et al., arXiv 2502.04524 (2025); Lombardo et al., DRC 2024",
        valid_times="any finite t >= 1 s. The paper shows relaxation measured up to an hour; later "
        "times extrapolate a line in ln t, as the paper does to 10 years",
        bibtex=BIBTEX,
    )

    cells_a_weight: ClassVar[int] = 1

    acceptance_range: float = 0.2
    programming_scale: float = 1.0
    drift_scale: float = 1.0
    read_scale: float = 1.0
    product_scale: float = 1.0

    def problems(self) -> list[str]:
        """Add an acceptance range that was not measured."""
        found = super().problems()
        if self.acceptance_range not in PROGRAMMING:
            found.append(
                f"preset {self.info.name!r} acceptance_range must be 0.2 or 2 (percent), "
                f"got {self.acceptance_range}; only these two were measured"
            )
        return found

    def check_time(self, t_s: float) -> None:
        """Raise `DeviceError` before 1 s, where the fit moves conductances up."""
        if not (math.isfinite(t_s) and t_s >= 1):
            raise DeviceError(
                f"preset {self.info.name!r} time must be finite and >= 1 s, got {t_s} s; "
                "the relaxation is fitted in ln t and turns around below 1 s"
            )

    def constants(self) -> tuple[Constant, ...]:
        """List the numbers of the law for this acceptance range."""
        c_0, c_1 = PROGRAMMING[self.acceptance_range]
        rows = (
            ("g_min", G_MIN_US, "uS", "conductance of the smallest weight of a tile", SOURCE),
            ("g_max", G_MAX_US, "uS", "conductance of the largest weight of a tile", SOURCE),
            ("c_0", c_0, "uS", "sigma_prog = c_0 + c_1 g", SOURCE),
            ("c_1", c_1, "1", "sigma_prog, linear term", SOURCE),
            ("a", RELAXATION_MEAN_SLOPE_US, "uS", "mean relaxation, of ln(t / 1 s)", SOURCE),
            ("b", RELAXATION_STD_SLOPE_US, "uS", "spread of the relaxation, of ln t", SOURCE),
            ("c", RELAXATION_STD_OFFSET_US, "uS", "spread of the relaxation at 1 s", SOURCE),
            ("K", READ_K_US, "uS", "read noise, of log10(g / 1 uS)", READ_SOURCE),
            ("t_read", T_READ_S, "s", "width of the read pulse", READ_SOURCE),
            (
                "sigma_product",
                PRODUCT_NOISE,
                "1",
                "read noise of a cell in each product, of a full cell",
                PRODUCT_SOURCE,
            ),
        )
        return tuple(
            Constant(symbol=symbol, value=value, unit=unit, meaning=meaning, source=source)
            for symbol, value, unit, meaning, source in rows
        )

    def product_noise(self) -> ProductNoise:
        """Read noise of each product, the same for every cell of a column."""
        sigma = PRODUCT_NOISE * self.product_scale * self.noise_scale
        return ProductNoise(sigma=sigma, law="constant", source=PRODUCT_SOURCE)

    def noise_law(self, context: TileContext) -> NoiseLaw:
        """Return the law for one tile, or the identity if every effect is switched off."""
        programming = self.noise_scale * self.programming_scale
        drift = self.noise_scale * self.drift_scale
        read = self.noise_scale * self.read_scale
        if programming == drift == read == 0:
            from device_models.laws.identity import IdentityLaw

            return IdentityLaw()
        from device_models.laws.rram_cmo import RramCmoLaw

        return RramCmoLaw(
            check_time=self.check_time,
            g_range_us=(G_MIN_US, G_MAX_US),
            programming=PROGRAMMING[self.acceptance_range],
            relaxation_mean_us=drift * RELAXATION_MEAN_SLOPE_US,
            relaxation_std_us=(drift * RELAXATION_STD_SLOPE_US, drift * RELAXATION_STD_OFFSET_US),
            read_k_us=read * READ_K_US,
            t_read_s=T_READ_S,
            programming_scale=programming,
        )
