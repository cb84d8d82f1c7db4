"""One's own network, weights and images, and nothing else said: `analogsim drift` just works."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from analogsim.cli.main import run

NETWORK = """
from torch import nn


def net():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(4), nn.Flatten(),
        nn.Linear(128, 3),
    )
"""
SIDE, PER_CLASS = 16, 20


def make_images(folder: Path) -> None:
    """Three classes: red, green or blue squares on noise."""
    draw = np.random.default_rng(0)
    for channel, name in enumerate(("blue", "green", "red")):
        (folder / name).mkdir(parents=True)
        for number in range(PER_CLASS):
            pixels = draw.integers(0, 90, (SIDE, SIDE, 3), dtype=np.uint8)
            row, column = draw.integers(0, SIDE - 6, 2)
            pixels[row : row + 6, column : column + 6, 2 - channel] = 230
            Image.fromarray(pixels).save(folder / name / f"{number:03}.png")


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a user: my.py, w.pt (trained) and images."""
    monkeypatch.chdir(tmp_path)
    Path("my.py").write_text(NETWORK)
    make_images(Path("images"))
    from analogsim.inputs import batches, load_data, load_model

    with torch.random.fork_rng():
        net = load_model("my.py:net").module.train()
        optimiser = torch.optim.Adam(net.parameters(), 0.01)
        images, labels = next(batches(load_data("folder:images"), 1000))
        for _ in range(40):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(net(images), labels).backward()
            optimiser.step()
    torch.save({"state_dict": net.state_dict(), "epoch": 40}, "w.pt")
    return tmp_path


def test_own_network_weights_and_images(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Chips, times, device, periphery, calibration, normalisation: all are defaults."""
    command = ["drift", "my.py:net", "--weights", "w.pt", "--data", "folder:images"]
    assert run([*command, "-o", "out"]) == 0
    said = capsys.readouterr()
    summary = json.loads(Path("out/summary.json").read_text())
    assert summary["digital_accuracy"] > 0.95
    assert [row["n_chips"] for row in summary["rows"]] == [10] * 5
    assert {row["preset"] for row in summary["rows"]} == {"pcm"}
    assert {row["n_images"] for row in summary["rows"]} == {3 * PER_CLASS}
    assert summary["rows"][0]["mean"] > 0.9
    assert "points" in said.out
    assert "3 classes" in said.err
    assert "ImageNet" in summary["normalisation"]
    assert Path("out/report.html").stat().st_size > 10_000


def test_what_the_new_user_forgets_is_said(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["drift", "my.py:net", "--weights", "w.pt", "--data", "folder:images"]) == 2
    assert "Missing option '-o'" in capsys.readouterr().err
    assert run(["drift", "my.py:net", "--weights", "w.pt", "--data", "images", "-o", "out"]) == 2
    assert "got 'images'; write folder:images" in capsys.readouterr().err
    assert run(["drift", "my.py", "--weights", "w.pt", "--data", "folder:images", "-o", "o"]) == 2
    assert "'my.py' must name a callable of the file" in capsys.readouterr().err
