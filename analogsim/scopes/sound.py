"""What a noise study's counts must be, whoever wrote the file that they were read from."""

import math
from collections.abc import Iterator, Mapping, Sequence

from analogsim.errors import shown
from analogsim.experiment.deal import answer_problems, value_problems
from analogsim.scopes.levels import REFERENCES, SCOPES
from analogsim.scopes.result import Counts, NoiseResult


def noise_problems(result: NoiseResult) -> list[str]:
    """What no study measures, a sentence each; values are of the types that they should be."""
    found = list(_heads(result))
    return found or [*_counts(result)]


def _heads(result: NoiseResult) -> Iterator[str]:
    total = result.n_images
    if not result.of_accuracy:
        if result.relative.is_ratio and not result.clean_correct > 0:
            yield f"{result.quantity.name} of the digital network must be above 0, got none"
    elif not 1 <= result.clean_correct <= total:
        yield f"clean_correct must be from 1 to n_images = {total}, got {result.clean_correct}"
        return
    if result.n_bn < 0 or result.n_classes < 1:
        got = f"{shown(result.n_bn)} and {shown(result.n_classes)}"
        yield f"n_bn and n_classes must be at least 0 and 1, got {got}"
    for what, values, known in (
        ("scopes", result.scopes, SCOPES),
        ("references", result.references, REFERENCES),
    ):
        if not _once(values) or not set(values) <= set(known):
            yield f"{what} must be different ones of {', '.join(known)}, got {shown(values)}"
    if not _once(result.etas) or min(result.etas) <= 0 or math.isinf(max(result.etas)):
        yield f"etas must be different ones above 0, got {shown(result.etas)}"
    lacking = [scope for scope in result.scopes if result.same.get(scope) not in SCOPES]
    if lacking:
        yield f"same_as must give a scope for each, got none for {lacking[0]}"
    if set(result.nearest) - set(REFERENCES):
        yield f"nearest must be of {', '.join(REFERENCES)}, got {shown(list(result.nearest))}"
    wanted = {(reference, eta) for reference in result.references for eta in result.etas}
    # Of no other scope is there a prediction.
    if "variance" not in {result.same.get(scope) for scope in result.scopes}:
        wanted = set()
    if wanted - result.predicted.keys() or not all(0 <= p <= 1 for p in result.predicted.values()):
        yield "predicted must be a share for each reference and eta, got others"
    if result.digital_correct is not None:
        packed, where = result.digital_correct, "digital_correct"
        if result.counted:
            yield from answer_problems(packed, total, result.clean_correct, where)
        else:
            yield from value_problems(packed, total, where)


def _counts(result: NoiseResult) -> Iterator[str]:
    for scope in result.scopes:
        for reference in result.references:
            if (result.same[scope], reference) not in result.counts:
                yield f"rows must hold {result.same[scope]} of {reference}, got none"
    for (scope, reference), counts in result.counts.items():
        where = f"row {scope} of {reference}"
        if result.counted:
            yield from _of_cell(counts, result.n_images, where)
            continue
        for known in counts.answers.values():
            for one in known.values():
                yield from value_problems(one, result.n_images, where)


def _of_cell(counts: Counts, total: int, where: str) -> Iterator[str]:
    for what, rows in (("correct", counts.correct), ("nan", counts.nan)):
        for row in rows.values():
            yield from count_problems(list(row.values()), total, f"{where} {what}")
    for eta, known in counts.answers.items():
        yield from first_problem(known, total, counts.correct[eta], f"{where} answers")


def count_problems(counts: Sequence[float | None], total: int, where: str) -> Iterator[str]:
    """Numbers of images that there are not."""
    wrong = [one for one in counts if one is None or not 0 <= one <= total]
    if wrong:
        yield f"{where} must be from 0 to n_images = {total}, got {shown(wrong[0])}"


def first_problem(
    packed: Mapping[int, str], total: int, right: Mapping[int, float], where: str
) -> Iterator[str]:
    """The first unit's answers that are not as they were counted."""
    for unit, one in packed.items():
        found = list(answer_problems(one, total, right[unit], where))
        if found:
            yield from found
            return


def _once(values: Sequence[object]) -> bool:
    return bool(values) and len(set(values)) == len(values)
