"""Series of a drawing on a page: values under the pointer, and a legend that shows and hides.

A chart's files have matplotlib's legend. On the page the same entries stand below the drawing,
where a script makes them buttons; without scripts they are a legend all the same.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from markupsafe import escape

from analogsim.printable import printable
from analogsim.report.look import GREY

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

_SHAPES = {
    "o": '<circle r=".8"/>',
    "s": '<path d="M-.7-.7h1.4v1.4h-1.4z"/>',
    "^": '<path d="M0-.8.85.7h-1.7z"/>',
    "D": '<path d="M0-.95.95 0 0 .95-.95 0z"/>',
    "v": '<path d="M0 .8.85-.7h-1.7z"/>',
    "P": '<path d="M-.3-.9h.6v.6h.6v.6h-.6v.6h-.6v-.6h-.6v-.6h.6z"/>',
    "X": '<path d="M-.9-.5-.5-.9 0-.4.5-.9.9-.5.4 0 .9.5.5.9 0 .4-.5.9-.9.5-.4 0z"/>',
}
_LEGEND = '<g id="legend_1">'


@dataclass(frozen=True, kw_only=True)
class Series:
    """What a part of a drawing belongs to: a name of the legend, and a text for each marker.

    Or one text for all of it where it has none, or `cells`: attributes for the script, by which it
    makes the text of a cell. `colour` and `shape` are of its first part.
    """

    name: str
    texts: tuple[str, ...] = ()
    cells: Mapping[str, str] = field(default_factory=dict)
    colour: str = ""
    shape: str = ""


def mark(artist: "Artist", name: str, texts: Sequence[str] = ()) -> None:
    """Say which series a part of a figure is of; `texts` are those of its markers in order."""
    vars(artist)["series"] = Series(name=name, texts=tuple(texts))


def mark_bars(drawn: "ErrorbarContainer", name: str, texts: Sequence[str] = ()) -> None:
    """The same of markers with their bars."""
    markers, caps, bars = drawn
    for part in (*caps, *bars):
        mark(part, name)
    if texts:
        mark(markers, name, texts)


def mark_points(
    axes: "Axes",
    xs: Sequence[float],
    ys: Sequence[float],
    name: str,
    texts: Sequence[str],
    *,
    shape: str = "o",
    size_pt: float = 6,
) -> None:
    """Say values where nothing is drawn to point at: markers that are not seen, above all else."""
    points = axes.plot(
        xs, ys, linestyle="", marker=shape, markersize=size_pt, color=GREY, alpha=0, zorder=9,
        scalex=False, scaley=False,
    )  # fmt: skip
    mark(points[0], name, texts)


def mark_cells(image: "Artist", name: str, values: str, columns: int, step: Sequence[int]) -> None:
    """Say which map an image is: a script tells the value of the cell under the pointer.

    Args:
        image: whose cells are too many for a text each.
        name: what is said of all of them.
        values: as `layers_file.pack` packs them, row by row.
        columns: of the image.
        step: every which output and input is kept.
    """
    cells = {"data-cells": values, "data-columns": str(columns)}
    cells["data-step"] = ",".join(map(str, step))
    vars(image)["series"] = Series(name=name, cells=cells)


def number_series(figure: "Figure") -> dict[str, Series]:
    """Give each marked part an id, `series0-1` the second part of the first series; by that id."""
    found: dict[str, Series] = {}
    names: dict[str, int] = {}
    for artist in figure.findobj():
        one = vars(artist).get("series")
        if isinstance(one, Series):
            at = names.setdefault(_plain(one.name), len(names))
            name = f"series{at}-{len(found)}"
            artist.set_gid(name)
            found[name] = replace(one, colour=_colour(artist), shape=_shape(artist))
    return found


def for_page(svg: str, figure: "Figure", parts: dict[str, Series]) -> str:
    """The drawing of numbered series with its texts, and its legend as a list below it."""
    for name, one in parts.items():
        svg = _with_cells(svg, name, one) if one.cells else _with_texts(svg, name, one.texts)
    numbers: dict[str, tuple[str, Series]] = {}
    for name, one in parts.items():
        numbers.setdefault(_plain(one.name), (name.partition("-")[0], one))
    legend = next(iter(figure.legends), None)
    if legend is None or _LEGEND not in svg or not numbers:
        return printable(svg)
    items = "\n".join(_items(legend, numbers))
    title = legend.get_title().get_text()
    said = f'<li class="soft">{escape(" ".join(title.split()))}:</li>\n' if title else ""
    svg = _cropped(svg, legend.get_window_extent().height * 72 / figure.dpi)
    return printable(f'{svg}\n<ul class="legend" aria-label="Series">\n{said}{items}\n</ul>')


def _items(legend: "Legend", numbers: dict[str, tuple[str, Series]]) -> Iterator[str]:
    """An entry a series, with its mark; what is no series is said in the caption."""
    for text in legend.get_texts():
        name = text.get_text()
        if _plain(name) not in numbers:
            continue
        number, one = numbers[_plain(name)]
        yield (
            f'<li data-series="{number}-"><svg class="swatch" viewBox="-1 -1 2 2" '
            f'aria-hidden="true" fill="{one.colour}">{_SHAPES.get(one.shape, _SHAPES["s"])}</svg>'
            f"{escape(' '.join(name.split()))}</li>"
        )


def _colour(artist: "Artist") -> str:
    from matplotlib.colors import to_hex
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if isinstance(artist, Line2D):
        return to_hex(artist.get_color())
    return to_hex(artist.get_facecolor()) if isinstance(artist, Patch) else ""


def _shape(artist: "Artist") -> str:
    from matplotlib.lines import Line2D

    return str(artist.get_marker()) if isinstance(artist, Line2D) else ""


def _with_texts(svg: str, name: str, texts: Sequence[str]) -> str:
    """A title in each marker of a part; none where the drawing left one out."""
    start = svg.find(f'<g id="{name}">')
    if start < 0 or not texts:
        return svg
    end = _end(svg, start)
    part = svg[start:end]
    if len(texts) == 1 and "<use " not in part:
        opened = svg.index(">", start) + 1
        return f"{svg[:opened]}<title>{escape(texts[0])}</title>{svg[opened:]}"
    if part.count("<use ") != len(texts):
        return svg
    said = iter(texts)
    part = re.sub(
        r"<use ([^>]*?)/>",
        lambda found: f"<use {found[1]}><title>{escape(next(said))}</title></use>",
        part,
    )
    return svg[:start] + part + svg[end:]


def _with_cells(svg: str, name: str, one: Series) -> str:
    """An image in a group that has its title and what the script needs for a cell's."""
    found = re.search(rf'<image [^>]*?id="{name}"[^>]*?/>', svg)
    if found is None:
        return svg
    data = "".join(f' {key}="{escape(value)}"' for key, value in one.cells.items())
    title = escape(" ".join(one.name.split()))
    group = f'<g{data} data-name="{title}"><title>{title}</title>{found[0]}</g>'
    return svg[: found.start()] + group + svg[found.end() :]


def _cropped(svg: str, height_pt: float) -> str:
    """Without the legend at its lower end."""
    start = svg.index(_LEGEND)
    svg = svg[:start] + svg[_end(svg, start) :]

    def less(found: re.Match[str]) -> str:
        return f"{found[1]}{float(found[2]) - height_pt:.6g}{found[3]}"

    svg = re.sub(r'(<svg [^>]*?height=")([\d.]+)(pt")', less, svg, count=1)
    return re.sub(r'(<svg [^>]*?viewBox="0 0 [\d.]+ )([\d.]+)(")', less, svg, count=1)


def _end(svg: str, start: int) -> int:
    """Where the group that begins there ends."""
    depth = 0
    for found in re.finditer(r"<g[ >]|</g>", svg[start:]):
        depth += 1 if found[0] != "</g>" else -1
        if depth == 0:
            return start + found.end()
    return len(svg)


def _plain(name: str) -> str:
    """A name however it is folded."""
    return "".join(name.split())
