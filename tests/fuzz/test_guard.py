"""The watch over readers sees what it should: each fault is planted and found at its seed."""

import os
import pickle
import re
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from analogsim.errors import AccuracyWarning, InputError
from tests.fuzz.guard import Target, fuzz

BAD = 2


def target(fault: Callable[[Path], object], **options: object) -> Target:
    """Faulty at one seed, sound at the others."""

    def read(folder: Path) -> object:
        return fault(folder) if folder.name == str(BAD) else None

    return Target(make=lambda folder, draw: None, read=read, **options)  # type: ignore[arg-type]


def say(text: str) -> Callable[[Path], object]:
    def refuse(folder: Path) -> object:
        error = InputError("x must be y, got z; w")
        error.args = (text,)
        raise error

    return refuse


def raises(folder: Path) -> object:
    raise ValueError("no")


def swallows(folder: Path) -> object:
    """A reader that catches whatever comes."""
    try:
        return subprocess.run(["true"])
    except Exception:
        raise InputError("x must be y, got z; w") from None


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "another error": (raises, r"^raised ValueError at test_guard\.py:\d+: no"),
    "exit": (lambda folder: sys.exit(0), r"^raised SystemExit"),
    "assertion": (lambda folder: pytest.fail("no"), r"^raised Failed"),
    "many lines": (say("x must be y, got z; w\nand more"), "^2 lines"),
    "long": (say("x" * 1001 + "; w"), "^an error of 1004 characters"),
    "escape": (say("x must be y, got \x1b[2J; w"), "^not printable"),
    "no way out": (say("x must be y, got z"), "^no way out"),
    "no memory": (say("x must be y, got MemoryError; w"), "^asked for more memory"),
    "too much memory": (lambda folder: bytes(2 << 30), "^raised MemoryError"),
    "touched memory": (lambda folder: b"x" * (600 << 20), "^took [56]"),
    "crash": (lambda folder: os.abort(), "^ended by SIGABRT"),
    "killed": (lambda folder: signal.raise_signal(signal.SIGSEGV), "^ended by SIGSEGV"),
    "waits": (lambda folder: time.sleep(60), "^ended by SIGALRM"),
    "works for ever": (lambda folder: sum(iter(int, 1)), "^ended by SIGPROF"),
    "writes": (lambda folder: (folder / "a").write_text("a"), "^raised PermissionError"),
    "makes a folder": (lambda folder: (folder / "a").mkdir(), "^raised PermissionError"),
    "starts": (lambda folder: subprocess.run(["true"]), "^raised PermissionError"),
    "starts and hides it": (swallows, "^subprocess.Popen"),
    "a shell": (lambda folder: os.system("true"), "^raised PermissionError"),
    "a pickle": (lambda folder: pickle.loads(b"cos\nsystem\n."), "^raised PermissionError"),
    "prints": (lambda folder: os.write(1, b"hello"), "^printed b'hello'"),
    "warns": (lambda folder: warnings.warn("odd", stacklevel=1), "^warned odd"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "said"), FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_is_found_at_its_seed(fault: Callable[[Path], object], said: str) -> None:
    # By the clock only where it waits: a busy machine gives a process little of each second.
    found = fuzz(target(fault), range(4), seconds=2, asleep=1 if "SIGALRM" in said else 300)
    assert {seed for seed, _ in found.faults} == {BAD}
    assert any(re.search(said, what) for _, what in found.faults), found.faults


def write(folder: Path) -> None:
    (folder / "a").write_text("a")


def test_what_is_allowed_is_no_fault() -> None:
    for sound in (
        target(write, writes=True),
        target(say("x must:\n  be y; w"), lines=2),
        target(lambda folder: warnings.warn("ours", AccuracyWarning, stacklevel=1)),
    ):
        assert fuzz(sound, range(4)).faults == ()
