"""The estimate of time and memory, with a clock of our own."""

import io
import subprocess
import sys

import pytest
from rich.console import Console

from analogsim.cli.estimate import Memory, announcement, duration, seconds_left
from analogsim.cli.progress import ProgressReporter

HELD = Memory(used_gib=1.26, processes=3, free_gib=8.0)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize(
    ("fresh", "left", "elapsed_s", "expected"),
    [
        (0, 10, 50.0, None), (1, 10, 1.0, None), (1, 10, 19.0, None), (1, 10, 20.0, 200.0),
        (8, 80, 4.0, 40.0), (7, 80, 4.0, None), (20, 0, 40.0, None),
    ],
)  # fmt: skip
def test_time_left(fresh: int, left: int, elapsed_s: float, expected: float | None) -> None:
    assert seconds_left(fresh, left, elapsed_s) == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(45, "45 s"), (100, "2 min"), (3600 * 5, "5 h 0 min"), (3600 * 50, "2 d 2 h")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_only_what_is_long_is_announced() -> None:
    assert announcement(60.0, "9 more trials", HELD) is None
    assert announcement(600.0, "9 more trials", HELD) == (
        "estimate: about 10 min for 9 more trials, with 1.3 GiB of memory in 3 processes, "
        "8.0 GiB are free"
    )


def test_a_long_run_is_announced_once(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with ProgressReporter(clock, lambda: HELD) as progress:
        clock.now_s += 500.0
        progress(0, 0, "digital")
        for done in range(1, 5):
            clock.now_s += 25.0
            progress(done, 400, f"pcm chip {done}")
    lines = capsys.readouterr().err.splitlines()
    # The digital network's 500 s are no trial's.
    assert lines[0] == (
        "estimate: about 2 h 46 min for 399 more trials, with 1.3 GiB of memory in 3 processes, "
        "8.0 GiB are free"
    )
    assert lines[1:] == [
        f"{done}/400 trials, about {left} left (pcm chip {done})"
        for done, left in enumerate(("2 h 46 min",) * 2 + ("2 h 45 min",) * 2, start=1)
    ]


def test_trials_of_before_are_no_measure(capsys: pytest.CaptureFixture[str]) -> None:
    """Taken up at 300 of 400: 30 s a trial, so 99 more in 49 min, and not in 10 s."""
    clock = Clock()
    with ProgressReporter(clock, lambda: HELD) as progress:
        clock.now_s += 30.0
        progress(301, 400, "pcm chip 0")
    assert "about 50 min for 99 more trials" in capsys.readouterr().err


def test_a_short_run_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with ProgressReporter(clock, lambda: HELD) as progress:
        for done in range(1, 11):
            clock.now_s += 0.5
            progress(done, 10, "ideal chip 0")
    assert capsys.readouterr().err == ""


def test_on_a_terminal_it_stands_above_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(
        "rich.console.Console", lambda **_: Console(file=screen, force_terminal=True, width=60)
    )
    clock = Clock()
    with ProgressReporter(clock, lambda: HELD) as progress:
        progress(0, 0, "digital")
        clock.now_s += 30.0
        progress(1, 100, "pcm chip 0")
    assert "estimate: about 50 min for 99 more trials" in screen.getvalue()
    assert "1/100" in screen.getvalue()


@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch, term: str) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", term)
    assert (ProgressReporter()._bar is None) == (term == "dumb")


GROWTH = """
import mmap, os
from analogsim.cli.estimate import memory_now

held = memory_now()
# Pages of its own, which malloc might have kept.
with mmap.mmap(-1, 64 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
    for _ in range(64):
        block.write(os.urandom(1 << 20))
    print(held.processes, memory_now().used_gib - held.used_gib)
"""


def test_memory_is_that_of_this_process() -> None:
    # Of its own: pages that a process shares with another one count for more when that one ends.
    done = subprocess.run(
        [sys.executable, "-c", GROWTH], capture_output=True, text=True, check=True, timeout=60
    )
    processes, grown = done.stdout.split()
    assert processes == "1"
    assert 0.05 < float(grown) < 0.1
