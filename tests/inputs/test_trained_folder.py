"""A training's folder as MODEL: its network and weights, and never its code."""

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch

from analogsim.errors import InputError
from analogsim.inputs.models import load_model
from analogsim.inputs.trained_folder import PROVENANCE_FILE, WEIGHTS_FILE

CODE = """
from torch import nn

def net():
    return nn.Linear(4, 3)
"""


def folder(path: Path, model: object, state: dict[str, torch.Tensor]) -> Path:
    path.mkdir()
    (path / PROVENANCE_FILE).write_text(json.dumps({"model": model}))
    (path / WEIGHTS_FILE).write_bytes(safetensors.torch.save(state))
    return path


def test_zoo_network_comes_with_the_folders_weights(tmp_path: Path) -> None:
    state = load_model("zoo:digits_cnn").module.state_dict()
    state = {
        name: value + 1 if value.is_floating_point() else value for name, value in state.items()
    }
    made = load_model(str(folder(tmp_path / "t", "zoo:digits_cnn", state)))
    assert made.trained
    assert made.spec == str(tmp_path / "t")
    for name, value in made.module.state_dict().items():
        assert torch.equal(value, state[name]), name


def test_code_is_named_and_given_but_never_run_from_a_folder(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(CODE)
    state = {"weight": torch.ones(3, 4), "bias": torch.zeros(3)}
    made = folder(tmp_path / "t", f"{tmp_path / 'net.py'}:net", state)
    with pytest.raises(
        InputError, match=r"together with its network's code, .* give --network '.*net"
    ):
        load_model(str(made))
    opened = load_model(str(made), network=f"{tmp_path / 'net.py'}:net")
    assert torch.equal(opened.module.weight, torch.ones(3, 4))  # type: ignore[arg-type]


def test_weights_beside_it_are_one_too_many(tmp_path: Path) -> None:
    made = folder(tmp_path / "t", "zoo:digits_cnn", {})
    with pytest.raises(InputError, match=r"t holds its weights, got --weights too; leave it out"):
        load_model(str(made), weights=tmp_path / "w.pt")


@pytest.mark.parametrize("content", ["[", "[]", "{}", '{"model": 3}'])
def test_what_is_no_training_is_refused(tmp_path: Path, content: str) -> None:
    made = folder(tmp_path / "t", "zoo:digits_cnn", {})
    (made / PROVENANCE_FILE).write_text(content)
    with pytest.raises(
        InputError, match=r"training result .* must be .*; restore it, or give the net"
    ):
        load_model(str(made))


def test_learned_input_ranges_come_with_it(tmp_path: Path) -> None:
    made = folder(
        tmp_path / "t", "zoo:digits_cnn", load_model("zoo:digits_cnn").module.state_dict()
    )
    content = {"model": "zoo:digits_cnn", "input_ranges": {"conv1": 2.5}}
    (made / PROVENANCE_FILE).write_text(json.dumps(content))
    assert load_model(str(made)).input_ranges == {"conv1": 2.5}
    (made / PROVENANCE_FILE).write_text(json.dumps(content | {"input_ranges": {"conv1": "x"}}))
    with pytest.raises(InputError, match=r"input_ranges.*conv1.* must be .*got 'x'"):
        load_model(str(made))
