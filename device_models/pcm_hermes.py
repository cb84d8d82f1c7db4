"""Phase-change memory of the IBM HERMES project chip, one or two cells for each sign of a weight.

R. Khaddam-Aljameh et al., IEEE JSSC 57:1027 (2022); M. Le Gallo et al., Nature Electronics
6:680 (2023); programming of two cells: A. Vasilopoulos et al., IEEE TED (2023). The law is
aihwkit's `HermesNoiseModel`, wrapped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from device_models.constants import (
    Constant,
    declared,
    order_problem,
    pair_spread,
    problems_of,
    settable,
    spread_problem,
)
from device_models.contract import Device, DeviceInfo, NoiseLaw, TileContext

SOURCE = "Le Gallo et al. 2023 and Vasilopoulos et al. 2023, as in aihwkit HermesNoiseModel"

# The title and DOI of vasilopoulos2023 could not be checked.
BIBTEX = r"""
@article{khaddam-aljameh2022,
  author  = {Khaddam-Aljameh, Riduan and others},
  title   = {{HERMES-Core}: A 1.59-{TOPS/mm$^2$} {PCM} on 14-nm {CMOS} In-Memory Compute Core Using 300-ps/{LSB} Linearized {CCO}-Based {ADCs}},
  journal = {IEEE Journal of Solid-State Circuits},
  year    = {2022},
  volume  = {57},
  number  = {4},
  pages   = {1027--1038},
  doi     = {10.1109/JSSC.2022.3140414}
}

@article{legallo2023chip,
  author  = {Le Gallo, Manuel and Khaddam-Aljameh, Riduan and Stanisavljevic, Milos and Vasilopoulos, Athanasios and others},
  title   = {A 64-core mixed-signal in-memory compute chip based on phase-change memory for deep neural network inference},
  journal = {Nature Electronics},
  year    = {2023},
  volume  = {6},
  number  = {9},
  pages   = {680--693},
  doi     = {10.1038/s41928-023-01010-1}
}

@misc{vasilopoulos2023,
  author       = {Vasilopoulos, A. and others},
  howpublished = {IEEE Transactions on Electron Devices},
  year         = {2023},
  url          = {https://ieeexplore.ieee.org/document/10281389}
}
"""  # noqa: E501 - a title is not torn


@dataclass(frozen=True, kw_only=True)
class HermesFit:
    """The fit for one number of cells; x = g / g_max.

    `programming_us` and `g_max_us`, `t_0_s` are handed to aihwkit. The rest is hard-coded in
    aihwkit 1.1.0 and 1.2.0: stated for the reader, held to upstream by a test. A low branch is
    (slope, offset, min, max) of a clipped slope * ln x + offset, for x below the split; a high
    branch is a polynomial in x, constant first.
    """

    g_max_us: float
    t_0_s: float
    programming_us: tuple[float, float, float, float]
    nu_std_split: float
    nu_std_low: tuple[float, float, float, float]
    nu_std_high: tuple[float, float, float]
    q_split: float
    q_low: tuple[float, float, float, float]
    q_high: tuple[float, float, float, float]


# The mean of nu is the same for one and for two cells.
NU_MEAN_SPLIT = 0.0945
NU_MEAN_LOW = (-0.0387, -0.0182, 0.0720, 0.13)
NU_MEAN_HIGH = (0.0736, -0.0126, -0.0436)

FITS = {
    1: HermesFit(
        g_max_us=10.35,
        t_0_s=200.0,
        programming_us=(0.15781817, 2.32443916, -2.16310839, 0.68841818),
        nu_std_split=0.3039,
        nu_std_low=(-0.0120, -0.0023, 0.0124, 0.04),
        nu_std_high=(0.0104, 0.0116, -0.0165),
        q_split=0.1591,
        q_low=(-0.0078, 0.0038, 0.0179, 0.04),
        q_high=(0.0088, 0.0768, -0.1352, 0.0664),
    ),
    2: HermesFit(
        g_max_us=20.7,
        t_0_s=300.0,
        programming_us=(0.16603222, 4.71806468, -8.48101252, 4.68961419),
        nu_std_split=0.3055,
        nu_std_low=(-0.0117, -0.0057, 0.0091, 0.04),
        nu_std_high=(0.0073, 0.0093, -0.0118),
        q_split=0.16,
        q_low=(-0.0117, -0.0069, 0.015, 0.04),
        q_high=(0.0123, 0.0211, -0.0280, 0.0069),
    ),
}


@dataclass(frozen=True, kw_only=True)
class PcmHermes(Device):
    """g(t) = g_prog ((t + t_0)/t_0)^-nu + read noise, with the fits of the HERMES chip.

    NOT modelled: temperature, stuck cells, correlation between cells, read noise within one
    evaluation; with two cells, that the chip splits a conductance unevenly between them (so
    drift is somewhat worse here than measured); the cells of the other sign after programming (as
    in `Pcm`). t counts from the first read, t_0 after programming. aihwkit does not say until when
    the drift was measured, so months and years extrapolate the power law.

    `num_devices` is the number of cells that hold each sign of a weight. The scales are those
    of `Pcm`: a drift scale multiplies nu, mean and spread. With all three at 0 the law is the
    identity, bit for bit. The other options are the constants that aihwkit takes, by default those
    of this number of cells; g_max may only be smaller than measured. The coefficients of sigma stay
    in uS, of x = g / g_max, as in `Pcm`.
    """

    info: ClassVar[DeviceInfo] = DeviceInfo(
        name="pcm-hermes",
        title="Phase-change memory of the IBM HERMES project chip",
        models="Programming noise, drift with one exponent a cell, and accumulated 1/f read "
        "noise, fitted to the chip, with one or two cells for each sign of a weight.",
        not_modelled="Temperature, stuck cells, correlation between cells, read noise changing "
        "within one evaluation, and the uneven split of a conductance over two cells. After "
        "programming the net weight is left on the cells of its sign, and drifts.",
        law="g_prog = max(g + sigma(g) z, 0); g(t) = g_prog ((t + t_0)/t_0)^-nu; "
        "read noise g(t) Q(g) sqrt(ln((t + t_0 + t_read)/(2 t_read)))",
        citation="R. Khaddam-Aljameh et al., IEEE JSSC 57:1027 (2022); M. Le Gallo et al., "
        "Nat. Electron. 6:680 (2023); A. Vasilopoulos et al., IEEE TED (2023)",
        valid_times="any finite t >= 0 s, counted from the first read, t_0 = 300 s (two cells) or "
        "200 s (one cell) after programming: 1 s is 301 s or 201 s after it; how long the drift "
        "was measured is not stated upstream, so months and years extrapolate the power law",
        bibtex=BIBTEX,
    )

    num_devices: Literal[1, 2] = 2
    programming_scale: float = 1.0
    drift_scale: float = 1.0
    read_scale: float = 1.0
    g_max_us: float | None = settable(
        None, "g_max", "uS", "conductance of the largest weight of a tile", SOURCE, above=0
    )
    t_0_s: float | None = settable(
        None, "t_0", "s", "time of the first read; drift counts from it", SOURCE, above=0
    )
    t_read_s: float = settable(512e-9, "t_read", "s", "width of the read pulse", SOURCE, above=0)
    c_0_us: float | None = settable(None, "c_0", "uS", "sigma_prog, coefficient of x^0", SOURCE)
    c_1_us: float | None = settable(None, "c_1", "uS", "sigma_prog, coefficient of x^1", SOURCE)
    c_2_us: float | None = settable(None, "c_2", "uS", "sigma_prog, coefficient of x^2", SOURCE)
    c_3_us: float | None = settable(None, "c_3", "uS", "sigma_prog, coefficient of x^3", SOURCE)

    def problems(self) -> list[str]:
        """Add a number of cells that was not measured, and constants outside what was."""
        found, name = super().problems(), self.info.name
        if self.num_devices not in FITS:
            return [
                *found,
                f"preset {name!r} num_devices must be 1 or 2, got {self.num_devices}; "
                "the chip was measured with one and with two cells for each sign",
            ]
        if problems_of(self):
            return found
        own, published = self._own(), FITS[self.num_devices]
        if own.g_max_us > published.g_max_us:
            found.append(
                f"preset {name!r} g_max_us must be at most {published.g_max_us:g} uS, the largest "
                f"that was measured, got {own.g_max_us:g}; leave it out"
            )
        found += order_problem(name, ("t_read_s", self.t_read_s), ("t_0_s", own.t_0_s))
        return found + spread_problem(name, "sigma_prog", own.programming_us)

    def _own(self) -> HermesFit:
        """The fit for this number of cells, with what the options set."""
        fit = FITS[self.num_devices]
        set_ = (self.c_0_us, self.c_1_us, self.c_2_us, self.c_3_us)
        c_0, c_1, c_2, c_3 = (
            usual if own is None else own
            for own, usual in zip(set_, fit.programming_us, strict=True)
        )
        return replace(
            fit,
            g_max_us=fit.g_max_us if self.g_max_us is None else self.g_max_us,
            t_0_s=fit.t_0_s if self.t_0_s is None else self.t_0_s,
            programming_us=(c_0, c_1, c_2, c_3),
        )

    def constants(self) -> tuple[Constant, ...]:
        """List the numbers of the law for this number of cells; x = g / g_max."""
        fit = self._own()
        rows: list[tuple[str, float, str, str]] = []
        for symbol, meaning, split, low, high in (
            ("nu_mean", "mean of nu", NU_MEAN_SPLIT, NU_MEAN_LOW, NU_MEAN_HIGH),
            ("nu_std", "spread of nu", fit.nu_std_split, fit.nu_std_low, fit.nu_std_high),
            ("Q", "1/f noise", fit.q_split, fit.q_low, fit.q_high),
        ):
            rows += [
                (f"{symbol}_split", split, "1", f"{meaning}: x where the high branch begins"),
                (f"{symbol}_slope", low[0], "1", f"{meaning}, low branch: slope of ln x"),
                (f"{symbol}_offset", low[1], "1", f"{meaning}, low branch: offset"),
                (f"{symbol}_min", low[2], "1", f"{meaning}, low branch: smallest"),
                (f"{symbol}_max", low[3], "1", f"{meaning}, low branch: largest"),
                *(
                    (f"{symbol}_{power}", value, "1", f"{meaning}, high branch: x^{power}")
                    for power, value in enumerate(high)
                ),
            ]
        set_ = {f"c_{power}_us": value for power, value in enumerate(fit.programming_us)}
        own = declared(self, {"g_max_us": fit.g_max_us, "t_0_s": fit.t_0_s, **set_})
        return own + tuple(
            Constant(symbol=symbol, value=value, unit=unit, meaning=meaning, source=SOURCE)
            for symbol, value, unit, meaning in rows
        )

    def programming_spread(self, x: float, context: TileContext) -> float | None:
        """As stated by the law, in units of the largest weight."""
        fit, scale = self._own(), self.noise_scale * self.programming_scale
        return scale * pair_spread(fit.programming_us, x, fit.g_max_us)

    def noise_law(self, context: TileContext) -> NoiseLaw:
        """Return aihwkit's own noise model, or the identity if every effect is switched off."""
        programming = self.noise_scale * self.programming_scale
        drift = self.noise_scale * self.drift_scale
        read = self.noise_scale * self.read_scale
        if programming == drift == read == 0:
            # Upstream with zero scales still rounds at each conversion (about 1e-7).
            from device_models.laws.identity import IdentityLaw

            return IdentityLaw()
        from aihwkit.inference.noise.hermes import HermesNoiseModel

        from device_models.laws.hermes import HermesLaw

        fit = self._own()
        # `prog_coeff_g_max_reference` is left out for the reason given in pcm.py.
        return HermesLaw(
            HermesNoiseModel(
                prog_coeff=list(fit.programming_us),
                num_devices=self.num_devices,
                g_max=fit.g_max_us,
                t_0=fit.t_0_s,
                t_read=self.t_read_s,
                prog_noise_scale=programming,
                drift_scale=drift,
                read_noise_scale=read,
            )
        )
