"""Progress of a run on stderr, with an estimate of the time left."""

import sys
from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_LINE_EVERY_S = 10.0


class ProgressReporter:
    """Called with (done, total, what); a bar on a terminal, otherwise a line every ten seconds."""

    def __init__(self) -> None:
        self._start = self._last = monotonic()
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task("starting", total=None)

    def __call__(self, done: int, total: int, what: str) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total, description=what)
            return
        now = monotonic()
        if done and done < total and now - self._last >= _LINE_EVERY_S:
            self._last = now
            left_s = (now - self._start) / done * (total - done)
            sys.stderr.write(f"{done}/{total} trials, about {left_s:.0f} s left ({what})\n")
            sys.stderr.flush()

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
