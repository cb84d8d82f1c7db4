"""One or two plain sentences that answer the run's question, made from its records alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analogsim.experiment.records import Digital, Trial
from analogsim.experiment.statistics import Row, Sampled, paired_trials, summarise
from analogsim.report.differences import verdict_p
from analogsim.report.labels import percent, points, series_label, time_labels

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
) -> list[str]:
    """Sentences with numbers and intervals: the digital baseline, then what the chips do.

    One curve: its first and its last time and the paired change between them. Several: the
    highest and the lowest at the last time that all have (or at each one's own last time), and
    whether they are told apart: for new images, as two of all pairs of curves (Bonferroni). A
    sentence on NaN outputs if there were any. `rows` are those of `summarise`, if they are made
    already.
    """
    series = _series(trials, summarise(trials) if rows is None else rows)
    labels = time_labels(dict.fromkeys(trial.t_s for trial in trials))
    sentences = [
        f"The digital network is right on {percent(digital['accuracy'])} % of "
        f"{digital['n_images']} images."
    ]
    one = len(series) == 1
    say = _one(series[0], labels, digital_correct) if one else None
    sentences.append(say or _several(series, labels, digital_correct))
    n_nan = sum(trial.n_nan for trial in trials)
    if n_nan:
        n_outputs = sum(trial.n_images for trial in trials)
        sentences.append(f"{n_nan} of {n_outputs} outputs were NaN; they count as class 0.")
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


def _one(series: _Series, labels: dict[float, str], digital: str | None) -> str:
    first, last = min(series.rows), max(series.rows)
    start = f"{series.label}: {_mean(series.rows[first])} at {labels[first]}"
    if first == last:
        return f"{start}."
    text = f"{start} and {_mean(series.rows[last])} at {labels[last]}"
    change = _paired(series.trials[last], series.trials[first], digital)
    return f"{text}; the change is {change}." if change else f"{text}."


def _several(series: list[_Series], labels: dict[float, str], digital: str | None) -> str:
    common = set.intersection(*(set(one.rows) for one in series))
    at = {one.label: max(common or one.rows) for one in series}
    ranked = sorted(series, key=lambda one: one.rows[at[one.label]].mean)
    lowest, highest = ranked[0], ranked[-1]
    low, high = lowest.rows[at[lowest.label]], highest.rows[at[highest.label]]
    if common:
        opening = f"At {labels[max(common)]}, the last time that all have, accuracy is"
        names = [highest.label, lowest.label]
    else:
        opening = "At the last time of each, accuracy is"
        names = [f"{one.label} at {labels[at[one.label]]}" for one in (highest, lowest)]
    if low.mean == high.mean:
        return f"{opening} {_mean(high)} for all {len(series)} curves."
    text = f"{opening} highest for {names[0]}: {_mean(high)}; it is lowest for {names[1]}: "
    text += _mean(low)
    if not common:
        return f"{text}."
    # Chips of one number saw the same images, and on one device are the same chips.
    change = paired_trials(highest.trials[high.t_s], lowest.trials[low.t_s], digital)
    if change is None:
        return f"{text}."
    text += f"; the difference is {_difference(change)}"
    if change.n == 1:
        return f"{text}."
    # The two were picked out of all pairs of curves after the measurement.
    n_pairs = len(series) * (len(series) - 1) // 2
    p = verdict_p(change)
    verdict = "are" if p is not None and p * n_pairs <= LEVEL else "are not"
    picked = f", the extremes of {len(series)} curves," if len(series) > 2 else ""
    return f"{text}; the two{picked} {verdict} told apart."


def _mean(row: Row) -> str:
    if row.ci95 is None:
        return f"{percent(row.mean)} % (one chip, so no interval)"
    low, high = map(percent, row.ci95)
    text = f"{percent(row.mean)} % (95 % interval {low} to {high} over {row.n_chips} chips"
    return f"{text}{_new(row.ci95_new_images, percent)})"


def _paired(a: list[Trial], b: list[Trial], digital: str | None) -> str | None:
    """The difference in words, over the chips that both have; None if they share none."""
    change = paired_trials(a, b, digital)
    return None if change is None else _difference(change)


def _difference(change: Sampled) -> str:
    if change.low is None or change.high is None:
        return f"{points(change.mean)} points (one chip)"
    return (
        f"{points(change.mean)} points (95 % interval {points(change.low)} to "
        f"{points(change.high)} paired over {change.n} chips{_new(change.new_images, points)})"
    )


def _new(bounds: Sequence[float] | None, shown: Callable[[float], str]) -> str:
    return "" if bounds is None else "; for new images {} to {}".format(*map(shown, bounds))
