"""Maps of conductances: single devices of a few tiles, wanted, as programmed, and at the end."""

from typing import TYPE_CHECKING, Any

import numpy as np

from analogsim.experiment.layers_file import LayersFile, Map, unpack
from analogsim.report.chart import Chart
from analogsim.report.csv_file import Cell
from analogsim.report.labels import format_duration
from analogsim.report.look import DIVERGING, Look, new_figure
from analogsim.report.series import mark_cells

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_KINDS = ("target", "programmed", "last")
# More maps than this make a page of wallpaper.
_MOST_TILES = 4


def map_charts(content: LayersFile) -> list[Chart]:
    """A chart for each preset that has maps."""
    charts = []
    for place, device in enumerate(content["presets"]):
        maps = device["maps"][:_MOST_TILES]
        if not maps:
            continue
        unit = (
            f" The largest is g_max = {device['g_max_us']:g} \u00b5S." if device["g_max_us"] else ""
        )
        charts.append(
            Chart(
                name=f"conductances_{place}",
                title=f"Conductances of {device['preset']}",
                caption=f"{device['preset']}, chip 0: what single cells hold, signed, in units of "
                f"the largest conductance of the tile.{unit} Columns are a tile's inputs, rows its "
                f"outputs. {_kept(maps)} Without drift compensation, which acts behind the tile.",
                words=f"Maps of conductances, {device['preset']}. {' '.join(map(_words, maps))}",
                header=("layer", "tile", "kind", "output", *_columns(maps)),
                rows=tuple(_rows(maps)),
                draw=lambda look, maps=maps: _draw(maps, look),  # type: ignore[misc]
            )
        )
    return charts


def _kept(maps: list[Map]) -> str:
    thinned = [one for one in maps if max(one["step"]) > 1]
    if not thinned:
        return "Every cell is shown."
    parts = [
        f"{one['layer']} shows {_every(one['step'][0])} output and {_every(one['step'][1])} input"
        for one in thinned
    ]
    return f"Of large tiles some cells are shown, and no means: {'; '.join(parts)}."


def _every(step: int) -> str:
    """Every, every 2nd, every 3rd, every 4th."""
    ends = {1: "st", 2: "nd", 3: "rd"}
    end = "th" if 10 <= step % 100 <= 13 else ends.get(step % 10, "th")
    return "every" if step == 1 else f"every {step}{end}"


def _words(one: Map) -> str:
    target, programmed, last = (_values(one, kind) for kind in _KINDS)
    return (
        f"{one['layer']}, tile {one['tile']} of {one['shape'][0]} outputs and {one['shape'][1]} "
        f"inputs: mean size {abs(target).mean():.3f} wanted, {abs(programmed).mean():.3f} as "
        f"programmed, {abs(last).mean():.3f} after {format_duration(one['t_s'])}."
    )


def _values(one: Map, kind: str) -> Any:
    return unpack(one[kind], one["rows"], one["columns"])  # type: ignore[literal-required]


def _columns(maps: list[Map]) -> tuple[str, ...]:
    most = max(one["columns"] for one in maps)
    return tuple(f"kept_input_{n}" for n in range(most))


def _rows(maps: list[Map]) -> list[tuple[Cell, ...]]:
    """A line an output of a map: which output of the tile it is, then its cells."""
    most = max(one["columns"] for one in maps)
    rows: list[tuple[Cell, ...]] = []
    for one in maps:
        for kind in _KINDS:
            for place, line in enumerate(_values(one, kind).tolist()):
                head = (one["layer"], one["tile"], kind, place * one["step"][0])
                rows.append((*head, *line, *[None] * (most - len(line))))
    return rows


def _draw(maps: list[Map], look: Look) -> "Figure":
    side = look.width_in / 3.6
    heights = [min(1.0, max(0.25, one["rows"] / one["columns"])) for one in maps]
    figure = new_figure(look, sum(side * h + 0.55 for h in heights) + 0.55)
    grid = figure.subplots(len(maps), 3, squeeze=False, height_ratios=heights)
    for line, one in zip(grid, maps, strict=True):
        names = ("wanted", "as programmed", f"after {format_duration(one['t_s'])}")
        for axes, kind, name in zip(line, _KINDS, names, strict=True):
            image = _draw_map(axes, _values(one, kind))
            packed = one[kind]  # type: ignore[literal-required]
            mark_cells(image, f"{one['layer']}, {name}", packed, one["columns"], one["step"])
            axes.set_title(name, loc="left")
        line[0].set_ylabel(one["layer"])
        line[0].set_yticks([])
        line[0].yaxis.set_visible(True)
    figure.colorbar(
        image, ax=grid, location="bottom", shrink=0.6, aspect=40,
        label="signed conductance / g_max", ticks=[-1, -0.5, 0, 0.5, 1],
    )  # fmt: skip
    return figure


def _draw_map(axes: "Axes", values: Any) -> Any:
    image = axes.imshow(
        np.asarray(values), cmap=DIVERGING, vmin=-1, vmax=1, interpolation="none", aspect="auto"
    )
    # Nothing of them is seen, and nothing of what is hidden is laid out.
    axes.xaxis.set_visible(False)
    axes.yaxis.set_visible(False)
    for spine in axes.spines.values():
        spine.set_visible(True)
    return image
