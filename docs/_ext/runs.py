"""`{run}` shows commands with what they print at this build; `{file}` a file that they need.

All of a page's examples run in one temporary folder, in one process, when the page is read. The
machinery is that of the tests (`tests/examples.py`).
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from tests import examples

ROOT = Path(__file__).parents[2]
_LANGUAGES = {".py": "python", ".toml": "toml"}


def _run_page(app: Sphinx, docname: str, content: list[str]) -> None:
    """Run what the page shows with its output; keep the outputs for the directives."""
    wanted = [step for step in examples.steps(content[0]) if step.kind in {"file", "run"}]
    app.env.temp_data["outputs"] = []
    if not any(step.kind == "run" for step in wanted):
        return
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "tests.examples", folder],
            input=examples.as_json(wanted),
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
    if done.returncode:
        raise ExtensionError(f"{docname}: an example failed:\n{done.stderr[-3000:]}")
    printed = json.loads(done.stdout)
    app.env.temp_data["outputs"] = [
        text for step, text in zip(wanted, printed, strict=True) if step.kind == "run"
    ]


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


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives; pages are run before they are parsed."""
    app.add_directive("run", Run)
    app.add_directive("file", File)
    app.connect("source-read", _run_page)
    return {"parallel_read_safe": True}
