"""What is measured of each image: top-1, top-5, and measures of the user's own."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from analogsim import Measure
from analogsim.errors import InputError
from analogsim.inputs.measure import TOP_1, TOP_5, as_measure, measure_named, name_in_spec
from tests.cli.own_measure import each

OWN = """
import torch
from analogsim import Measure


def margin(outputs, target):
    best = outputs.topk(2).values
    return best[:, 0] - best[:, 1]


MARGIN = Measure(name="margin", score=margin)


def made():
    return Measure(name="margin", score=margin)


NUMBER = 3
"""


def loss(**changes: Any) -> Measure:
    return Measure(**{"name": "loss", "better": "lower", "score": each, **changes})


@pytest.fixture
def outputs() -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(3)
    return torch.randn(200, 12, generator=rng), torch.randint(12, (200,), generator=rng)


def test_top_1_and_top_5_are_those_of_torch(outputs: tuple[Tensor, Tensor]) -> None:
    logits, target = outputs
    for measure, k in ((TOP_1, 1), (TOP_5, 5)):
        wanted = (logits.topk(k).indices == target[:, None]).any(dim=1)
        found = measure.values(logits, target)
        assert found.dtype == torch.bool
        assert torch.equal(found, wanted)
    assert 0 < TOP_1.values(*outputs).sum() < TOP_5.values(*outputs).sum() < 200


def test_of_equal_outputs_the_first_classes_count() -> None:
    target = torch.arange(8)
    same = torch.zeros(8, 8)
    assert TOP_1.values(same, target).tolist() == [True] + [False] * 7
    assert TOP_5.values(same, target).tolist() == [True] * 5 + [False] * 3


def test_top_5_of_five_classes_says_nothing() -> None:
    with pytest.raises(InputError, match="top5 must be of more than 5 classes, got 5; .*take top1"):
        TOP_5.values(torch.zeros(2, 5), torch.zeros(2, dtype=torch.int64))


def test_values_are_one_float_an_image(outputs: tuple[Tensor, Tensor]) -> None:
    found = loss().values(*outputs)
    assert (found.dtype, found.shape) == (torch.float32, (200,))
    assert torch.equal(found, each(*outputs))
    column = loss(score=lambda x, y: each(x, y)[:, None])
    assert torch.equal(column.values(*outputs), found)
    # Logarithms in half precision would have two digits.
    logits, target = outputs[0].bfloat16(), outputs[1]
    assert torch.equal(loss().values(logits, target), each(logits.float(), target))


def fails(_x: Tensor, _y: Tensor) -> Tensor:
    raise ZeroDivisionError("by zero")


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (F.cross_entropy, r"got the shape \(\) for 200 images; .*reduction='none'"),
        (lambda x, y: x, r"got the shape \(200, 12\) for 200 images"),
        (lambda x, y: 0.5, r"got float; return a tensor \(200,\)"),
        (lambda x, y: each(x, y) / 0, r"got inf \(image 0 of a batch\); bound its score"),
        (lambda x, y: each(x, y) * torch.nan, r"got nan \(image 0 of a batch\)"),
        (lambda x, y: each(x, y) * 1j, "whole numbers, got"),
        (fails, r"run without an error, got ZeroDivisionError: by zero; mend its score"),
    ],
    ids=["mean", "matrix", "number", "infinite", "nan", "complex", "raises"],
)
def test_what_gives_no_number_an_image_is_refused(
    outputs: tuple[Tensor, Tensor], score: Any, message: str
) -> None:
    with pytest.raises(InputError, match=f"^measure loss must .*{message}"):
        loss(score=score).values(*outputs)


def test_a_value_outside_its_bounds_is_refused(outputs: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(InputError, match=r"from 0 to 1, the bounds of its mean, got \d"):
        loss(least=0, most=1).values(*outputs)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "name must be words of one line, at most 60 letters, got ''"),
        ({"name": "a\nb"}, r"name must be words .* got 'a\\nb'"),
        ({"unit": "n" * 61}, "unit must be words"),
        ({"better": "up"}, "better must be 'higher' or 'lower', got 'up'"),
        ({"least": 1, "most": 0}, "bounds of its mean, got 1 and 0"),
        ({"least": float("nan")}, "bounds of its mean, got nan and None"),
        ({"most": float("-inf")}, "bounds of its mean, got None and -inf"),
    ],
    ids=["no-name", "lines", "long", "better", "crossed", "nan", "infinite"],
)
def test_a_measure_that_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        loss(**changes)


@pytest.mark.parametrize("name", ["MARGIN", "made"])
def test_one_of_a_file_brings_its_code(
    tmp_path: Path, outputs: tuple[Tensor, Tensor], name: str
) -> None:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    found = measure_named(f"{path}:{name}")
    assert (found.name, name_in_spec(found)) == ("margin", f"{path}:{name}")
    digest = hashlib.sha256(OWN.encode()).hexdigest()
    assert found.fingerprints() == {"measure file own.py": digest}
    best, second = outputs[0].sort(dim=1, descending=True).values[:, :2].T
    assert torch.equal(found.values(*outputs), best - second)


def test_what_is_no_measure_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(OWN.replace("NUMBER = 3", "def number():\n    return 3"))
    with pytest.raises(InputError, match=r"must be an analogsim.Measure, .* got int; write NAME"):
        measure_named(f"{path}:number")
    with pytest.raises(InputError, match="must define a callable 'none', got no such name"):
        measure_named(f"{path}:none")
    with pytest.raises(InputError, match="measure must be top1, top5 or FILE.py:NAME, got 'top-5'"):
        measure_named("top-5")
    with pytest.raises(InputError, match="an analogsim.Measure, got int"):
        as_measure(5)  # type: ignore[arg-type]


def test_fingerprints_of_one_in_memory_are_of_its_code() -> None:
    (found,) = loss().fingerprints().items()
    assert found[0] == "code of measure loss"
    assert found != next(iter(loss(score=fails).fingerprints().items()))
    assert TOP_1.fingerprints() == TOP_5.fingerprints() == {}
    assert (name_in_spec(TOP_5), name_in_spec(loss())) == ("top5", "memory:loss")
