"""`analogsim.harden` of a network and images in memory."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

import analogsim
from analogsim.errors import InputError
from analogsim.inputs.data import load_data
from analogsim.inputs.images import TensorImages
from analogsim.inputs.models import load_model
from analogsim.training.recipe import default_recipe


def arrays(split: str, n: int) -> tuple[Tensor, Tensor]:
    dataset = load_data("digits", split=split).dataset  # type: ignore[arg-type]
    assert isinstance(dataset, TensorImages)
    return dataset.batch(0, n)


def test_network_and_arrays_in_memory(tmp_path: Path) -> None:
    network = load_model("zoo:digits_cnn").module
    before = {name: value.clone() for name, value in network.state_dict().items()}
    recipe = replace(
        default_recipe("zoo:digits_cnn", "digits"), epochs=1, learning_rate=0.01, precision="fp32"
    )
    images, labels = arrays("train", 300)

    def hardened() -> analogsim.Hardened:
        return analogsim.harden(
            network,
            arrays("test", 40),
            tmp_path / "h",
            train=(images, labels),
            periphery="ideal",
            times="1s,1d",
            recipe=recipe,
            chips=2,
            noise="gaussian:3%",
        )

    made = hardened()
    assert all(torch.equal(network.state_dict()[name], value) for name, value in before.items())
    assert not torch.equal(made.module.state_dict()["conv1.weight"], before["conv1.weight"])
    assert "hardened with BN recalibrate" in made.run.answer
    frame = analogsim.Run(made.run.folder / "hardened").frame
    assert set(frame["t_s"]) == {1.0, 86400.0}
    assert made.provenance["recipe"]["hardening"]["injection"]["fraction"] == 0.03
    again = hardened()
    assert again.run.answer == made.run.answer


def test_test_images_alone_are_too_few(tmp_path: Path) -> None:
    network = load_model("zoo:digits_cnn").module
    with pytest.raises(InputError, match=r"must have training images, got test images alone"):
        analogsim.harden(network, arrays("test", 4), tmp_path)
