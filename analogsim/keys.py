"""A key of a spec, described once: for options, TOML, JSON Schema and the tables of the docs.

The table of keys are the fields of the spec's dataclasses. A field's name is the key and the
option, its default is that of both, and its metadata, made by the functions here, say which values
it takes and what is said about them. Who takes it follows from the class that it stands in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from analogsim.durations import seconds
from analogsim.errors import InputError

PERCENT = r"^\s*([0-9]*\.?[0-9]+|[0-9]+\.)\s*%\s*$"
_TIME = r"^\s*([0-9]*\.?[0-9]+|[0-9]+\.)([eE][+-]?[0-9]+)?\s*(s|m|min|h|d|mo|y)?\s*$"
_KEY = "key"


@dataclass(frozen=True, kw_only=True)
class Key:
    """What a field says beside its name, type and default.

    Attributes:
        schema: the values, as JSON Schema.
        help: of the command's option; without it there is none.
        metavar: what stands for a value there.
        path: the value is a file's or folder's.
        complete: what a shell offers, a function of `analogsim.cli.complete`.
        table: of TOML, in which it stands.
        not_in: kinds of spec that have the field, and no use for it.
        why_not: why others have no use for it: what stands behind their name in the refusal.
        read: a value of TOML as the field holds it, and where it stands, for errors.
    """

    schema: Mapping[str, Any]
    help: str = ""
    metavar: str | None = None
    path: bool = False
    complete: str | None = None
    table: str | None = None
    not_in: tuple[str, ...] = ()
    why_not: str | None = None
    read: Callable[[Any, str], Any] = lambda value, where: value

    @property
    def row(self) -> Mapping[str, "Key"]:
        """The metadata of a dataclass's field."""
        return {_KEY: self}

    def field(self, default: Any) -> Any:
        """The field of a dataclass that is not required."""
        return field(default=default, metadata=self.row)


@dataclass(frozen=True, kw_only=True)
class Field:
    """A row of the table: a key with its name and default; a required one has none."""

    name: str
    key: Key
    default: Any
    required: bool


def keys_of(kind: type) -> dict[str, Field]:
    """The rows of a dataclass of a spec, in order."""
    return {
        one.name: Field(
            name=one.name,
            key=one.metadata[_KEY],
            default=one.default,
            required=one.default is MISSING and one.default_factory is MISSING,
        )
        for one in fields(kind)
    }


def row(schema: Mapping[str, Any], says: str | None, **more: Any) -> Key:
    """Values of any schema; `says` is their rule in errors, `more` are the rest of a `Key`."""
    said = {"description": says, "$comment": more.get("why_not")}
    known = {name: text for name, text in said.items() if text is not None}
    return Key(schema={**schema, **known}, **more)


def text(says: str | None, *, least: int = 1, **more: Any) -> Key:
    """Text of at least so many characters."""
    return row({"type": "string"} | ({"minLength": least} if least else {}), says, **more)


def flag(says: str, **more: Any) -> Key:
    """True or false."""
    return row({"type": "boolean"}, f"true or false: {says}", **more)


def one_of(names: Sequence[str], *, says: str | None = None, **more: Any) -> Key:
    """One of some names; the rule names them unless `says` does."""
    listed = " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return row({"enum": [*names]}, says or listed, **more)


def whole(says: str, minimum: int, maximum: int | None = None, **more: Any) -> Key:
    """A whole number."""
    return row({"type": "integer", **_bounds(minimum=minimum, maximum=maximum)}, says, **more)


def number(
    says: str, *, above: float | None = None, below: float | None = None, **more: Any
) -> Key:
    """A number between two bounds, both left out."""
    bounds = _bounds(exclusiveMinimum=above, exclusiveMaximum=below)
    return row({"type": "number", **bounds}, says, **more)


def share(
    says: str,
    *,
    most: float | None = None,
    below: float | None = None,
    digits: int | None = None,
    **more: Any,
) -> Key:
    """A fraction above 0, or a percentage as text, which is rounded to so many digits."""

    def read(value: float | str, where: str) -> float:
        # 7 % is 0.07, not 0.07 and the rounding of a division.
        share = parse_share(value, where=where) if isinstance(value, str) else float(value)
        return share if digits is None or not isinstance(value, str) else round(share, digits)

    bounds = _bounds(exclusiveMinimum=0, maximum=most, exclusiveMaximum=below)
    either = [{"type": "number", **bounds}, {"type": "string", "pattern": PERCENT}]
    return row({"anyOf": either}, says, read=read, **more)


def time(says: str) -> Key:
    """Seconds, or text such as `1d`."""
    return row(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 1e18},
                {"type": "string", "pattern": _TIME},
            ]
        },
        says,
        # TOML has -0.0, which is 0.
        read=lambda value, where: seconds(value, where=where) + 0.0,
    )


def many(item: Key, says: str, *, least: int = 1, once: bool = True, **more: Any) -> Key:
    """A list of at least so many items; each `once`, or as often as one likes."""
    rules = {"minItems": least} if least else {}
    rules |= {"uniqueItems": True} if once else {}
    return row(
        {"type": "array", **rules, "items": item.schema},
        says,
        read=lambda values, where: tuple(item.read(value, where) for value in values),
        **more,
    )


def parse_share(text: str, *, where: str) -> float:
    """A fraction, written `0.5%` or `0.005`.

    Raises:
        InputError: it is neither.
    """
    stripped = text.strip()
    try:
        if stripped.endswith("%"):
            return float(stripped[:-1]) / 100
        return float(stripped)
    except ValueError as error:
        raise InputError(
            f"{where} must be a percentage or a fraction, got {text!r}; write for example 0.5%"
        ) from error


def _bounds(**bounds: float | None) -> dict[str, float]:
    return {name: bound for name, bound in bounds.items() if bound is not None}
