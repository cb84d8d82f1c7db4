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

from device_models.constants import Constant, declared, problems_of, settable
from device_models.contract import Device, DeviceInfo, NoiseLaw, ProductNoise, TileContext
from device_models.errors import DeviceError

SOURCE = "Falcone et al., arXiv 2502.04524, as in aihwkit ReRamCMONoiseModel"
READ_SOURCE = "Lombardo et al., DRC 2024, as in aihwkit ReRamCMONoiseModel"
PRODUCT_SOURCE = "about 1 %, constant: what aihwkit ReRamCMONoiseModel says is to be added"

# sigma_prog = c_0 + c_1 g, in uS, at each acceptance range in percent of the target.
PROGRAMMING = {0.2: (0.00081107, 0.00106879), 2.0: (0.0112185391, 0.01129027418)}

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
    alone, beside the 1/f read noise that is drawn at a time. The other options are the constants of
    the law; `c_0_us` and `c_1` are by default those of the acceptance range.

    Where a weight consists of cells that stand alone, 0 sits at g_min and 1 at g_max: what g_min
    conducts is in the offset of the digital side, in the unit column, or in both cells of a pair.

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
    knows_cells: ClassVar[bool] = True

    acceptance_range: float = 0.2
    programming_scale: float = 1.0
    drift_scale: float = 1.0
    read_scale: float = 1.0
    product_scale: float = 1.0

    g_min_us: float = settable(
        # Below 1 uS the read noise's log10 would be negative.
        9.0,
        "g_min",
        "uS",
        "conductance of the smallest weight of a tile",
        SOURCE,
        least=1,
    )
    g_max_us: float = settable(
        88.199997, "g_max", "uS", "conductance of the largest weight of a tile", SOURCE, above=0
    )
    c_0_us: float | None = settable(None, "c_0", "uS", "sigma_prog = c_0 + c_1 g", SOURCE)
    c_1: float | None = settable(None, "c_1", "1", "sigma_prog, linear term", SOURCE)
    # Relaxation of ln(t / 1 s); it does not depend on the conductance.
    a_us: float = settable(-0.08900206, "a", "uS", "mean relaxation, of ln(t / 1 s)", SOURCE)
    b_us: float = settable(
        0.04201137, "b", "uS", "spread of the relaxation, of ln t", SOURCE, least=0
    )
    c_us: float = settable(
        0.41183342, "c", "uS", "spread of the relaxation at 1 s", SOURCE, least=0
    )
    # K log10(g / 1 uS) sqrt(ln((t + t_read) / (2 t_read))), t >= 1 s.
    k_us: float = settable(
        0.0277316483, "K", "uS", "read noise, of log10(g / 1 uS)", READ_SOURCE, least=0
    )
    t_read_s: float = settable(
        1e-6, "t_read", "s", "width of the read pulse", READ_SOURCE, above=0, most=1
    )
    # The same whatever a cell's weight.
    sigma_product: float = settable(
        0.01,
        "sigma_product",
        "1",
        "read noise of a cell in each product, of a full cell",
        PRODUCT_SOURCE,
        least=0,
    )

    def problems(self) -> list[str]:
        """Add an acceptance range that was not measured, and constants that do not go together."""
        found, name = super().problems(), self.info.name
        if self.acceptance_range not in PROGRAMMING:
            return [
                *found,
                f"preset {name!r} acceptance_range must be 0.2 or 2 (percent), "
                f"got {self.acceptance_range}; only these two were measured",
            ]
        if problems_of(self):
            return found
        if not self.g_min_us < self.g_max_us:
            found.append(
                f"preset {name!r} g_max_us must be above g_min_us = {self.g_min_us:g} uS, got "
                f"{self.g_max_us:g}; change both"
            )
        c_0, c_1 = self._programming()
        for g_us in (self.g_min_us, self.g_max_us):
            if c_0 + c_1 * g_us < 0:
                found.append(
                    f"preset {name!r} sigma_prog = c_0 + c_1 g must be >= 0 uS from g_min to "
                    f"g_max, got {c_0 + c_1 * g_us:.4g} uS at {g_us:g} uS; change both coefficients"
                )
        return found

    def check_time(self, t_s: float) -> None:
        """Raise `DeviceError` before 1 s, where the fit moves conductances up."""
        if not (math.isfinite(t_s) and t_s >= 1):
            raise DeviceError(
                f"preset {self.info.name!r} time must be finite and >= 1 s, got {t_s} s; "
                "the relaxation is fitted in ln t and turns around below 1 s"
            )

    def _programming(self) -> tuple[float, float]:
        c_0, c_1 = PROGRAMMING[self.acceptance_range]
        c_0 = c_0 if self.c_0_us is None else self.c_0_us
        return c_0, c_1 if self.c_1 is None else self.c_1

    def constants(self) -> tuple[Constant, ...]:
        """List the numbers of the law for this acceptance range."""
        return declared(self, dict(zip(("c_0_us", "c_1"), self._programming(), strict=True)))

    def product_noise(self) -> ProductNoise:
        """Read noise of each product, the same for every cell of a column."""
        sigma = self.sigma_product * self.product_scale * self.noise_scale
        return ProductNoise(sigma=sigma, law="constant", source=PRODUCT_SOURCE)

    def programming_spread(self, x: float, context: TileContext) -> float | None:
        """As stated by the law, in units of the largest weight."""
        c_0, c_1 = self._programming()
        span_us = self.g_max_us - self.g_min_us
        g_us = self.g_min_us + (x + 1) / 2 * span_us
        return self.noise_scale * self.programming_scale * (c_0 + c_1 * g_us) / (span_us / 2)

    def noise_law(self, context: TileContext) -> NoiseLaw:
        """Return the law for one tile, or the identity if every effect is switched off."""
        return self._law(None)

    def cell_law(self, context: TileContext) -> NoiseLaw:
        """Return the same law, of one cell anyway, for values from 0 at g_min to 1 at g_max."""
        return self._law((0.0, 1.0))

    def _law(self, ends: tuple[float, float] | None) -> NoiseLaw:
        programming = self.noise_scale * self.programming_scale
        drift = self.noise_scale * self.drift_scale
        read = self.noise_scale * self.read_scale
        if programming == drift == read == 0:
            from device_models.laws.identity import IdentityLaw

            return IdentityLaw()
        from device_models.laws.rram_cmo import RramCmoLaw

        return RramCmoLaw(
            check_time=self.check_time,
            g_range_us=(self.g_min_us, self.g_max_us),
            programming=self._programming(),
            relaxation_mean_us=drift * self.a_us,
            relaxation_std_us=(drift * self.b_us, drift * self.c_us),
            read_k_us=read * self.k_us,
            t_read_s=self.t_read_s,
            programming_scale=programming,
            ends=ends,
        )
