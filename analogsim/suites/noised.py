"""Networks of a suite under noise, side by side: all from the `noise.json` of each."""

from collections.abc import Sequence
from dataclasses import dataclass

from analogsim.errors import InputError
from analogsim.experiment.statistics import Interval
from analogsim.quantity import Quantity
from analogsim.report.cells import Table, plain_table
from analogsim.report.chart import Chart
from analogsim.report.line_chart import Line, line, networks_chart
from analogsim.scopes.chart import X
from analogsim.scopes.relative import Relative
from analogsim.scopes.result import NoiseResult
from analogsim.scopes.sheet import brackets, cell
from analogsim.scopes.summary import Average, NoiseSummary, Row, noise_summary
from analogsim.scopes.table import any_law_note
from analogsim.suites.entry import Entry
from analogsim.suites.of_document import OfDocument

Documents = Sequence[tuple[Entry, NoiseSummary]]


@dataclass(frozen=True, kw_only=True)
class NoisedResult(OfDocument[NoiseSummary]):
    """One network's study of noise that measures something else than the accuracy."""

    @property
    def n_images(self) -> int:
        """Images that the network was measured on."""
        return int(self.found["clean"]["n_images"])

    @property
    def coverage(self) -> None:
        """It is digital."""
        return None


def kept_of(result: NoiseResult) -> NoiseResult | NoisedResult:
    """What a suite keeps of a study: counts of right answers, or else what it says."""
    if result.of_accuracy:
        return result
    return NoisedResult(found=noise_summary(result), weights=result.weights)


def quantity_of(found: NoiseSummary) -> Quantity:
    """What was measured."""
    return Quantity.of(found.get("measure"))


def averages_sheet(networks: Documents) -> Table:
    """Networks, scopes and references down, named grids across."""
    quantity = quantity_of(networks[0][1])
    relative = Relative.to_clean(quantity)
    grids = list(dict.fromkeys(one["grid"] for _, found in networks for one in found["averages"]))
    rows, shown, notes = [], [], []
    for entry, found in networks:
        by_grid: dict[tuple[str, str], dict[str, Interval]] = {}
        for one in found["averages"]:
            key = one["scope"], one["reference"]
            by_grid.setdefault(key, {})[one["grid"]] = _sampled(one, one["mean"])
        for (scope, reference), known in by_grid.items():
            cells = [known.get(grid) for grid in grids]
            shown += cells
            clean = quantity.text(found["clean"][_mean(found)])
            words = [entry.label, clean, str(found["n_bn"]), scope, reference]
            rows.append([*words, *(cell(one, quantity=relative) for one in cells)])
        same = {name: one.get("same_as") for name, one in found["scopes"].items()}
        same = {name: one for name, one in same.items() if one}
        if same:
            said = ", ".join(f"{a} = {b}" for a, b in same.items())
            notes.append(f"{entry.label}: {said} (the same tensors)")
    if any(row["ci95_method"] == "any law" for _, found in networks for row in found["rows"]):
        notes.append(any_law_note(quantity))
    unit = f" in {relative.words}" if relative.words else ""
    return plain_table(
        caption=f"Average {relative.name}{unit} {brackets('draws', shown)}",
        head=["network", "clean", "BN layers", "scope", "sigma of", *grids],
        rows=rows,
        words=1,
        notes=tuple(notes),
    )


def noised_chart(networks: Documents) -> Chart:
    """A line a network, in a panel for each scope and reference."""
    relative = Relative.to_clean(quantity_of(networks[0][1]))
    panels: dict[str, list[Line]] = {}
    for entry, found in networks:
        rows: dict[tuple[str, str], list[Row]] = {}
        for row in found["rows"]:
            rows.setdefault((row["scope"], row["reference"]), []).append(row)
        references = dict.fromkeys(reference for _, reference in rows)
        # Under every scope asked, so that networks without BatchNorm stand beside those with it.
        for scope in found["scopes"]:
            for reference in references:
                here = rows.get((_computed(found, scope), reference), [])
                points = [(row["eta"], _sampled(row, _left(row))) for row in here]
                name = f"{scope}, sigma of {reference}"
                panels.setdefault(name, []).append(line(entry.label, points))
    y = relative.axis
    says = f"{y[0].upper()}{y[1:]}"
    return networks_chart(panels, "draws", says=says, x=X, y=y, quantity=relative)


def noised_sentences(networks: Documents) -> list[str]:
    """What each network keeps, or how far it changes, on average over all eta."""
    if not networks:
        return []
    quantity = quantity_of(networks[0][1])
    relative = Relative.to_clean(quantity)
    first = networks[0][1]
    keeps = "keeps" if relative.is_ratio else "changes by"
    said = []
    for reference in dict.fromkeys(one["reference"] for one in first["averages"]):
        for scope in first["scopes"]:
            each = [
                f"{entry.label} {keeps} "
                + f"{cell(_whole(found, scope, reference), quantity=relative)} {relative.words}"
                for entry, found in networks
            ]
            said.append(
                f"Averaged over eta, with noise in scope {scope} (sigma of {reference}): "
                f"{'; '.join(one.rstrip() for one in each)} of its own {quantity.name}."
            )
    return said


def noised_problems(result: NoisedResult) -> list[str]:
    """What no study of noise says."""
    found = result.found
    try:
        quantity = quantity_of(found)
    except InputError as error:
        return [str(error)]
    key = "normalised" if Relative.to_clean(quantity).is_ratio else "change"
    mean = _mean(found)
    if not {mean, "n_images"} <= found["clean"].keys():
        return [f"clean must have {mean} and n_images, got others"]
    wrong = [f"rows[{n}] must have {key}" for n, row in enumerate(found["rows"]) if key not in row]
    wrong += [
        f"{what}[{n}] {name} must be low and high"
        for what in ("rows", "averages")
        for n, row in enumerate(found[what])
        for name in ("ci95", "ci95_new_images")
        for bounds in [row[name]]
        if bounds is not None and len(bounds) != 2
    ]
    return [f"{one}, got others" for one in wrong] or (
        [] if found["averages"] else ["averages must be there, got none"]
    )


def _whole(found: NoiseSummary, scope: str, reference: str) -> Interval | None:
    """The average over all levels, under the name of whichever scope was computed."""
    key = (_computed(found, scope), reference, "all")
    for one in found["averages"]:
        if (one["scope"], one["reference"], one["grid"]) == key:
            return _sampled(one, one["mean"])
    return None


def _computed(found: NoiseSummary, scope: str) -> str:
    return found["scopes"].get(scope, {}).get("same_as") or scope


def _mean(found: NoiseSummary) -> str:
    return "mean" if "measure" in found else "accuracy"


def _left(row: Row) -> float:
    return row["normalised"] if "normalised" in row else row["change"]


def _sampled(row: Row | Average, mean: float) -> Interval:
    """The mean with its intervals, which are all that a table shows."""
    low, high = row["ci95"] or (None, None)
    new = row["ci95_new_images"]
    return Interval(
        mean=mean,
        low=low,
        high=high,
        std=None,
        n=row["draws"],
        new_images=None if new is None else (new[0], new[1]),
    )
