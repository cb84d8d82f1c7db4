"""`noise.json`: a noise study's curves and averages, for programs."""

from collections.abc import Sequence
from typing import Any

from analogsim.experiment.statistics import Interval, Sampled
from analogsim.scopes.levels import MEANING, Reference, Scope
from analogsim.scopes.result import NoiseResult

FORMAT, VERSION = "analogsim-noise", 1


def noise_summary(result: NoiseResult) -> dict[str, Any]:
    """The content of `noise.json`; accuracies and shares are fractions."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "question": result.question,
        "command": result.command,
        "model": result.model,
        "data": result.data,
        "created": result.created,
        "clean": {
            "accuracy": result.clean,
            "n_correct": result.clean_correct,
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


def noise_rows(result: NoiseResult) -> list[dict[str, Any]]:
    """A row a scope, reference and eta; scopes that noise the same tensors once."""
    rows = []
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
                    "accuracy": found.mean * result.clean,
                    "normalised": found.mean,
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
    """Average normalised accuracy, a row a scope, reference and named grid."""
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
    found: Sampled,
    scope: Scope,
    reference: Reference,
    etas: Sequence[float],
) -> dict[str, Any]:
    new = found.new_images
    return {
        "ci95": ci95(found),
        "ci95_new_images": None if new is None else list(new),
        "ci95_method": "any law" if result.any_law(scope, reference, etas) else "Student's t",
    }


def ci95(found: Interval) -> list[float] | None:
    """The bounds as a list, None for one draw."""
    return None if found.low is None or found.high is None else [found.low, found.high]


def _same(result: NoiseResult, scope: Scope) -> str | None:
    return None if result.same[scope] == scope else result.same[scope]
