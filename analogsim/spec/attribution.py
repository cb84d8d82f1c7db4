"""A spec of kind `attribution`: what a study of chips has, and what is to be attributed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

from analogsim.spec.check import Problem
from analogsim.spec.study import Spec, parse_share

KIND = "attribution"
_ONE = ("presets", "compensation", "bn")


@dataclass(frozen=True, kw_only=True)
class AttributionSpec(Spec):
    """The keys of a spec file of this kind; see the options of `analogsim attribute`.

    `recover` is a fraction; without it and `top` it is a half.
    """

    only: Literal["sources", "layers"] | None = None
    layers: tuple[str, ...] = ()
    recover: float | None = None
    top: int | None = None
    screen: int | None = None


def attribution_of(spec: Spec, **asked: Any) -> AttributionSpec:
    """The attribution of what a study of chips is of; `asked` are the fields beside its own."""
    if isinstance(asked.get("recover"), str):
        asked["recover"] = parse_share(asked["recover"], where="recover")
    return AttributionSpec(**vars(spec), **asked)


def asked_of(content: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A TOML document's keys of a study of chips, and those of this kind alone."""
    own = AttributionSpec.__dataclass_fields__.keys() - Spec.__dataclass_fields__.keys()
    asked = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in content.items()
        if key in own
    }
    return {key: value for key, value in content.items() if key not in own}, asked


def attribution_problems(content: dict[str, Any]) -> Iterator[Problem]:
    """What the schema cannot say of a spec of this kind."""
    for key in _ONE:
        given = cast(list[str], content.get(key, []))
        if len(given) > 1:
            text = f"must be one in a spec of kind attribution, got {given}"
            yield Problem(key=key, text=f"{text}; write a spec for each")
    if "precision" in content.get("design", {}):
        text = "must be chips in a spec of kind attribution, whose pairs need the same images"
        yield Problem(key="design", text=f"{text}, got precision")
    if "recover" in content and "top" in content:
        text = f"must be left out where there is recover, got {content['top']}"
        yield Problem(key="top", text=text)
