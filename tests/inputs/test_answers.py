"""Which tensor of an output is scored, and which class it says."""

from collections import OrderedDict, UserDict, namedtuple
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from analogsim.errors import InputError
from analogsim.inputs.answers import ONE_OUTPUT, answer, class_logits, logits_in, split_batch

LOGITS = torch.tensor([[0.0, 2.0, 1.0], [3.0, 0.0, 0.0]])
OTHER = torch.zeros(2, 7)
NAN = float("nan")
Inception = namedtuple("Inception", ["logits", "aux_logits"])  # noqa: PYI024 - as torchvision's


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (LOGITS, None),
        (SimpleNamespace(loss=OTHER, logits=LOGITS), "the output's .logits"),
        (Inception(LOGITS, OTHER), "the output's .logits"),
        ({"logits": LOGITS, "hidden": OTHER}, "the output's 'logits'"),
        (OrderedDict(out=LOGITS, aux=OTHER), "the output's 'out'"),
        (UserDict(output=LOGITS, more=OTHER), "the output's 'output'"),
        ({"y": LOGITS, "name": "net"}, "the output's 'y'"),
        ((LOGITS, OTHER), "tensor 0 of the output's 2"),
        ([None, LOGITS], "tensor 1 of the output's 2"),
    ],
    ids=["tensor", "object", "named", "logits", "out", "output", "only", "tuple", "list"],
)
def test_the_scored_tensor_is_found_and_named(output: object, words: str | None) -> None:
    tensor, said = logits_in(output)
    assert torch.equal(tensor, LOGITS)
    assert said == words
    found = answer(output, 2)
    assert (found.classes.tolist(), found.n_classes) == ([1, 0], 3)
    assert found.notes == (() if words is None else (f"Scored is {words}.",))


@pytest.mark.parametrize(
    ("output", "got"),
    [
        (None, "NoneType"),
        ("text", "str"),
        ({}, "dict with nothing"),
        ({"last_hidden_state": OTHER, "pooler_output": OTHER}, "dict with last_hidden_state, pool"),
        (("a", 1), "tuple without a tensor"),
        (SimpleNamespace(logits="none"), "SimpleNamespace"),
    ],
    ids=["none", "text", "empty", "two tensors", "no tensor", "object"],
)
def test_an_output_without_logits_is_refused(output: object, got: str) -> None:
    with pytest.raises(InputError, match=rf"net output must have .* got {got}.*; wrap the network"):
        logits_in(output, where="net output")


@pytest.mark.parametrize(
    ("output", "classes", "nan"),
    [
        (torch.tensor([-1.0, 0.5, 0.0]), [0, 1, 0], [False] * 3),
        (torch.tensor([[-1.0], [0.5], [-0.0]]), [0, 1, 0], [False] * 3),
        (torch.tensor([[1.0], [NAN], [torch.inf]]), [1, 0, 1], [False, True, False]),
        (torch.tensor([[1.0, 1.0], [0.0, NAN], [0.0, 1.0]]), [0, 0, 1], [False, True, False]),
        (torch.tensor([[1.0, 2.0]] * 3, dtype=torch.bfloat16), [1, 1, 1], [False] * 3),
    ],
    ids=["one", "one in a column", "one with nan", "two", "bfloat16"],
)
def test_the_class_is_that_of_the_largest_and_one_output_decides_at_0(
    output: Tensor, classes: list[int], nan: list[bool]
) -> None:
    found = answer(output, 3)
    assert (found.classes.tolist(), found.nan.tolist()) == (classes, nan)
    assert found.n_classes == 2
    assert (ONE_OUTPUT in found.notes) == (output.dim() == 1 or output.shape[1] == 1)


@pytest.mark.parametrize(
    ("output", "n_classes"),
    [(torch.tensor(0.5), 2), (torch.tensor([0.5]), 2), (torch.tensor([0.0, 1.0, 0.5]), 3)],
    ids=["no axis", "one output", "no axis for the image"],
)
def test_one_image_may_lack_its_axis(output: Tensor, n_classes: int) -> None:
    found = answer(output, 1)
    assert (found.classes.tolist(), found.n_classes) == ([1], n_classes)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (torch.zeros(2, 3, 4), r"outputs must have the shape .*, got \(2, 3, 4\); wrap"),
        (torch.zeros(2, 0), r"outputs must have the shape .*, got \(2, 0\); wrap"),
        (torch.zeros(8, 3), r"as many rows as there are labels, got the shape \(8, 3\) and 2"),
        (torch.zeros(3), r"as many rows as there are labels, got the shape \(3,\) and 2; give"),
        (torch.tensor([1, 0]), r"outputs must be floating-point logits, got torch\.int64 \(2,\);"),
        (torch.zeros(2, 3, dtype=torch.complex64), r"floating-point logits, got torch\.complex64"),
    ],
    ids=["maps", "nothing", "more rows", "other rows", "class numbers", "complex"],
)
def test_other_shapes_are_refused(output: Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        answer(output, 2)


def test_one_output_trains_as_two_logits() -> None:
    z, labels = torch.tensor([[0.3], [-2.0], [1.5]]), torch.tensor([1, 1, 0])
    logits, _ = class_logits(z, 3)
    torch.testing.assert_close(
        torch.nn.functional.cross_entropy(logits, labels),
        torch.nn.functional.binary_cross_entropy_with_logits(z[:, 0], labels.float()),
    )


@pytest.mark.parametrize(
    ("batch", "args", "kwargs"),
    [
        ((OTHER, 1), 1, ()),
        ([OTHER, 1], 1, ()),
        (((OTHER, LOGITS), 1), 2, ()),
        (({"ids": OTHER, "mask": LOGITS}, 1), 0, ("ids", "mask")),
        ({"ids": OTHER, "mask": LOGITS, "labels": 1}, 0, ("ids", "mask")),
        (UserDict(ids=OTHER, label=1), 0, ("ids",)),
    ],
    ids=["pair", "list", "two inputs", "named inputs", "dictionary", "other mapping"],
)
def test_a_batch_is_taken_apart(batch: object, args: int, kwargs: tuple[str, ...]) -> None:
    inputs, labels = split_batch(batch)
    assert (len(inputs.args), tuple(inputs.kwargs), labels) == (args, kwargs, 1)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (OTHER, r"a batch must be \(inputs, labels\), .*, got Tensor; put several"),
        ((OTHER, OTHER, 1), r"got tuple of 3; put several inputs into a tuple: \(\(a, b\), labels"),
        ({"ids": OTHER}, r"must have 'labels' or 'label', and one of them, got one with ids; add"),
        ({"ids": OTHER, "label": 1, "labels": 1}, r"one of them, got one with ids, label, labels"),
        (({"ids": "text"}, 1), r"inputs must hold a tensor, got dict without one; give"),
    ],
    ids=["tensor", "three", "no labels", "both", "no tensor"],
)
def test_what_is_no_batch_is_refused(batch: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        split_batch(batch)
