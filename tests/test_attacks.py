"""The suite holds attacks of every kind, and the table that counts them is up to date."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.attacks import KINDS, LEAST, by_kind

ROOT = Path(__file__).parents[1]


@pytest.mark.slow  # a process that imports the tests
def test_there_are_300_attacks_and_every_kind_has_some() -> None:
    command = [sys.executable, "-m", "tests.attacks"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    *rows, total = [line.strip().split(" ", 1) for line in done.stdout.splitlines()]
    counts = {kind: int(count) for count, kind in rows}
    assert counts.keys() == KINDS.keys()
    assert min(counts.values()) >= 8
    assert sum(counts.values()) == int(total[0]) >= LEAST == 300


def test_a_name_without_a_test_is_seen() -> None:
    names = [f"tests/{test}" for of in KINDS.values() for test in of]
    assert sum(map(len, by_kind(names).values())) == len(names)
    # Another test whose name begins so is none of them.
    gone = next(name for name in names if "::" in name and "[" not in name)
    with pytest.raises(ValueError, match=f"^{gone.removeprefix('tests/')} must be a test, got no"):
        by_kind([f"{name}_else" if name == gone else name for name in names])
