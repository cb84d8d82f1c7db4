"""`analogsim convert` from end to end."""

import json
import re

import pytest
import torch
from click.testing import CliRunner

import analogsim
from analogsim.cli.convert import convert
from analogsim.cli.main import run
from analogsim.inputs.models import load_model


@pytest.fixture
def analog_cli(capsys):
    """Run the command line in this process: (exit code, stdout, stderr)."""

    def call(*args):
        code = run([str(a) for a in args])
        out = capsys.readouterr()
        return code, out.out, out.err

    return call


FOREIGN = """
from torch import nn

def net():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 10))
"""


@pytest.fixture
def foreign(tmp_path):
    """A user's file and weights saved by somebody else's wrapper."""
    code = tmp_path / "mine.py"
    code.write_text(FOREIGN)
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 10)
    )
    state = {f"module.{key}": value for key, value in net.state_dict().items()}
    weights = tmp_path / "mine.th"
    torch.save({"state_dict": state, "epoch": 3}, weights)
    return f"{code}:net", weights, net


def test_folder_table_and_chip(analog_cli, tmp_path):
    folder = tmp_path / "chip"
    code, out, err = analog_cli("convert", "zoo:digits_cnn", "--data", "digits", "-o", folder)
    assert code == 0, err
    assert {p.name for p in folder.iterdir()} == {
        "chip.json",
        "model.safetensors",
        "chip.safetensors",
        "example.safetensors",
    }
    assert "normalisation stays in digital periphery" in out
    assert "static input ranges: exact up to ties" in out
    assert "wires: IR drop along columns as a polynomial of their load" in out
    assert "not modelled: IR drop" not in out
    chip = analogsim.load(folder, model=_digits())
    same = analogsim.program(chip.analog, seed=0, chip=0)
    for name, layer in chip.layers.items():
        for ours, theirs in zip(layer.tiles, same.layers[name].tiles, strict=True):
            assert torch.equal(ours.weights, theirs.weights)


def _digits():
    return load_model("zoo:digits_cnn").module


def test_json_has_a_line_for_each_layer(analog_cli, tmp_path):
    code, out, _ = analog_cli(
        "convert", "zoo:digits_cnn", "--data", "digits", "--preset", "rram", "--bn", "fold",
        "--keep-digital", "*conv1", "--seed", 3, "--chip", 2, "-o", tmp_path / "c", "--json",
    )  # fmt: skip
    assert code == 0
    table = json.loads(out)
    assert (table["preset"], table["bn"], table["seed"], table["chip"]) == ("rram", "fold", 3, 2)
    kept = [line for line in table["layers"] if "kept digital by choice" in line["why"]]
    analog = [line for line in table["layers"] if line["where"] == "analog"]
    assert len(kept) == 1
    assert all(0 < line["programming_error"] < 0.5 for line in analog)
    assert all(line["tiles"] >= 1 for line in analog)


def test_dry_run_shows_the_same_table_and_writes_nothing(analog_cli, tmp_path):
    code, out, _ = analog_cli(
        "convert", "zoo:digits_cnn", "--data", "digits", "--dry-run", "--json"
    )
    assert code == 0
    table = json.loads(out)
    assert table["folder"] is None
    assert all(line["programming_error"] is None for line in table["layers"])
    assert list(tmp_path.iterdir()) == []


def test_what_the_cpp_tile_adds_to_another_device_is_said(analog_cli):
    dry = ("convert", "zoo:digits_cnn", "--data", "digits", "--tile", "cpp", "--dry-run")
    code, out, _ = analog_cli(*dry, "--preset", "rram")
    assert code == 0
    assert "added: read noise of each product as PCM has it (read_noise = 0.0175)" in out
    code, out, _ = analog_cli(*dry, "--preset", "pcm")
    assert code == 0
    assert "added:" not in out


def test_what_the_torch_tile_leaves_out_is_said(analog_cli):
    dry = ("convert", "zoo:digits_cnn", "--data", "digits", "--tile", "torch", "--dry-run")
    code, out, _ = analog_cli(*dry)
    assert code == 0
    assert "not modelled: IR drop (ir_drop = 1): not in aihwkit's torch tile" in out


def test_synthetic_ranges_are_warned_about(analog_cli, tmp_path):
    code, _, err = analog_cli("convert", "zoo:resnet20", "--dry-run")
    assert code == 0
    assert "warning: model zoo:resnet20 must have trained weights" in err
    assert "warning: input ranges are calibrated on synthetic normal inputs" in err


def test_foreign_network_and_weights(analog_cli, foreign, tmp_path):
    spec, weights, net = foreign
    folder = tmp_path / "chip"
    code, _, err = analog_cli(
        "convert", spec, "--weights", weights, "--preset", "ideal", "--periphery", "ideal",
        "--data", "digits", "-o", folder,
    )  # fmt: skip
    assert code == 0, err
    x = torch.randn(4, 1, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(analogsim.load(folder, model=net)(x), net(x))
    # The folder names the file but never runs it.
    code, _, err = analog_cli("drift", folder, "--data", "digits", "-o", tmp_path / "d")
    assert code == 2
    assert f"give --network {spec}" in err
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["zoo:digits_cnn", "--preset", "pcn", "--dry-run"], "got 'pcn'; did you mean 'pcm'"),
        (["zoo:digits_cnn", "--preset", "PCMPreset", "--dry-run"], "describe training"),
        (["zoo:digits_cn", "--dry-run"], "digits_cn"),
        (["zoo:digits_cnn"], "add -o DIR or --dry-run"),
        (["zoo:digits_cnn", "--weights", "none.pt", "--dry-run"], "none.pt"),
        (["zoo:digits_cnn", "--data", "digit", "--dry-run"], "got 'digit'"),
        (["zoo:digits_cnn", "--data", "npz:none.npz", "--dry-run"], "none.npz"),
        (["zoo:digits_cnn", "--keep-digital", "convv", "--dry-run"], "got 'convv'"),
        (["zoo:digits_cnn", "--periphery", "best", "--dry-run"], "got 'best'"),
        (["zoo:digits_cnn", "--input-shape", "1,x", "--dry-run"], "got '1,x'"),
        (["zoo:digits_cnn", "--seed", "-1", "-o", "new"], "seed must be at least 0, got -1"),
        (["nothing.py:net", "--dry-run"], "nothing.py"),
        (["zoo:digits_cnn", "--data", "digits", "--mean", "a", "--dry-run"], "--mean .* got 'a'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_on_purpose(analog_cli, args, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = analog_cli("convert", *args)
    assert code == 2
    assert out == ""
    last = err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert re.search(message, last)


def test_a_full_folder_is_left_alone(analog_cli, tmp_path):
    (tmp_path / "kept.txt").write_text("mine")
    code, _, err = analog_cli("convert", "zoo:digits_cnn", "--data", "digits", "-o", tmp_path)
    assert code == 2
    assert "holds kept.txt" in err
    assert [p.name for p in tmp_path.iterdir()] == ["kept.txt"]


def test_help_names_the_choices():
    text = CliRunner().invoke(convert, ["--help"]).output
    assert "NAME|FILE.toml" in text
    assert "[digital|fold|recalibrate|recalibrate-once|none]" in text
