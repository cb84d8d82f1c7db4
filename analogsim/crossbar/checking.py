"""A converted network is compared with the digital one: equal on every input tried, or refused.

Compared is a chip's own network with its target weights and nothing that is not ideal. It takes
the memory order that is fast where that changes nothing, and the network's own otherwise.
"""

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from analogsim.call import tensors_in
from analogsim.crossbar.analog_model import AnalogModel
from analogsim.crossbar.coverage import Count, Coverage, counting
from analogsim.crossbar.instance import Instance, instantiate
from analogsim.crossbar.layer import JoinedBatchNorm, Parted
from analogsim.crossbar.native import PerfectEngine
from analogsim.crossbar.packed import channels_last
from analogsim.crossbar.trying import (
    LOW_PRECISION_TOLERANCE,
    TOLERANCE,
    Case,
    Tried,
    error,
    first_line,
    run,
)
from analogsim.errors import CoverageWarning, InputError

WARN_BELOW = 0.5
"""Share of the multiply-adds on tiles under which a result says little about analog hardware."""


def check_(analog: AnalogModel, tried: Tried, *, join: bool) -> tuple[str, ...]:
    """Compare a converted network with its source; fill `analog.checked`.

    Args:
        analog: the converted network.
        tried: its source, tried.
        join: whether chips compute BatchNorms with their layers' factors.

    Returns:
        Names of the merged BatchNorms that do not always follow their layer.

    Raises:
        InputError: the two differ, or nothing would be computed on tiles.
    """
    checked = analog.checked
    instance = instantiate(analog, lambda _: PerfectEngine(), join=join)
    parted: list[str] = []
    count = Count()
    failure = _failure(instance, tried.cases, parted, count, free=True)
    if failure is not None:
        if _failure(instance, tried.cases, parted, count, free=False) is not None:
            raise InputError(_refusal(analog, instance, tried.cases, failure))
        checked.free_order = False
    names = [line.name for line in analog.report if line.where == "analog"]
    why = {line.name: line.why for line in analog.report if line.where == "digital"}
    checked.coverage = count.coverage(names, why)
    checked.separable, checked.changes_input = tried.separable, tried.changes_input
    checked.notes, checked.done = tried.notes, True
    refuse_nothing(checked.coverage)
    return tuple(parted)


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


def _failure(
    instance: Instance, cases: Sequence[Case], parted: list[str], count: Count, *, free: bool
) -> str | None:
    """Why the instance does not give what is wanted, or None; BatchNorms are parted as needed."""
    for layer in instance.layers.values():
        layer.free_order = free
    for i, case in enumerate(cases):
        try:
            got = _result(instance, case, parted, count if i == 0 else None, free=free)
        except Exception as err:  # noqa: BLE001 - a stranger's network may raise anything
            return f"{type(err).__name__}: {first_line(err)}"
        apart = error(got, case.wanted)
        if apart > (LOW_PRECISION_TOLERANCE if count.low_precision else TOLERANCE):
            return f"a relative difference of {apart:.2g}"
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
                got = run(instance.module, inputs)
            else:
                with counting(instance.module, inputs) as seen:
                    got = run(instance.module, inputs)
                count.__dict__.update(seen.__dict__)
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


def _refusal(analog: AnalogModel, instance: Instance, cases: Sequence[Case], failure: str) -> str:
    """The sentence, with the first module at which the two part."""
    for case in cases:
        where = _first_difference(analog.source, instance, case)
        if where:
            break
    else:
        where = "at its end"
    return (
        "network on tiles without any noise must compute what it computes in digital, got "
        f"{failure}; they part {where}: keep that layer digital (keep_digital), or write it with "
        "plain layers"
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
        run(network, case.inputs)
    except Exception:  # noqa: BLE001, S110 - what finished before is the answer
        pass
    finally:
        for handle in handles:
            handle.remove()
    return found
