"""Pages from the templates: one look for every kind of study.

A page needs no network and nothing beside it, and has one small script.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analogsim.report.cells import Table
from analogsim.report.chart import Chart
from analogsim.report.look import inline_svg

LARGEST_DATA = 200_000
"""Bytes of a table that is still embedded in the page; a larger one lies beside it alone."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading with its blocks: paragraphs, tables, and charts of `figure`.

    A folded one opens with a click, with a link to it, and in print.
    """

    name: str
    blocks: Sequence["str | Table | Mapping[str, Any]"]
    folded: bool = False

    @property
    def anchor(self) -> str:
        """The heading's id."""
        return self.name.lower().replace(" ", "-")


def render_sections(
    title: str, lead: str, answer: Sequence[str], sections: Sequence[Section]
) -> str:
    """A page of headings and blocks, the answer first. Everything is escaped."""
    named = [(section.anchor, section.name) for section in sections]
    return render(
        "sections.html.j2", title=title, lead=lead, answer=answer, sections=named, parts=sections
    )


def render(template: str, *, computed: str = "", **values: Any) -> str:
    """The text of a template's page; `computed` says who computes the products.

    Names, notes and settings may hold any text: it is escaped.
    """
    script = _file("page.js")
    return (
        _environment()
        .get_template(template)
        .render(
            css=Markup(_file("page.css")),
            # Our own text: escaping it would change its hash and its meaning.
            script=Markup(script),
            script_hash=f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}",
            computed=computed,
            **values,
        )
    )


@cache
def _environment() -> Environment:
    """It keeps each template as it was compiled, for a process's further pages."""
    return Environment(
        loader=PackageLoader("analogsim.report", "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def figure(chart: Chart, svg: str) -> dict[str, Any]:
    """A chart for a template; `svg` is its drawing, made by us, not by the user."""
    return {
        "name": chart.name,
        "title": chart.title,
        "caption": chart.caption,
        # Our own drawing; matplotlib has escaped the names in it.
        "svg": Markup(inline_svg(svg, chart.name, chart.words)),
        "data": data_link(chart.csv()),
    }


def data_link(text: str, kind: str = "text/csv") -> str | None:
    """A file as a link that needs no network; None if it is too large for a page."""
    content = text.encode(errors="replace")
    if len(content) > LARGEST_DATA:
        return None
    return f"data:{kind};charset=utf-8;base64,{base64.b64encode(content).decode()}"


@cache
def _file(name: str) -> str:
    return (files("analogsim.report") / "template" / name).read_text(encoding="utf-8").strip()
