"""What each source of error and each layer costs, network by network of a suite."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from analogsim.errors import InputError
from analogsim.experiment.header import RunHeader, read_header
from analogsim.quantity import ACCURACY, Quantity
from analogsim.report.attribution import Attribution, Estimate, Row, read_attribution
from analogsim.report.attribution_table import last_sentences, quantity_of
from analogsim.report.cells import Table, plain_table
from analogsim.report.labels import format_duration, with_bounds
from analogsim.scopes.of_network import OfNetwork, of_network
from analogsim.suites.entry import Entry


@dataclass(frozen=True, kw_only=True)
class AttributionResult(OfNetwork):
    """One network's attribution; `found` is its `attribution.json`."""

    found: Attribution

    @property
    def quantity(self) -> Quantity:
        """What its losses are of."""
        return quantity_of(self.found)

    @property
    def coverage(self) -> float | None:
        """Share of the multiply-adds that tiles compute; None where it was not counted."""
        entry = self.found["coverage"]
        return None if entry is None else entry["share"]


Networks = Sequence[tuple[Entry, AttributionResult]]


def read_attributed(folder: Path) -> AttributionResult:
    """Read the run's folder. Raises InputError where it is no finished attribution."""
    header: RunHeader = read_header(folder)
    found = read_attribution(folder)
    if found is None:
        raise InputError(
            f"run folder {folder} must hold a finished attribution, got none; let it go on: "
            f"{header.command}"
        )
    return AttributionResult(
        **of_network(header, header.notes),
        found=found,
    )


def attribution_sheets(networks: Networks) -> list[Table]:
    """At each time what the chips lose, and what each source and each layer costs."""
    times = sorted({one["t_s"] for _, result in networks for one in result.found["whole"]})
    found = []
    for t_s in times:
        found.append(_whole(networks, t_s))
        for kind in ("source", "layer"):
            rows = _rows(networks, kind, t_s)
            if rows:
                found.append(
                    plain_table(
                        caption=f"Cost of each {kind} after {format_duration(t_s)} in "
                        f"{networks[0][1].quantity.change_of} (95 % interval over chips, on these "
                        "images) [on new images]; each by itself",
                        head=["network", kind, "alone, all else off", "gain without it"],
                        rows=rows,
                        words=2,
                    )
                )
    return found


def _whole(networks: Networks, t_s: float) -> Table:
    rows = []
    quantity = networks[0][1].quantity
    for entry, result in networks:
        for one in result.found["whole"]:
            if one["t_s"] == t_s:
                kept = result.found["suggestion"]
                names = "-" if kept is None or kept["t_s"] != t_s else len(kept["keep_digital"])
                loss = one["loss"]
                rows.append(
                    [
                        entry.label,
                        result.found["preset"],
                        quantity.text(result.found["digital_accuracy"]),
                        quantity.text(one["accuracy"]["mean"]),
                        _cell(loss["mean"], loss, quantity),
                        str(names),
                    ]
                )
    unit = f" in {quantity.unit}" if quantity.unit else ""
    change = f" in {quantity.change_unit}" if quantity.change_unit else ""
    return plain_table(
        caption=f"After {format_duration(t_s)}: {quantity.name}{unit}, and the loss{change} (95 % "
        "interval over chips, on these images) [on new images]",
        head=["network", "preset", "digital", "chips", "loss", "layers to keep digital"],
        rows=rows,
        words=2,
    )


def _rows(networks: Networks, kind: str, t_s: float) -> list[list[str]]:
    rows = []
    for entry, result in networks:
        here = [one for one in result.found["rows"] if (one["kind"], one["t_s"]) == (kind, t_s)]
        by_mode = {(one["name"], one["mode"]): one for one in here}
        for name in dict.fromkeys(one["name"] for one in here):
            modes = [by_mode.get((name, mode)) for mode in ("alone", "without")]
            cells = ["-" if o is None else _cell(o["loss"], o, result.quantity) for o in modes]
            rows.append([entry.label, name, *cells])
    return rows


def _cell(mean: float | None, of: Row | Estimate, quantity: Quantity) -> str:
    text = quantity.change
    if mean is None:
        return "-"
    return with_bounds(text(mean), (of["low"], of["high"]), text, of["new_images"])


def attribution_sentences(networks: Networks) -> list[str]:
    """What each network's own answer says for the last time."""
    return [
        f"{entry.label}: {text}"
        for entry, result in networks
        for text in last_sentences(result.found)
    ]


def attribution_problems(result: AttributionResult) -> Iterator[str]:
    """Numbers that no study measures."""
    total = result.n_images
    try:
        quantity = result.quantity
    except InputError as error:
        yield str(error)
        return
    if quantity == ACCURACY and not 1 <= result.clean_correct <= total:
        yield f"clean_correct must be from 1 to n_images = {total}, got {result.clean_correct}"
    low, high = quantity.differences
    for at, row in enumerate(result.found["rows"]):
        if row["loss"] is not None and not low <= row["loss"] <= high:
            yield f"attribution rows[{at}] loss must be in [{low:g}, {high:g}], got {row['loss']}"
        if row["t_s"] < 0:
            yield f"attribution rows[{at}] t_s must be 0 or more, got {row['t_s']}"
    for at, one in enumerate(result.found["whole"]):
        if one["t_s"] < 0:
            yield f"attribution whole[{at}] t_s must be 0 or more, got {one['t_s']}"
