"""How many cells of a device behave: spread, drift exponent, conductance over time, from draws."""

from __future__ import annotations

import math
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from device_models.behaviour import Band, Behaviour
from device_models.checking import anchored_weights, drift, kept_generators, program
from device_models.contract import Device
from device_models.errors import DeviceError

CELLS = 4_000
"""A spread is then known to 1.1 %, and a device costs a tenth of a second."""
LEVELS = tuple(step / 20 for step in range(1, 21))
TARGETS = (0.25, 0.5, 1.0)
HOUR_S, DAY_S, YEAR_S = 3600.0, 86_400.0, 31_536_000.0
"""Drift exponents are read from an hour on, where a law's own zero of time counts no more."""
_TIMES_S = (
    *(1.0, 3.0, 10.0, 30.0, 60.0, 300.0, 900.0, HOUR_S, 6 * HOUR_S),
    *(DAY_S, 2 * DAY_S, 7 * DAY_S, 30 * DAY_S, 90 * DAY_S, YEAR_S),
)
_BAND = (0.05, 0.95)


def behaviour(device: Device, n: int = CELLS) -> Behaviour:
    """Program and drift `n` weights a level; the global generators are left as they were.

    Raises:
        DeviceError: no time from 1 s to a year is valid, or a weight is none.
    """
    times_s = [t_s for t_s in _TIMES_S if _valid(device, t_s)]
    if not times_s:
        raise DeviceError(
            f"preset {device.info.name!r} must be valid at a time from 1 s to a year to show how "
            f"it behaves, got {device.info.valid_times}; look at check_time"
        )
    between = [max(t_s for t_s in times_s if t_s <= max(HOUR_S, times_s[0])), times_s[-1]]
    spreads: list[float] = []
    exponents: list[list[float]] = []
    with kept_generators():
        for x in LEVELS:
            weights = anchored_weights(x, n)
            programmed, memory = program(device, weights)
            spreads.append(float((programmed - weights)[1:].std()))
            if between[0] < between[1]:
                exponents.append(_exponents(device, programmed, memory, between))
        bands = [_band(device, x, times_s, n) for x in TARGETS]
    of_bands = (band[name] for band in bands for name in ("means", "lows", "highs", "reads"))
    if not all(map(math.isfinite, chain(spreads, *of_bands))):
        raise DeviceError(
            f"preset {device.info.name!r} must give finite weights to show how it behaves, got NaN "
            "or an infinite one; look at its law"
        )
    return Behaviour(
        n=n,
        g_max_us=device.largest_us,
        levels=[*LEVELS],
        spreads=spreads,
        exponents=exponents if all(exponents) else [],
        between=between,
        times_s=times_s,
        bands=bands,
    )


def _exponents(
    device: Device, programmed: Tensor, memory: Any, between: list[float]
) -> list[float]:
    """Median, 5th and 95th percentile of the weights' drift exponents; empty where none has one."""
    first, last = (
        drift(device, programmed, memory, t_s, seed=seed)[1:].flatten()
        for seed, t_s in enumerate(between, start=1)
    )
    ratio = last / first
    # What noise has turned over, or drift has brought to 0, has no exponent.
    ratio = ratio[(ratio > 0) & ratio.isfinite()]
    if not len(ratio):
        return []
    found = 0 - ratio.log() / math.log(between[1] / between[0])
    low, median, high = torch.quantile(found, torch.tensor((_BAND[0], 0.5, _BAND[1]))).tolist()
    return [median, low, high]


def _band(device: Device, x: float, times_s: list[float], n: int) -> Band:
    programmed, memory = program(device, anchored_weights(x, n))
    band = Band(target=x, means=[], lows=[], highs=[], reads=[])
    for t_s in times_s:
        one, other = (drift(device, programmed, memory, t_s, seed=seed)[1:] for seed in (1, 2))
        low, high = torch.quantile(one.flatten(), torch.tensor(_BAND)).tolist()
        band["means"].append(float(one.mean()))
        band["lows"].append(low)
        band["highs"].append(high)
        # Two reads of the same cells differ by what is drawn when they are read.
        band["reads"].append(float((one - other).std()) / math.sqrt(2))
    return band


def _valid(device: Device, t_s: float) -> bool:
    try:
        device.check_time(t_s)
    except DeviceError:
        return False
    return True
