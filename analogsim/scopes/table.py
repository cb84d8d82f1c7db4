"""The tables of a noise study."""

from analogsim.quantity import Quantity
from analogsim.report.cells import Table, plain_table
from analogsim.scopes.levels import MEANING, Reference, Scope
from analogsim.scopes.result import NoiseResult
from analogsim.scopes.sheet import brackets, cell, per_cent

ANY_LAW = (
    "Where draws are NaN the interval holds for values of any distribution (Gaffke's bounds): "
    "draws of two kinds are not near normal, and few of them say little."
)


def any_law_note(quantity: Quantity) -> str:
    """What is to be known of intervals where draws are NaN."""
    if quantity.has_bounds:
        return ANY_LAW
    return (
        "Where draws are NaN there is no interval: draws of two kinds are not near normal, and "
        f"intervals for any distribution need bounds, which {quantity.name} has not."
    )


def format_noise(result: NoiseResult) -> str:
    """All tables as text."""
    return "\n\n".join([headline(result), *(sheet.text() for sheet in noise_sheets(result))])


def headline(result: NoiseResult) -> str:
    """Which network and images, and its clean accuracy."""
    return (
        f"{result.model} on {result.n_images} images of {result.data}: clean "
        f"{result.quantity.name} {result.quantity.with_unit(result.clean)}, {result.n_bn} "
        "BatchNorm layers"
    )


def noise_sheets(result: NoiseResult) -> list[Table]:
    """Curves for each reference, averages, and the mechanism where a variance was noised."""
    found = [curves(result, reference) for reference in result.references]
    found.append(averages(result))
    if "variance" in {result.same[scope] for scope in result.scopes}:
        found += [mechanism(result, one) for one in result.references if one in result.nearest]
    return found


def curves(result: NoiseResult, reference: Reference) -> Table:
    """Scopes down, etas across."""
    rows = []
    relative = result.relative
    for scope in result.scopes:
        cells = [result.curve(scope, reference, eta) for eta in result.etas]
        rows.append(
            [
                scope_name(result, scope),
                *("-" if one is None else relative.short(one.mean) for one in cells),
            ]
        )
    return plain_table(
        caption=f"{_formula(result)}, sigma = eta * {reference}(tensor)",
        head=["scope", *(f"{100 * eta:g} %" for eta in result.etas)],
        rows=rows,
    )


def _formula(result: NoiseResult) -> str:
    """What a curve is of, and its unit."""
    relative = result.relative
    if result.of_accuracy:
        return f"{relative.title} acc(eta) / acc(0) in {relative.words}"
    how = "over that without noise" if relative.is_ratio else "less that without noise"
    return f"{relative.in_unit} ({how})"


def averages(result: NoiseResult) -> Table:
    """Scopes and references down, named grids across, with intervals over draws."""
    grids, relative = result.grids(), result.relative
    unit = f" in {relative.words}" if relative.words else ""
    found = {
        (reference, scope): [result.average(scope, reference, etas) for etas in grids.values()]
        for reference in result.references
        for scope in result.scopes
    }
    shown = brackets("draws", (one for row in found.values() for one in row))
    notes = ["; ".join(f"{name}: eta {per_cent(etas)} %" for name, etas in grids.items())]
    whole = tuple(result.etas)
    if any(result.any_law(scope, reference, whole) for reference, scope in found):
        notes.append(any_law_note(result.quantity))
    return plain_table(
        caption=f"Average {relative.name}{unit} {shown}",
        head=["scope", "sigma of", *grids],
        rows=[
            [scope_name(result, scope), reference, *(cell(c, quantity=relative) for c in row)]
            for (reference, scope), row in found.items()
        ],
        words=2,
        notes=tuple(notes),
    )


def mechanism(result: NoiseResult, reference: Reference) -> Table:
    """Predicted and observed shares of draws that give NaN."""
    one = result.nearest[reference]
    observed, predicted, away = ["observed"], ["predicted"], ["smallest variance, in sigma"]
    for eta in result.etas:
        nan, draws = result.nan_trials("variance", reference, eta)
        observed.append(f"{100 * nan / draws:.0f}" if draws else "-")
        predicted.append(f"{100 * result.prediction('variance', reference, eta):.0f}")
        away.append(f"{one.sigmas / eta:.2g}")
    return plain_table(
        caption=f"Draws in which every output is NaN in %, scope variance, sigma of {reference}",
        head=["", *(f"{100 * eta:g} %" for eta in result.etas)],
        rows=[observed, predicted, away],
        notes=(
            f"Nearest to zero is {one.layer}: running variance {one.variance:.3g}. Predicted: "
            "1 - product over channels of Phi((variance + eps) / sigma). A draw has the same "
            "normals at every eta: observed shares are not independent across a row.",
        ),
    )


def scope_name(result: NoiseResult, scope: Scope) -> str:
    """The scope, and which other one noises the same tensors of this network."""
    same = result.same[scope]
    return scope if same == scope else f"{scope} = {same}"


def legend(result: NoiseResult) -> Table:
    """What each scope is, a row each."""
    return plain_table(
        caption="Scopes",
        head=["scope", "what is noised"],
        rows=[[scope_name(result, scope), MEANING[scope]] for scope in result.scopes],
        words=2,
    )
