"""A spec of kind `noise`: a noise study as the user writes it, in options or in TOML."""

from dataclasses import dataclass
from typing import Any

from analogsim.scopes.levels import ETAS, REFERENCES, SCOPES, Reference, Scope
from analogsim.spec.options import OfImages
from analogsim.spec.study import parse_share, set_keys
from analogsim.toml_text import toml_text


@dataclass(frozen=True, kw_only=True)
class NoiseSpec(OfImages):
    """The keys of a spec file of this kind; `None` is left out. Etas are fractions.

    The draws are those from number `first_draw` on.
    """

    scopes: tuple[Scope, ...] = SCOPES
    references: tuple[Reference, ...] = REFERENCES
    etas: tuple[float, ...] = ETAS
    draws: int = 10
    first_draw: int = 0


def noise_from_toml(content: dict[str, Any]) -> NoiseSpec:
    """A spec of a TOML document that the schema has found good.

    Raises:
        InputError: a level that the schema's patterns let through is none.
    """
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in content.items()
        if key != "kind"
    }
    if "etas" in values:
        values["etas"] = etas_of(content)
    return NoiseSpec(**values)


def etas_of(content: dict[str, Any]) -> tuple[float, ...]:
    """The levels of a TOML document as fractions. Raises InputError for one that is none."""
    return tuple(
        # 7 % is 0.07, not 0.07 and the rounding of a division.
        round(parse_share(eta, where="etas"), 12) if isinstance(eta, str) else float(eta)
        for eta in content["etas"]
    )


def noise_as_toml(spec: NoiseSpec) -> str:
    """The spec as TOML, without what is left at its default."""
    return toml_text({"kind": "noise", **set_keys(spec)})
