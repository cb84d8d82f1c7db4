"""Progress of a run on stderr, with an estimate of time and memory if it is long."""

import os
import sys
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Self

from analogsim.cli.estimate import Memory, announcement, duration, memory_now, seconds_left
from analogsim.cli.say import quiet, verbose
from analogsim.experiment.describe import installed_versions

if TYPE_CHECKING:
    from rich.progress import Progress

_LINE_EVERY_S = 10.0


class ProgressReporter:
    """Called with (done, total, what); a bar on a terminal, otherwise a line every ten seconds.

    What will take longer than a minute is announced once. Trials that a run had before this
    process began are no measure of its pace.
    """

    def __init__(
        self,
        clock: Callable[[], float] = monotonic,
        memory: Callable[[], Memory] = memory_now,
    ) -> None:
        self._clock, self._memory = clock, memory
        self._began = self._start = self._last = clock()
        self._before: int | None = None
        self._announced = False
        self._bar: Progress | None = None
        self._quiet, self._verbose = quiet(), verbose()
        plain = self._quiet or self._verbose
        if not plain and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            self._bar = _bar()
            self._task = self._bar.add_task("starting", total=None)

    def __call__(self, done: int, total: int, what: str) -> None:
        if self._quiet:
            return
        now = self._clock()
        if self._verbose:
            count = f"{done}/{total} " if total else ""
            self._say(f"[{now - self._began:.1f} s] {count}{what}")
        if self._before is None:
            if not done:
                # The digital network is measured; the trials begin now.
                self._start = now
                if self._bar is not None:
                    self._bar.update(self._task, description=what)
                return
            self._before = done - 1
        left_s = seconds_left(done - self._before, total - done, now - self._start)
        self._announce(left_s, total - done)
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total, description=what)
        elif not self._verbose and left_s is not None and now - self._last >= _LINE_EVERY_S:
            self._last = now
            self._say(f"{done}/{total} trials, about {duration(left_s)} left ({what})")

    def _announce(self, left_s: float | None, left: int) -> None:
        if self._announced or left_s is None:
            return
        self._announced = True
        said = announcement(left_s, f"{left} more trials", self._memory())
        if said is not None:
            self._say(said)

    def _say(self, line: str) -> None:
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
            return
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._verbose:
            versions = ", ".join(f"{name} {one}" for name, one in installed_versions().items())
            self._say(f"{self._clock() - self._began:.1f} s in all, with {versions}")
        if self._bar is not None:
            self._bar.stop()


def _bar() -> "Progress":
    # Only a terminal needs it.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
