"""The text form of a model or a data set: `NAME?option=value&option=value`."""

from collections.abc import Iterable
from difflib import get_close_matches

from analogsim.errors import InputError


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known name, or an empty text where none is near."""
    near = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def split_options(text: str, *, where: str, allowed: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Split `NAME?a=1&b=2` into the name and its options.

    Args:
        text: the part after `zoo:` or `folder:`.
        where: how an error names the whole, for example `model 'zoo:resnet20'`.
        allowed: the options that exist.

    Raises:
        InputError: an option is unknown, given twice, or has no value.
    """
    names = sorted(allowed)
    name, _, tail = text.partition("?")
    options: dict[str, str] = {}
    for part in filter(None, tail.split("&")):
        key, _, value = part.partition("=")
        if key not in names:
            raise InputError(
                f"{where} option must be one of {', '.join(names)}, got {key!r}"
                f"{did_you_mean(key, names)}"
            )
        if not value:
            raise InputError(f"{where} option must have a value, got {part!r}; write {key}=VALUE")
        if key in options:
            raise InputError(
                f"{where} option {key} must be given once, got {options[key]!r} and {value!r}"
                "; drop one"
            )
        options[key] = value
    return name, options


def whole_number(text: str, *, where: str, minimum: int, maximum: int) -> int:
    """Read an option that counts something.

    Raises:
        InputError: the text is not a whole number in [minimum, maximum].
    """
    # isascii: str.isdigit is also true of superscripts, which int() refuses.
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
    if not minimum <= value <= maximum:
        raise InputError(
            f"{where} must be a whole number from {minimum} to {maximum}, got {text!r}"
            "; change the option"
        )
    return value


def few(names: Iterable[str], *, count: int = 3) -> str:
    """The first few names and how many there are in all, for an error message."""
    everything = list(names)
    shown = ", ".join(everything[:count])
    more = len(everything) - count
    return f"{shown} and {more} more" if more > 0 else shown
