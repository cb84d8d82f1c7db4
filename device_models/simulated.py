"""How many cells of a device behave: spread, drift exponent, conductance over time, from draws."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from device_models.checking import anchored_weights, drift, kept_generators, program
from device_models.contract import Device
from device_models.errors import DeviceError

CELLS = 10_000
LEVELS = tuple(step / 20 for step in range(1, 21))
TARGETS = (0.25, 0.5, 1.0)
YEAR_S = 31_536_000.0
HOUR_S = 3600.0
"""Drift exponents are read from here on, where a law's own zero of time counts no more."""
_TIMES_S = tuple(10 ** (step / 4) for step in range(30)) + (86_400.0, 172_800.0, YEAR_S)
_BAND = (0.05, 0.95)


@dataclass(frozen=True, kw_only=True)
class Band:
    """Weights of one target over time: mean, 5th and 95th percentile, and spread between reads."""

    target: float
    means: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    reads: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """Of `n` weights a point, in units of the largest weight; `g_max_us` is its conductance.

    `spreads` are those after programming at `LEVELS`; bands are at `times_s`, the valid ones from
    1 s to a year. `exponents` are median, 5th and 95th percentile of -ln(w2 / w1) / ln(t2 / t1) of
    single weights at `LEVELS`, with (t1, t2) = `between`; read noise is in their spread.
    """

    n: int
    g_max_us: float | None
    spreads: tuple[float, ...]
    exponents: tuple[tuple[float, float, float], ...]
    between: tuple[float, float]
    times_s: tuple[float, ...]
    bands: tuple[Band, ...]


def behaviour(device: Device, n: int = CELLS) -> Behaviour:
    """Program and drift `n` weights a level; the global generators are left as they were."""
    with kept_generators():
        times_s = tuple(t_s for t_s in sorted({*_TIMES_S}) if _valid(device, t_s))
        between = max(t_s for t_s in times_s if t_s <= max(HOUR_S, times_s[0])), times_s[-1]
        spreads, exponents = [], []
        for x in LEVELS:
            weights = anchored_weights(x, n)
            programmed, memory = program(device, weights)
            spreads.append(float((programmed - weights)[1:].std()))
            exponents.append(_exponents(device, programmed, memory, between))
        bands = tuple(_band(device, x, times_s, n) for x in TARGETS)
    return Behaviour(
        n=n,
        g_max_us=device.largest_us,
        spreads=tuple(spreads),
        exponents=tuple(exponents),
        between=between,
        times_s=times_s,
        bands=bands,
    )


def _exponents(
    device: Device, programmed: Tensor, memory: Any, between: tuple[float, float]
) -> tuple[float, float, float]:
    """Median, 5th and 95th percentile of the weights' drift exponents; NaN between equal times."""
    if between[0] == between[1]:
        return math.nan, math.nan, math.nan
    first, last = (
        drift(device, programmed, memory, t_s, seed=seed)[1:].flatten()
        for seed, t_s in enumerate(between, start=1)
    )
    ratio = last / first
    # What noise has turned over has no exponent.
    found = -ratio[ratio > 0].log() / math.log(between[1] / between[0])
    low, median, high = torch.quantile(found, torch.tensor((_BAND[0], 0.5, _BAND[1]))).tolist()
    return median, low, high


def _band(device: Device, x: float, times_s: tuple[float, ...], n: int) -> Band:
    programmed, memory = program(device, anchored_weights(x, n))
    means, lows, highs, reads = [], [], [], []
    for t_s in times_s:
        one, other = (drift(device, programmed, memory, t_s, seed=seed)[1:] for seed in (1, 2))
        low, high = torch.quantile(one.flatten(), torch.tensor(_BAND)).tolist()
        means.append(float(one.mean()))
        lows.append(low)
        highs.append(high)
        # Two reads of the same cells differ by what is drawn when they are read.
        reads.append(float((one - other).std()) / math.sqrt(2))
    return Band(
        target=x, means=tuple(means), lows=tuple(lows), highs=tuple(highs), reads=tuple(reads)
    )


def _valid(device: Device, t_s: float) -> bool:
    try:
        device.check_time(t_s)
    except DeviceError:
        return False
    return True
