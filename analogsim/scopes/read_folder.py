"""A noise study's folder, read as a result."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analogsim import schema
from analogsim.errors import InputError, shown
from analogsim.experiment.header import HEADER_FILE, read_header
from analogsim.experiment.records import RECORDS_FILE, check_finished, read_records
from analogsim.experiment.trial import Trial
from analogsim.scopes.levels import KIND, Reference, Scope, levels_of
from analogsim.scopes.of_network import of_network
from analogsim.scopes.result import Cell, Counts, Nearest, NoiseResult
from analogsim.scopes.sound import noise_problems
from analogsim.scopes.variances import nan_share, read_variances

_SPEC: dict[str, Any] = {
    "n_bn": int,
    "n_classes": int,
    "scopes": list[Scope],
    "references": list[Reference],
    "etas": list[float],
    "same_as": dict[str, Scope],
    "weights_sha256": str,
}
_REMEDY = "restore the file or run the study again"


def read_noise(folder: Path) -> NoiseResult:
    """Read a noise study's folder: its header, records and variances alone.

    Raises:
        InputError: a file is absent or broken, no trial is finished, or it is another kind of run.
    """
    header, records = read_header(folder), read_records(folder)
    spec = header.spec
    if spec.get("kind") != KIND:
        raise InputError(
            f"run folder {folder} kind must be {KIND!r}, got {spec.get('kind')!r}; "
            "give the folder of analogsim noise"
        )
    found = [*schema.field_problems({k: v for k, v in spec.items() if k in _SPEC}, _SPEC, "spec ")]
    if found:
        raise InputError(f"{folder / HEADER_FILE} {'; '.join(found)}; {_REMEDY}")
    check_finished(folder, header, records)
    for trial in records:
        if trial.n_images != header.digital["n_images"]:
            raise InputError(
                f"{folder / RECORDS_FILE} n_images must be {header.digital['n_images']} as in the "
                f"header, got {trial.n_images} (draw {trial.chip}); {_REMEDY}"
            )
    layers = read_variances(folder)
    references, etas = tuple(spec["references"]), tuple(spec["etas"])
    nearest: dict[Reference, Nearest] = {}
    for reference in references if layers else ():
        layer = min(layers, key=lambda one: one.sigmas(reference, 1.0))
        sigmas = layer.sigmas(reference, 1.0)
        # Variances that are all equal, as of a network that was never trained, have no noise of
        # their std, and none is near zero.
        if math.isfinite(sigmas):
            nearest[reference] = Nearest(layer=layer.layer, variance=layer.smallest, sigmas=sigmas)
    result = NoiseResult(
        **of_network(header, (*header.notes, *records.notes)),
        n_bn=spec["n_bn"],
        n_classes=spec["n_classes"],
        scopes=tuple(spec["scopes"]),
        references=references,
        etas=etas,
        same=spec["same_as"],
        counts=_counts(spec, records),
        nearest=nearest,
        predicted={
            (reference, eta): nan_share(layers, reference, eta)
            for reference in references
            for eta in etas
        },
        quantity=header.quantity,
        counted=header.digital["n_correct"] is not None
        and all(trial.n_correct is not None for trial in records),
    )
    found = noise_problems(result)
    if found:
        raise InputError(f"{folder} {'; '.join(found)}; {_REMEDY}")
    if not any(counts.correct for counts in result.counts.values()):
        raise InputError(
            f"{folder / RECORDS_FILE} must hold trials of the levels that the header names, got "
            f"{shown(records[0].preset)}; {_REMEDY}"
        )
    return result


def _counts(spec: Mapping[str, Any], records: Sequence[Trial]) -> dict[Cell, Counts]:
    scopes = (spec["same_as"][scope] for scope in spec["scopes"])
    spanned = levels_of(scopes, spec["references"], spec["etas"])
    levels = {level.preset: level for level in spanned}
    correct: dict[Cell, dict[float, dict[int, float]]] = {}
    nan: dict[Cell, dict[float, dict[int, int]]] = {}
    answers: dict[Cell, dict[float, dict[int, str]]] = {}
    unknown: set[Cell] = set()
    for level in levels.values():
        correct.setdefault((level.scope, level.reference), {})
        nan.setdefault((level.scope, level.reference), {})
    for trial in sorted(records, key=lambda trial: trial.chip):
        found = levels.get(trial.preset)
        if found is not None:
            cell = found.scope, found.reference
            right = trial.n_correct
            correct[cell].setdefault(found.eta, {})[trial.chip] = (
                trial.accuracy * trial.n_images if right is None else right
            )
            nan[cell].setdefault(found.eta, {})[trial.chip] = trial.n_nan
            if trial.correct is None:
                unknown.add(cell)
            else:
                known = answers.setdefault(cell, {})
                known.setdefault(found.eta, {})[trial.chip] = trial.correct
    return {
        cell: Counts(
            correct=correct[cell],
            nan=nan[cell],
            answers={} if cell in unknown else answers.get(cell, {}),
        )
        for cell in correct
    }
