"""Runs whose next tasks follow from their result: it is made anew after each round.

What makes it asks for all that it is going to need, and raises `Missing` at the first record that
it needs and that is not there. It looks at nothing but records: a run that was broken off asks for
the same as one that never was.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from analogsim.experiment.job import Task
from analogsim.experiment.record_file import RecordFile
from analogsim.experiment.statistics import ByChip
from analogsim.experiment.trial import Key, Trial

T = TypeVar("T")


class Missing(Exception):
    """A result rests on records that are not there yet."""


def every(asks: Iterable[Callable[[], T]]) -> list[T]:
    """The value of each. Raises Missing, after all have asked, if any of them lacks a record."""
    found = []
    lacking = False
    for ask in asks:
        try:
            found.append(ask())
        except Missing:
            lacking = True
    if lacking:
        raise Missing
    return found


def by_chip(file: RecordFile[Trial], keys: Mapping[int, Key], *, fixed: bool = False) -> ByChip:
    """The answers of chips whose trials have these keys; `fixed` as `ByChip`. Raises Missing."""
    if not file.done.keys() >= set(keys.values()):
        raise Missing
    return ByChip.of({chip: file.done[key] for chip, key in keys.items()}, fixed=fixed)


@dataclass(kw_only=True)
class Requests:
    """The tasks of a round, no record asked for twice."""

    _tasks: list[Task] = field(default_factory=list)
    _keys: defaultdict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))

    def add(self, task: Task, file: RecordFile[Any]) -> None:
        """Ask for what `file` lacks of a task."""
        rest = task.lacking(file.done).lacking(self._keys[file.beside])
        if rest.wanted:
            self._tasks.append(replace(rest, beside=file.beside))
            self._keys[file.beside].update(rest.key(*pair) for pair in rest.wanted)

    def take(self) -> tuple[Task, ...]:
        """The tasks; those of the next round come after."""
        tasks = tuple(self._tasks)
        self._tasks.clear()
        self._keys.clear()
        return tasks
