"""Which images a chip sees, named by a few numbers, and the images dealt out in turn.

Dealing: the test set is mixed and cut into as many hands as `hands`, one for each chip. When it
is used up it is mixed anew, so that all images are used equally often. The mixing depends on
(seed, round) alone, and by a hash, so that it is the same in every version of every library.
"""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from analogsim.errors import InputError

PILOT_ROUND = 0
FLOATS = "float32:"
"""What a packed text begins with that holds values in place of answers."""


class Images(TypedDict):
    """`count` images of `total`, from `start` on, in an order.

    `stored` is the order of the data set; `dealt` that of `mixed(seed, round, total)`. Round 0
    is for pilots.
    """

    order: Literal["stored", "dealt"]
    seed: int
    round: int
    start: int
    count: int
    total: int


def all_images(total: int) -> Images:
    """The whole set in its own order."""
    return Images(order="stored", seed=0, round=0, start=0, count=total, total=total)


def pilot_images(seed: int, count: int, total: int) -> Images:
    """The images that all chips of a pilot share."""
    return Images(
        order="dealt", seed=seed, round=PILOT_ROUND, start=0, count=min(count, total), total=total
    )


def hand(seed: int, number: int, hands: int, total: int) -> Images:
    """The images of the `number`-th chip, counted from 0.

    Hands of a round differ by one image at most, and hold every image once.
    """
    turn, place = divmod(number, hands)
    start, stop = place * total // hands, (place + 1) * total // hands
    return Images(
        order="dealt",
        seed=seed,
        round=PILOT_ROUND + 1 + turn,
        start=start,
        count=stop - start,
        total=total,
    )


def positions(images: Images) -> Sequence[int]:
    """Where the images stand in the data set."""
    stop = images["start"] + images["count"]
    if images["order"] == "stored":
        return range(images["start"], stop)
    return mixed(images["seed"], images["round"], images["total"])[images["start"] : stop]


@lru_cache(maxsize=64)
def mixed(seed: int, turn: int, total: int) -> tuple[int, ...]:
    """0..total-1 in a mixed order that depends on the arguments alone."""

    def key(image: int) -> bytes:
        address = f"deal;{seed};{turn};{image}".encode()
        return hashlib.blake2b(address, digest_size=16).digest()

    return tuple(sorted(range(total), key=key))


def pack(bits: Sequence[bool]) -> str:
    """Answers as text: base64 of 8 a byte, the first in the highest bit, filled up with 0."""
    padded = "".join("1" if bit else "0" for bit in bits) + "0" * (-len(bits) % 8)
    content = bytes(int(padded[at : at + 8], 2) for at in range(0, len(padded), 8))
    return base64.b64encode(content).decode()


def pack_values(values: NDArray[np.float32]) -> str:
    """Values that are not right or wrong, as text: base64 of float32, the lowest byte first."""
    return FLOATS + base64.b64encode(values.astype("<f4").tobytes()).decode()


def unpack_values(text: str, count: int, *, where: str = "correct") -> NDArray[np.float64]:
    """The first `count` values of a packed text of either kind; right is 1, wrong 0.

    Raises InputError if it is not base64, has another number of values, or one that is not finite.
    """
    if not text.startswith(FLOATS):
        return np.asarray(unpack(text, count, where=where), dtype=np.float64)
    content = _decoded(text.removeprefix(FLOATS), where)
    if len(content) != 4 * count:
        raise InputError(
            f"{where} must hold {count} values in {4 * count} bytes, got {len(content)} bytes; "
            "restore the line"
        )
    values = np.frombuffer(content, dtype="<f4").astype(np.float64)
    if not np.isfinite(values).all():
        raise InputError(f"{where} must hold finite values, got others; restore the line")
    return values


def _decoded(text: str, where: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise InputError(f"{where} must be base64, got '{error}'; restore the line") from error


def unpack(text: str, count: int, *, where: str = "correct") -> list[bool]:
    """The first `count` answers of a packed text.

    Raises InputError if it is not base64 or has another number of answers.
    """
    content = _decoded(text, where)
    if len(content) != -(-count // 8):
        raise InputError(
            f"{where} must hold {count} answers in {-(-count // 8)} bytes, got {len(content)} "
            "bytes; restore the line"
        )
    bits = "".join(f"{byte:08b}" for byte in content)
    return [bit == "1" for bit in bits[:count]]


def value_problems(text: str, count: int, where: str) -> Iterator[str]:
    """What `unpack_values` refuses, as a sentence without a remedy."""
    try:
        unpack_values(text, count, where=where)
    except InputError as error:
        yield str(error).partition("; ")[0]


def answer_problems(text: str, count: int, right: float, where: str) -> Iterator[str]:
    """Answers of another number of images, or of others right than were counted."""
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError as error:
        yield f"{where} must be base64, got '{error}'"
        return
    set_bits = int.from_bytes(content, "big").bit_count()
    if len(content) != -(-count // 8) or set_bits != right:
        yield (
            f"{where} must hold {count} answers, {right} of them right, got {8 * len(content)} "
            f"bits, {set_bits} of them set"
        )
