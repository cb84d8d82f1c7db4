"""A converted network is compared with the digital one: equal on every input tried, or refused.

Compared is a chip's own network with its target weights and nothing that is not ideal. It takes
the memory order that is fast where that changes nothing, and the network's own otherwise.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analogsim.call import Inputs, tensors_in
from analogsim.copying import copied
from analogsim.crossbar.conversion.counting import Count, counting, storages
from analogsim.crossbar.conversion.trying import (
    LOW_PRECISION_TOLERANCE,
    TOLERANCE,
    Case,
    Tried,
    error,
    run,
)
from analogsim.crossbar.forward.instance import Instance, instantiate, to_bfloat16_
from analogsim.crossbar.forward.native import PerfectEngine
from analogsim.crossbar.forward.packed import channels_last
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.coverage import Coverage
from analogsim.crossbar.mapping.joined import JoinedBatchNorm, Parted
from analogsim.crossbar.mapping.layer import crossbar_of, is_channels_last
from analogsim.errors import CoverageWarning, InputError, first_line

_TIMES_ROUNDING = 10.0
"""A difference of so many times the network's own rounding error is none, up to what 16 bits may
differ by: beyond that nobody can tell rounding from a fault."""

WARN_BELOW = 0.5
"""Share of the multiply-adds on tiles under which a result says little about analog hardware."""


def check_(analog: AnalogModel, tried: Tried, *, given: nn.Module | None = None) -> tuple[str, ...]:
    """Compare a converted network with its source; fill `analog.checked`.

    Args:
        analog: the converted network.
        tried: its source, tried.
        given: the user's network, where it is at hand: a closure may still compute with it.

    Returns:
        Names of the merged BatchNorms that do not always follow their layer.

    Raises:
        InputError: the two differ, or nothing would be computed on tiles.
    """
    checked = analog.checked
    instance = instantiate(analog, lambda _: PerfectEngine(as_given=True))
    parted: list[str] = []
    count = Count() if given is None else Count(elsewhere=storages(given))
    exact = [TOLERANCE] * len(tried.cases)
    failure = _failure(instance, tried.cases, exact, parted, count, free=True)
    notes = tried.notes
    if failure is not None:
        checked.free_order = False
        failure = _failure(instance, tried.cases, exact, parted, count, free=False)
    if failure is not None:
        rounding = [_rounding(analog.source, case) for case in tried.cases]
        allowed = [
            min(max(TOLERANCE, _TIMES_ROUNDING * each), LOW_PRECISION_TOLERANCE)
            for each in rounding
        ]
        worse = _failure(instance, tried.cases, allowed, parted, count, free=False)
        if worse is not None:
            raise InputError(_refusal(analog, instance, tried.cases, worse))
        notes = (
            *notes,
            f"The network enlarges rounding errors: in float32 it is {max(rounding):.1g} "
            f"(relative) from itself in float64, and {failure.apart:.1g} from itself on tiles.",
        )
    if count.transformed and not (analog.periphery.perfect and analog.forward == "native"):
        raise InputError(
            "network with transforms of torch.func in its forward pass (vmap, grad) must be "
            f"computed natively with an ideal periphery, got forward {analog.forward!r} and "
            f"periphery {analog.periphery.name!r}; choose these"
        )
    if analog.forward == "native-bf16":
        _try_bfloat16(instance, tried.cases[0])
    weights = {
        layer.name: m.weight
        for m in analog.module.modules()
        if (layer := crossbar_of(m)) is not None and isinstance(m.weight, Tensor)
    }
    why = {line.name: line.why for line in analog.report if line.where == "digital"}
    checked.coverage = count.coverage(weights, why, tried.cases[0].inputs.n)
    checked.separable, checked.changes_input = tried.separable, tried.changes_input
    checked.notes, checked.example = notes, example_of(tried)
    refuse_nothing(checked.coverage)
    # Last: what is refused is refused at the next call, too.
    checked.done = True
    return tuple(parted)


def example_of(tried: Tried) -> tuple[Tensor, ...]:
    """Some rows of the only input and the tensors of the output; nothing for other calls."""
    case = tried.cases[0]
    args = case.inputs.args
    if len(args) != 1 or case.inputs.kwargs or not isinstance(args[0], Tensor):
        return ()
    if is_channels_last(args[0]):
        # A file does not hold the memory order, which may decide.
        return ()
    return (args[0], *case.wanted)


def differs_on(example: tuple[Tensor, ...], source: nn.Module) -> float:
    """How far a network's output for a kept example is from what was kept (relative)."""
    x, *wanted = example
    return error(run(source, Inputs.of(x), seed=1), wanted)


def _try_bfloat16(instance: Instance, case: Case) -> None:
    """Run the instance, which is of no further use, in bfloat16.

    Raises:
        InputError: it does not run.
    """
    made = to_bfloat16_(instance)
    inputs = case.inputs.map(lambda t: t.to(torch.bfloat16) if t.is_floating_point() else t)
    try:
        run(made.module, inputs)
    except Parted:
        # Found before, and mended by the chip.
        return
    except Exception as err:
        raise InputError(
            "forward 'native-bf16' must go with a network that runs in bfloat16, got "
            f"{type(err).__name__}: {first_line(err)}; use --forward native"
        ) from err


def refuse_nothing(coverage: Coverage) -> None:
    """Refuse a network of which tiles would compute nothing; warn where it is under a half.

    Raises:
        InputError: no product is computed on tiles.
    """
    if not coverage.share:
        raise InputError(
            f"network must have products on tiles, got {coverage}; nothing would be simulated: "
            "write it with nn.Linear, nn.Conv1d or nn.Conv2d layers that are called"
        )
    if coverage.share < WARN_BELOW:
        warnings.warn(f"only {coverage}", CoverageWarning, stacklevel=4)


def order_inputs(x: Tensor) -> Tensor:
    """Images in the memory order that is fast on a CPU; other tensors as they are."""
    return channels_last(x) if x.is_floating_point() else x


@dataclass(frozen=True, kw_only=True)
class _Failure:
    """What an instance gave in place of what was wanted."""

    words: str
    apart: float = float("inf")


def _failure(
    instance: Instance,
    cases: Sequence[Case],
    allowed: Sequence[float],
    parted: list[str],
    count: Count,
    *,
    free: bool,
) -> _Failure | None:
    """Why the instance does not give what is wanted, or None; BatchNorms are parted as needed.

    `allowed` is the error of each case up to which it does.
    """
    for layer in instance.layers.values():
        layer.free_order = free
    for i, (case, most) in enumerate(zip(cases, allowed, strict=True)):
        try:
            got = _result(instance, case, parted, count if i == 0 else None, free=free)
        except Exception as err:  # noqa: BLE001 - a stranger's network may raise anything
            return _Failure(words=f"{type(err).__name__}: {first_line(err)}")
        apart = error(got, case.wanted)
        low = any(layer.low_precision for layer in instance.layers.values())
        if apart > (LOW_PRECISION_TOLERANCE if low else most):
            return _Failure(words=f"a relative difference of {apart:.2g}", apart=apart)
    return None


def _result(
    instance: Instance, case: Case, parted: list[str], count: Count | None, *, free: bool
) -> tuple[Tensor, ...]:
    inputs = case.inputs.map(order_inputs) if free else case.inputs
    while True:
        for one in instance.joined.values():
            one.forget_()
        try:
            if count is None:
                got = run(instance.module, inputs, seed=case.seed)
            else:
                with counting(instance.module, inputs, count.reset_()):
                    got = run(instance.module, inputs, seed=case.seed)
        except Parted as found:
            part_(found.joined, instance)
            parted.append(found.joined.name)
            continue
        left = [one for one in instance.joined.values() if one.awaited]
        if not left:
            return got
        for one in left:
            part_(one, instance)
            parted.append(one.name)


def part_(one: JoinedBatchNorm, instance: Instance) -> None:
    """Let a BatchNorm compute itself from now on, and its layer without it."""
    one.part_()
    for layer in instance.layers.values():
        if layer.norm is one:
            assert layer.engine is not None, "an instance's layers have engines"
            layer.engine.forget_()
            with torch.inference_mode(False), torch.no_grad():
                layer.refresh_()


def _rounding(source: nn.Module, case: Case) -> float:
    """How far the network in float32 is from itself in float64; 0 where it does not run so."""
    try:
        exact = run(copied(source).double(), case.inputs.map(_to_double), seed=case.seed)
        return error([t.double() if t.is_floating_point() else t for t in case.wanted], exact)
    except Exception:  # noqa: BLE001 - a stranger's network may raise anything
        return 0.0


def _to_double(t: Tensor) -> Tensor:
    return t.double() if t.is_floating_point() else t


def _refusal(
    analog: AnalogModel, instance: Instance, cases: Sequence[Case], failure: _Failure
) -> str:
    """The sentence, with the first module at which the two part."""
    for case in cases:
        try:
            where = _first_difference(analog.source, instance, case)
        except Exception:  # noqa: BLE001 - tensors that only live inside a transform
            where = ""
        if where:
            break
    else:
        where = "at its end"
    return (
        "network on tiles without any noise must compute what it computes in digital, got "
        f"{failure.words}; they part {where}: keep that layer digital (keep_digital), or write it "
        "with plain layers"
    )


def _first_difference(source: nn.Module, instance: Instance, case: Case) -> str:
    seen = _outputs(source, case)
    others = _outputs(instance.module, case)
    merged = {layer.name for layer in instance.layers.values() if layer.norm is not None}
    taken: dict[str, int] = {}
    for name, wanted in seen:
        place = taken[name] = taken.get(name, -1) + 1
        same = [got for other, got in others if other == name]
        if place >= len(same):
            return f"at {name or 'its end'}, which is not called the same number of times"
        if name not in merged and error(same[place], wanted) > TOLERANCE:
            kind = type(source.get_submodule(name)).__name__
            return f"at {name} ({kind})" if name else "outside its layers"
    return ""


def _outputs(network: nn.Module, case: Case) -> list[tuple[str, tuple[Tensor, ...]]]:
    """(module, its output's tensors) in the order in which modules finish."""
    found: list[tuple[str, tuple[Tensor, ...]]] = []
    handles = []
    for name, m in network.named_modules():

        def note(_m: nn.Module, _args: object, output: object, name: str = name) -> None:
            found.append((name, tuple(t.clone() for t in tensors_in(output))))

        handles.append(m.register_forward_hook(note))
    try:
        run(network, case.inputs, seed=case.seed)
    except Exception:  # noqa: BLE001, S110 - what finished before is the answer
        pass
    finally:
        for handle in handles:
            handle.remove()
    return found
