"""`analogsim.harden` of a network and images in memory."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import analogsim
from analogsim.errors import InputError
from analogsim.inputs.data import load_data
from analogsim.inputs.images import TensorImages
from analogsim.inputs.models import load_model
from analogsim.report.attribution import read_losses
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


AUTO: dict[str, Any] = {"periphery": "ideal", "times": "1s", "chips": 2, "limit": 40}
AUTO |= {"layers": ("auto",)}


@pytest.mark.slow
def test_layers_that_an_attribution_names_are_trained_and_no_others(tmp_path: Path) -> None:
    recipe = replace(
        default_recipe("zoo:digits_cnn", "digits"), epochs=1, learning_rate=0.01, precision="fp32"
    )
    before = load_model("zoo:digits_cnn").module.state_dict()

    def hardened() -> analogsim.Hardened:
        device = {"preset": "gaussian?eta=0.3", "clip": 0.0, "recipe": recipe}
        return analogsim.harden("zoo:digits_cnn", "digits", tmp_path / "h", **AUTO, **device)

    made = hardened()
    said = made.provenance["recipe"]["hardening"]
    named = said["layers"]
    rows = read_losses(tmp_path / "h" / "layers")
    gains = {row.name: row.loss for row in rows if row.mode == "without"}
    costliest = max(gains, key=lambda name: gains[name] or 0.0)
    assert named[0] == costliest
    assert 1 <= len(named) < len(gains)
    assert said["why_layers"].startswith(f"layers {costliest} (")
    assert "on 143 held-out training images and 4 chips of their own" in said["why_layers"]
    after = made.module.state_dict()
    for name in gains:
        same = torch.equal(after[f"{name}.weight"], before[f"{name}.weight"])
        assert same == (name not in named), name
    files = {p: p.read_bytes() for p in (tmp_path / "h").glob("weights.*")}
    assert hardened().provenance == made.provenance
    assert all(p.read_bytes() == content for p, content in files.items())


def test_where_no_layer_costs_accuracy_none_is_hardened(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"layers auto must find layers that cost accuracy, got n"):
        analogsim.harden("zoo:digits_cnn", "digits", tmp_path / "h", **AUTO, preset="ideal")
    assert not (tmp_path / "h" / "weights.safetensors").exists()
