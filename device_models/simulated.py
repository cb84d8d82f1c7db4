"""How many cells of a device behave: spreads and conductances over time, from seeded draws."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from device_models.checking import anchored_weights, drift, kept_generators, program
from device_models.contract import Device
from device_models.errors import DeviceError

CELLS = 10_000
LEVELS = tuple(step / 20 for step in range(1, 21))
TARGETS = (0.25, 0.5, 1.0)
YEAR_S = 31_536_000.0
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
    1 s to a year.
    """

    n: int
    g_max_us: float | None
    spreads: tuple[float, ...]
    times_s: tuple[float, ...]
    bands: tuple[Band, ...]


def behaviour(device: Device, n: int = CELLS) -> Behaviour:
    """Program and drift `n` weights a level; the global generators are left as they were."""
    with kept_generators():
        times_s = tuple(t_s for t_s in sorted({*_TIMES_S}) if _valid(device, t_s))
        spreads = []
        for x in LEVELS:
            weights = anchored_weights(x, n)
            spreads.append(float((program(device, weights)[0] - weights)[1:].std()))
        bands = tuple(_band(device, x, times_s, n) for x in TARGETS)
    return Behaviour(
        n=n, g_max_us=device.largest_us, spreads=tuple(spreads), times_s=times_s, bands=bands
    )


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
