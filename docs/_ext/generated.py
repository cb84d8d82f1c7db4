"""`{generated} NAME` puts text into a page that is made at this build, so it cannot go stale."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from write_cli import commands
from write_devices import controls, devices, effects
from write_errors import errors
from write_mapping import mapping
from write_noise import chip_results, noise_grids, noise_results, noise_scopes, published
from write_periphery import peripheries, periphery
from write_spec import spec_keys
from write_zoo import zoo

DOCS = Path(__file__).parents[1]
_IN_THE_INDEX = {"index", "tutorial", "gallery", "coming-from"}


def other_pages() -> list[str]:
    """Pages beside the index that it does not name: those that are made by other tools."""
    found = sorted(page.stem for page in DOCS.glob("*.md") if page.stem not in _IN_THE_INDEX)
    return ["```{toctree}", ":hidden:", "", *found, "```"] if found else []


WRITERS: Mapping[str, Callable[[], list[str]]] = {
    "chip-results": chip_results,
    "commands": commands,
    "controls": controls,
    "devices": devices,
    "effects": effects,
    "errors": errors,
    "mapping": mapping,
    "noise-grids": noise_grids,
    "noise-results": noise_results,
    "noise-scopes": noise_scopes,
    "other-pages": other_pages,
    "peripheries": peripheries,
    "periphery": periphery,
    "published": published,
    "spec-keys": spec_keys,
    "zoo": zoo,
}


class Generated(SphinxDirective):
    """The text of one writer, read as Markdown where it stands."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        text = "\n".join(WRITERS[self.arguments[0]]())
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive; the pages are read again at every build."""
    app.add_directive("generated", Generated)
    return {"parallel_read_safe": True}
