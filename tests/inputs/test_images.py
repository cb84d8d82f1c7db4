"""Normalisation and images in memory."""

import math

import pytest
import torch

from analogsim.errors import InputError
from analogsim.inputs.images import MeanStd, TensorImages, make_normalise


def test_pixels_are_divided_shifted_and_scaled_a_channel_at_a_time() -> None:
    how = make_normalise(
        ((0.5, 0.25), (0.5, 0.25)), None, channels=2, divisor=4.0, source="s", where="w"
    )
    pixels = torch.tensor([0, 2, 4], dtype=torch.uint8).view(1, 1, 3).expand(2, 1, 3)
    # (x / 4 - 0.5) / 0.5 and (x / 4 - 0.25) / 0.25: exact in binary.
    expected = torch.tensor([[[-1.0, 0.0, 1.0]], [[-1.0, 1.0, 3.0]]])
    assert torch.equal(how(pixels), expected)
    assert torch.equal(how(pixels.unsqueeze(0)), expected.unsqueeze(0))
    assert str(how) == "(x/4 - (0.5, 0.25)) / (0.5, 0.25) (as asked)"


def test_floating_point_images_are_copied_not_changed() -> None:
    how = make_normalise(((1.0,), (2.0,)), None, channels=1, divisor=1.0, source="s", where="w")
    stored = torch.ones(1, 1, 2, 2)
    assert torch.equal(how(stored), torch.zeros(1, 1, 2, 2))
    assert torch.equal(stored, torch.ones(1, 1, 2, 2))


def test_one_value_counts_for_all_channels() -> None:
    how = make_normalise(((0.5,), (0.25,)), None, channels=3, divisor=1.0, source="s", where="w")
    assert (how.mean, how.std) == ((0.5,) * 3, (0.25,) * 3)


def test_what_is_not_normalised_says_so() -> None:
    how = make_normalise(None, None, channels=3, divisor=255.0, source="bytes", where="w")
    assert str(how) == "x/255 (bytes)"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (((0.1, 0.2), (1.0,)), r"w normalisation mean must have 1 or 3 values, got 2; give one"),
        (((0.1,), (1.0, 2.0)), r"w normalisation std must have 1 or 3 values, got 2; give one"),
        (((0.1,), (0.0,)), r"w normalisation std must be finite and above 0, got 0\.0; give"),
        (((0.1,), (-2.0,)), r"w normalisation std must be finite and above 0, got -2\.0; give"),
        (((math.nan,), (1.0,)), r"w normalisation mean must be finite, got nan; give"),
        (((0.0,), (math.inf,)), r"w normalisation std must be finite and above 0, got inf; give"),
    ],
    ids=["mean count", "std count", "zero std", "negative std", "nan mean", "inf std"],
)
def test_wrong_normalisations_are_refused(asked: MeanStd, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_normalise(asked, None, channels=3, divisor=1.0, source="s", where="w")


def test_items_and_batches_agree() -> None:
    how = make_normalise(((0.3,), (0.7,)), None, channels=1, divisor=255.0, source="s", where="w")
    images = torch.arange(40, dtype=torch.uint8).view(10, 1, 2, 2)
    data = TensorImages(images, torch.arange(10), how)
    batch, labels = data.batch(3, 7)
    assert torch.equal(batch, torch.stack([data[index][0] for index in range(3, 7)]))
    assert labels.tolist() == [data[index][1] for index in range(3, 7)] == [3, 4, 5, 6]
    assert len(data) == 10
