"""Ways in which a file on a disk goes wrong, drawn by hypothesis."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import event
from hypothesis import strategies as st

from analogsim.errors import AnalogsimError

T = TypeVar("T")
Damage = Callable[[dict[str, bytes]], dict[str, bytes | None]]


@st.composite
def damages(draw: Any, names: tuple[str, ...]) -> tuple[str, Damage]:
    """What happened, in words, and what makes it so: the changed files (None: gone)."""
    name = draw(st.sampled_from(names))
    kind = draw(st.sampled_from(["cut", "flip", "flip", "flip", "gone", "swap", "zeros"]))
    at = draw(st.floats(0, 1))
    bit = draw(st.integers(0, 7))
    other = draw(st.sampled_from(names))

    def damage(files: dict[str, bytes]) -> dict[str, bytes | None]:
        content = files[name]
        place = min(int(at * len(content)), len(content) - 1)
        if kind == "cut":
            return {name: content[:place]}
        if kind == "flip":
            changed = bytearray(content)
            changed[place] ^= 1 << bit
            return {name: bytes(changed)}
        if kind == "zeros":
            # What a file system leaves after a crash: the length is there, the end is not.
            return {name: content[:place] + bytes(len(content) - place)}
        return {name: None} if kind == "gone" else {name: files[other], other: content}

    return f"{kind} {name} at {at:.3f} bit {bit} {other}", damage


def edited(text: bytes, draw: Any) -> bytes:
    """A JSON object with one value replaced or one key taken out, at any depth; its seal is out."""
    content = json.loads(text)
    content.pop("crc32", None)
    holders: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            holders.append((value, key))
            if isinstance(item, dict | list):
                walk(item)

    walk(content)
    holder, key = draw(st.sampled_from(range(len(holders))).map(holders.__getitem__))
    if draw(st.booleans()):
        del holder[key]
    else:
        values = [None, True, -1, 0, 1, 7, 0.5, 1e300, "", "x", "\x00", [], {}, [[]], [{}], 10**30]
        holder[key] = draw(st.sampled_from(values))
    return json.dumps(content).encode()


def outcome(read: Callable[[], T]) -> T | str:
    """What reading gives, or what the error says; any other exception is a bug."""
    try:
        value = read()
    except AnalogsimError as error:
        event("refused")
        return str(error)
    event("taken")
    return value
