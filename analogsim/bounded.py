"""Read a whole file, but never one of a size that it cannot have: memory is not spent first.

Nor is time: TOML is bounded by what tomllib takes for it.

A settings file of a terabyte is a mistake (a sparse file, a device, another file's name), and
without a bound reading it ends the process.
"""

import errno
import os
import re
import tomllib
from pathlib import Path
from typing import Any, BinaryIO

MIB = 1 << 20
SETTINGS = 64 * MIB
"""No settings file that a person or analogsim writes is larger."""
TOML = MIB
"""So many characters a TOML file may have; tomllib reads about a megabyte a second."""
# a.b.c = 1 has three parts; each may stand in quotes.
_PARTS = 64
_MANY_PARTS = re.compile(
    r"""(?<![\w-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*)""" + f"{{{_PARTS}}}", re.ASCII
)


def read_bytes(path: Path, most: int = SETTINGS) -> bytes:
    """The bytes of a file.

    Raises:
        OSError: it cannot be read, or holds more than `most` bytes (EFBIG).
    """
    with path.open("rb") as file:
        return read_open(file, path, most)


def read_open(file: BinaryIO, path: Path, most: int) -> bytes:
    """The bytes of a file that was opened. Raises OSError as `read_bytes`."""
    got = size = os.fstat(file.fileno()).st_size
    parts: list[bytes] = []
    if size <= most:
        parts.append(file.read(size))
        got = len(parts[0])
        # A pipe or a device says that it has no size.
        while got <= most and (part := file.read(MIB)):
            parts.append(part)
            got += len(part)
    if got > most:
        raise OSError(errno.EFBIG, f"{os.strerror(errno.EFBIG)}: over {most} bytes", str(path))
    return b"".join(parts)


def read_text(path: Path, most: int = SETTINGS) -> str:
    """The text of a UTF-8 file, without a byte order mark.

    Raises:
        OSError: as `read_bytes`.
        UnicodeDecodeError: it is not UTF-8.
    """
    # Windows' editors begin a file with U+FEFF, which neither JSON nor TOML takes.
    return read_bytes(path, most).decode("utf-8-sig")


def parse_toml(text: str) -> dict[str, Any]:
    """A TOML document.

    Raises:
        ValueError: it is none, or one that nobody writes: too long, too deep, or with keys of
            thousands of parts.
    """
    if len(text) > TOML:
        raise ValueError(f"{len(text)} characters, over {TOML}")
    # A key's parts cost tomllib their square.
    wide = _MANY_PARTS.search(text)
    if wide is not None:
        raise ValueError(f"more than {_PARTS} parts in {wide[0][:20]}...")
    try:
        return tomllib.loads(text)
    except RecursionError as err:
        raise ValueError("it is nested too deeply") from err
