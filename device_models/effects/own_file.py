"""Files that an effect's options name: read whole, bounded, and known by their digest."""

import csv
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

from device_models.errors import DeviceError

MOST_BYTES = 1 << 26
_DIGITS = 16


def read_file(path: str, digest: str, what: str) -> tuple[bytes, str]:
    """The content of a plain file, and its digest: the first 16 digits of its sha256.

    Args:
        path: of the file.
        digest: that it must have; '' is any.
        what: begins the errors.

    Raises `DeviceError`: a path that no spec can hold, no such file, one that cannot be read, is
    above `MOST_BYTES`, or has another digest.
    """
    if "&" in path:
        raise DeviceError(f"{what} must be without &, got {path!r}; rename it")
    file = Path(path)
    try:
        if not file.is_file():
            raise DeviceError(f"{what} must be a file, got {path!r}; check the path")
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise DeviceError(f"{what} must be a readable file, got {path!r}: {error}") from error
    if len(content) > MOST_BYTES:
        raise DeviceError(
            f"{what} must have at most {MOST_BYTES} bytes, got more in {path!r}; leave some out"
        )
    found = hashlib.sha256(content).hexdigest()[:_DIGITS]
    if digest not in ("", found):
        raise DeviceError(
            f"{what} must be the file with digest {digest}, got {found} in {path!r}; it has "
            "changed: give the old one, or leave the digest out"
        )
    return content, found


def csv_lines(content: bytes, head: Sequence[str], where: str) -> list[tuple[int, list[str]]]:
    """The lines of a CSV file below its line of names, with their numbers; empty ones are left out.

    Args:
        content: of the file.
        head: its first line.
        where: begins the errors.

    Raises `DeviceError`: no CSV, or another first line.
    """
    try:
        # Some programs begin a file with a mark of its encoding.
        text = content.decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DeviceError(f"{where} must be CSV, got '{error}'; mend it") from error
    found = [value.strip() for value in lines[0]] if lines else []
    if found != list(head):
        raise DeviceError(
            f"{where} must begin with {','.join(head)}, got {','.join(found)[:100]!r}; name its "
            "columns"
        )
    return [(number, line) for number, line in enumerate(lines[1:], start=2) if line]
