"""Progress of a training on stderr, with an estimate of the time left."""

import sys
from time import monotonic
from typing import Any

_LINE_EVERY_S = 30.0


class TrainProgress:
    """A line every half minute and one an epoch; the estimate counts from this start on."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._start = self._last = monotonic()
        self._first_step: int | None = None

    def step(self, epoch: int, steps: int, step: int, loss: float) -> None:
        """After `step` of `steps` in the epoch that follows `epoch` whole ones."""
        done = epoch * steps + step
        if self._first_step is None:
            self._first_step = done - 1
        now = monotonic()
        if now - self._last < _LINE_EVERY_S:
            return
        self._last = now
        left_s = (now - self._start) / (done - self._first_step) * (self._epochs * steps - done)
        sys.stderr.write(
            f"epoch {epoch + 1}/{self._epochs}, step {step}/{steps}, loss {loss:.3f}, "
            f"about {duration(left_s)} left\n"
        )
        sys.stderr.flush()

    def epoch(self, entry: dict[str, Any]) -> None:
        """After an epoch is on the disk."""
        sys.stderr.write(
            f"epoch {entry['epoch']}/{self._epochs} done in {duration(entry['seconds'])}: loss "
            f"{entry['train_loss']:.4f}, train {100 * entry['train_accuracy']:.2f} %, "
            f"test {100 * entry['test_accuracy']:.2f} %\n"
        )
        sys.stderr.flush()


def duration(seconds: float) -> str:
    """A time to read: `45 s`, `12 min` or `3 h 5 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
