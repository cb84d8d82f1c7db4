"""The README's examples run as they stand."""

import re
import shlex
from pathlib import Path

import pytest

from analogsim.cli.main import run

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line, comments=True)[1:]
    for line in re.findall(r"^    (analogsim .*)$", README.replace("\\\n", ""), flags=re.MULTILINE)
]


def test_there_are_examples():
    assert {command[0] for command in COMMANDS} >= {
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
        assert run(command) == 0, command
    assert (tmp_path / "out" / "d1" / "report.html").is_file()


def test_python_block(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    exec(compile(block, "README.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    accuracies = [float(line.split()[1]) for line in lines[-3:]]
    assert all(0.9 < accuracy <= 1.0 for accuracy in accuracies)
    assert (tmp_path / "out" / "my-chip" / "chip.json").is_file()
