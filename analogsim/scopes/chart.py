"""A noise study's figure: normalised accuracy over eta, a panel a reference, a line a scope."""

from typing import Any

from analogsim.report.chart import Chart
from analogsim.report.line_chart import Line, draw_lines, line, words_of
from analogsim.scopes.result import NoiseResult
from analogsim.scopes.summary import computed, noise_rows

X, Y = "eta (%)", "normalised accuracy (%)"


def noise_charts(result: NoiseResult) -> list[Chart]:
    """The charts of one network's study; the data are the rows of `noise.json`."""
    panels: dict[str, list[Line]] = {
        f"sigma = eta * {reference}(tensor)": [] for reference in result.references
    }
    for scope, reference in computed(result):
        found = [(eta, result.curve(scope, reference, eta)) for eta in result.etas]
        panels[f"sigma = eta * {reference}(tensor)"].append(line(scope, found))
    rows = noise_rows(result)
    return [
        Chart(
            name="noise",
            title="Accuracy over noise",
            caption="Accuracy as a share of that without noise, over the level eta; bands are 95 % "
            "intervals over draws, on these images. A scope holds all that those before it hold.",
            words=f"Normalised accuracy. {words_of(panels)}",
            header=tuple(rows[0]),
            rows=tuple(tuple(map(_pair, row.values())) for row in rows),
            draw=lambda look: draw_lines(panels, look, x=X, y=Y),
        )
    ]


def _pair(value: Any) -> Any:
    """Bounds in one cell; as in `noise.csv` of before."""
    return " ".join(map(repr, value)) if isinstance(value, list) else value
