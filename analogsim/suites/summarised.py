"""Networks of a suite that sweeps settings or measures something else than the accuracy.

What is kept of each is its run's summary, which says rows, sweep and measure by itself.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from analogsim.errors import InputError
from analogsim.experiment.axes import shown_text
from analogsim.experiment.header import read_header
from analogsim.quantity import Quantity
from analogsim.report.accuracy_chart import said
from analogsim.report.cells import Table, plain_table
from analogsim.report.chart import Chart
from analogsim.report.labels import compensation_label, format_duration, with_bounds
from analogsim.report.line_chart import Line, networks_chart
from analogsim.report.summary import RowDict, Summary, quantity_of, row_name, summary
from analogsim.report.sweep_chart import sweep_chart
from analogsim.suites.entry import Entry
from analogsim.suites.of_document import OfDocument


@dataclass(frozen=True, kw_only=True)
class SummaryResult(OfDocument[Summary]):
    """One network's run; what is kept of it is its `summary.json`."""

    @property
    def n_images(self) -> int:
        """Images that the digital network was measured on."""
        return self.found["digital"]["n_images"]

    @property
    def coverage(self) -> float | None:
        """Share of the multiply-adds that tiles compute; None where it was not counted."""
        entry = self.found["coverage"]
        return None if entry is None else entry["share"]

    @property
    def quantity(self) -> Quantity:
        """What was measured."""
        return quantity_of(self.found)


Networks = Sequence[tuple[Entry, SummaryResult]]
_Panel = tuple[str, str]


def read_summarised(folder: Path) -> SummaryResult:
    """Read the run's folder. Raises InputError as `read_run`."""
    return SummaryResult(found=summary(folder), weights=read_header(folder).spec["weights_sha256"])


def summary_sheets(networks: Networks) -> list[Table]:
    """Networks and points of the sweep down, times across: a table a preset and compensation."""
    sheets = []
    for panel in _panels(networks):
        rows = [(entry.label, result, row) for entry, result, row in _rows(networks, panel)]
        times = sorted({row["t_s"] for _, _, row in rows})
        axes = list(dict.fromkeys(axis for _, _, row in rows for axis in row.get("point") or {}))
        lines: dict[tuple[str, ...], dict[float, str]] = {}
        for label, result, row in rows:
            point, quantity = row.get("point") or {}, result.quantity
            swept = (shown_text(point[axis]) if axis in point else "" for axis in axes)
            digital = quantity.text(result.found["digital_accuracy"])
            line = lines.setdefault((label, row["bn"], *swept, digital), {})
            line[row["t_s"]] = _cell(row, quantity)
        heading = networks[0][1].quantity.in_unit
        sheets.append(
            plain_table(
                caption=f"{panel[0]}, {compensation_label(panel[1])}: {heading} (95 % interval "
                "over chips, on these images) [on new images]",
                head=["network", "BN", *axes, "digital", *map(format_duration, times)],
                rows=[[*key, *(one.get(t_s, "-") for t_s in times)] for key, one in lines.items()],
                words=2,
            )
        )
    return sheets


def summary_sentences(networks: Networks) -> list[str]:
    """What the sweep of each network says; else what it has measured at its last time."""
    texts = []
    for entry, result in networks:
        sweep = result.found.get("sweep")
        own = sweep["sentences"] if sweep is not None else []
        texts += [f"{entry.label}: {text}" for text in own or _measured(result)]
    return texts


def _measured(result: SummaryResult) -> Iterator[str]:
    """The last time of each preset and compensation; of a sweep its least and most."""
    quantity = result.quantity
    digital = quantity.with_unit(result.found["digital_accuracy"])
    for panel in _panels([(Entry(label=""), result)]):
        rows = [row for row in result.found["rows"] if _panel(row) == panel]
        last = max(row["t_s"] for row in rows)
        here = [row for row in rows if row["t_s"] == last]
        ends = sorted(here, key=lambda row: row["mean"])
        shown = here if len(here) < 3 else [ends[0], ends[-1]]
        each = ", ".join(
            said(row, quantity) + (f" at {row_name(row)}, BN {row['bn']}" if len(here) > 1 else "")
            for row in shown
        )
        yield (
            f"after {format_duration(last)} {panel[0]} with {compensation_label(panel[1])} has "
            f"{quantity.name} {each}{f' (the ends of {len(here)})' if shown != here else ''}; the "
            f"digital network has {digital}. (In brackets 95 % intervals over chips, these images.)"
        )


def summary_charts(networks: Networks) -> list[Chart]:
    """The sweep of each network; without one a line a network."""
    swept = [(entry, sweep_chart(result.found)) for entry, result in networks]
    charts = [
        dataclasses.replace(
            chart, name=f"sweep_{entry.label}", title=f"{entry.label}: {chart.title}"
        )
        for entry, chart in swept
        if chart is not None
    ]
    if charts:
        return charts
    panels: dict[str, list[Line]] = {}
    for panel in _panels(networks):
        curves: dict[str, list[RowDict]] = {}
        for entry, _, row in _rows(networks, panel):
            curves.setdefault(f"{entry.label}, BN {row['bn']}", []).append(row)
        panels[", ".join((panel[0], compensation_label(panel[1])))] = [
            Line(
                name=name,
                xs=tuple(row["t_s"] for row in rows),
                means=tuple(row["mean"] for row in rows),
                bounds=tuple(_bounds(row) for row in rows),
            )
            for name, rows in curves.items()
        ]
    of = networks[0][1].quantity
    return [networks_chart(panels, "chips", says=of.in_unit, y=of.axis, quantity=of)]


def summary_problems(result: SummaryResult) -> Iterator[str]:
    """Numbers that no study measures."""
    try:
        low, high = result.quantity.span
    except InputError as error:
        yield str(error)
        return
    for at, row in enumerate(result.found["rows"]):
        if not low <= row["mean"] <= high:
            yield f"summary rows[{at}] mean must be in [{low:g}, {high:g}], got {row['mean']}"
        if row["t_s"] < 0:
            yield f"summary rows[{at}] t_s must be 0 or more, got {row['t_s']}"
        if row["ci95"] is not None and len(row["ci95"]) != 2:
            yield f"summary rows[{at}] ci95 must be low and high, got {row['ci95']}"
    if not result.found["rows"]:
        yield "summary rows must be there, got none"


def _panels(networks: Networks) -> list[_Panel]:
    return list(dict.fromkeys(_panel(row) for _, one in networks for row in one.found["rows"]))


def _panel(row: RowDict) -> _Panel:
    return row["preset"], row["compensation"]


def _rows(networks: Networks, panel: _Panel) -> Iterator[tuple[Entry, SummaryResult, RowDict]]:
    for entry, result in networks:
        for row in result.found["rows"]:
            if _panel(row) == panel:
                yield entry, result, row


def _cell(row: RowDict, quantity: Quantity) -> str:
    text = quantity.text
    return with_bounds(text(row["mean"]), row["ci95"], text, row["ci95_new_images"])


def _bounds(row: RowDict) -> tuple[float, float] | None:
    return None if row["ci95"] is None else (row["ci95"][0], row["ci95"][1])
