"""Refuse a zip bomb by what the archive declares, before anything of it is unpacked."""

import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from analogsim.errors import InputError, first_line

ROOM = 256 << 20
"""What an archive may always unpack to, in bytes."""
RATIO = 50
"""Above `ROOM`, so many times its own size. Trained weights shrink by a tenth, images in bytes by
a factor of five or ten; deflate's bound, which a bomb comes near, is 1032."""

TABLE = 16 << 20
"""So many bytes an archive's table of contents may have; a member takes about 80."""
# The end of an archive: a comment of 65,535 bytes at most, and the records before it.
_END_ROOM = 1 << 17


def refuse_bomb(path: Path, *, where: str, mend: str) -> None:
    """Raise InputError where a zip file declares much more content than its own size.

    What is no zip file passes: its reader refuses it. A member that holds more than the archive
    declares is cut there by zipfile and refused by torch. A table of contents that zipfile cannot
    read is refused: another reader may read it, and it was not looked at.

    Args:
        path: the file; it is opened, and only its table of contents is read.
        where: how an error names it.
        mend: what to do, at the end of the sentence.
    """
    size = path.stat().st_size
    table = _table_size(path, size)
    if table > TABLE:
        raise InputError(
            f"{where} must have a table of contents of at most {TABLE} bytes, got {table}, as of "
            f"hundreds of thousands of members; {mend}"
        )
    try:
        if not zipfile.is_zipfile(path):
            return
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    # What it raises depends on where the table is damaged.
    except Exception as err:
        raise InputError(
            f"{where} must be a whole archive, got a damaged one ({first_line(err)}); {mend}"
        ) from err
    if unpacked > max(ROOM, RATIO * size):
        raise InputError(
            f"{where} must unpack to at most {RATIO} times its size, got {unpacked} bytes out of "
            f"{size}, as a zip bomb does; {mend}"
        )


def _table_size(path: Path, size: int) -> int:
    """How many bytes a zip file says that its table of contents has; 0 if it does not say."""
    if size <= TABLE:
        return 0
    with path.open("rb") as file:
        file.seek(max(0, size - _END_ROOM))
        tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0:
        return 0
    said = int.from_bytes(tail[end + 12 : end + 16], "little")
    large = tail.rfind(b"PK\x06\x06", 0, end)
    # The field of 32 bits is full where the table is larger, or torch wrote it.
    if said == 0xFFFFFFFF and large >= 0:
        said = int.from_bytes(tail[large + 40 : large + 48], "little")
    return said


def check_array_size(member: BinaryIO, size: int) -> None:
    """Raise ValueError where a `.npy` header promises more bytes than there are.

    numpy makes room for what the header says before it reads.

    Args:
        member: the file, at its start; it is read up to the header's end.
        size: how many bytes it has in all.
    """
    major, _ = np.lib.format.read_magic(member)
    read = {
        1: np.lib.format.read_array_header_1_0,
        2: np.lib.format.read_array_header_2_0,
    }.get(major)
    if read is None:
        # Version 3 only differs in the names of fields, and no array of numbers has any.
        raise ValueError(f"an array of format version {major}")
    shape, _, dtype = read(member)
    promised = dtype.itemsize
    for side in shape:
        promised *= int(side)
    if not dtype.hasobject and promised != size - member.tell():
        raise ValueError(
            f"an array of shape {shape} in {size - member.tell()} bytes instead of {promised}"
        )
