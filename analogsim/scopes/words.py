"""Which noise costs most, in words, from the numbers alone."""

from itertools import combinations

from analogsim.experiment.statistics import Sampled
from analogsim.scopes.levels import Reference
from analogsim.scopes.result import NoiseResult
from analogsim.scopes.sheet import cell, per_cent
from analogsim.scopes.summary import computed

_LEVEL = 0.05


def noise_sentences(result: NoiseResult) -> list[str]:
    """The accuracy without noise, then for each reference which scope keeps least of it.

    What lies between the least and the most is named, too.
    """
    said = [
        f"Without noise the network is right on {100 * result.clean:.2f} % of "
        f"{result.n_images} images."
    ]
    return said + [_of(result, one) for one in result.references]


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
    least = min(found, key=lambda scope: found[scope].mean)
    most = max(found, key=lambda scope: found[scope].mean)
    text = f"{start} noise in scope {least} keeps {cell(found[least])} % of that accuracy"
    if least == most:
        return f"{text} (95 % interval over {found[least].n} draws)."
    text += f", the least, and in scope {most} {cell(found[most])} %, the most"
    less = result.units(least, reference, result.etas)
    lost = less.less(result.units(most, reference, result.etas)).mean()
    assert lost is not None
    pairs = len(list(combinations(found, 2)))
    verdict = "are" if _is_sure(lost, pairs) else "are not"
    text += (
        f": {cell(lost, signed=True)} points, paired over {lost.n} draws. As two of {pairs} "
        f"pair{'' if pairs == 1 else 's'} of scopes they {verdict} told apart (Bonferroni)."
    )
    others = [scope for scope in found if scope not in (least, most)]
    between = sorted(others, key=lambda scope: found[scope].mean)
    rest = ", ".join(f"{scope} {cell(found[scope])} %" for scope in between)
    return f"{text} Between them: {rest}." if rest else text


def _is_sure(lost: Sampled, pairs: int) -> bool:
    """Picked after the measurement: two of all pairs. For new images where they are known."""
    p = lost.p if lost.new_images is None else lost.p_new_images
    return p is not None and p * pairs <= _LEVEL
