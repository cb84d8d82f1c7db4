"""Progress of a training on stderr, with an estimate of the time left."""

import sys
from time import monotonic
from typing import Any

from analogsim.cli.estimate import announcement, duration, memory_now

__all__ = ["TrainProgress", "duration"]

_LINE_EVERY_S = 30.0
# The first steps are slower than the rest: memory is laid out, kernels are chosen.
_FIRST_STEPS = 2
_MEASURED_STEPS, _MEASURED_S = 8, 5.0


class TrainProgress:
    """A line every half minute and one an epoch; the estimate counts from this start on."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._start = self._last = monotonic()
        self._first_step: int | None = None
        # When the slow first steps were over.
        self._warm_at: float | None = None
        self._announced = False

    def step(self, epoch: int, steps: int, step: int, loss: float) -> None:
        """After `step` of `steps` in the epoch that follows `epoch` whole ones."""
        done = epoch * steps + step
        if self._first_step is None:
            self._first_step = done - 1
        now = monotonic()
        self._announce(now, done, self._epochs * steps - done)
        if now - self._last < _LINE_EVERY_S:
            return
        self._last = now
        left_s = (now - self._start) / (done - self._first_step) * (self._epochs * steps - done)
        sys.stderr.write(
            f"epoch {epoch + 1}/{self._epochs}, step {step}/{steps}, loss {loss:.3f}, "
            f"about {duration(left_s)} left\n"
        )
        sys.stderr.flush()

    def _announce(self, now: float, done: int, left: int) -> None:
        assert self._first_step is not None
        measured = done - self._first_step - _FIRST_STEPS
        if self._warm_at is None and measured >= 0:
            self._warm_at = now
        if self._announced or self._warm_at is None or measured < 1:
            return
        elapsed_s = now - self._warm_at
        if measured < _MEASURED_STEPS and elapsed_s < _MEASURED_S:
            return
        self._announced = True
        left_s = elapsed_s / measured * left
        said = announcement(left_s, f"{left} more steps", memory_now())
        if said is not None:
            sys.stderr.write(f"{said}\n")
            sys.stderr.flush()

    def epoch(self, entry: dict[str, Any]) -> None:
        """After an epoch is on the disk."""
        sys.stderr.write(
            f"epoch {entry['epoch']}/{self._epochs} done in {duration(entry['seconds'])}: loss "
            f"{entry['train_loss']:.4f}, train {100 * entry['train_accuracy']:.2f} %, "
            f"test {100 * entry['test_accuracy']:.2f} %\n"
        )
        sys.stderr.flush()
