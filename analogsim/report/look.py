"""How charts look and how they are saved: colours, widths, fonts, and files that repeat.

Colours are Okabe and Ito's, chosen to be told apart with any common colour blindness; black is
kept for the baseline, and yellow is left out (too pale for a line). Shape and dash differ too, so
that a grey print still tells curves apart.
"""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analogsim.printable import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#1f2328"
"""Colour of text, axes and the digital baseline; nothing else has it, so the page can swap it."""
GREY = "#8c959f"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
# Seven shapes against six colours: no pair repeats before 42 curves.
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = (0, (5, 3))
_MOST_LAYOUTS, _HALF_A_PIXEL = 4, 1e-3
DIVERGING = "PuOr_r"
"""Brewer's purple to orange for signed maps; safe for the colour-blind, white at zero."""
SEQUENTIAL = "cividis"
"""Dark blue to yellow, made to look the same with and without colour blindness (Nunez 2018)."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """Width of a figure in inches and size of its text in points."""

    width_in: float
    font_pt: float

    def words_in(self, letters: float) -> float:
        """About how wide so many letters are, in inches."""
        return 0.55 * self.font_pt / 72 * letters

    def fold(self, name: str, share: float) -> str:
        """A name on as many lines as it needs in that share of the width: broken after commas,
        and before `?` and `&` of a preset's options.
        """
        room = max(int(share * self.width_in / self.words_in(1)), 8)
        lines = [""]
        for part in re.split(r"(?=[?&])|(?<=, )", name):
            if lines[-1] and len(lines[-1]) + len(part.rstrip()) > room:
                lines.append("")
            lines[-1] += part
        return "\n".join(line.rstrip() for line in lines)


PAGE = Look(width_in=4.8, font_pt=9.0)
"""In `report.html`: text stays readable when the page is 400 px wide."""
ONE_COLUMN = Look(width_in=3.5, font_pt=8.0)
TWO_COLUMNS = Look(width_in=7.16, font_pt=8.0)
"""IEEE journals: a column is 3.5 in (88.9 mm) wide, a page 7.16 in (181.9 mm)."""


def settings(look: Look) -> Any:
    """Settings of matplotlib for charts of this look."""
    # Any: matplotlib types the keys differently from version to version.
    return {
        "font.size": look.font_pt,
        "axes.titlesize": look.font_pt,
        "axes.labelsize": look.font_pt,
        "legend.fontsize": look.font_pt - 0.5,
        "xtick.labelsize": look.font_pt - 0.5,
        "ytick.labelsize": look.font_pt - 0.5,
        # The figure has the background, so that the page's own shows through.
        "axes.facecolor": "none",
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "axes.titlecolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "hatch.linewidth": 0.6,
        # A name such as "$a_b$" is a name and no formula.
        "text.parse_math": False,
        # Hinted text is as wide as its resolution: a layout would be right for that one alone.
        "text.hinting": "none",
        # The file is the same whenever it is made.
        "svg.hashsalt": "analogsim",
        # TrueType in PDF: text stays text, and journals refuse Type 3.
        "pdf.fonttype": 42,
    }


def new_figure(look: Look, height_in: float) -> "Figure":
    """A figure of the look's width, whose parts find their places by themselves."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # here for the start-up time
    from matplotlib.figure import Figure

    figure = Figure(figsize=(look.width_in, height_in), layout="constrained")
    # A canvas that keeps its renderer, and with it how wide each text is, from layout to layout.
    FigureCanvasAgg(figure)
    return figure


def png_bytes(figure: "Figure", look: Look = PAGE, *, dpi: int = 200) -> bytes:
    """The figure on white; `look` is the one that it was drawn with, here and below."""
    options = {"dpi": dpi, "facecolor": "white", "metadata": {"Software": None}}
    return _save(figure, settings(look), format="png", **options)


def svg_text(figure: "Figure", look: Look = PAGE, *, outlines: bool = False) -> str:
    """The figure as SVG without a background.

    Text stays text (small, selectable, in the page's font), or becomes `outlines`, which look
    the same wherever they are shown: an SVG file cannot carry its font.
    """
    style = settings(look) | {"svg.fonttype": "path" if outlines else "none"}
    svg = _save(figure, style, format="svg", facecolor="none", metadata={"Date": None}).decode()
    # A control character in a name would make it no XML.
    return printable(svg)


def on_white(svg: str) -> str:
    """The drawing as a file of its own, with a white page behind it."""
    end = svg.index(">", svg.index("<svg")) + 1
    return f'{svg[:end]}\n <rect width="100%" height="100%" fill="#ffffff"/>{svg[end:]}'


def settled(figure: "Figure", look: Look) -> "Figure":
    """The figure with its layout made once: what is saved of it then takes half the time."""
    engine = figure.get_layout_engine()
    if engine is None:
        return figure
    # Ticks are made when they are laid out, with the settings of that moment.
    with _drawing(settings(look)):
        # A layout decides which ticks there are, and those how much room they take.
        places: list[tuple[float, ...]] = []
        for _ in range(_MOST_LAYOUTS):
            engine.execute(figure)
            places, before = [axes.get_position().bounds for axes in figure.axes], places
            if _moved(before, places) < _HALF_A_PIXEL:
                break
    figure.set_layout_engine("none")
    return figure


def _moved(before: list[tuple[float, ...]], after: list[tuple[float, ...]]) -> float:
    """How far any side of any axes went, as a share of the figure."""
    if len(before) != len(after):
        return 1.0
    sides = zip(sum(before, ()), sum(after, ()), strict=True)
    return max((abs(a - b) for a, b in sides), default=0.0)


def pdf_bytes(figure: "Figure", look: Look = PAGE) -> bytes:
    """The figure as PDF on white, with its fonts embedded as TrueType (Type 42)."""
    quiet = {"CreationDate": None, "ModDate": None}
    return _save(figure, settings(look), format="pdf", facecolor="white", metadata=quiet)


def inline_svg(svg: str, name: str, words: str) -> str:
    """The drawing as part of a page: without its prolog, in the page's ink, with its alt text.

    Every id and every reference to one starts with `name`, so that drawings on one page do not
    take each other's clip paths and markers.
    """
    from markupsafe import escape

    body = svg[svg.index("<svg") :].replace(INK, "currentColor")
    # matplotlib's rule for every element would reach out into the page.
    body = re.sub(r"<style type=\"text/css\">\*\{", '<style type="text/css">.plot *{', body)
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r'(\bhref="#|url\(#)', rf"\g<1>{name}-", body)
    return body.replace("<svg ", f'<svg class="plot" role="img" aria-label="{escape(words)}" ', 1)


@contextmanager
def _drawing(style: Any) -> Iterator[None]:
    """With these settings; letters that the font lacks are drawn as boxes, which needs no word.

    matplotlib's warning would print them, control characters too. Nor do names so long that they
    leave the axes no room.
    """
    import matplotlib as mpl

    with mpl.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph |constrained_layout not applied")
        yield


def _save(figure: "Figure", style: Any, **options: Any) -> bytes:
    """Save with the settings that it was drawn with: how many ticks there are depends on them."""
    target = io.BytesIO()
    with _drawing(style):
        figure.savefig(target, **options)
    return target.getvalue()
