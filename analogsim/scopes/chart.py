"""A noise study's figure: what is left over eta, a panel a reference, a line a scope."""

from typing import Any

from analogsim.report.chart import Chart
from analogsim.report.line_chart import Line, draw_lines, line, words_of
from analogsim.scopes.result import NoiseResult
from analogsim.scopes.summary import computed, noise_rows

X = "eta (%)"


def noise_charts(result: NoiseResult) -> list[Chart]:
    """The charts of one network's study; the data are the rows of `noise.json`."""
    panels: dict[str, list[Line]] = {
        f"sigma = eta * {reference}(tensor)": [] for reference in result.references
    }
    for scope, reference in computed(result):
        found = [(eta, result.curve(scope, reference, eta)) for eta in result.etas]
        panels[f"sigma = eta * {reference}(tensor)"].append(line(scope, found))
    rows, relative = noise_rows(result), result.relative
    of, how = result.quantity.title, "as a share of" if relative.is_ratio else "less"
    return [
        Chart(
            name="noise",
            title=f"{of} over noise",
            caption=f"{of} {how} that without noise, over the level eta; bands are 95 % "
            "intervals over draws, on these images. A scope holds all that those before it hold.",
            words=f"{relative.title}. {words_of(panels, relative)}",
            header=tuple(rows[0]),
            rows=tuple(tuple(map(_pair, row.values())) for row in rows),
            draw=lambda look: draw_lines(panels, look, x=X, y=relative.axis, quantity=relative),
        )
    ]


def _pair(value: Any) -> Any:
    """Bounds in one cell; as in `noise.csv` of before."""
    return " ".join(map(repr, value)) if isinstance(value, list) else value
