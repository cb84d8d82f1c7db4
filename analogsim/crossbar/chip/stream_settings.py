"""What the compiled passes of `pcm_jit.py` and `tile_jit.py` are given: numbers of the law, of the
read-out, and the words of the stream's counter and key."""

import functools
import math
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from analogsim.crossbar.mapping.periphery import Periphery, step
from analogsim.draws.addresses import seed_of
from analogsim.draws.stream import Floats, Stream, UInts
from device_models.laws.pcm_fused import PcmFusedLaw

THE_WEIGHTS: Floats = np.zeros(4, dtype=np.float32)
"""The read-out that gives the weights themselves."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One chip at one time: numbers of the law, and words for read noise and read-outs."""

    law: Floats
    words: UInts
    read_words: UInts


@functools.lru_cache(maxsize=16)
def moment(law: PcmFusedLaw, seed: int, chip: int, t_s: float) -> Moment:
    """The moment `t_s` seconds after chip `chip` was programmed."""
    t = t_s + law.t_0_s
    read = law.read_scale * math.sqrt(math.log((t + law.t_read_s) / (2 * law.t_read_s)))
    return Moment(
        law=np.array((math.log(t / law.t_0_s), read, *law.q), dtype=np.float32),
        words=words(Stream.PCM_DRIFT, seed, "drift", chip, t_s),
        read_words=words(Stream.READ_OUT, seed, "compensation", chip, t_s),
    )


def programming_of(law: PcmFusedLaw) -> Floats:
    """Spread of programming relative to g_max; mean, spread and scale of nu."""
    relative = [c * law.programming_scale / law.g_max_us for c in law.programming_us]
    values = (*relative, *law.nu_mean, *law.nu_std, law.drift_scale)
    return np.array(values, dtype=np.float32)


@functools.lru_cache(maxsize=16)
def edge_of(periphery: Periphery) -> Floats:
    """Full scale, noise, step and bound of a read-out, see `unit_inputs.convert_answers_`."""
    if periphery.perfect:
        return THE_WEIGHTS
    full = 1.0
    if periphery.dac_bits:
        res = step(periphery.dac_bits, 1.0)
        full = min(round(1.0 / res) * res, 1.0)
    adc = step(periphery.adc_bits, periphery.output_bound) if periphery.adc_bits else 0.0
    values = (full, periphery.output_noise, adc, periphery.output_bound)
    return np.array(values, dtype=np.float32)


def words(stream: Stream, *address: str | int | float) -> UInts:
    """Counter and key as `gaussian.jit.normals` takes them; tensor and draw are still 0."""
    key = seed_of(*address)
    return np.array((0, 0, int(stream), key & 0xFFFFFFFF, key >> 32), dtype=np.uint32)


@functools.cache
def compiled() -> ModuleType:
    """The compiled passes. `check_stream` has seen to it that numba is there."""
    from analogsim.crossbar.chip import pcm_jit

    return pcm_jit
