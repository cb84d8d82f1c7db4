"""Transfer functions of ramp, SAR, pipeline and cyclic converters with mismatched parts.

The compact models of M. Spear et al., "The Impact of Analog-to-Digital Converter Architecture and
Variability on Analog Neural Network Accuracy", IEEE J. Explor. Solid-State Comput. Devices Circuits
9(2) (2023), DOI 10.1109/JXCDC.2023.3315134, as CrossSim 3.2 computes them for each input
(`simulator/circuits/adc`). Here each becomes a table once. All of them take mismatches as normals
times their standard deviation, one row for each physical converter, and voltages relative to the
reference.

Not modelled: noise of a conversion (`output_noise` is), settling, jitter, temperature.
"""

import numpy as np

from analogsim.crossbar.adc.table import CodeTable, Floats64, codes


def gain_of(gain_db: float) -> float:
    """An amplifier's gain; 0 dB stands for an ideal one."""
    return 10 ** (gain_db / 20) if gain_db else np.inf


def charge_levels(bits: int, gain: float, mismatch: Floats64) -> Floats64:
    """Levels of a capacitive DAC whose sign is the most significant bit.

    A capacitor of n unit capacitors is off by sqrt(n) times the mismatch of one.

    Args:
        bits: of the converter.
        gain: of the amplifier behind the capacitors.
        mismatch: (converters, bits + 1) of a unit capacitor; the last one is of the feedback.

    Returns:
        (converters, 2**bits), half a step above code times step.
    """
    places = 2.0 ** np.arange(bits)
    capacitors = places + mismatch[:, :-1] * np.sqrt(places)
    top = places[-1]
    feedback = (top + mismatch[:, -1:] * np.sqrt(top)).reshape(-1, 1)
    sign, sizes = _sign_and_bits(bits)
    charge = capacitors @ sizes.T
    levels = sign * charge / capacitors[:, -1:] + 2.0**-bits
    return _amplified(levels, gain, feedback / (feedback + charge))


def split_levels(bits: int, gain: float, mismatch: Floats64) -> Floats64:
    """As `charge_levels` for two arrays of capacitors that a bridge couples, which are smaller."""
    low = bits // 2
    places = 2.0 ** np.concatenate([np.arange(low), np.arange(bits - 1 - low), [0]])
    capacitors = places + mismatch[:, :-1] * np.sqrt(places)
    coupling = 2.0**low / (2.0**low - 1)
    bridge = coupling + mismatch[:, -1:] * np.sqrt(coupling)
    lower = capacitors[:, -1:] + capacitors[:, :low].sum(axis=1, keepdims=True)
    upper = capacitors[:, low:-1].sum(axis=1, keepdims=True)
    sign, sizes = _sign_and_bits(bits)
    charge = (capacitors[:, :low] @ sizes[:, :low].T) * bridge
    charge += (capacitors[:, low:] @ sizes[:, low:].T) * (lower + bridge)
    charge /= (lower + bridge) * (upper + bridge) - bridge**2
    charge[:, 0] = 1.0
    return _amplified(sign * charge + 2.0**-bits, gain, np.ones_like(bridge))


def ramp(bits: int, levels: Floats64, offsets: Floats64) -> CodeTable:
    """A ramp that all columns share, and a comparator for each: the nearest level wins.

    Args:
        bits: of the converter.
        levels: (1, 2**bits) of the ramp.
        offsets: (columns,) of the comparators.
    """
    order = np.argsort(levels[0], kind="stable")
    ordered = levels[0][order]
    middles = (ordered[1:] + ordered[:-1]) / 2 - offsets[:, None]
    values = np.broadcast_to(codes(bits)[order], (len(offsets), 2**bits))
    return CodeTable.of(middles * 2.0 ** (bits - 1), values, bits)


def sar(bits: int, levels: Floats64, offsets: Floats64) -> CodeTable:
    """A search through the bits, each decided by one comparison with a level.

    A code is reached from the largest of the levels at which its search went up to the smallest
    at which it went down: mismatches may leave nothing in between.

    Args:
        bits: of the converter.
        levels: (converters, 2**bits).
        offsets: (converters,) of the comparators.
    """
    compared = levels - 2.0**-bits - offsets[:, None]
    every = np.arange(2**bits)
    low = np.full_like(compared, -np.inf)
    high = np.full_like(compared, np.inf)
    for bit in reversed(range(bits)):
        node = (every >> bit | 1) << bit
        level = compared[:, node]
        up = (every >> bit & 1).astype(bool)
        low = np.where(up, np.maximum(low, level), low)
        high = np.where(up, high, np.minimum(high, level))
    reached = np.where(low < high, low, np.inf)
    first = np.minimum.accumulate(reached[:, ::-1], axis=1)[:, ::-1]
    values = np.broadcast_to(codes(bits), compared.shape)
    return CodeTable.of(first[:, 1:] * 2.0 ** (bits - 1), values, bits)


def pipeline(
    bits: int, gain: float, ratio: Floats64, feedback: Floats64, offsets: Floats64
) -> CodeTable:
    """Stages of one and a half bits, each of which doubles what it leaves for the next.

    A cyclic converter is one whose stages are all the same.

    Args:
        bits: of the converter.
        gain: of the stages' amplifiers.
        ratio: (converters, bits - 1), C2 / C1 of each stage: 1 doubles exactly.
        feedback: (converters, bits - 1), C1 / (C1 + C2) of each stage.
        offsets: (converters, 2 bits - 1) of the comparators: upper and lower one of each stage,
            then the last one.
    """
    loss = 1 + 1 / (gain * feedback)
    tables = [_stages(bits, ratio[i], loss[i], offsets[i]) for i in range(len(offsets))]
    return CodeTable.stacked(tables)


def _stages(bits: int, ratio: Floats64, loss: Floats64, offsets: Floats64) -> CodeTable:
    # Intervals of the input between which all decisions so far are the same; within each, what
    # the next stage sees is slope * input + shift.
    low, high = np.array([-1.0]), np.array([1.0])
    slope, shift, code = np.array([1.0]), np.array([0.0]), np.array([0.0])
    for stage in range(bits - 1):
        upper = (0.25 + offsets[2 * stage] - shift) / slope
        lower = (-0.25 + offsets[2 * stage + 1] - shift) / slope
        lower = np.minimum(lower, upper)
        parts = []
        for start, end, step, add in (
            (low, np.minimum(high, lower), 1.0, 0.0),
            (np.maximum(low, lower), np.minimum(high, upper), 0.0, 2.0 ** (bits - 2 - stage)),
            (np.maximum(low, upper), high, -1.0, 2.0 ** (bits - 1 - stage)),
        ):
            times, plus = (1 + ratio[stage]) / loss[stage], step * ratio[stage] / loss[stage]
            part = np.stack([start, end, slope * times, shift * times + plus, code + add])
            parts.append(part[:, start < end])
        low, high, slope, shift, code = np.concatenate(parts, axis=1)
    middle = (offsets[-1] - shift) / slope
    starts = np.concatenate([low, np.maximum(low, middle)])
    ends = np.concatenate([np.minimum(high, middle), high])
    found = np.concatenate([code, code + 1])
    there = starts < ends
    order = np.argsort(starts[there], kind="stable")
    starts, found = starts[there][order], found[there][order]
    changes = np.flatnonzero(np.diff(found)) + 1
    first = np.concatenate([[0], changes])
    values = found[first] - (2**bits - 1) / 2
    return CodeTable.of(starts[changes][None] * 2.0 ** (bits - 1), values[None], bits)


def _sign_and_bits(bits: int) -> tuple[Floats64, Floats64]:
    """Of each code as a signed number: its sign (2**bits,), and its size's bits (2**bits, bits)."""
    signed = np.arange(2**bits) - 2 ** (bits - 1)
    sizes = np.abs(signed)[:, None] >> np.arange(bits) & 1
    return np.where(signed < 0, -1.0, 1.0), sizes.astype(np.float64)


def _amplified(levels: Floats64, gain: float, feedback: Floats64) -> Floats64:
    found: Floats64 = levels / (1 + 1 / (gain * feedback))
    return found
