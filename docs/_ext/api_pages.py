"""A page for every public function and class, one for every part, and `{api}`, which lists them.

The pages are written into `docs/reference/api` when a build begins (they are in no clone), as
Sphinx reads files. Docstrings are read as plain text.
"""

import importlib
import pkgutil
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import analogsim

_OURS = ("analogsim", "device_models")
FIRST = ("convert", "program", "evaluate", "run")
"""What most programs need, in the order in which they call it."""

# Our docstrings mark code with `single backticks` and nothing else. What stands outside them is
# text: stars, bars and trailing underscores (`drift_`) are no markup.
_CODE = re.compile(r"(`[^`]*`)")
_MARKUP = re.compile(r"([*|\\]|_(?=\W|$))")
# The docstrings of attributes, kept from napoleon, which would take `word: text` for a type.
_attributes: dict[str, list[str]] = {}


def parts() -> list[str]:
    """Modules with public names: those that say so in `__all__`, the command line apart."""
    below = (
        name
        for _, name, is_package in pkgutil.walk_packages(analogsim.__path__, "analogsim.")
        if is_package and not name.startswith("analogsim.cli")
    )
    return [
        name
        for name in ("analogsim", "device_models", *below)
        if hasattr(importlib.import_module(name), "__all__")
    ]


def _before_napoleon(
    app: Sphinx, what: str, name: str, item: Any, options: Any, lines: list[str]
) -> None:
    for number, line in enumerate(lines):
        pieces = _CODE.split(line)
        pieces[::2] = [_MARKUP.sub(r"\\\1", piece) for piece in pieces[::2]]
        lines[number] = "".join(pieces)
    if what == "attribute":
        _attributes[name] = list(lines)


def _after_napoleon(
    app: Sphinx, what: str, name: str, item: Any, options: Any, lines: list[str]
) -> None:
    if what == "attribute":
        lines[:] = _attributes.pop(name)


def _written(name: str, member: Any) -> list[str]:
    """The lines that document one name; a class with what it has."""
    if isinstance(member, type):
        return [f".. autoclass:: {name}", "   :members:", "   :show-inheritance:", ""]
    return [f".. autofunction:: {name}", ""]


def _page(title: str, lines: list[str]) -> str:
    return "\n".join([f"# {title}", "", "```{eval-rst}", *lines, "```", ""])


def pages() -> dict[str, str]:
    """The Markdown of each page by name: one a public name of `analogsim`, one a part."""
    texts: dict[str, str] = {}
    seen: dict[int, str] = {}
    for part in parts():
        module = importlib.import_module(part)
        # Here, because autodoc imports with TYPE_CHECKING set, which torch does not bear.
        members = {public: getattr(module, public) for public in module.__all__}
        lines = [f".. automodule:: {part}", ""]
        for public, member in members.items():
            name = f"{part}.{public}"
            if not (isinstance(member, type) or callable(member)):
                continue  # a value: its docstring would be that of its type
            if id(member) in seen:
                lines += [f"`{public}`: see `{seen[id(member)]}`.", ""]
                continue
            seen[id(member)] = name
            if not str(getattr(member, "__module__", "")).startswith(_OURS):
                lines += [f"`{public}`: another name of `{member!r}`.", ""]
            elif module is analogsim:
                texts[public] = _page(f"`{name}`", _written(name, member))
            else:
                lines += _written(name, member)
        if module is not analogsim:
            texts[part] = _page(f"`{part}`", lines)
    return texts


def first_line(name: str) -> str:
    """The first sentence of what a page is of."""
    item = getattr(analogsim, name) if hasattr(analogsim, name) else importlib.import_module(name)
    return (item.__doc__ or "").strip().splitlines()[0]


def _write_pages(app: Sphinx) -> None:
    """Write the pages that are read next; one of a name that is gone goes, too."""
    folder = Path(app.srcdir) / "reference" / "api"
    folder.mkdir(exist_ok=True)
    texts = {f"{name}.md": text for name, text in pages().items()}
    for page in folder.glob("*.md"):
        if page.name not in texts:
            page.unlink()
    for name, text in texts.items():
        page = folder / name
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


class Api(SphinxDirective):
    """Tables of all pages with their first sentences: what most programs need stands first."""

    def run(self) -> list[nodes.Node]:
        names = list(pages())
        ours = [name for name in names if name in analogsim.__all__]
        begin = [name for name in FIRST if name in ours]
        more = sorted((name for name in ours if name not in FIRST), key=str.lower)
        groups = {
            "Begin here": begin,
            "Functions": [name for name in more if name[0].islower()],
            "Classes": [name for name in more if name[0].isupper()],
            "Parts": sorted(name for name in names if name not in analogsim.__all__),
        }
        text: list[str] = []
        for title, group in groups.items():
            text += [f"## {title}", "", "| | |", "|---|---|"]
            text += [f"| [{name}](api/{name}.md) | {first_line(name)} |" for name in group]
            text += ["", "```{toctree}", ":hidden:", "", *(f"api/{name}" for name in group)]
            text += ["```", ""]
        return self.parse_text_to_nodes("\n".join(text), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive and what a build does with pages and docstrings."""
    app.add_directive("api", Api)
    app.connect("builder-inited", _write_pages)
    app.connect("autodoc-process-docstring", _before_napoleon, priority=400)
    app.connect("autodoc-process-docstring", _after_napoleon, priority=600)
    return {"parallel_read_safe": True}
