"""What every device must keep to, checked by using it: for built-in devices and for users' own.

A check returns what it found, in a sentence; it raises `Failed` with what is wrong, where, and what
to do. The draws are seeded, so a result repeats. Statistical checks reject a right device with a
probability of about 1e-4.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from device_models.contract import Device, NoiseLaw, TileContext
from device_models.errors import DeviceError

TIMES_S = (0.0, 1.0, 60.0, 3_600.0, 86_400.0, 172_800.0, 2_592_000.0, 31_536_000.0)
"""Checked at those of them that the device accepts."""
LEVELS = (0.3, 0.9)
_N = 40_000
# Two-sided normal quantile at 1e-4.
_QUANTILE = 3.89
_TILES = {
    "all zero": torch.zeros(3, 4),
    "one weight": torch.ones(1, 1),
    "one negative weight": torch.full((1, 1), -0.3),
    "one weight of 0": torch.zeros(1, 1),
    "equal weights": torch.full((3, 4), 0.7),
    "equal negative weights": torch.full((3, 4), -1.0),
    "one row": torch.tensor([[-1.0, 0.0, 0.5]]),
    "one column": torch.tensor([[-1.0], [1.0], [1.0]]),
}

Memory = list[Tensor | None]


class Failed(Exception):
    """A device does not keep to a rule; the text says what, where and what to do."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one check found. `ok` is None where the device states nothing to check against."""

    name: str
    ok: bool | None
    text: str


def check_device(device: Device) -> tuple[Result, ...]:
    """All checks of a device, in their order. The global generators are left as they were."""
    return tuple(check(device, name) for name in CHECKS)


def check(device: Device, name: str) -> Result:
    """One check, by its name in `CHECKS`."""
    with kept_generators():
        try:
            found = CHECKS[name](device)
        except Failed as failure:
            return Result(name=name, ok=False, text=str(failure))
        # Whatever a user's code raises is a finding.
        except Exception as error:
            text = f"it raises {type(error).__name__}: {error}; mend the law"
            return Result(name=name, ok=False, text=" ".join(text.split()))
    return Result(name=name, ok=None if found is None else True, text=found or _NOTHING[name])


@contextmanager
def kept_generators() -> Iterator[None]:
    """The global generators are afterwards as they were before."""
    kept = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        yield
    finally:
        torch.set_rng_state(kept[0])
        np.random.set_state(kept[1])  # noqa: NPY002
        random.setstate(kept[2])


def context_of(weights: Tensor) -> TileContext:
    """The context of a tile that holds its whole layer, unscaled."""
    return TileContext.of(weights, torch.ones(weights.shape[0], 1))


def program(device: Device, weights: Tensor, *, seed: int = 0) -> tuple[Tensor, Memory]:
    """Programmed weights and what the chip remembers, from a seed."""
    torch.default_generator.manual_seed(seed)
    return device.noise_law(context_of(weights)).apply_programming_noise(weights)


def drift(
    device: Device, programmed: Tensor, memory: Memory, t_s: float, *, seed: int = 1
) -> Tensor:
    """The weights at a time, from a seed."""
    torch.default_generator.manual_seed(seed)
    law = device.noise_law(context_of(programmed))
    return law.apply_drift_noise(programmed, memory, t_s)


def uniform_weights(out: int, columns: int, *, seed: int = 7) -> Tensor:
    """Tile weights in [-1, 1] whose extremes are exactly -1 and 1."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(out, columns, generator=generator) * 2 - 1
    weights[0, 0], weights[-1, -1] = -1.0, 1.0
    return weights


def anchored_weights(value: float, n: int) -> Tensor:
    """One row of 1 and -1, which fixes the scale of the tile, and n weights of one value."""
    weights = torch.full((n // 100 + 1, 100), value)
    weights[0, 0::2], weights[0, 1::2] = 1.0, -1.0
    return weights


def valid_times(device: Device) -> list[float]:
    """Those of `TIMES_S` that the device accepts."""
    return [t_s for t_s in TIMES_S if _accepts(device, t_s)]


def _accepts(device: Device, t_s: float) -> bool:
    try:
        device.check_time(t_s)
    except DeviceError:
        return False
    return True


def _states(device: Device, law: NoiseLaw, weights: Tensor) -> tuple[dict[str, Tensor], Memory]:
    """Weights by when they are so, in words, and what the chip remembers; draws go on."""
    programmed, memory = law.apply_programming_noise(weights)
    states = {"as programmed": programmed}
    for t_s in valid_times(device):
        states[f"at {t_s:g} s"] = law.apply_drift_noise(programmed, memory, t_s)
    return states, memory


def _words(device: Device) -> str:
    """Each text and each constant says something."""
    info = device.info
    for name in ("title", "models", "not_modelled", "law", "citation", "valid_times"):
        if not getattr(info, name).strip():
            raise Failed(f"info.{name} must say something, got nothing; write it in the DeviceInfo")
    constants = device.constants()
    symbols = [one.symbol for one in constants]
    for one in constants:
        if symbols.count(one.symbol) > 1:
            raise Failed(f"constants must have symbols of their own, got {one.symbol!r} twice")
        for name in ("unit", "meaning", "source"):
            if not getattr(one, name).strip():
                raise Failed(
                    f"constant {one.symbol!r} {name} must be given, got nothing; write it (a unit "
                    "is '1' where there is none)"
                )
    return f"citation, law and {len(constants)} constants with unit and source"


def _ideal(device: Device) -> str:
    """At `noise_scale` 0 weights stay to the last bit."""
    quiet, weights = replace(device, noise_scale=0.0), uniform_weights(5, 9)
    torch.manual_seed(0)
    states, _ = _states(device, quiet.noise_law(context_of(weights)), weights)
    for where, state in states.items():
        if not torch.equal(state, weights):
            off = float((state - weights).abs().max())
            raise Failed(
                f"noise_scale=0 must leave each weight as it is, got an error of {off:.3g} "
                f"{where}; multiply each deviation by noise_scale"
            )
    return "noise_scale=0 is exactly ideal"


def _repeats(device: Device) -> str:
    """One seed is one chip, to the last bit."""
    weights, times = uniform_weights(6, 8), valid_times(device)
    first, second = (program(device, weights, seed=4) for _ in range(2))
    if not torch.equal(first[0], second[0]):
        raise Failed(
            "one seed must give one chip, got two from programming; draw from torch's global "
            "generator alone"
        )
    for t_s in times:
        a, b = (drift(device, *one, t_s, seed=5) for one in (first, second))
        if not torch.equal(a, b):
            raise Failed(
                f"one seed must give one chip, got two at {t_s:g} s; draw from torch's global "
                "generator alone"
            )
    return "the same seed gives the same chip, bit for bit"


def _independent(device: Device) -> str | None:
    """Chips and layers, which have seeds of their own, have draws of their own."""
    weights = anchored_weights(LEVELS[1], _N)
    errors = [(program(device, weights, seed=seed)[0] - weights)[1:] for seed in (1, 2)]
    first, second = (error.double().flatten() - error.double().mean() for error in errors)
    spread = float(first.std() * second.std())
    if spread == 0:
        return None
    found = float((first * second).mean()) / spread
    most = _QUANTILE / math.sqrt(_N)
    if abs(found) > most:
        raise Failed(
            f"errors of two chips or layers must not be correlated, got {found:.3f} over {_N} "
            f"weights (at most {most:.3f}); never seed a generator in the law"
        )
    return f"errors of two chips or layers are not correlated ({found:+.3f}, n = {_N})"


def _shapes(device: Device) -> str:
    """Any tile gives finite float32 weights of its shape."""
    for name, weights in _TILES.items():
        programmed, memory = program(device, weights)
        states = {"as programmed": programmed}
        for t_s in valid_times(device):
            states[f"at {t_s:g} s"] = drift(device, programmed, memory, t_s)
        for where, state in states.items():
            here = f"a tile of {name} {where}"
            if state.shape != weights.shape:
                raise Failed(
                    f"weights must keep their shape {tuple(weights.shape)}, got "
                    f"{tuple(state.shape)} on {here}; return one weight for each"
                )
            if state.dtype != torch.float32:
                raise Failed(f"weights must be float32, got {state.dtype} on {here}; convert them")
            if not torch.isfinite(state).all():
                raise Failed(
                    f"weights must be finite, got {state.flatten()[0]} on {here}; look at weights "
                    "of 0, and at tiles whose weights are equal"
                )
        for entry in memory:
            if entry is not None and not torch.isfinite(entry).all():
                raise Failed(f"what a chip remembers must be finite, got it otherwise on {name}")
    return f"shapes, float32 and finite values on {len(_TILES)} tiles"


def _conductances(device: Device) -> str | None:
    """Cells that stand alone never conduct less than nothing."""
    if not device.knows_cells or device.largest_us is None:
        return None
    cells = uniform_weights(100, 100).abs()
    torch.manual_seed(3)
    states, _ = _states(device, device.cell_law(context_of(cells)), cells)
    for where, state in states.items():
        if bool((state < 0).any()):
            least = float(state.min()) * device.largest_us
            raise Failed(
                f"conductances must be >= 0 uS, got {least:.3g} uS {where}; clip cells at 0"
            )
    return "no cell conducts less than 0 uS"


def _spread(device: Device) -> str | None:
    """The spread of programming at two conductances is what `programming_spread` says."""
    said = []
    for x in LEVELS:
        weights = anchored_weights(x, _N)
        stated = device.programming_spread(x, context_of(weights))
        if stated is None:
            return None
        error = (program(device, weights)[0] - weights)[1:].double()
        found, most = float(error.std()), _QUANTILE / math.sqrt(2 * _N)
        # An error of float32 is no spread.
        if abs(found - stated) > max(most * stated, 1e-6):
            raise Failed(
                f"spread of weights of {x:g} after programming must be {stated:.5g}, as "
                f"programming_spread states, got {found:.5g} over {_N} weights (within "
                f"{100 * most:.1f} %); mend one of them"
            )
        said.append(f"{found:.4g} at {x:g}")
    return f"spread after programming as stated: {', '.join(said)}"


def _times(device: Device) -> str:
    """Impossible times are refused, and others there are."""
    for t_s in (-1.0, math.nan, math.inf):
        if _accepts(device, t_s):
            raise Failed(
                f"time {t_s:g} s must be refused with a DeviceError, got no error; call "
                "super().check_time in check_time"
            )
    times = valid_times(device)
    if not times:
        raise Failed(
            f"one of {', '.join(f'{t_s:g}' for t_s in TIMES_S)} s must be valid, got none; look at "
            "check_time"
        )
    return f"impossible times are refused; valid: {', '.join(f'{t_s:g}' for t_s in times)} s"


def _continuous(device: Device) -> str:
    """At the first valid time the chip is as programmed, and a moment later nearly the same."""
    weights = anchored_weights(LEVELS[1], _N)
    programmed, memory = program(device, weights)
    first = valid_times(device)[0]
    then = drift(device, programmed, memory, first)
    before, after = float(programmed[1:].double().mean()), float(then[1:].double().mean())
    error = float((then - programmed)[1:].double().std()) / math.sqrt(_N)
    if abs(after - before) > 0.02 * before + 5 * error:
        raise Failed(
            f"weights at {first:g} s, the first valid time, must be those as programmed on "
            f"average, got {after / before:.3f} of them; let drift begin at 1 there"
        )
    for t_s in valid_times(device):
        later = t_s + 1e-6 * max(t_s, 1.0)
        if not _accepts(device, later):
            continue
        a, b = (drift(device, programmed, memory, at) for at in (t_s, later))
        step = float((a - b).abs().max())
        if step > 1e-3:
            raise Failed(
                f"weights must not jump at {t_s:g} s, got a step of {step:.3g} from there to "
                f"{later:.10g} s with the same draws; make the law continuous"
            )
    return f"drift begins at the weights as programmed ({first:g} s) and does not jump"


def _manners(device: Device) -> str:
    """The law changes neither its arguments nor generators, but by drawing from torch's."""
    weights, times = uniform_weights(6, 8), valid_times(device)
    original = weights.clone()
    torch.manual_seed(8)
    before = torch.get_rng_state()
    others = random.getstate(), str(np.random.get_state())  # noqa: NPY002
    device.constants()
    device.noise_law(context_of(weights))
    if not torch.equal(torch.get_rng_state(), before):
        raise Failed("making the law must not draw or seed, got another state; do it in the law")
    programmed, memory = program(device, weights, seed=4)
    ends = [torch.get_rng_state()]
    kept = [programmed.clone(), *(one.clone() for one in memory if one is not None)]
    for t_s in times:
        drifted = drift(device, programmed, memory, t_s, seed=5)
        if drifted.data_ptr() == programmed.data_ptr():
            raise Failed(f"drift must return a copy, got its argument at {t_s:g} s; use clone()")
    now = [programmed, *(one for one in memory if one is not None)]
    if not torch.equal(weights, original) or programmed.data_ptr() == weights.data_ptr():
        raise Failed("programming must leave its argument as it is, got it changed; use clone()")
    if not all(torch.equal(a, b) for a, b in zip(kept, now, strict=True)):
        raise Failed(
            "drift must leave the programmed weights and what the chip remembers as they are, got "
            "them changed; work on copies"
        )
    for at in (None, *times):
        ends = []
        for seed in (1, 2):
            if at is None:
                program(device, weights, seed=seed)
            else:
                drift(device, programmed, memory, at, seed=seed)
            ends.append(torch.get_rng_state())
        if torch.equal(*ends):
            raise Failed(
                "the law must not seed torch's generator, got one state after two seeds "
                f"{'from programming' if at is None else f'at {at:g} s'}; never call manual_seed"
            )
    if others != (random.getstate(), str(np.random.get_state())):  # noqa: NPY002
        raise Failed(
            "generators of numpy and Python must stay as they are, got draws from them; draw with "
            "torch"
        )
    return "arguments and global generators stay as they were"


CHECKS: dict[str, Callable[[Device], str | None]] = {
    "words": _words,
    "times": _times,
    "ideal": _ideal,
    "repeats": _repeats,
    "independent": _independent,
    "shapes": _shapes,
    "conductances": _conductances,
    "spread": _spread,
    "continuous": _continuous,
    "manners": _manners,
}

_NOTHING = {
    "independent": "there are no errors",
    "conductances": "no law of one cell with a g_max in uS (cell_law)",
    "spread": "no spread is stated (programming_spread)",
}
