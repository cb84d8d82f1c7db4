"""Does a network fit its images?"""

from pathlib import Path

import numpy as np
import pytest

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
pair = lambda: Net(lambda x: (x, x))
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
    assert check_fit(load_model(f"{nets}:{name}"), load_data("digits")) == 10


def test_the_shipped_network_fits_its_data() -> None:
    assert check_fit(load_model("zoo:digits_cnn"), load_data("digits")) == 10


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
        ("pair", r"output must have the shape \(images, classes\), got tuple; wrap the network"),
        ("maps", r"output must have the shape \(images, classes\), got \(1, 1, 8, 8\); wrap"),
        ("lost", r"output must be finite, got NaN or infinity for the first image of 'digits'"),
        ("failing", r"wants images that it can take, got 1 x 8 x 8 \(.*no_such_method.*\); choose"),
    ],
)
def test_a_network_without_usable_logits_is_refused(nets: str, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_fit(load_model(f"{nets}:{name}"), load_data("digits"))
