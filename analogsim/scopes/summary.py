"""`noise.json`: a noise study's curves and averages, for programs."""

from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict, cast

from analogsim.experiment.sealed import Head
from analogsim.experiment.statistics import Interval, listed
from analogsim.quantity import QuantityEntry
from analogsim.scopes.levels import MEANING, Reference, Scope
from analogsim.scopes.result import NoiseResult

FORMAT, VERSION = "analogsim-noise", 1


class Row(TypedDict):
    """What is left at a level of a scope and reference, over draws.

    `accuracy`, or `mean` of another measure, is that under noise. `normalised` is its share of the
    digital network's, or `change` the difference from that where the measure has no such share:
    the intervals and `std_draws` are of it.
    """

    scope: Scope
    reference: Reference
    eta: float
    accuracy: NotRequired[float]
    mean: NotRequired[float]
    normalised: NotRequired[float]
    change: NotRequired[float]
    ci95: list[float] | None
    ci95_new_images: list[float] | None
    ci95_method: str
    std_draws: float | None
    draws: int
    nan_draws: int
    nan_images: float
    nan_predicted: float


class Average(TypedDict):
    """The mean of `normalised` (or `change`) over the levels of a named grid."""

    scope: Scope
    reference: Reference
    grid: str
    etas: list[float]
    mean: float
    ci95: list[float] | None
    ci95_new_images: list[float] | None
    ci95_method: str
    draws: int


class NoiseSummary(Head):
    """The content of `noise.json`: accuracies and shares are fractions.

    `measure` is there where another one than the accuracy is measured.
    """

    created: str
    measure: NotRequired[QuantityEntry]
    clean: dict[str, float]
    n_bn: int
    scopes: dict[str, dict[str, str | None]]
    rows: list[Row]
    averages: list[Average]
    nearest_variance: dict[str, dict[str, Any]]
    spec_digest: str
    weights_sha256: str
    versions: dict[str, str]
    notes: list[str]


def noise_summary(result: NoiseResult) -> NoiseSummary:
    """The content of `noise.json`."""
    made: Any = {
        "format": FORMAT,
        "version": VERSION,
        "question": result.question,
        "command": result.command,
        "model": result.model,
        "data": result.data,
        "created": result.created,
        **({} if result.of_accuracy else {"measure": result.quantity.entry()}),
        "clean": {
            _mean(result): result.clean,
            **({"n_correct": result.clean_correct} if result.counted else {}),
            "n_images": result.n_images,
        },
        "n_bn": result.n_bn,
        "scopes": {
            scope: {"meaning": MEANING[scope], "same_as": _same(result, scope)}
            for scope in result.scopes
        },
        "rows": noise_rows(result),
        "averages": noise_averages(result),
        "nearest_variance": {
            reference: {
                "layer": one.layer,
                "variance": one.variance,
                "sigmas_at_eta_1": one.sigmas,
            }
            for reference, one in result.nearest.items()
        },
        "spec_digest": result.digest,
        "weights_sha256": result.weights,
        "versions": dict(result.versions),
        "notes": list(result.notes),
    }
    return cast(NoiseSummary, made)


def _mean(result: NoiseResult) -> str:
    return "accuracy" if result.of_accuracy else "mean"


def noise_rows(result: NoiseResult) -> list[dict[str, Any]]:
    """A row a scope, reference and eta; scopes that noise the same tensors once."""
    rows = []
    ratio = result.relative.is_ratio
    for scope, reference in computed(result):
        for eta in result.etas:
            found = result.curve(scope, reference, eta)
            if found is None:
                continue
            nan, draws = result.nan_trials(scope, reference, eta)
            rows.append(
                {
                    "scope": scope,
                    "reference": reference,
                    "eta": eta,
                    _mean(result): found.mean * result.clean
                    if ratio
                    else found.mean + result.clean,
                    "normalised" if ratio else "change": found.mean,
                    **_intervals(result, found, scope, reference, (eta,)),
                    "std_draws": found.std,
                    "draws": draws,
                    "nan_draws": nan,
                    "nan_images": result.nan_images(scope, reference, eta),
                    "nan_predicted": result.prediction(scope, reference, eta),
                }
            )
    return rows


def noise_averages(result: NoiseResult) -> list[dict[str, Any]]:
    """What is left on average, a row a scope, reference and named grid."""
    rows = []
    for scope, reference in computed(result):
        for grid, etas in result.grids().items():
            found = result.average(scope, reference, etas)
            if found is not None:
                rows.append(
                    {
                        "scope": scope,
                        "reference": reference,
                        "grid": grid,
                        "etas": list(etas),
                        "mean": found.mean,
                        **_intervals(result, found, scope, reference, etas),
                        "draws": found.n,
                    }
                )
    return rows


def computed(result: NoiseResult) -> list[tuple[Scope, Reference]]:
    """Scopes and references that have trials of their own, in the order asked."""
    scopes = dict.fromkeys(result.same[scope] for scope in result.scopes)
    return [(scope, reference) for reference in result.references for scope in scopes]


def _intervals(
    result: NoiseResult,
    found: Interval,
    scope: Scope,
    reference: Reference,
    etas: Sequence[float],
) -> dict[str, Any]:
    return {
        "ci95": listed(found.bounds),
        "ci95_new_images": listed(found.new_images),
        "ci95_method": "any law" if result.any_law(scope, reference, etas) else "Student's t",
    }


def _same(result: NoiseResult, scope: Scope) -> str | None:
    return None if result.same[scope] == scope else result.same[scope]
