"""Progress of a study that Python calls: quiet in scripts, one line in notebooks, or a callback."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from analogsim.studies.where import Progress, unwatched


def watching(progress: bool | Progress | None) -> Callable[[], AbstractContextManager[Progress]]:
    """What shows progress: a callback with (done, total, what), True for a line on stderr.

    False is silence; None is True in a notebook and False elsewhere.
    """
    if callable(progress):
        return _called(progress)
    if progress is None:
        progress = "ipykernel" in sys.modules
    return _one_line if progress else unwatched


def _called(progress: Progress) -> Callable[[], AbstractContextManager[Progress]]:
    @contextmanager
    def watch() -> Iterator[Progress]:
        yield progress

    return watch


@contextmanager
def _one_line() -> Iterator[Progress]:
    """A line that is written over itself, which terminals and notebooks both understand."""
    longest = 0

    def show(done: int, total: int, what: str) -> None:
        nonlocal longest
        line = f"{done}/{total} trials ({what})" if total else what
        longest = max(longest, len(line))
        sys.stderr.write(f"\r{line:<{longest}}")
        sys.stderr.flush()

    try:
        yield show
    finally:
        if longest:
            sys.stderr.write("\n")
