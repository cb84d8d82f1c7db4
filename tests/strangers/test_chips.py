"""Chips of strangers' networks: several of one conversion, copied, saved, called in other modes."""

import copy
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

import analogsim
from analogsim import AnalogsimError
from tests.strangers import (
    test_arguments,
    test_batches,
    test_calls,
    test_copies,
    test_digital,
    test_hooks,
    test_memory,
    test_norms,
    test_outputs,
    test_products,
    test_references,
    test_states,
    test_types,
    test_weights,
    test_wrappers,
)
from tests.strangers.compare import unlike
from tests.strangers.judge import YEAR_S, called, converted, twin
from tests.strangers.parts import one
from tests.strangers.situation import ENGINES, Situation, call, normal


def some(table: ModuleType, *names: str) -> dict[str, Situation]:
    """The situations of these names in a file of tests."""
    return {name: table.SITUATIONS[name] for name in names}


SITUATIONS = (
    some(
        test_references,
        "layers in a plain list too",
        "a partial of a layer",
        "a bound method as an attribute",
    )
    | some(
        test_calls, "a layer under two names", "a branch that long inputs take", "a cell over time"
    )
    | some(
        test_weights,
        "pruned",
        "old weight norm",
        "orthogonal",
        "two layers with one weight",
        "a weight in a buffer",
    )
    | some(test_products, "a decoder that is the encoder's transpose")
    | some(test_states, "the last activation kept", "a list emptied", "ELU in place first")
    | some(test_norms, "a norm that a flag leaves out", "a norm for each domain", "norms crosswise")
    | some(
        test_copies,
        "a lock",
        "a child that knows its parent",
        "a registered layer, also in an object",
        "a part and a buffer on a layer",
    )
    | some(test_hooks, "a hook that changes a layer's input")
    | some(test_wrappers, "torch.fx", "DataParallel", "a wrapper that passes on")
)


def outputs(chip: nn.Module, case: Situation) -> list[object]:
    return [called(chip, given) for given in case.calls]


def differ(some: list[object], others: list[object], within: float = 1e-6) -> bool:
    return any(unlike(a, b, within) for a, b in zip(some, others, strict=True))


@pytest.mark.parametrize("name", SITUATIONS)
def test_chips_of_one_conversion_do_not_touch_each_other(name: str) -> None:
    case = SITUATIONS[name]
    analog = converted(case, preset="pcm")
    first = analogsim.program(analog, chip=0)
    before = outputs(first, case)
    second = analogsim.program(analog, chip=1).drift_(YEAR_S, compensation="none")
    assert differ(outputs(second, case), before, 1e-3)
    assert not differ(outputs(first, case), before)
    assert not differ(outputs(analogsim.program(analog, chip=0), case), before)
    first.drift_(YEAR_S, compensation="none")
    assert differ(outputs(first, case), before, 1e-3)


# What Python cannot copy in a network it cannot copy in its chip.
@pytest.mark.parametrize("name", [name for name in SITUATIONS if name != "a lock"])
def test_a_copy_of_a_chip_is_a_chip(name: str) -> None:
    case = SITUATIONS[name]
    chip = analogsim.program(converted(case, preset="pcm"))
    before = outputs(chip, case)
    other = copy.deepcopy(chip)
    assert not differ(outputs(other, case), before)
    other.drift_(YEAR_S, compensation="none")
    assert differ(outputs(other, case), before, 1e-3)
    assert not differ(outputs(chip, case), before)


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_chip_from_its_folder_is_the_chip(name: str, tmp_path: Path) -> None:
    case = SITUATIONS[name]
    chip = analogsim.program(converted(case, preset="pcm")).drift_(86400.0)
    analogsim.save(chip, tmp_path / "chip")
    torch.manual_seed(1)
    other = case.make()  # the same class, other weights
    loaded = analogsim.load(tmp_path / "chip", other)
    assert not differ(outputs(loaded, case), outputs(chip, case))


@pytest.mark.parametrize(
    "case",
    [
        test_batches.SITUATIONS["neighbours among all"],
        test_batches.SITUATIONS["halves of the batch side by side"],
        test_memory.SITUATIONS["strides assumed"],
        test_arguments.SITUATIONS["pictures of different sizes"],
    ],
    ids=["neighbours", "halves", "strides", "sizes"],
)
def test_a_first_call_is_tried_whole_where_no_part_of_it_runs(case: Situation) -> None:
    """Without an example the first call is it, as it is for a chip from a folder."""
    net = twin(case)
    chip = analogsim.program(analogsim.convert(net, preset="ideal", periphery="ideal"))
    assert unlike(called(chip, case.calls[0]), called(net.eval(), case.calls[0]), 1e-4) is None


def test_a_folder_keeps_the_order_of_an_example_in_memory(tmp_path: Path) -> None:
    case = test_memory.SITUATIONS["a branch on the layout, channels_last inputs"]
    chip = analogsim.program(converted(case, preset="pcm"))
    analogsim.save(chip, tmp_path / "chip")
    loaded = analogsim.load(tmp_path / "chip", case.make())
    assert not differ(outputs(loaded, case), outputs(chip, case))


UNREGISTERED = some(
    test_references,
    "a layer that only a plain list holds",
    "a closure over a layer",
    "a layer with a closure for its forward pass",
) | some(test_copies, "a layer in an object that is no module")


@pytest.mark.parametrize("name", UNREGISTERED)
def test_weights_that_no_folder_can_hold_are_said_to_be_so(name: str, tmp_path: Path) -> None:
    case = UNREGISTERED[name]
    chip = analogsim.program(converted(case, preset="pcm"))
    torch.manual_seed(1)
    try:
        analogsim.save(chip, tmp_path / "chip")
        loaded = analogsim.load(tmp_path / "chip", case.make())
    except AnalogsimError:
        return
    assert not differ(outputs(loaded, case), outputs(chip, case))


def images_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 3, 3), test_norms.norm2d(), nn.ReLU(), nn.Flatten(), nn.Linear(27, 4)
    )


IMAGES = Situation(images_net, normal(3, 2, 5, 5), (normal(1, 2, 5, 5),))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_first_call_in_inference_mode_spoils_nothing(engine: str) -> None:
    chip = analogsim.program(converted(IMAGES, forward=engine, tile="torch"))
    x, net = IMAGES.example, twin(IMAGES).eval()
    with torch.inference_mode():
        assert unlike(chip(x), net(x), 1e-4) is None
    with torch.no_grad():
        assert unlike(chip(x), net(x), 1e-4) is None
    ours, theirs = (x.clone().requires_grad_() for _ in range(2))
    chip(ours).square().sum().backward()
    net(theirs).square().sum().backward()
    assert unlike(ours.grad, theirs.grad, 1e-3) is None
    chip.drift_(1.0)
    assert unlike(chip(x), net(x), 1e-4) is None


def test_gradients_reach_the_input_as_in_the_network() -> None:
    case = Situation(
        one(lambda self, x, y: self.fc(x) * self.fc(y).tanh() + x[:, :4]),
        call(normal(3, 6), normal(3, 6, seed=1)),
    )
    chip, net = analogsim.program(converted(case)), twin(case).eval()
    gradients = []
    for model in (chip, net):
        x, y = (t.clone().requires_grad_() for t in case.calls[0].args)
        gradients.append(torch.autograd.grad(model(x, y).sum(), (x, y)))
    assert unlike(gradients[0], gradients[1], 1e-4) is None


def test_under_autocast_a_chip_is_as_near_as_rounding_lets_it() -> None:
    chip, net = analogsim.program(converted(IMAGES)), twin(IMAGES).eval()
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        got, want = chip(IMAGES.example), net(IMAGES.example)
    assert unlike(got.float(), want.float(), 2e-2) is None


def test_after_a_call_in_training_mode_a_chip_is_what_it_was() -> None:
    chip, net = analogsim.program(converted(IMAGES)), twin(IMAGES).eval()
    chip.train()
    chip.eval()
    assert unlike(called(chip, IMAGES.calls[0]), called(net, IMAGES.calls[0]), 1e-4) is None


def test_converting_again_what_was_converted_gives_the_same() -> None:
    """The network given is as it was: a second conversion has the same report and outputs."""
    net = twin(IMAGES)
    options = {"preset": "pcm", "periphery": "ideal", "calibrate": IMAGES.example}
    first, second = (analogsim.convert(net, **options) for _ in range(2))
    assert first.report == second.report
    chips = [analogsim.program(analog).drift_(YEAR_S) for analog in (first, second)]
    assert not differ(outputs(chips[0], IMAGES), outputs(chips[1], IMAGES))


def test_a_chips_network_can_be_converted_or_is_refused_in_words() -> None:
    chip = analogsim.program(converted(IMAGES))
    for given in (chip, chip.module):
        try:
            again = analogsim.program(
                analogsim.convert(
                    given, preset="ideal", periphery="ideal", calibrate=IMAGES.example
                )
            )
        except AnalogsimError:
            continue
        assert unlike(called(again, IMAGES.calls[0]), called(chip, IMAGES.calls[0]), 1e-4) is None


ROUNDED = (
    some(test_references, "layers in a plain list too", "a layer that only a plain list holds")
    | some(test_calls, "a copy of a layer at each call")
    | some(test_products, "a product in numpy", "a weight cached at the first call")
    | some(test_weights, "orthogonal")
    | some(test_memory, "rows sent to one of two layers", "view right after a convolution")
    | some(test_arguments, "a memory and tokens", "tokens and a mask")
    | some(
        test_outputs,
        "a dataclass of outputs",
        "an own object",
        "a dictionary of outputs",
        "complex numbers come out",
    )
    | some(
        test_types,
        "numpy between two layers",
        "a filter over frequencies",
        "a float64 BatchNorm",
        "a softmax in float64",
        "an activation quantised",
    )
    | some(test_copies, "a layer in an object that is no module")
    | some(test_digital, "a blur with a fixed kernel")
    | some(test_norms, "norms crosswise")
)


@pytest.mark.parametrize("name", ROUNDED)
def test_in_bfloat16_a_chip_is_near_or_refused_in_words(name: str) -> None:
    case = ROUNDED[name]
    try:
        chip = analogsim.program(converted(case, forward="native-bf16"))
        got = outputs(chip, case)
    except AnalogsimError:
        return
    # bfloat16 has 8 bits; three layers and differences of outputs make a few percent of it.
    assert not differ(got, [called(twin(case).eval(), given) for given in case.calls], 8e-2)
