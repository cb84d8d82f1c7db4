"""Accuracies that say that a network is not used as it was trained."""

import pytest
import torch
from scipy.stats import binom

from analogsim.inputs.doubt import LEAST_IMAGES, doubt

LABELS = torch.arange(200) % 10


def shuffled(right: int) -> torch.Tensor:
    """Answers of which `right` are right and the others spread over the other classes."""
    wrong = (LABELS + 1 + torch.arange(200) // 10 % 9) % 10
    return torch.where(torch.arange(200) < right, LABELS, wrong)


@pytest.mark.parametrize("right", [0, 12, 20, 30])
def test_guessing_is_pointed_out_with_its_usual_reasons(right: int) -> None:
    said = doubt(shuffled(right), LABELS, 10, one_output=False)
    assert said is not None
    assert said.startswith(f"the digital network's accuracy, {right / 2:.4g} % of 200 images, is")
    assert "no better than guessing among 10 classes" in said
    assert "normalisation (--mean, --std)" in said


def test_the_bound_is_that_of_the_binomial_distribution() -> None:
    """Of 200 guesses among 10, P(at least k right) falls below 0.0005 between 35 and 36."""
    bound = next(k for k in range(200) if binom.sf(k - 1, 200, 0.1) < 0.0005)
    assert doubt(shuffled(bound - 1), LABELS, 10, one_output=False) is not None
    assert doubt(shuffled(bound), LABELS, 10, one_output=False) is None


def test_classes_in_another_order_are_found() -> None:
    order = torch.tensor([3, 0, 1, 2, 9, 4, 5, 6, 7, 8])
    predicted = order[LABELS]
    predicted[:20] = 0
    said = doubt(predicted, LABELS, 10, one_output=False)
    assert said is not None
    assert "with its classes in another order 91 % would be right: number them as in its" in said


def test_two_classes_the_wrong_way_round_are_found() -> None:
    labels = torch.arange(100) % 2
    said = doubt(1 - labels, labels, 2, one_output=True)
    assert said is not None
    assert "0 % of 100 images, is no better than guessing among 2 classes" in said
    assert "another order 100 % would be right" in said


@pytest.mark.parametrize(("one_output", "hint"), [(True, True), (False, False)])
def test_one_class_for_every_image_is_pointed_out(one_output: bool, hint: bool) -> None:
    labels = torch.tensor([1] * 90 + [0] * 10)
    said = doubt(torch.ones(100, dtype=torch.int64), labels, 2, one_output=one_output)
    assert said is not None
    assert said.startswith("the digital network says class 1 for every image (90 % of 100 images")
    assert ("sigmoid" in said) == hint


@pytest.mark.parametrize(
    ("predicted", "labels"),
    [
        (LABELS[: LEAST_IMAGES - 1] * 0, LABELS[: LEAST_IMAGES - 1]),
        (LABELS, LABELS),
        (LABELS * 0 + 4, LABELS * 0 + 4),
        (shuffled(60), LABELS),
    ],
    ids=["few images", "all right", "one class of images", "better than guessing"],
)
def test_nothing_is_said_of_others(predicted: torch.Tensor, labels: torch.Tensor) -> None:
    assert doubt(predicted, labels, 10, one_output=False) is None
