"""Does a network fit its images?"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from analogsim.errors import InputError
from analogsim.inputs import Data, check_fit, load_data, load_model

NETS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x):
        return self.answer(x)

ten = lambda: Net(lambda x: torch.zeros(len(x), 10))
double = lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).double()
pair = lambda: Net(lambda x: (torch.zeros(len(x), 10), x))
named = lambda: Net(lambda x: {"features": x, "logits": torch.zeros(len(x), 10)})
text = lambda: Net(lambda x: "ten")
numbers = lambda: Net(lambda x: torch.zeros(len(x), 10, dtype=torch.int64))
odd = lambda: Net(lambda x: x.mean((1, 2, 3)))
sigmoid = lambda: Net(lambda x: (x.sum((1, 2, 3)) / 1e-9).sigmoid())
maps = lambda: Net(lambda x: x)
lost = lambda: Net(lambda x: torch.full((len(x), 10), float("nan")))
failing = lambda: Net(lambda x: x.no_such_method())
"""


@pytest.fixture
def nets(tmp_path: Path) -> str:
    (tmp_path / "nets.py").write_text(NETS)
    return str(tmp_path / "nets.py")


def npz_data(folder: Path, shape: tuple[int, ...], label: int = 0) -> Data:
    np.savez(folder / "d.npz", x=np.zeros((1, *shape)), y=[label])
    return load_data(f"npz:{folder / 'd.npz'}")


@pytest.mark.parametrize("name", ["ten", "double"])
def test_a_network_that_fits_gives_its_class_count(nets: str, name: str) -> None:
    assert check_fit(load_model(f"{nets}:{name}"), load_data("digits")).n_classes == 10


def test_the_shipped_network_fits_its_data() -> None:
    assert check_fit(load_model("zoo:digits_cnn"), load_data("digits")).n_classes == 10


@pytest.mark.parametrize(
    ("spec", "shape", "message"),
    [
        (
            "zoo:resnet20",
            (1, 8, 8),
            r"model 'zoo:resnet20' and data 'npz:.*' must fit each other: the model wants "
            r"3 x 32 x 32 images, got 1 x 8 x 8 \(.*\); choose other data",
        ),
        ("zoo:digits_cnn", (1, 28, 28), r"the model wants 1 x 8 x 8 images, got 1 x 28 x 28 \("),
    ],
    ids=["channels", "size"],
)
def test_images_of_another_shape_are_refused(
    tmp_path: Path, spec: str, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        check_fit(load_model(spec), npz_data(tmp_path, shape))


def test_another_class_count_is_refused() -> None:
    message = (
        r"'zoo:digits_cnn\?classes=7' and data 'digits' must have as many classes as each other, "
        r"got 7 and 10; choose data .*\?classes=10\)"
    )
    with pytest.raises(InputError, match=message):
        check_fit(load_model("zoo:digits_cnn?classes=7"), load_data("digits"))


def test_a_label_beyond_the_outputs_is_refused(tmp_path: Path) -> None:
    message = r"for model 'zoo:digits_cnn' labels must be from 0 to 9, got 10; number"
    with pytest.raises(InputError, match=message):
        check_fit(load_model("zoo:digits_cnn"), npz_data(tmp_path, (1, 8, 8), label=10))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("text", r"output must have the shape \(images, classes\), or hold .* got str; wrap the"),
        ("numbers", r"output must be floating-point logits, got torch\.int64 \(1, 10\); wrap"),
        ("sigmoid", r"below 0 for the other, got 0 to 1 for 64 images, as of a sigmoid; return"),
        ("maps", r"output must have the shape \(images, classes\), got \(1, 1, 8, 8\); wrap"),
        ("lost", r"output must be finite, got NaN or infinity for the first image of 'digits'"),
        ("failing", r"wants images that it can take, got 1 x 8 x 8 \(.*no_such_method.*\); choose"),
    ],
)
def test_a_network_without_usable_logits_is_refused(nets: str, name: str, message: str) -> None:
    data = replace(load_data("digits"), n_classes=None)
    with pytest.raises(InputError, match=message):
        check_fit(load_model(f"{nets}:{name}"), data)


@pytest.mark.parametrize(
    ("name", "n_classes", "notes"),
    [
        ("ten", 10, ()),
        ("pair", 10, ("Scored is tensor 0 of the output's 2.",)),
        ("named", 10, ("Scored is the output's 'logits'.",)),
        ("odd", 2, ("One output an image: above 0 is class 1, anything else class 0.",)),
    ],
)
def test_how_an_output_is_read_is_said(
    nets: str, tmp_path: Path, name: str, n_classes: int, notes: tuple[str, ...]
) -> None:
    fit = check_fit(load_model(f"{nets}:{name}"), npz_data(tmp_path, (1, 8, 8)))
    assert (fit.n_classes, fit.notes) == (n_classes, notes)


def test_two_classes_of_data_fit_one_output_and_ten_do_not(nets: str) -> None:
    digits = load_data("digits")
    message = r"must have as many classes as each other, got 2 and 10; choose data that"
    with pytest.raises(InputError, match=message):
        check_fit(load_model(f"{nets}:odd"), digits)
    two = replace(
        digits, n_classes=2, dataset=TensorDataset(torch.randn(9, 1, 8, 8), torch.arange(9) % 2)
    )
    assert check_fit(load_model(f"{nets}:odd"), two).n_classes == 2
