"""Accuracy over time as a chart: its data are the rows of the summary."""

from analogsim.quantity import ACCURACY, Quantity
from analogsim.report.chart import Chart
from analogsim.report.csv_file import Cell
from analogsim.report.labels import series_label, time_labels, with_bounds
from analogsim.report.plot import draw
from analogsim.report.summary import RowDict, Run, Summary, quantity_of, row_name


def accuracy_chart(run: Run, summary: Summary) -> Chart:
    """Every curve of the run, with the digital network as its own line of the data."""
    quantity = run.header.quantity
    labels = time_labels(dict.fromkeys(row["t_s"] for row in summary["rows"]))
    digital: tuple[Cell, ...] = (
        "digital", None, None, None, None, summary["digital_accuracy"], None, None, None,
        summary["digital"]["n_images"],
    )  # fmt: skip
    dots = any(row["design"] == "full" for row in summary["rows"])
    return Chart(
        name=chart_name(quantity),
        title=f"{quantity.title} over time",
        caption="Lines: mean over chips. Bands and bars: 95 % interval of the mean, over chips. "
        + ("Small dots: single chips. " if dots else "")
        + "Dashed: the digital network. Curves are moved apart a little so that none hides "
        "another. A month is 30 days.",
        words=_words(summary, labels),
        header=("preset", "bn", "compensation", "t_s", "time", quantity.name, "low", "high",
                "n_chips", "n_images"),
        rows=(digital, *(_cells(row, labels) for row in summary["rows"])),
        draw=lambda look: draw(run.trials, summary["digital_accuracy"], run.rows, look, quantity),
    )  # fmt: skip


def chart_name(quantity: Quantity) -> str:
    """What its files are called."""
    return "accuracy" if quantity == ACCURACY else "measure"


def _cells(row: RowDict, labels: dict[float, str]) -> tuple[Cell, ...]:
    low, high = row["ci95"] or (None, None)
    return (
        *(row_name(row), row["bn"], row["compensation"], row["t_s"], labels[row["t_s"]]),
        *(row["mean"], low, high, row["n_chips"], row["n_images"]),
    )


def _words(summary: Summary, labels: dict[float, str]) -> str:
    with_bn = len({row["bn"] for row in summary["rows"]}) > 1
    quantity = quantity_of(summary)
    curves: dict[str, list[str]] = {}
    for row in summary["rows"]:
        name = series_label(row_name(row), row["bn"], row["compensation"], with_bn=with_bn)
        curves.setdefault(name, []).append(f"{said(row, quantity)} at {labels[row['t_s']]}")
    parts = [f"{name}: {', '.join(values)}." for name, values in curves.items()]
    digital = quantity.with_unit(summary["digital_accuracy"])
    return f"{quantity.title} over time. Digital network: {digital}. {' '.join(parts)}"


def said(row: RowDict, quantity: Quantity) -> str:
    """A row's mean and interval, short: `98.56 % (98.18 to 98.94)`."""
    return with_bounds(quantity.with_unit(row["mean"]), row["ci95"], quantity.text)
