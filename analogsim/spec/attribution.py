"""A spec of kind `attribution`: what a study of chips has, and what is to be attributed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

from analogsim.keys import many, one_of, share, text, whole
from analogsim.spec.check import Problem
from analogsim.spec.study import Spec

_ONE = ("presets", "compensation", "bn")


@dataclass(frozen=True, kw_only=True)
class AttributionSpec(Spec):
    """The keys of a spec file of this kind; see the options of `analogsim attribute`.

    `recover` is a fraction; without it and `top` it is a half.
    """

    only: Literal["sources", "layers"] | None = one_of(
        ("sources", "layers"),
        says="sources or layers: one half of an attribution; both if left out",
        help="Look at one of the two.  [default: both]",
    ).field(None)
    layers: tuple[str, ...] = many(
        text("text: a pattern of layers' names such as layer1.*"),
        "a list of different patterns of layers to look at; all if left out",
        metavar="PATTERN",
        help="Layers to look at, for example 'layer1.*'.  [default: all analog ones]",
    ).field(())
    recover: float | None = share(
        'a part of the loss such as "50%" or 0.5, above 0 and at most 1, that the layers kept '
        "digital are to recover",
        most=1,
        metavar="P%",
        help="Suggest the fewest layers to keep digital that recover this part of the loss."
        "  [default: 50%]",
    ).field(None)
    top: int | None = whole(
        "a whole number, 1 or more (1000000 at most): suggest so many of the costliest layers, "
        "in place of recover",
        1,
        1_000_000,
        help="In place of --recover: suggest the N costliest layers.",
    ).field(None)
    screen: int | None = whole(
        "a whole number of images, 1 or more (1000000000 at most), to look at all layers with "
        "first",
        1,
        10**9,
        metavar="N",
        help="Look at all layers with N images first and measure the costliest five in full.",
    ).field(None)


def attribution_problems(content: dict[str, Any]) -> Iterator[Problem]:
    """What the schema cannot say of a spec of this kind."""
    for key in _ONE:
        given = cast(list[str], content.get(key, []))
        if len(given) > 1:
            rule = f"must be one in a spec of kind attribution, got {given}"
            yield Problem(key=key, text=f"{rule}; write a spec for each")
    if "precision" in content.get("design", {}):
        rule = "must be chips in a spec of kind attribution, whose pairs need the same images"
        yield Problem(key="design", text=f"{rule}, got precision")
    if "recover" in content and "top" in content:
        rule = f"must be left out where there is recover, got {content['top']}"
        yield Problem(key="top", text=rule)
