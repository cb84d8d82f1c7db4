"""`{api}` documents every public name of every part; docstrings are read as plain text."""

import importlib
import pkgutil
import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import analogsim

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


class Api(SphinxDirective):
    """A section for each part, with all names of its `__all__`."""

    def run(self) -> list[nodes.Node]:
        text: list[str] = []
        seen: dict[int, str] = {}
        for name in parts():
            module = importlib.import_module(name)
            # Here, because autodoc imports with TYPE_CHECKING set, which torch does not bear.
            members = {public: getattr(module, public) for public in module.__all__}
            again = [public for public, member in members.items() if id(member) in seen]
            text += [f"## {name}", "", "```{eval-rst}"]
            text += [f".. automodule:: {name}", "   :members:", "   :show-inheritance:"]
            text += [f"   :exclude-members: {', '.join(again)}"] if again else []
            text += ["```", ""]
            for public in again:
                text += [f"`{public}`: see `{seen[id(members[public])]}`.", ""]
            for public, member in members.items():
                if isinstance(member, type) or callable(member):
                    seen.setdefault(id(member), f"{name}.{public}")
        return self.parse_text_to_nodes("\n".join(text), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive, and the reading of docstrings around napoleon's."""
    app.add_directive("api", Api)
    app.connect("autodoc-process-docstring", _before_napoleon, priority=400)
    app.connect("autodoc-process-docstring", _after_napoleon, priority=600)
    return {"parallel_read_safe": True}
