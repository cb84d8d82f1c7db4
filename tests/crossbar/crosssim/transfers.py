"""Converters with mismatched parts: the same draws to CrossSim's model and to our tables."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analogsim.crossbar.adc.laws import charge_levels, gain_of, pipeline, ramp, sar, split_levels
from tests.crossbar.crosssim.run import MODELS

BITS, COLUMNS, GROUP, BOUND, GAIN_DB = 5, 8, 4, 3.0, 40.0
CAPACITOR, COMPARATOR = 0.08, 0.02
SEED = 7


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """One kind of converter."""

    kind: str


CASES = tuple(Transfer(kind=kind) for kind in MODELS)


def inputs() -> NDArray[np.float64]:
    """(columns, n), beyond the range on both sides."""
    return np.random.RandomState(SEED + 1).uniform(-3.3, 3.3, size=(COLUMNS, 60))


def theirs(one: Transfer) -> NDArray[np.int64]:
    """(columns, n): the codes that CrossSim gives."""
    from simulator import CrossSimParameters
    from simulator.backend import ComputeBackend
    from simulator.circuits.adc.adc import ADC

    ComputeBackend().__init__(False, None)  # type: ignore[misc]
    params = CrossSimParameters()
    params.xbar.adc.mvm.model = MODELS[one.kind]
    adc = params.xbar.adc.mvm
    adc.bits, adc.adc_range_option, adc.gain_db = BITS, "CALIBRATED", GAIN_DB
    adc.calibrated_range, adc.sigma_comparator = [-BOUND, BOUND], COMPARATOR
    if one.kind in {"pipeline", "cyclic"}:
        adc.sigma_C1 = adc.sigma_C2 = CAPACITOR
    else:
        adc.sigma_capacitor = CAPACITOR
    if one.kind != "ramp":
        adc.group_size = GROUP
    if one.kind == "sar":
        adc.split_cdac = False
    np.random.seed(SEED)  # noqa: NPY002 - CrossSim draws from it
    converter = ADC(params.xbar.adc, params.xbar.dac, params.core, params.simulation).mvm
    converter.set_limits(np.zeros((COLUMNS, 16)))
    values = np.stack([converter.convert(x) for x in inputs().T], axis=1)
    return _codes(values / (2 * BOUND / 2**BITS))


def ours(one: Transfer) -> NDArray[np.int64]:
    """(columns, n): the codes of our tables with CrossSim's draws, in its order."""
    draws, adcs = np.random.RandomState(SEED), COLUMNS // GROUP
    gain = gain_of(GAIN_DB)
    if one.kind == "ramp":
        offsets = draws.normal(0, COMPARATOR, COLUMNS)
        table = ramp(BITS, charge_levels(BITS, gain, _mismatch(draws)), offsets)
    elif one.kind.startswith("sar"):
        # CrossSim gives all groups the same capacitors; where we draw, each has its own.
        mismatch = _mismatch(draws).repeat(adcs, axis=0)
        law = charge_levels if one.kind == "sar" else split_levels
        table = sar(BITS, law(BITS, gain, mismatch), draws.normal(0, COMPARATOR, adcs))
    else:
        stages = BITS - 1 if one.kind == "pipeline" else 1
        offsets = draws.normal(0, COMPARATOR, (adcs, 2 * stages + 1))
        first, second = (draws.normal(1, CAPACITOR, (adcs, stages)) for _ in range(2))
        if stages == 1:
            first, second = first.repeat(BITS - 1, axis=1), second.repeat(BITS - 1, axis=1)
            offsets = np.concatenate([np.tile(offsets[:, :2], (1, BITS - 1)), offsets[:, 2:]], 1)
        table = pipeline(BITS, gain, second / first, first / (first + second), offsets)
    steps = inputs() / (2 * BOUND / 2**BITS)
    shared = steps.reshape(len(table.values), -1)
    return _codes(table(shared).reshape(steps.shape))


def _mismatch(draws: np.random.RandomState) -> NDArray[np.float64]:
    return draws.normal(0, CAPACITOR, (1, BITS + 1))


def _codes(steps: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(steps + (2**BITS - 1) / 2).astype(np.int64)
