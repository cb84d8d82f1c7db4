"""Which noise costs most, in words, from the numbers alone."""

from itertools import combinations

from analogsim.experiment.statistics import Interval
from analogsim.scopes.levels import Reference, Scope
from analogsim.scopes.result import NoiseResult
from analogsim.scopes.sheet import cell, per_cent
from analogsim.scopes.summary import computed

_LEVEL = 0.05


def noise_sentences(result: NoiseResult) -> list[str]:
    """The accuracy without noise, then for each reference which scope keeps least of it.

    What lies between the least and the most is named, too.
    """
    quantity, images = result.quantity, f"{result.n_images} images."
    clean = quantity.with_unit(result.clean)
    has = f"is right on {clean} of" if result.of_accuracy else f"has {quantity.name} {clean} on"
    return [f"Without noise the network {has} {images}"] + [
        _of(result, one) for one in result.references
    ]


def _of(result: NoiseResult, reference: Reference) -> str:
    scopes = [scope for scope, of in computed(result) if of == reference]
    found = {
        scope: one
        for scope in scopes
        if (one := result.average(scope, reference, result.etas)) is not None
    }
    start = f"Sigma is eta times a tensor's {reference}; over eta {per_cent(result.etas)} %"
    if not found:
        return f"{start} no draw is finished at every level."

    # The least that is kept of an accuracy is the largest change of an error.
    def good(scope: Scope) -> float:
        return result.quantity.sign * found[scope].mean

    least, most = min(found, key=good), max(found, key=good)
    name, ratio = result.quantity.name, result.relative.is_ratio

    def said(one: Interval) -> str:
        return f"{cell(one, quantity=result.relative)} {result.relative.words}".rstrip()

    text = f"{start} noise in scope {least} "
    kept = said(found[least])
    text += f"keeps {kept} of that {name}" if ratio else f"changes that {name} by {kept}"
    if least == most:
        return f"{text} (95 % interval over {found[least].n} draws)."
    ends = ("least", "most") if ratio else ("worst", "best")
    text += f", the {ends[0]}, and in scope {most} {said(found[most])}, the {ends[1]}"
    less = result.units(least, reference, result.etas)
    lost = less.less(result.units(most, reference, result.etas)).mean()
    assert lost is not None
    pairs = len(list(combinations(found, 2)))
    verdict = "are" if _is_sure(lost, pairs) else "are not"
    text += (
        f": {cell(lost, signed=True) + ' points' if ratio else said(lost)}, paired over {lost.n} "
        f"draws. As two of {pairs} "
        f"pair{'' if pairs == 1 else 's'} of scopes they {verdict} told apart (Bonferroni)."
    )
    others = [scope for scope in found if scope not in (least, most)]
    between = sorted(others, key=good)
    rest = ", ".join(f"{scope} {said(found[scope])}" for scope in between)
    return f"{text} Between them: {rest}." if rest else text


def _is_sure(lost: Interval, pairs: int) -> bool:
    """Picked after the measurement: two of all pairs. For new images where they are known."""
    p = lost.best_p
    return p is not None and p * pairs <= _LEVEL
