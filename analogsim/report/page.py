"""The report of a study of chips as one HTML file."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from analogsim.report.accuracy_chart import chart_name
from analogsim.report.arrays_view import crossbar_table
from analogsim.report.bn_chart import policies
from analogsim.report.chart import Chart
from analogsim.report.citations import bibtex
from analogsim.report.csv_file import csv_text
from analogsim.report.extras import Extras
from analogsim.report.formula import formula
from analogsim.report.html import data_link, figure, render
from analogsim.report.layers_view import later_label, layer_lines
from analogsim.report.opening import opening
from analogsim.report.page_notes import listed, notes, origins
from analogsim.report.page_tables import (
    bad_chip,
    beyond_table,
    differences_table,
    layers_table,
    policy_table,
    results_table,
    sources_table,
)
from analogsim.report.setting_units import UNITS
from analogsim.report.summary import Run, Summary, quantity_of
from analogsim.report.sweep_chart import is_wide
from analogsim.toml_text import toml_text

_WEIGHTS = ("weight_errors", "conductances")
_SECTIONS = (
    ("sweep", "Sweep"),
    ("costs", "Sources and layers"),
    ("time", ""),
    ("gaussian", "Beside Gaussian noise"),
    ("batchnorm", "BatchNorm"),
    ("chips", "Chips"),
    ("weights", "Weights"),
    ("layers", "Layers"),
    ("crossbar", "Crossbar"),
    ("periphery", "Periphery"),
    ("devices", "The devices"),
    ("notes", "Notes"),
    ("again", "Making it again"),
    ("cite", "To cite"),
)


def render_page(
    run: Run, summary: Summary, extras: Extras, charts: Sequence[Chart], svgs: Mapping[str, str]
) -> str:
    """The page's text. `svgs` are the drawings by name, made by us, not by the user.

    Everything else is escaped: names, notes and settings may hold any text.
    """
    header = run.header
    shown = {chart.name: figure(chart, svgs[chart.name]) for chart in charts}
    lines = layer_lines(
        header.layers, header.periphery, extras.layers, extras.losses, header.crossbar
    )
    later = later_label(extras.layers)
    found, quantity = policies(run), header.quantity
    over_time = f"{quantity.title} over time"
    settings = {key: value for key, value in header.periphery.items() if key != "not_modelled"}
    absent = {
        "sweep": "sweep" not in summary,
        "costs": "attribution" not in shown,
        "gaussian": extras.comparison is None,
        "batchnorm": not found,
        "crossbar": header.crossbar is None,
    }
    return render(
        "page.html.j2",
        computed="" if header.coverage is None else header.coverage["text"],
        header=header,
        lead=f"{header.model} on {header.data}, {header.digital['n_images']} images. "
        f"Computed {header.created} (UTC).",
        title=header.question or f"{header.model} on analog tiles",
        answer=opening(run, summary, extras),
        sections=[
            (a, over_time if a == "time" else name) for a, name in _SECTIONS if not absent.get(a)
        ],
        over_time=over_time,
        bad_chip=bad_chip(quantity),
        charts={
            **dict.fromkeys(("sweep", "time", "attribution", "matched", "batchnorm")),
            **dict.fromkeys(("spread", "yield", "layers", "arrays", "devices")),
            **shown,
            "time": shown.get(chart_name(quantity)),
        },
        weight_charts=[one for name, one in shown.items() if name.startswith(_WEIGHTS)],
        matched=[] if extras.comparison is None else extras.comparison["sentences"],
        results=results_table(run.trials, summary),
        results_note=_results_note(summary),
        differences=differences_table(summary["differences"], quantity),
        policies=policy_table(found, quantity) if found else None,
        beyond=beyond_table(summary),
        no_chips=_no_chips(summary),
        layers=layers_table(lines, later, quantity),
        later=later if any(line.factor is not None for line in lines) else "",
        sources=sources_table(extras.losses, quantity),
        n_analog=sum(layer["where"] == "analog" for layer in header.layers),
        tile_size=_tile_size(header.periphery),
        crossbar=None if header.crossbar is None else crossbar_table(header.crossbar),
        settings={key: _text(value) for key, value in _swept(settings, summary).items()},
        units=UNITS,
        formula=lambda law: Markup(formula(law)),  # it is escaped
        not_modelled=header.periphery["not_modelled"],
        notes=notes(run, summary, extras),
        origins=origins(run.trials),
        spec_toml=extras.spec,
        spec_data=None if extras.spec is None else data_link(extras.spec, "application/toml"),
        records_data=data_link(csv_text(run.trials, quantity)),
        settings_toml=toml_text(header.spec),
        bibtex=bibtex(header),
    )


def _swept(settings: Mapping[str, Any], summary: Summary) -> dict[str, Any]:
    """The periphery's settings, with every value of those that a sweep sets."""
    sweep = summary.get("sweep")
    axes = {} if sweep is None else sweep["axes"]
    plain = {axis.removeprefix("periphery."): values for axis, values in axes.items()}
    return {key: plain.get(key, value) for key, value in settings.items()}


def _results_note(summary: Summary) -> str:
    """What all rows of the results have in common."""
    rows = summary["rows"]
    bns = {row["bn"] for row in rows}
    images = {summary["digital"]["n_images"], *(row["n_images"] for row in rows)}
    unit = quantity_of(summary).long_change
    parts = [f"Times since programming. Changes in {unit} against the digital network."]
    parts += [f"BatchNorm: {min(bns)}."] * (len(bns) == 1)
    parts += [f"Each chip saw {min(images)} images."] * (len(images) == 1)
    if not summary["digital"]["n_nan"] and not any(row["n_nan"] for row in rows):
        parts.append("No output was NaN.")
    return " ".join(parts)


def _no_chips(summary: Summary) -> str:
    if is_wide(summary):
        return "The sweep has too many curves for a chart of single chips; the table has them all."
    if any(row["design"] == "dealt" for row in summary["rows"]):
        return (
            "Images were dealt out over the chips, a few for each: the noise of so few images "
            "would look like differences between chips, so no single chips are shown. The table "
            "below is free of that noise."
        )
    return "One chip was measured, which says nothing about how chips differ."


def _tile_size(periphery: Mapping[str, Any]) -> str:
    inputs, outputs = (periphery.get(f"max_{side}_size") for side in ("input", "output"))
    if not isinstance(inputs, int) or not isinstance(outputs, int):
        return " (the record does not say how large a tile is)"
    rows = f"{inputs} inputs" if inputs else "as many inputs as the layer needs"
    columns = f"{outputs} outputs" if outputs else "as many outputs as the layer needs"
    return f" (a tile has {rows} and {columns})"


def _text(value: object) -> str:
    if isinstance(value, list):
        return listed(value) or "none"
    return "none" if value is None else str(value)
