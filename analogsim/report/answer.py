"""One or two plain sentences that answer the run's question, made from its records alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analogsim.experiment.records import Digital, Trial
from analogsim.experiment.statistics import Row, Sampled, paired_trials, summarise
from analogsim.quantity import ACCURACY, Quantity
from analogsim.report.differences import verdict_p
from analogsim.report.labels import series_label, time_labels

LEVEL = 0.05
"""Of a verdict: the chance to tell apart what does not differ."""


@dataclass(frozen=True, kw_only=True)
class _Series:
    """A curve: its rows by time, and the trials behind each."""

    label: str
    rows: dict[float, Row]
    trials: dict[float, list[Trial]]


def answer(
    trials: Sequence[Trial],
    digital: Digital,
    rows: Sequence[Row] | None = None,
    digital_correct: str | None = None,
    quantity: Quantity = ACCURACY,
) -> list[str]:
    """Sentences with numbers and intervals: the digital baseline, then what the chips do.

    One curve: its first and its last time and the paired change between them. Several: the
    highest and the lowest at the last time that all have (or at each one's own last time), and
    whether they are told apart: for new images, as two of all pairs of curves (Bonferroni). A
    sentence on NaN outputs if there were any. `rows` are those of `summarise`, if they are made
    already; `quantity` is what was measured.
    """
    series = _series(trials, summarise(trials) if rows is None else rows)
    labels = time_labels(dict.fromkeys(trial.t_s for trial in trials))
    mean, n_images = quantity.with_unit(digital["accuracy"]), digital["n_images"]
    first = f"The digital network is right on {mean} of {n_images} images."
    if quantity != ACCURACY:
        first = f"The digital network has {quantity.name} {mean} on {n_images} images."
    say = _Words(labels, digital_correct, quantity)
    sentences = [first, say.one(series[0]) if len(series) == 1 else say.several(series)]
    n_nan = sum(trial.n_nan for trial in trials)
    if n_nan:
        n_outputs = sum(trial.n_images for trial in trials)
        as_what = "class 0" if quantity == ACCURACY else "zeros"
        sentences.append(f"{n_nan} of {n_outputs} outputs were NaN; they count as {as_what}.")
    return sentences


def _series(trials: Sequence[Trial], rows: Sequence[Row]) -> list[_Series]:
    with_bn = len({trial.bn for trial in trials}) > 1
    found: dict[tuple[str, str, str], _Series] = {}
    for row in rows:
        key = (row.name, row.bn, row.compensation)
        label = series_label(*key, with_bn=with_bn)
        series = found.setdefault(key, _Series(label=label, rows={}, trials={}))
        series.rows[row.t_s] = row
    for trial in trials:
        key = (trial.name, trial.bn, trial.compensation)
        if key in found:
            found[key].trials.setdefault(trial.t_s, []).append(trial)
    return list(found.values())


@dataclass(frozen=True)
class _Words:
    """Sentences on the curves of one run."""

    labels: dict[float, str]
    digital: str | None
    quantity: Quantity

    def one(self, series: _Series) -> str:
        first, last = min(series.rows), max(series.rows)
        start = f"{series.label}: {self._mean(series.rows[first])} at {self.labels[first]}"
        if first == last:
            return f"{start}."
        text = f"{start} and {self._mean(series.rows[last])} at {self.labels[last]}"
        change = self._paired(series.trials[last], series.trials[first])
        return f"{text}; the change is {self._difference(change)}." if change else f"{text}."

    def several(self, series: list[_Series]) -> str:
        common = set.intersection(*(set(one.rows) for one in series))
        at = {one.label: max(common or one.rows) for one in series}
        ranked = sorted(series, key=lambda one: one.rows[at[one.label]].mean)
        lowest, highest = ranked[0], ranked[-1]
        low, high = lowest.rows[at[lowest.label]], highest.rows[at[highest.label]]
        name = self.quantity.name
        if common:
            opening = f"At {self.labels[max(common)]}, the last time that all have, {name} is"
            names = [highest.label, lowest.label]
        else:
            opening = f"At the last time of each, {name} is"
            names = [f"{one.label} at {self.labels[at[one.label]]}" for one in (highest, lowest)]
        if low.mean == high.mean:
            return f"{opening} {self._mean(high)} for all {len(series)} curves."
        text = f"{opening} highest for {names[0]}: {self._mean(high)}; it is lowest for "
        text += f"{names[1]}: {self._mean(low)}"
        if not common:
            return f"{text}."
        # Chips of one number saw the same images, and on one device are the same chips.
        change = self._paired(highest.trials[high.t_s], lowest.trials[low.t_s])
        if change is None:
            return f"{text}."
        text += f"; the difference is {self._difference(change)}"
        if change.n == 1:
            return f"{text}."
        # The two were picked out of all pairs of curves after the measurement.
        n_pairs = len(series) * (len(series) - 1) // 2
        p = verdict_p(change)
        verdict = "are" if p is not None and p * n_pairs <= LEVEL else "are not"
        picked = f", the extremes of {len(series)} curves," if len(series) > 2 else ""
        return f"{text}; the two{picked} {verdict} told apart."

    def _mean(self, row: Row) -> str:
        mean = self.quantity.with_unit(row.mean)
        if row.ci95 is None:
            return f"{mean} (one chip, so no interval)"
        low, high = map(self.quantity.text, row.ci95)
        text = f"{mean} (95 % interval {low} to {high} over {row.n_chips} chips"
        return f"{text}{_new(row.ci95_new_images, self.quantity.text)})"

    def _paired(self, a: list[Trial], b: list[Trial]) -> Sampled | None:
        """Over the chips that both have; None if they share none."""
        return paired_trials(a, b, self.digital, span=self.quantity.differences)

    def _difference(self, change: Sampled) -> str:
        mean, shown = self.quantity.with_change(change.mean), self.quantity.change
        if change.low is None or change.high is None:
            return f"{mean} (one chip)"
        return (
            f"{mean} (95 % interval {shown(change.low)} to {shown(change.high)} paired over "
            f"{change.n} chips{_new(change.new_images, shown)})"
        )


def _new(bounds: Sequence[float] | None, shown: Callable[[float], str]) -> str:
    return "" if bounds is None else "; for new images {} to {}".format(*map(shown, bounds))
