"""A log axis of times since programming, with a place for 0 and marks that people know."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analogsim.report.labels import time_labels
from analogsim.report.look import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DAY = 86400.0
MARKS: dict[float, str] = {
    _DAY: "1 d",
    365 * _DAY: "1 y",
    3600.0: "1 h",
    3650 * _DAY: "10 y",
    60.0: "1 min",
    30 * _DAY: "1 month",
}
"""Seconds and label, the first to go last; a month is 30 days and a year 365, as elsewhere."""

# Share of a figure's width that its axis has, about.
_AXIS_SHARE = 0.78
_MARGIN = 0.06


@dataclass(frozen=True, kw_only=True)
class TimeAxis:
    """Positions of times on a log axis that also has a place for 0.

    `x` maps seconds to log10 of seconds; 0 stands by itself, left of the first time.
    """

    x: dict[float, float]
    span: float

    @classmethod
    def of(cls, times: Iterable[float]) -> "TimeAxis":
        """Place these times (seconds, 0 or more)."""
        distinct = sorted(set(times))
        x = {t_s: math.log10(t_s) for t_s in distinct if t_s > 0}
        if distinct and distinct[0] == 0:
            gap = max(1.0, 0.12 * (max(x.values()) - min(x.values()))) if x else 1.0
            x[0.0] = min(x.values(), default=gap) - gap
        span = max(x.values()) - min(x.values())
        return cls(x=x, span=span or 1.0)

    def step(self, n_curves: int) -> float:
        """How far curves are moved apart; more where there is one time and all the room."""
        share = min(0.014, 0.06 / n_curves) if len(self.x) > 1 else min(0.2, 0.8 / n_curves)
        return share * self.span

    def ticks(self, axis_in: float, look: Look) -> dict[float, str]:
        """Position and label of what is labelled on an axis of `axis_in` inches.

        First and last time; then the other times that were measured; then the `MARKS` between
        them: each if it has room.
        """
        labels = {t_s: MARKS.get(t_s, label) for t_s, label in time_labels(self.x).items()}
        ordered = sorted(self.x)
        between = [t_s for t_s in MARKS if ordered[0] < t_s < ordered[-1]]
        kept: dict[float, str] = {}
        for t_s in [ordered[0], ordered[-1], *ordered[1:-1], *between]:
            x = self.x.get(t_s, math.log10(t_s) if t_s > 0 else 0.0)
            label = labels.get(t_s, MARKS.get(t_s, ""))
            if x not in kept and all(
                abs(x - other) * axis_in / (self.span * (1 + 2 * _MARGIN))
                >= look.words_in((len(label) + len(text)) / 2 + 1)
                for other, text in kept.items()
            ):
                kept[x] = label
        return dict(sorted(kept.items()))

    def finish(self, axes: "Axes", look: Look, *, columns: int = 1) -> None:
        """Set limits, marks and name of the horizontal axis; small ticks stand at the times."""
        ticks = self.ticks(_AXIS_SHARE * look.width_in / columns, look)
        axes.set_xticks(list(ticks), list(ticks.values()))
        axes.set_xticks([x for x in self.x.values() if x not in ticks], minor=True)
        left, right = min(self.x.values()), max(self.x.values())
        margin = _MARGIN * self.span if right > left else self.span
        axes.set_xlim(left - margin, right + margin)
        name = "time since programming" if columns == 1 else "time"
        axes.set_xlabel(name + (" (log scale)" if right > left else ""))
