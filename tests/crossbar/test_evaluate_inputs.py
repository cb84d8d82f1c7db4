"""What `evaluate` takes: batches, outputs and networks as people bring them."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from analogsim.crossbar.chip.evaluate import answers, evaluate
from analogsim.errors import InputError

torch.manual_seed(0)
X = torch.randn(40, 6)
NET = nn.Linear(6, 5).eval()
LABELS = NET(X).argmax(1)


class Forward(nn.Module):
    """A network by its forward function."""

    def __init__(self, forward: Any) -> None:
        super().__init__()
        self.way = forward

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.way(*args, **kwargs)


def wrong(labels: Tensor) -> Tensor:
    """The first ten labels moved on by one: 30 of 40 are right."""
    moved = labels.clone()
    moved[:10] = (moved[:10] + 1) % 5
    return moved


@pytest.mark.parametrize(
    "form",
    [
        lambda y: y, lambda y: y[:, None], lambda y: y.float(), lambda y: functional.one_hot(y, 5),
        lambda y: functional.one_hot(y, 5).float(), lambda y: y.tolist(), lambda y: y.numpy(),
    ],
    ids=["numbers", "column", "floats", "one-hot", "float one-hot", "list", "array"],
)  # fmt: skip
@pytest.mark.parametrize("batch", [40, 7, 1])
def test_every_form_of_labels_gives_the_same_accuracy(form: Any, batch: int) -> None:
    labels = wrong(LABELS)
    data = [(X[n : n + batch], form(labels[n : n + batch])) for n in range(0, 40, batch)]
    found = evaluate(NET, data)
    assert (found.n_images, found.n_correct, found.accuracy) == (40, 30, 0.75)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS[:3], r"as many rows as there are labels, got the shape \(40, 5\) and 3; give"),
        (LABELS[None], r"as many rows as there are labels, got the shape \(40, 5\) and 1; give"),
        (LABELS / 2, r"labels must be whole numbers, got [0-9.]+ \(image \d+\); number"),
        (LABELS + 1, r"labels must be from 0 to 4, got 5; number the classes from 0"),
        (torch.full((40, 5), 0.2), r"one-hot rows, .*, got \[0\.2, 0\.2, 0\.2, 0\.2, 0\.2\]"),
        (functional.one_hot(LABELS, 6), r"or one-hot \(40, 5\), got \(40, 6\) such as"),
        (["cat"] * 40, r"labels must be whole numbers, got \['cat', 'cat'"),
    ],
    ids=["too few", "a row", "fractions", "from 1", "soft", "more classes", "text"],
)
def test_labels_that_are_none_are_refused(labels: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        evaluate(NET, [(X, labels)])


@pytest.mark.parametrize(
    ("network", "batch"),
    [
        (Forward(lambda a, b: NET(a + b)), ((X - 1, torch.ones(6)), LABELS)),
        (Forward(lambda ids, mask: NET(ids * mask)), ({"ids": X, "mask": X**0}, LABELS)),
        (Forward(lambda ids: SimpleNamespace(logits=NET(ids))), {"ids": X, "labels": LABELS}),
        (Forward(lambda x: {"out": NET(x), "aux": x}), [X, LABELS]),
        (Forward(lambda x: (NET(x), x)), (X, LABELS)),
        (Forward(lambda x: NET(x.transpose(0, 1))), (X.t(), LABELS)),
    ],
    ids=["two inputs", "named inputs", "transformer", "dictionary", "tuple", "batch second"],
)
def test_networks_are_called_as_they_are_made(network: nn.Module, batch: Any) -> None:
    found = evaluate(network, [batch])
    assert (found.n_images, found.accuracy) == (40, 1.0)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)], ids=str)
@pytest.mark.parametrize("last", [8, 1])
def test_one_output_decides_at_0_and_that_is_said(shape: tuple[int, ...], last: int) -> None:
    network = Forward(lambda x: NET(x)[:, 0].reshape(shape))
    labels = (NET(X)[:, 0] > 0).long()
    cuts = [X.split([40 - last, last]), labels[:, None].split([40 - last, last])]
    found = evaluate(network, zip(*cuts, strict=True))
    assert (found.n_images, found.accuracy) == (40, 1.0)
    assert found.notes == ("One output an image: above 0 is class 1, anything else class 0.",)


def test_a_network_that_squeezes_is_read_at_a_last_batch_of_one() -> None:
    network = Forward(lambda x: NET(x).squeeze())
    loader = DataLoader(TensorDataset(X, LABELS), batch_size=13)
    assert [len(labels) for _, labels in loader] == [13, 13, 13, 1]
    assert evaluate(network, loader).n_correct == 40


@pytest.mark.parametrize(
    "network",
    [
        Forward(lambda x: NET(x.sub_(x.mean(0)))),
        nn.Sequential(nn.ELU(inplace=True), NET),
        Forward(lambda x: NET(x.zero_())),
    ],
    ids=["mean", "inplace", "zero"],
)
@pytest.mark.parametrize("layout", ["whole", "views", "strided"])
def test_a_network_may_change_its_input_but_not_the_users(network: nn.Module, layout: str) -> None:
    kept = X.clone() if layout != "strided" else X.t().contiguous().t()
    parts = kept.split(10) if layout == "views" else [kept]
    labels = LABELS.split(10) if layout == "views" else [LABELS]
    data = list(zip(parts, labels, strict=True))
    first = evaluate(network, data)
    assert evaluate(network, data) == first
    assert torch.equal(kept, X)


def test_the_mode_of_each_part_is_put_back() -> None:
    network = nn.Sequential(nn.Linear(6, 5), nn.Dropout(0.5), nn.BatchNorm1d(5))
    network.train()
    network[2].eval()
    first = evaluate(network, [(X, LABELS)])
    assert evaluate(network, [(X, LABELS)]) == first
    assert [part.training for part in network.modules()] == [True, True, True, False]


def test_no_accuracy_is_above_1() -> None:
    """Counts are over pairs of one prediction and one label, whatever came in."""
    found = answers(NET, [(X, LABELS[:, None]), (X[:3], functional.one_hot(LABELS[:3], 5))])
    assert found.predicted.shape == found.labels.shape == found.values.shape == (43,)
    assert found.n_correct == 43


def test_doubts_are_said_of_a_digital_network() -> None:
    labels = (LABELS + 1) % 5
    found = evaluate(NET, [(X, labels), (X, labels)])
    assert found.accuracy == 0
    (said,) = found.notes
    assert said.startswith("The digital network's accuracy, 0 % of 80 images, is no better than")
    assert "another order 100 % would be right" in said
    assert evaluate(NET, [(X, LABELS), (X, LABELS)]).notes == ()


MASKED = Forward(lambda x, mask=None: x if mask is None else x + mask)


@pytest.mark.parametrize("layout", ["tensor", "tuple", "dictionary"])
@pytest.mark.parametrize("at", [0, 5, 9])
def test_inputs_that_are_nan_are_refused_wherever_they_are(layout: str, at: int) -> None:
    x = torch.zeros(10, 3)
    x[at, 1] = math.nan
    made: list[Any] = []
    for part in x.split(4):
        labels = torch.zeros(len(part), dtype=torch.int64)
        pair = (part if layout == "tensor" else (part, part), labels)
        made.append({"x": part, "mask": part, "labels": labels} if layout == "dictionary" else pair)
    with pytest.raises(InputError, match=rf"^inputs must be numbers, got NaN in row {at}; mend"):
        evaluate(MASKED, made)


def test_a_mask_of_infinities_is_no_fault() -> None:
    mask = torch.tensor([0.0, -math.inf, math.inf]).expand(4, 3)
    batch = {"x": torch.zeros(4, 3), "mask": mask, "labels": torch.full((4,), 2)}
    found = evaluate(MASKED, [batch])
    assert (found.n_correct, found.n_nan) == (4, 0)


def test_inputs_without_values_are_refused() -> None:
    meta = torch.zeros(4, 3, device="meta")
    with pytest.raises(InputError, match="inputs must have values, got a tensor .* meta; load"):
        evaluate(MASKED, [(meta, torch.zeros(4))])
