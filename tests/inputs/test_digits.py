"""The digits split and its normalisation."""

import pytest
import torch
from sklearn.datasets import load_digits

from analogsim.inputs import batches, digits, load_data
from analogsim.inputs.digits import read_digits


def test_the_split_is_a_partition_with_360_test_images_of_all_classes() -> None:
    train, train_labels = read_digits("train")
    test, test_labels = read_digits("test")
    assert (train.shape, test.shape) == ((1437, 1, 8, 8), (360, 1, 8, 8))
    both = torch.cat([train, test]).flatten(1).tolist()
    everything = load_digits().images.reshape(-1, 64).astype(int).tolist()
    assert sorted(both) == sorted(everything)
    counts = train_labels.bincount() + test_labels.bincount()
    assert ((test_labels.bincount() - counts / 5).abs() < 1).all()


def test_the_split_is_fixed() -> None:
    # The shipped weights were trained on the rest: another split would test on training images.
    _, labels = read_digits("test")
    assert labels[:20].tolist() == [0, 2, 4, 7, 1, 6, 8, 9, 5, 3, 0, 2, 7, 6, 4, 0, 1, 3, 9, 8]


def test_the_stated_moments_are_those_of_the_training_split() -> None:
    values = read_digits("train")[0].double() / digits.DIVISOR
    mean, std = digits.MEAN_STD
    assert float(values.mean()) == pytest.approx(mean[0], abs=6e-6)
    assert float(values.std(correction=0)) == pytest.approx(std[0], abs=6e-6)


def test_the_training_images_come_out_with_mean_0_and_std_1() -> None:
    data = load_data("digits", split="train")
    images, _ = next(batches(data, 2000))
    assert float(images.mean()) == pytest.approx(0, abs=1e-4)
    assert float(images.std(correction=0)) == pytest.approx(1, abs=1e-4)
    assert data.normalisation == "(x/16 - (0.30575)) / (0.37622) (of the training split)"
    assert data.note == "train split, 1437 images"
    assert (data.n_classes, data.input_shape) == (10, (1, 8, 8))
