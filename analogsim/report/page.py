"""The report as one HTML file: no script, no network, nothing beside it."""

import re
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analogsim import schema
from analogsim.experiment.records import Trial
from analogsim.report.answer import answer
from analogsim.report.labels import percent, points, time_labels
from analogsim.report.plot import INK
from analogsim.report.summary import UNSEEDED, RowDict, Run, Summary

DASH = "\u2013"


def render_page(run: Run, summary: Summary, svg: str) -> str:
    """The page's text. `svg` is the plot without a background, made by us, not by the user.

    Everything else is escaped: names, notes and settings may hold any text.
    """
    environment = Environment(
        loader=PackageLoader("analogsim.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    header = run.header
    settings = {key: value for key, value in header.periphery.items() if key != "not_modelled"}
    return environment.get_template("page.html.j2").render(
        header=header,
        title=header.question or f"{header.model} on analog tiles",
        answer=answer(run.trials, header.digital, run.rows, header.digital_correct),
        # The plot is our own drawing; matplotlib has escaped the names in it.
        plot=Markup(_inline(svg)),
        rows=_rows(run.trials, summary),
        digital=percent(summary["digital_accuracy"]),
        # A column that says the same in every row goes into the caption.
        bns=sorted({row["bn"] for row in summary["rows"]}),
        images=sorted({header.digital["n_images"], *(row["n_images"] for row in summary["rows"])}),
        with_yields=any(row["yields"] for row in summary["rows"]),
        with_nan=header.digital["n_nan"] > 0 or any(row["n_nan"] for row in summary["rows"]),
        settings={key: _text(value) for key, value in settings.items()},
        not_modelled=header.periphery["not_modelled"],
        spec=schema.dumps(header.spec, indent=2),
        origins=_origins(run.trials),
        notes=_notes(run, summary),
        n_analog=sum(layer["where"] == "analog" for layer in header.layers),
    )


def _inline(svg: str) -> str:
    """The drawing as part of a page: without its prolog, in the page's ink, with a name."""
    body = svg[svg.index("<svg") :].replace(INK, "currentColor")
    # matplotlib's rule for every element would reach out into the page.
    body = re.sub(r"<style type=\"text/css\">\*\{", '<style type="text/css">.plot *{', body)
    name = "Accuracy over time for every curve; the table below has the same numbers."
    return body.replace("<svg ", f'<svg class="plot" role="img" aria-label="{name}" ', 1)


def _rows(trials: Sequence[Trial], summary: Summary) -> list[dict[str, Any]]:
    labels = time_labels(dict.fromkeys(row["t_s"] for row in summary["rows"]))
    rows = []
    for row in summary["rows"]:
        key = (row["preset"], row["t_s"], row["bn"], row["compensation"])
        full = row["design"] == "full"
        chips = [
            t.accuracy for t in trials if full and (t.preset, t.t_s, t.bn, t.compensation) == key
        ]
        ci95, std = row["ci95"], row["std_chips"]
        rows.append(
            {
                **row,
                "time": labels[row["t_s"]],
                "accuracy": percent(row["mean"]),
                "interval": f"{percent(ci95[0])} to {percent(ci95[1])}" if ci95 else "one chip",
                "change": points(row["mean"] - summary["digital_accuracy"]),
                "std": percent(std) if std is not None else "one chip",
                "range": f"{percent(min(chips))} to {percent(max(chips))}" if full else DASH,
                **_beyond(row),
            }
        )
    return rows


def _beyond(row: RowDict) -> dict[str, str]:
    """What the second table says of a row."""
    low, method, parts = row["percentile5"], row["percentile5_method"], row["components"]
    return {
        "std_interval": _interval(row["std_ci95"]),
        "percentile5_text": DASH if low is None else f"{percent(low)} ({method})",
        "percentile5_interval": _interval(row["percentile5_ci95"]),
        "new_images": _interval(row["ci95_new_images"]),
        "parts": " / ".join(percent(value) for value in parts.values()) if parts else DASH,
        "yields_text": "; ".join(
            f"{percent(y['share'])} % at {percent(y['above'])} ({percent(y['low'])} to "
            f"{percent(y['high'])})"
            for y in row["yields"]
        ),
    }


def _interval(bounds: Sequence[float] | None) -> str:
    return DASH if bounds is None else f"{percent(bounds[0])} to {percent(bounds[1])}"


def _origins(trials: Sequence[Trial]) -> dict[str, str]:
    """Where the trials come from: seeds, chips, tiles, devices."""
    chips = sorted({trial.chip for trial in trials})
    return {
        "root seeds": _list(sorted({trial.seed for trial in trials})),
        "chips": f"{len(chips)}, numbers {chips[0]} to {chips[-1]}",
        "trials": str(len(trials)),
        "tile": _list(sorted({trial.tile for trial in trials})),
        "forward": _list(sorted({trial.forward for trial in trials})),
        "computed on": _list(sorted({trial.device for trial in trials})),
        "computing time": f"{sum(trial.wall_s for trial in trials):.0f} s in all trials",
    }


def _notes(run: Run, summary: Summary) -> list[str]:
    notes = [
        *run.notes,
        "Intervals are over chips, not over images: Student's t at 95 %. All images of a trial "
        "see the same programmed weights, so an interval over images would be too narrow.",
        "Each chip is programmed once. Where the device has read noise, one draw of it is made "
        "at each time and kept for all images of that trial.",
    ]
    if any(row["design"] == "dealt" for row in summary["rows"]):
        notes.append(
            "Images were dealt out over the chips, so that all are used equally. Accuracies are "
            "adjusted to the whole test set by the digital network's answers; intervals use the "
            "crossed standard error. The spread of chips is without the noise of the few images."
        )
    if any(row["percentile5_method"] == "normal chips" for row in summary["rows"]):
        notes.append(
            "The interval of the standard deviation, and that of the 5th percentile chip where it "
            "says so, take the chips' accuracies as normally distributed."
        )
    if "cpp" in summary["tiles"]:
        notes.append(UNSEEDED)
    if any(row["ci95"] is None for row in summary["rows"]):
        notes.append("Rows with one chip have no interval: one chip says nothing about spread.")
    if len({(row["preset"], row["bn"], row["compensation"]) for row in summary["rows"]}) > 2:
        notes.append(
            "The answer names the highest and the lowest of several curves, picked after the "
            "measurement; their intervals are not widened for that choice."
        )
    bounds = [bound for row in summary["rows"] for bound in row["ci95"] or []]
    if any(not 0 <= bound <= 1 for bound in bounds):
        notes.append(
            "Some intervals reach beyond 0 or 100 %. They are shown as computed: with few chips, "
            "or at the ceiling or floor, Student's t is an approximation."
        )
    return notes


def _list(values: Sequence[object]) -> str:
    return ", ".join(map(str, values))


def _text(value: object) -> str:
    if isinstance(value, list):
        return _list(value) or "none"
    return "none" if value is None else str(value)
