"""Trials in a row of a result table: mean, intervals, components, and what chips do beyond it."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analogsim.errors import InputError, plain
from analogsim.experiment.axes import Place, Value, place_of
from analogsim.experiment.deal import positions, unpack_values
from analogsim.experiment.statistics.chips import Quantile, chip_yield, percentile_chip, spread
from analogsim.experiment.statistics.components import Answers, Components, Numbers
from analogsim.experiment.statistics.crossed import crossed
from analogsim.experiment.statistics.interval import SkewedMean, clipped, interval, listed
from analogsim.experiment.statistics.proportion import clopper_pearson
from analogsim.experiment.trial import Trial, name_of
from analogsim.quantity import ACCURACY, Quantity


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a result table; accuracies are fractions, other measures in their unit.

    Attributes:
        n_images: images that each chip saw (the most, where hands differ by one).
        n_evaluations: images over all chips, those of pilots included.
        design: `full` if every chip saw the same images, `dealt` if they were dealt out.
        mean, ci95: over chips, on this test set; [low, high] or None for one chip.
        ci95_new_images: the same where the test set counts as a sample of images, too.
        std_chips: spread over chips; for dealt images without the noise of the measurement.
        std_ci95, percentile5, percentile5_ci95, percentile5_method: None unless the chips saw
            the whole set, and where they are too few; see `chips.py`. Where lower is better it is
            the 95th percentile chip.
        components: standard deviations that belong to chips, images and both together.
        yields: for each accuracy asked for: the share of chips that reach it, and its bounds.
        n_nan: NaN outputs over all chips.
        point: of a sweep; None without one.
    """

    preset: str
    t_s: float
    bn: str
    compensation: str
    n_chips: int
    n_images: int
    mean: float
    ci95: list[float] | None
    std_chips: float | None
    n_nan: int
    n_evaluations: int
    design: Literal["full", "dealt"]
    ci95_new_images: list[float] | None
    std_ci95: list[float] | None
    percentile5: float | None
    percentile5_ci95: list[float] | None
    percentile5_method: str | None
    components: dict[str, float] | None
    yields: list[dict[str, float]]
    point: dict[str, Value] | None = None

    @property
    def name(self) -> str:
        """The device and the point of a sweep, as curves are named."""
        return name_of(self.preset, self.point)


def accuracy_by_chip(trials: Iterable[Trial]) -> dict[int, float]:
    """Accuracy of each chip. Raises InputError if a chip occurs twice."""
    found: dict[int, float] = {}
    for trial in trials:
        if trial.chip in found:
            raise InputError(
                f"records {_name(trial)} must have each chip once, got chip {trial.chip} twice; "
                "delete one of the two lines"
            )
        found[trial.chip] = trial.accuracy
    return found


def summarise(
    trials: Iterable[Trial],
    digital_correct: str | None = None,
    yield_above: Sequence[float] = (),
    quantity: Quantity = ACCURACY,
) -> list[Row]:
    """One row for each preset, BN, point, compensation and time, with the interval over its chips.

    Presets, BN, points and compensation keep the order of their first trial; times ascend. Trials
    of a pilot are in no mean. Raises InputError if a chip occurs twice in a row, or if the chips
    of a row saw different numbers of images or different tiles.
    """
    groups: dict[tuple[str, str, str, Place], dict[float, list[Trial]]] = {}
    for trial in trials:
        curve = (trial.preset, trial.bn, trial.compensation, place_of(trial.point))
        series = groups.setdefault(curve, {})
        series.setdefault(trial.t_s, []).append(trial)
    order = {key[0]: None for key in groups}
    return [
        _row(groups[key][t_s], digital_correct, yield_above, quantity)
        for preset in order
        for key in groups
        if key[0] == preset
        for t_s in sorted(groups[key])
        if any(trial.part == "main" for trial in groups[key][t_s])
    ]


def is_dealt(trials: Sequence[Trial]) -> bool:
    """Whether chips saw different images."""
    return any(trial.images is not None and trial.images["order"] == "dealt" for trial in trials)


def answers(trials: Iterable[Trial]) -> list[Answers] | None:
    """The answers of each trial's chip; None if one did not record them."""
    found = []
    for trial in trials:
        if trial.images is None or trial.correct is None:
            return None
        where = f"records {_name(trial)} correct"
        found.append(
            Answers(
                images=np.asarray(positions(trial.images), dtype=np.int64),
                values=unpack_values(trial.correct, trial.n_images, where=where),
                flip=flip_of([trial]),
            )
        )
    return found


def flip_of(trials: Iterable[Trial]) -> float:
    """What an answer of these trials may change by; see `Answers`."""
    return 1.0 if all(trial.n_correct is not None for trial in trials) else 0.0


def digital_answers(correct: str | None, total: int) -> Numbers | None:
    """The digital network's answers as 0 and 1, or its values; None if they were not recorded."""
    if correct is None:
        return None
    return unpack_values(correct, total, where="header digital_correct")


def digital_new_images(
    correct: str | None, n_correct: int | None, total: int, quantity: Quantity
) -> tuple[float, float] | None:
    """95 % bounds of the digital network's mean on new images; None for values not recorded."""
    if n_correct is not None:
        return clopper_pearson(n_correct, total)
    values = digital_answers(correct, total)
    if values is None:
        return None
    n, mean = len(values), float(values.mean())
    if n == 1:
        return None
    se = float(values.std(ddof=1)) / n**0.5
    third = float(((values - mean) ** 3).mean()) / n**2
    found = SkewedMean(mean=mean, se=se, df=n - 1, third=third)
    return clipped(*found.bounds(0.95), quantity.span)


def _row(
    group: list[Trial],
    digital_correct: str | None,
    yield_above: Sequence[float],
    quantity: Quantity,
) -> Row:
    main = [trial for trial in group if trial.part == "main"]
    first = main[0]
    dealt = is_dealt(main)
    fields = (
        ("periphery", "tile", "forward") if dealt else ("n_images", "periphery", "tile", "forward")
    )
    for field in fields:
        values = {getattr(trial, field): None for trial in main}
        if len(values) > 1:
            raise InputError(
                f"records {_name(first)} must have the same {field} for every chip, got "
                f"{' and '.join(plain(str(one)) for one in values)}; keep them in separate runs"
            )
    accuracies = accuracy_by_chip(main)
    step = flip_of(main) / first.n_images
    over = interval(list(accuracies.values()), step=step, span=quantity.span)
    mean, ci95, std = over.mean, listed(over.bounds), over.std
    new_images, parts = None, None
    chips = answers(main)
    if chips is not None and first.images is not None:
        total = first.images["total"]
        estimate = crossed(
            chips,
            total,
            pilot=answers(t for t in group if t.part == "pilot") or (),
            digital=digital_answers(digital_correct, total),
            span=quantity.span,
            stopped=dealt,
        )
        parts = None if estimate.components is None else _deviations(estimate.components)
        new_images = listed(estimate.new_images)
        if dealt:
            mean, ci95 = estimate.mean, listed(estimate.bounds)
            std = None if parts is None else parts["chip"]
    beyond = None if dealt else spread(list(accuracies.values()))
    low_chip = None if dealt else _bad_chip(list(accuracies.values()), quantity.sign)
    return Row(
        preset=first.preset,
        t_s=first.t_s,
        bn=first.bn,
        compensation=first.compensation,
        n_chips=over.n,
        n_images=max(trial.n_images for trial in main),
        mean=mean,
        ci95=ci95,
        std_chips=std,
        n_nan=sum(trial.n_nan for trial in main),
        n_evaluations=sum(trial.n_images for trial in group),
        design="dealt" if dealt else "full",
        ci95_new_images=new_images,
        std_ci95=[beyond.low, beyond.high] if beyond else None,
        percentile5=low_chip.value if low_chip else None,
        percentile5_ci95=listed(low_chip.bounds) if low_chip else None,
        percentile5_method=low_chip.method if low_chip else None,
        components=parts,
        yields=[] if dealt else [_yield(accuracies, above, quantity.sign) for above in yield_above],
        point=first.point,
    )


def _bad_chip(values: Sequence[float], sign: int) -> Quantile | None:
    """The 5th percentile chip; where lower is better, the 95th."""
    found = percentile_chip([sign * value for value in values])
    if found is None or sign > 0:
        return found
    bounds = None if found.bounds is None else (-found.bounds[1], -found.bounds[0])
    return dataclasses.replace(found, value=-found.value, bounds=bounds)


def _yield(accuracies: Mapping[int, float], above: float, sign: int) -> dict[str, float]:
    share = chip_yield([sign * value for value in accuracies.values()], sign * above)
    return {"above": above, "share": share.value, "low": share.low, "high": share.high}


def _deviations(known: Components) -> dict[str, float]:
    return {
        "chip": known.chip**0.5,
        "image": (known.image + known.image_explained) ** 0.5,
        "interaction": known.interaction**0.5,
    }


def _name(trial: Trial) -> str:
    return (
        f"(preset {trial.name}, t_s {trial.t_s:g}, bn {trial.bn}, "
        f"compensation {trial.compensation})"
    )
