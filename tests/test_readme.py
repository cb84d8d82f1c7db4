"""The examples of the README, and of the page that shows every command, run as they stand."""

import re
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from tests.examples import indented_commands, perform, run_command, steps

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OVERVIEW = (ROOT / "docs" / "reference" / "overview.md").read_text(encoding="utf-8")
COMMANDS = indented_commands(OVERVIEW)


def test_there_are_examples():
    assert {command[1] for command in COMMANDS} >= {
        "presets",
        "convert",
        "drift",
        "compare",
        "report",
    }


@pytest.mark.slow
def test_commands_in_order(tmp_path, monkeypatch):
    # As in a clone, but for what the commands write.
    (tmp_path / "experiments").symlink_to(ROOT / "experiments")
    monkeypatch.chdir(tmp_path)
    for command in COMMANDS:
        run_command(command)
    assert (tmp_path / "out" / "d1" / "report.html").is_file()


@pytest.mark.slow
def test_python_block(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = (step for step in steps(README) if step.kind == "python")
    (printed,) = perform([block])
    assert re.search(r"pcm .*points", printed, flags=re.IGNORECASE), printed


@pytest.mark.slow
def test_own_network(tmp_path, monkeypatch):
    """The README's command for a stranger's files, with files of that kind."""
    torch.manual_seed(0)
    (tmp_path / "my_net.py").write_text(
        "from torch import nn\n\n\ndef make():\n"
        "    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 2))\n"
    )
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 2))
    torch.save(net.state_dict(), tmp_path / "my_net.pt")
    for name in ("cats", "dogs"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(6):
            pixels = torch.randint(0, 256, (8, 8, 3), dtype=torch.uint8).numpy()
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    (command,) = indented_commands(README)

    run_command(command)

    assert (tmp_path / "out" / "mine" / "report.html").is_file()


def test_pages_that_it_names_are_there_and_it_stays_short():
    named = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(named) > 20
    assert [one for one in named if not one.startswith("http") and not (ROOT / one).exists()] == []
    assert len(README.splitlines()) <= 60
