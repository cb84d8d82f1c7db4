"""`{run}` shows commands with what they print at this build; `{file}` a file that they need.

`{report} FOLDER` shows a chart of a run that the page made, and leads to its report.

All of a page's examples run in one temporary folder, in one process, when the page is read. The
machinery is that of the tests (`tests/examples.py`).
"""

import importlib
import re
import shutil
import tempfile
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from tests import charts, examples

_REPORT = re.compile(r"^`{3,}\{report\} (\S+)\n:chart: (\S+)$", re.MULTILINE)
_LANGUAGES = {".py": "python", ".toml": "toml"}


def _run_page(app: Sphinx, docname: str, content: list[str]) -> None:
    """Run what the page shows with its output; keep the outputs for the directives."""
    wanted = [step for step in examples.steps(content[0]) if step.kind in {"file", "run"}]
    app.env.temp_data["outputs"] = []
    if not any(step.kind == "run" for step in wanted):
        return
    # Charts that no page shows are not laid out and written.
    level: charts.Level = "images" if _REPORT.search(content[0]) else "drawn"
    # Imported once for all pages: each is run by a process that is forked from this one.
    importlib.import_module("analogsim.cli.run_and_print")
    with tempfile.TemporaryDirectory() as folder:
        try:
            printed = examples.apart(wanted, Path(folder), level)
        except RuntimeError as error:
            failed = f"{docname}: an example failed:\n{str(error)[-3000:]}"
            raise ExtensionError(failed) from None
        _keep_reports(app, docname, content[0], Path(folder))
    app.env.temp_data["outputs"] = [
        text for step, text in zip(wanted, printed, strict=True) if step.kind == "run"
    ]


def _keep_reports(app: Sphinx, docname: str, page: str, folder: Path) -> None:
    """Copy each report that the page shows, and its chart, to where the built pages lie."""
    for run, chart in _REPORT.findall(page):
        kept = _kept(app, docname, run)
        kept.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / run / "report.html", kept / "report.html")
        shutil.copy(folder / run / "charts" / f"{chart}.svg", kept / f"{chart}.svg")


def _kept(app: Sphinx, docname: str, run: str) -> Path:
    return Path(app.outdir) / "reports" / docname / Path(run).name


class Run(SphinxDirective):
    """Commands, and below them what they printed; `:quiet:` leaves the output out."""

    has_content = True
    option_spec = {"quiet": directives.flag}

    def run(self) -> list[nodes.Node]:
        text = "\n".join(self.content)
        shown: list[nodes.Node] = [nodes.literal_block(text, text, language="bash")]
        printed = self.env.temp_data["outputs"].pop(0).rstrip("\n")
        if printed and "quiet" not in self.options:
            block = nodes.literal_block(printed, printed, language="text", classes=["output"])
            shown.append(block)
        return shown


class File(SphinxDirective):
    """A file that the reader makes, under its name."""

    has_content = True
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        text = "\n".join(self.content)
        name = self.arguments[0]
        block = nodes.literal_block(text, text, language=_LANGUAGES.get(Path(name).suffix, "text"))
        caption = nodes.caption(name, "", nodes.literal(name, name))
        return [nodes.container("", caption, block, literal_block=True)]


class Report(SphinxDirective):
    """A chart of a run that the page made, as a link to the run's report; the text is its words."""

    has_content = True
    required_arguments = 1
    option_spec = {"chart": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        words = escape(" ".join(self.content), quote=True)
        up = "../" * self.env.docname.count("/")
        there = f"{up}reports/{self.env.docname}/{Path(self.arguments[0]).name}"
        picture = f'<img src="{there}/{self.options["chart"]}.svg" alt="{words}" loading="lazy">'
        begin = f'<a class="report" href="{there}/report.html">'
        html = f"{begin}{picture}<span>Open the report</span></a>"
        return [nodes.raw("", html, format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives; pages are run before they are parsed."""
    app.add_directive("run", Run)
    app.add_directive("file", File)
    app.add_directive("report", Report)
    app.connect("source-read", _run_page)
    return {"parallel_read_safe": True}
