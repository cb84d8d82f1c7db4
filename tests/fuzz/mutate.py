"""Seeded mutants of bytes and of JSON documents."""

import json
import math
import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

NUMBERS = (-1, 0, 1, 127, 128, 255, 256, 65535, 1 << 16, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)
NUMBERS += ((1 << 53) + 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, -(1 << 63), 10**30, 10**400)
VALUES: tuple[Any, ...] = (None, True, False, *NUMBERS, 0.5, -0.0, 1e-320, 1e300, -1e300)
VALUES += (math.nan, math.inf, -math.inf, [], {}, [[]], [{}], {"": 0}, [0] * 300, "x" * 3000)
VALUES += ("", "x", "\x00", "\x1b[2J", "a\nb", "\ud800", "\u202e", "../../etc/passwd", "/dev/zero")
VALUES += ("NaN", "1e400", "-1", "{0.__class__}", "%s", "<script>", "=", "zoo:resnet20?classes=-1")


def mutated(content: bytes, draw: Random, tokens: Sequence[bytes] = ()) -> bytes:
    """One to four changes: flipped, cut, inserted, repeated, moved or replaced parts."""
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        content = draw.choice(_CHANGES)(content, draw, tokens)
    return content


def _flip(content: bytes, draw: Random, _: Sequence[bytes]) -> bytes:
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 8))):
        if changed:
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _cut(content: bytes, draw: Random, _: Sequence[bytes]) -> bytes:
    return content[: draw.randrange(len(content) + 1)]


def _zeros(content: bytes, draw: Random, _: Sequence[bytes]) -> bytes:
    at = draw.randrange(len(content) + 1)
    return content[:at] + bytes(len(content) - at)


def _span(content: bytes, draw: Random) -> tuple[int, int]:
    start = draw.randrange(len(content) + 1)
    return start, min(len(content), start + draw.choice((1, 2, 4, 8, 30, 200, 4000)))


def _remove(content: bytes, draw: Random, _: Sequence[bytes]) -> bytes:
    start, end = _span(content, draw)
    return content[:start] + content[end:]


def _repeat(content: bytes, draw: Random, _: Sequence[bytes]) -> bytes:
    start, end = _span(content, draw)
    return content[:end] + content[start:end] * draw.choice((1, 2, 50)) + content[end:]


def _swap(content: bytes, draw: Random, _: Sequence[bytes]) -> bytes:
    (a, b), (c, d) = sorted((_span(content, draw), _span(content, draw)))
    b = min(b, c)
    return content[:a] + content[c:d] + content[b:c] + content[a:b] + content[d:]


def _insert(content: bytes, draw: Random, tokens: Sequence[bytes]) -> bytes:
    at = draw.randrange(len(content) + 1)
    part = draw.choice(tokens) if tokens else draw.randbytes(draw.choice((1, 4, 40)))
    # In place of as many bytes, or between them.
    return content[:at] + part + content[at + draw.choice((0, len(part))) :]


def _number(content: bytes, draw: Random, _: Sequence[bytes]) -> bytes:
    form = draw.choice(("<B", "<H", ">H", "<I", ">I", "<Q", ">Q"))
    size = struct.calcsize(form)
    if len(content) < size:
        return content
    at = draw.randrange(len(content) - size + 1)
    part = struct.pack(form, draw.choice(NUMBERS) % (1 << 8 * size))
    return content[:at] + part + content[at + size :]


_CHANGES: tuple[Callable[[bytes, Random, Sequence[bytes]], bytes], ...] = (
    *(_flip, _flip, _cut, _zeros, _remove, _repeat, _swap, _insert, _insert, _number, _number),
)


def edited(content: Any, draw: Random, values: Sequence[Any] = VALUES) -> Any:
    """A JSON document with one to three values replaced, taken out, swapped, repeated or nested."""
    content = {"": _copied(content)}
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        places = [*_places(content)]
        holder, key = draw.choice(places)
        what = draw.randrange(8)
        if what == 0 and len(places) > 1:
            del holder[key]
        elif what == 1:
            other, place = draw.choice(places)
            holder[key], other[place] = _copied([other[place], holder[key]])
        elif what == 2:
            holder[key] = [holder[key]] * draw.choice((1, 2, 200))
        elif what == 3:
            for _ in range(draw.choice((1, 50, 300))):
                holder[key] = draw.choice(([holder[key]], {"a": holder[key]}))
        elif what == 4 and isinstance(holder, dict):
            name = draw.choice([str(v) for v in values[:30]] + ["crc32", "__class__", "self"])
            holder[name] = _copied(holder[key] if draw.random() < 0.5 else draw.choice(values))
        elif what == 5 and isinstance(holder[key], int | float):
            holder[key] = draw.choice((-holder[key], holder[key] * 10**6, holder[key] - 1))
        else:
            holder[key] = _copied(draw.choice(values))
        content = {"": content.get("", None)}
    return content[""]


def _copied(value: Any) -> Any:
    """A copy: nothing may hold itself."""
    return json.loads(json.dumps(value))


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every holder and key or index in it, without those within long lists of numbers."""
    found = []
    todo = [value]
    while todo and len(found) < 5000:
        one = todo.pop()
        for key, inner in list(one.items() if isinstance(one, dict) else enumerate(one))[:60]:
            found.append((one, key))
            if isinstance(inner, dict | list):
                todo.append(inner)
    return found


def written(content: Any) -> bytes:
    """A document as JSON or nearly so: NaN, and half characters as escapes."""
    return json.dumps(content).encode()
