"""The fields of `Periphery` as Markdown, with the texts that stand below them in the code."""

import ast
import dataclasses
import inspect
import textwrap

from markdown import code, plain, table

from analogsim.crossbar.mapping.periphery import PERIPHERIES, Periphery
from analogsim.crossbar.mapping.periphery_presets import PRESETS


def periphery() -> list[str]:
    """A row for each field, with its value in the standard periphery."""
    meanings = _meanings(Periphery)
    standard = PERIPHERIES["standard"]
    return table(
        ("field", "standard", "meaning"),
        (
            (code(field.name), code(str(getattr(standard, field.name))), meanings[field.name])
            for field in dataclasses.fields(Periphery)
            if field.name in meanings
        ),
    )


def peripheries() -> list[str]:
    """Of each accelerator: its citation, what is not modelled, and each number with its source."""
    lines: list[str] = []
    for name, preset in PRESETS.items():
        lines += ["", f"### {name}", "", f"{plain(preset.citation)}."]
        lines += ["", f"Not modelled: {plain(preset.not_modelled)}.", ""]
        lines += table(
            ("field", "value", "source"),
            (
                (code(field), code(str(preset.values[field])), plain(source))
                for field, source in preset.sources.items()
            ),
        )
    return lines


def _meanings(kind: type) -> dict[str, str]:
    """The string below each field of a class, on one line."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[field.target.id] = plain(" ".join(str(text.value.value).split()))
    return found
