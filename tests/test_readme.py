"""The README's examples run as they stand."""

from pathlib import Path

import pytest

from tests.examples import indented_commands, perform, run_command, steps

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = indented_commands(README)


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


def test_python_block(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = (step for step in steps(README) if step.kind == "python")
    (printed,) = perform([block])
    accuracies = [float(line.split()[1]) for line in printed.splitlines()[-3:]]
    assert all(0.9 < accuracy <= 1.0 for accuracy in accuracies)
    assert (tmp_path / "out" / "my-chip" / "chip.json").is_file()
