"""What a noise study measured, as counts; and what is averaged from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from analogsim import schema
from analogsim.errors import InputError
from analogsim.experiment.records import HEADER_FILE, RECORDS_FILE, read_header, read_records
from analogsim.experiment.statistics import Sampled
from analogsim.experiment.trial import Trial
from analogsim.scopes.levels import GRIDS, Level, Reference, Scope, grid_etas
from analogsim.scopes.sound import noise_problems
from analogsim.scopes.study import KIND
from analogsim.scopes.units import Units, linearised, unpacked
from analogsim.scopes.variances import nan_share, read_variances

Cell = tuple[Scope, Reference]
_SPEC: dict[str, Any] = {
    "n_bn": int,
    "n_classes": int,
    "scopes": list[Scope],
    "references": list[Reference],
    "etas": list[float],
    "same_as": dict[str, Scope],
    "weights_sha256": str,
}
_TODO = "restore the file or run the study again"


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Of one scope and reference: eta -> draw -> how many images were right, and NaN.

    `answers` says which images were right, packed as in `deal.pack`: of every trial or of none.
    """

    correct: Mapping[float, Mapping[int, int]]
    nan: Mapping[float, Mapping[int, int]]
    answers: Mapping[float, Mapping[int, str]] = field(default_factory=dict)

    def draws(self, etas: Sequence[float]) -> list[int]:
        """The draws that are there at every one of `etas`."""
        first, *rest = (set(self.correct.get(eta, {})) for eta in etas)
        return sorted(first.intersection(*rest))


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """The layer whose running variance is nearest to zero, in sigma at eta = 1.

    Attributes:
        sigmas: (variance + eps) / reference; divide by eta.
    """

    layer: str
    variance: float
    sigmas: float


@dataclass(frozen=True, kw_only=True)
class NoiseResult:
    """One network's study. Accuracies come from counts of right images.

    Attributes:
        scopes: those asked for; `same` says under which one each was computed.
        nearest: by reference; empty where no layer takes a root.
        predicted: share of draws that give NaN, by (reference, eta), noise on raw variances.
        notes: sentences of the run.
        digital_correct: which images the network gets right without noise, packed; None in
            results of before they were kept.
    """

    question: str
    command: str
    model: str
    data: str
    created: str
    n_images: int
    clean_correct: int
    n_bn: int
    n_classes: int
    scopes: tuple[Scope, ...]
    references: tuple[Reference, ...]
    etas: tuple[float, ...]
    same: Mapping[Scope, Scope]
    counts: Mapping[Cell, Counts]
    nearest: Mapping[Reference, Nearest]
    predicted: Mapping[tuple[Reference, float], float]
    digest: str
    weights: str
    versions: Mapping[str, str]
    notes: tuple[str, ...] = ()
    digital_correct: str | None = None

    @property
    def clean(self) -> float:
        """Accuracy without noise, a fraction."""
        return self.clean_correct / self.n_images

    def of(self, scope: Scope, reference: Reference) -> Counts:
        """The counts of a scope, under whichever name they were computed."""
        return self.counts[self.same[scope], reference]

    def curve(self, scope: Scope, reference: Reference, eta: float) -> Sampled | None:
        """Normalised accuracy at a level over its draws; None if none is done."""
        return self.average(scope, reference, (eta,))

    def units(self, scope: Scope, reference: Reference, etas: Sequence[float]) -> Units:
        """Normalised accuracy of each draw, averaged over `etas`; draws that have all of them."""
        counts = self.of(scope, reference)
        draws = counts.draws(etas)
        total = self.clean_correct * len(etas)
        images = None
        if self.digital_correct is not None and counts.answers:
            digital = unpacked(self.digital_correct, self.n_images)
            images = {
                draw: linearised(
                    np.mean(
                        [unpacked(counts.answers[eta][draw], self.n_images) for eta in etas], axis=0
                    ),
                    digital,
                )
                for draw in draws
            }
        return Units(
            values={d: sum(counts.correct[eta][d] for eta in etas) / total for d in draws},
            images=images,
            # Not a level's part of it: a draw has the same normals at all levels, which flip
            # the same answers.
            step=1 / self.clean_correct,
            span=(0.0, 1 / self.clean),
            any_law=self.any_law(scope, reference, etas),
        )

    def by_draw(
        self, scope: Scope, reference: Reference, etas: Sequence[float]
    ) -> Mapping[int, float]:
        """Draw -> normalised accuracy, averaged over `etas`."""
        return self.units(scope, reference, etas).values

    def average(self, scope: Scope, reference: Reference, etas: Sequence[float]) -> Sampled | None:
        """Average normalised accuracy; the draw is the unit, so its etas are averaged first."""
        return self.units(scope, reference, etas).mean()

    def any_law(self, scope: Scope, reference: Reference, etas: Sequence[float]) -> bool:
        """Whether a draw is NaN in all images at one of `etas`: draws are of two kinds then."""
        return any(self.nan_trials(scope, reference, eta)[0] for eta in etas)

    def nan_trials(self, scope: Scope, reference: Reference, eta: float) -> tuple[int, int]:
        """How many draws gave NaN in every image, and how many draws there are."""
        nan = self.of(scope, reference).nan.get(eta, {})
        return sum(n == self.n_images for n in nan.values()), len(nan)

    def nan_images(self, scope: Scope, reference: Reference, eta: float) -> float:
        """The share of images, over all draws, that gave NaN."""
        nan = self.of(scope, reference).nan.get(eta, {})
        return sum(nan.values()) / (self.n_images * len(nan)) if nan else 0.0

    def prediction(self, scope: Scope, reference: Reference, eta: float) -> float:
        """The share of draws that are predicted to give NaN; 0 where no raw variance is noised."""
        return self.predicted[reference, eta] if self.same[scope] == "variance" else 0.0

    def grids(self) -> dict[str, tuple[float, ...]]:
        """The named grids and their etas; not those without one, or with another grid's."""
        found: dict[str, tuple[float, ...]] = {}
        for grid in GRIDS:
            etas = grid_etas(grid, self.etas)
            if etas and etas not in found.values():
                found[grid] = etas
        return found

    @property
    def chance(self) -> float:
        """The floor of chance, normalised."""
        return 1 / self.n_classes / self.clean


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
        raise InputError(f"{folder / HEADER_FILE} {'; '.join(found)}; {_TODO}")
    if not records:
        raise InputError(
            f"{folder / RECORDS_FILE} must hold at least one finished trial, got none; let the "
            f"run finish one: {header.command}"
        )
    for trial in records:
        if trial.spec_digest != header.spec_digest:
            raise InputError(
                f"{folder / RECORDS_FILE} spec_digest must be {header.spec_digest} as in the "
                f"header, got {trial.spec_digest} (draw {trial.chip}); keep experiments in "
                "separate folders"
            )
        if trial.n_images != header.digital["n_images"]:
            raise InputError(
                f"{folder / RECORDS_FILE} n_images must be {header.digital['n_images']} as in the "
                f"header, got {trial.n_images} (draw {trial.chip}); {_TODO}"
            )
    layers = read_variances(folder)
    references, etas = tuple(spec["references"]), tuple(spec["etas"])
    nearest: dict[Reference, Nearest] = {}
    for reference in references if layers else ():
        layer = min(layers, key=lambda one: one.sigmas(reference, 1.0))
        nearest[reference] = Nearest(
            layer=layer.layer, variance=layer.smallest, sigmas=layer.sigmas(reference, 1.0)
        )
    result = NoiseResult(
        question=header.question,
        command=header.command,
        model=header.model,
        data=header.data,
        created=header.created,
        n_images=header.digital["n_images"],
        clean_correct=header.digital["n_correct"],
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
        digest=header.spec_digest,
        weights=spec["weights_sha256"],
        versions=header.versions,
        notes=(*header.notes, *records.notes),
        digital_correct=header.digital_correct,
    )
    found = noise_problems(result)
    if found:
        raise InputError(f"{folder} {'; '.join(found)}; {_TODO}")
    return result


def _counts(spec: Mapping[str, Any], records: Sequence[Trial]) -> dict[Cell, Counts]:
    levels = {
        level.preset: level
        for scope in dict.fromkeys(spec["same_as"][scope] for scope in spec["scopes"])
        for reference in spec["references"]
        for eta in spec["etas"]
        if (level := Level(scope=scope, reference=reference, eta=eta))
    }
    correct: dict[Cell, dict[float, dict[int, int]]] = {}
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
            correct[cell].setdefault(found.eta, {})[trial.chip] = trial.n_correct
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
