"""Which images many trials got right, in little room.

Most trials answer most images as the digital network does. So what is kept is where they differ
(exclusive or with its answers), all trials one after the other, compressed.
"""

import base64
import zlib
from collections.abc import Sequence


def squeezed(answers: Sequence[str], digital: str) -> str:
    """Trials' answers, packed as in `deal.pack`, as one text; `digital` is packed likewise."""
    clean = base64.b64decode(digital)
    flips = b"".join(_differ(base64.b64decode(one), clean) for one in answers)
    return base64.b64encode(zlib.compress(flips, 9)).decode()


def unsqueezed(text: str, digital: str, count: int) -> list[str]:
    """The answers of `count` trials, packed. Raises ValueError if the text does not hold them."""
    clean = base64.b64decode(digital, validate=True)
    size = len(clean)
    try:
        # No more than is due is unpacked, whatever the text says.
        opened = zlib.decompressobj()
        flips = opened.decompress(base64.b64decode(text, validate=True), count * size + 1)
    except zlib.error as error:
        raise ValueError(f"answers that cannot be read ({error})") from error
    if len(flips) != count * size:
        raise ValueError(f"answers of {len(flips)} bytes in place of {count * size}")
    rows = (flips[at * size : (at + 1) * size] for at in range(count))
    return [base64.b64encode(_differ(row, clean)).decode() for row in rows]


def _differ(one: bytes, other: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(one, other, strict=True))
