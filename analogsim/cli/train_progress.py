"""Progress of a training on stderr, with an estimate of the time left."""

import sys
from collections.abc import Sequence
from itertools import accumulate
from time import monotonic
from typing import Any

from analogsim.cli.estimate import announcement, duration, memory_now
from analogsim.cli.say import quiet, verbose

_LINE_EVERY_S = 30.0
# The first steps are slower than the rest: memory is laid out, kernels are chosen.
_FIRST_STEPS = 2
_MEASURED_STEPS, _MEASURED_S = 8, 5.0


class TrainProgress:
    """A line every half minute and one an epoch; the estimate counts from this start on.

    Args:
        efforts: of a step in each epoch, relative to each other: shrunk images take less time.
    """

    def __init__(self, efforts: Sequence[float]) -> None:
        self._epochs = len(efforts)
        self._efforts = (*efforts, 0.0)
        # Of all epochs before each, a step an epoch.
        self._before = (0.0, *accumulate(efforts))
        self._start = self._last = monotonic()
        self._first_step: int | None = None
        # When the slow first steps were over.
        self._warm_at: float | None = None
        self._warm_step = 0
        self._announced = False

    def step(self, epoch: int, steps: int, step: int, loss: float) -> None:
        """After `step` of `steps` in the epoch that follows `epoch` whole ones."""
        if quiet():
            return
        done = epoch * steps + step
        if self._first_step is None:
            self._first_step = done - 1
        now = monotonic()
        self._announce(now, done, steps)
        if now - self._last < _LINE_EVERY_S and not verbose():
            return
        self._last = now
        left_s = self._left_s(now - self._start, self._first_step, done, steps)
        sys.stderr.write(
            f"epoch {epoch + 1}/{self._epochs}, step {step}/{steps}, loss {loss:.3f}, "
            f"about {duration(left_s)} left\n"
        )
        sys.stderr.flush()

    def _left_s(self, elapsed_s: float, since: int, done: int, steps: int) -> float:
        """Seconds until the end, from those that the steps from `since` to `done` took."""
        total, reached = self._effort(self._epochs * steps, steps), self._effort(done, steps)
        return elapsed_s / (reached - self._effort(since, steps)) * (total - reached)

    def _effort(self, done: int, steps: int) -> float:
        """Of all steps up to `done`."""
        epoch, step = divmod(done, steps)
        return self._before[epoch] * steps + self._efforts[epoch] * step

    def _announce(self, now: float, done: int, steps: int) -> None:
        assert self._first_step is not None
        measured = done - self._first_step - _FIRST_STEPS
        if self._warm_at is None and measured >= 0:
            self._warm_at, self._warm_step = now, done
        if self._announced or self._warm_at is None or measured < 1:
            return
        elapsed_s = now - self._warm_at
        if measured < _MEASURED_STEPS and elapsed_s < _MEASURED_S:
            return
        self._announced = True
        left_s = self._left_s(elapsed_s, self._warm_step, done, steps)
        left = self._epochs * steps - done
        said = announcement(left_s, f"{left} more steps", memory_now())
        if said is not None:
            sys.stderr.write(f"{said}\n")
            sys.stderr.flush()

    def epoch(self, entry: dict[str, Any]) -> None:
        """After an epoch is on the disk."""
        if quiet():
            return
        sys.stderr.write(
            f"epoch {entry['epoch']}/{self._epochs} done in {duration(entry['seconds'])}: loss "
            f"{entry['train_loss']:.4f}, train {100 * entry['train_accuracy']:.2f} %, "
            f"test {100 * entry['test_accuracy']:.2f} %\n"
        )
        sys.stderr.flush()
