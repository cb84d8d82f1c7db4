"""A part of what a spec asks: the same on other chips, or on other draws of noise."""

import dataclasses

from analogsim.errors import InputError
from analogsim.spec.attribution import AttributionSpec
from analogsim.spec.file import AnySpec
from analogsim.spec.noise import NoiseSpec
from analogsim.spec.study import Spec
from analogsim.spec.suite import Suite


def with_chips(spec: AnySpec, first: int, chips: int) -> AnySpec:
    """The spec with `chips` chips (or draws) from number `first` on, in place of its own.

    Raises:
        InputError: it has a precision in place of chips, or is of a kind that has no parts.
    """
    if isinstance(spec, Suite):
        members = tuple((entry, _one(member, first, chips)) for entry, member in spec.members)
        return dataclasses.replace(
            spec, members=members, content=content_with_chips(spec.content, first, chips)
        )
    return _one(spec, first, chips)


def content_with_chips(content: dict[str, object], first: int, chips: int) -> dict[str, object]:
    """A suite's document with these chips or draws."""
    if content.get("kind") == "noise":
        rest = {key: value for key, value in content.items() if key not in ("draws", "first_draw")}
        return rest | {"draws": chips, **({"first_draw": first} if first else {})}
    return content | {"design": {"chips": chips, **({"first_chip": first} if first else {})}}


def _one(spec: Spec | NoiseSpec, first: int, chips: int) -> Spec | NoiseSpec:
    if isinstance(spec, NoiseSpec):
        return dataclasses.replace(spec, draws=chips, first_draw=first)
    if spec.chips is None:
        raise InputError(
            f"--chips must go with a spec with chips, got one with precision {spec.precision}; "
            "leave it out"
        )
    if first and (isinstance(spec, AttributionSpec) or spec.gaussian is not None):
        kind = "attribution" if isinstance(spec, AttributionSpec) else "gaussian"
        raise InputError(
            f"--chips must begin with 0 where a spec has {kind}, which has no parts, got {first}; "
            "give --chips N"
        )
    return dataclasses.replace(spec, chips=chips, first_chip=first)
