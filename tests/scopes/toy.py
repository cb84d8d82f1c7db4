"""Results whose numbers are known."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from analogsim.experiment.deal import pack
from analogsim.scopes.levels import SCOPES
from analogsim.scopes.result import Counts, Nearest, NoiseResult

Numbers = Mapping[tuple[Any, Any], Mapping[float, Sequence[int]]]


def toy(correct: Numbers | None = None, nan: Numbers | None = None, **changes: Any) -> NoiseResult:
    """80 of 100 images right without noise; by default two draws at two levels of two scopes."""
    correct = correct or {
        ("weights", "std"): {0.05: [80, 72], 0.2: [64, 40]},
        ("variance", "std"): {0.05: [80, 8], 0.2: [8, 8]},
    }
    nan = nan or {("variance", "std"): {0.05: [0, 100], 0.2: [100, 100]}}
    counts = {
        cell: Counts(
            correct={eta: dict(enumerate(row)) for eta, row in rows.items()},
            nan={
                eta: dict(enumerate(nan.get(cell, {}).get(eta, [0] * len(row))))
                for eta, row in rows.items()
            },
        )
        for cell, rows in correct.items()
    }
    fields: dict[str, Any] = {
        "question": "?",
        "command": "analogsim noise m -o out",
        "model": "m",
        "data": "d",
        "created": "2030-01-01T00:00:00+00:00",
        "n_images": 100,
        "clean_correct": 80,
        "n_bn": 3,
        "n_classes": 10,
        "scopes": tuple(dict.fromkeys(scope for scope, _ in correct)),
        "references": tuple(dict.fromkeys(reference for _, reference in correct)),
        "etas": (0.05, 0.2),
        "same": {scope: scope for scope in SCOPES},
        "counts": counts,
        "nearest": {"std": Nearest(layer="bn1", variance=0.25, sigmas=0.5)},
        "predicted": {("std", 0.05): 0.25, ("std", 0.2): 0.875},
        "digest": "0123456789abcdef",
        "weights": "ab" * 32,
        "versions": {"torch": "1"},
    }
    return NoiseResult(**(fields | changes))


def first(right: int, of: int = 100) -> str:
    """Answers, packed: the first `right` images are right."""
    return pack([at < right for at in range(of)])


def answered(result: NoiseResult) -> NoiseResult:
    """The same with answers: each trial gets the first images right."""
    n = result.n_images
    return dataclasses.replace(
        result,
        digital_correct=first(result.clean_correct, n),
        counts={
            cell: dataclasses.replace(
                counts,
                answers={
                    eta: {draw: first(right, n) for draw, right in row.items()}
                    for eta, row in counts.correct.items()
                },
            )
            for cell, counts in result.counts.items()
        },
    )
