"""`--grouped` and the key `grouped` of a spec, on a small network with depthwise convolutions."""

import pytest
import torch
from torch import nn

import analogsim
from analogsim.attribution.networks import Forms
from analogsim.cli.main import run
from tests.cli.tiny import document

CODE = '''
import torch
from torch import nn


def net():
    """MobileNet's block: a depthwise and a pointwise convolution, for the digits' 8x8 images."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 16, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10),
    )
'''
SPEC = """
model = "net.py:net"
untrained = true
data = "digits"
limit = 40
presets = ["pcm"]
times = ["1s"]
grouped = "{grouped}"
[design]
chips = 2
"""
NET = ("net.py:net", "--untrained", "--data", "digits")
SMALL = ("--limit", "40", "--chips", "2", "--times", "1s", "--workers", "1")
BLOCKS = ("--grouped", "blocks")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    (tmp_path / "net.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def network() -> nn.Module:
    names: dict[str, object] = {}
    exec(CODE, names)  # noqa: S102 - the text above
    made = names["net"]()
    assert isinstance(made, nn.Module)
    return made.eval()


def test_blocks_on_ideal_tiles_compute_what_the_network_does():
    net, x = network(), torch.randn(4, 1, 8, 8)
    analog = analogsim.convert(net, "ideal", "ideal", calibrate=x, grouped="blocks")
    chip = analogsim.program(analog, seed=0, chip=0)
    assert analog.coverage is not None
    assert analog.coverage.share == 1
    assert str(analog.coverage) == "100.0 % of the multiply-adds on tiles"
    with torch.no_grad():
        torch.testing.assert_close(chip(x), net(x), rtol=1e-4, atol=1e-5)
    kept = analogsim.convert(net, "ideal", "ideal", calibrate=x)
    assert kept.coverage is not None
    assert kept.coverage.share < 1
    assert "depthwise" in str(kept.coverage)


def test_drift_moves_the_layer_in_blocks():
    x = torch.randn(4, 1, 8, 8)
    analog = analogsim.convert(network(), "pcm", "ideal", calibrate=x, grouped="blocks")
    chip = analogsim.program(analog, seed=0, chip=0)
    (tile,) = chip.layers["3"].tiles
    before = chip.drift_(1.0).layers["3"].tiles[0].weights.clone()
    after = chip.drift_(31536000.0).layers["3"].tiles[0].weights
    held = tile.target != 0
    assert held.sum() == 8 * 9
    assert after[held].abs().mean() < 0.9 * before[held].abs().mean()


def test_an_attribution_counts_no_empty_cells():
    x = torch.randn(4, 1, 8, 8)
    forms = Forms(analogsim.convert(network(), "pcm", calibrate=x, grouped="blocks"), x)
    assert forms.weights()["3"] == 8 * 9
    assert forms.macs() == {"0": 72 * 64, "3": 72 * 64, "6": 128 * 64, "10": 160}


def test_convert_prints_it_and_the_folder_keeps_it(folder, capsys):
    assert run(["convert", *NET, *BLOCKS, "-o", "chip"]) == 0
    out = capsys.readouterr().out
    assert "\n100.0 % of the multiply-adds on tiles\n\nlayer " in out
    assert "8 of its 8 groups share a tile; 87.5 % of the cells hold 0 and add their noise" in out
    assert document(folder / "chip" / "chip.json")["grouped"] == "blocks"
    chip = ["chip", "--network", "net.py:net", "--data", "digits", *SMALL]
    assert run(["drift", *chip, "-o", "a"]) == 0
    assert run(["drift", *NET, *BLOCKS, *SMALL, "-o", "b"]) == 0
    a, b = (document(folder / name / "run.json") for name in "ab")
    assert a["layers"] == b["layers"]
    assert a["coverage"] == b["coverage"]
    assert a["coverage"]["share"] == 1
    assert a["spec"]["grouped"] == "blocks"


def test_a_folder_of_another_kind_is_refused(capsys):
    assert run(["convert", *NET, "-o", "chip"]) == 0
    chip = ["chip", "--network", "net.py:net", "--data", "digits", *SMALL]
    assert run(["drift", *chip, *BLOCKS, "-o", "a"]) == 2
    said = capsys.readouterr().err
    assert "was converted with grouped digital, got --grouped blocks" in said


def test_a_spec_has_the_key_and_the_default_leaves_no_trace(folder, capsys):
    for name in ("blocks", "digital", "tiles"):
        (folder / f"{name}.toml").write_text(SPEC.format(grouped=name))
    assert run(["run", "blocks.toml", "--workers", "1", "-o", "a"]) == 0
    assert document(folder / "a" / "run.json")["spec"]["grouped"] == "blocks"
    assert run(["run", "digital.toml", "--workers", "1", "-o", "b"]) == 0
    assert run(["drift", *NET, *SMALL, "-o", "c"]) == 0
    b, c = (document(folder / name / "run.json") for name in "bc")
    assert "grouped" not in b["spec"]
    assert b["spec_digest"] == c["spec_digest"]
    assert run(["run", "tiles.toml", "-o", "d"]) == 2
    assert "grouped must be digital or blocks, got 'tiles'" in capsys.readouterr().err


def test_what_is_mostly_digital_is_warned_of_once(folder, capsys):
    assert run(["drift", *NET, *SMALL, "--keep-digital", "6", "-o", "a"]) == 0
    said = capsys.readouterr()
    (warning,) = [line for line in said.err.splitlines() if line.startswith("warning: only")]
    coverage = document(folder / "a" / "run.json")["coverage"]
    assert warning == f"warning: only {coverage['text']}"
    assert coverage["share"] < 0.5
    lines = said.out.splitlines()
    assert " ".join(line.strip() for line in lines[:10]).startswith(coverage["text"])
    assert max(map(len, lines[:10])) <= 80
    assert document(folder / "a" / "summary.json")["coverage"] == coverage
    assert f"Computed: {coverage['text']}." in (folder / "a" / "report.html").read_text()
