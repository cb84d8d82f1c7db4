"""Zip bombs are refused by what they declare; honest archives pass."""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from analogsim.errors import InputError
from analogsim.inputs import archive
from analogsim.inputs.archive import check_array_size, refuse_bomb


def test_honest_archives_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "ROOM", 1000)
    drawn = np.random.default_rng(0).integers(0, 4, (20, 8, 8), dtype=np.uint8)
    np.savez_compressed(tmp_path / "packed.npz", x=drawn)
    np.savez(tmp_path / "plain.npz", x=np.zeros(100_000))
    for name in ("packed.npz", "plain.npz"):
        refuse_bomb(tmp_path / name, where="x", mend="y")


# Python's own look at whether this is a zip file raises an error.
TWO_DISKS = b"PK\x06\x07" + struct.pack("<LQL", 0, 0, 2) + b"PK\x05\x06" + bytes(18)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04"], ids=["empty", "text", "cut"])
def test_what_is_no_archive_is_left_to_its_reader(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f").write_bytes(content)
    refuse_bomb(tmp_path / "f", where="x", mend="y")


def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    # Its bombs would not be seen, and another reader may be able to read it.
    (tmp_path / "f").write_bytes(TWO_DISKS)
    message = r"^file f must be a whole archive, got a damaged one \(.*disks.*\); fetch it$"
    with pytest.raises(InputError, match=message):
        refuse_bomb(tmp_path / "f", where="file f", mend="fetch it")


@pytest.mark.parametrize("comment", [b"", b"a comment" * 5000])
def test_a_table_of_too_many_members_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, comment: bytes
) -> None:
    path = tmp_path / "f"
    with zipfile.ZipFile(path, "w") as made:
        for number in range(200):
            made.writestr(f"{number:03}", b"")
        made.comment = comment
    table = 200 * (46 + 3)
    monkeypatch.setattr(archive, "TABLE", table)
    refuse_bomb(path, where="x", mend="y")
    monkeypatch.setattr(archive, "TABLE", table - 1)
    message = rf"^file f must have a table of contents of at most {table - 1} bytes, got {table}, "
    with pytest.raises(InputError, match=message):
        refuse_bomb(path, where="file f", mend="y")


def test_room_and_ratio_are_the_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "zeros.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("x.npy", bytes(1_000_000))
    refuse_bomb(path, where="x", mend="y")
    monkeypatch.setattr(archive, "ROOM", 999_999)
    size = path.stat().st_size
    message = rf"^data file z must unpack to at most 50 .* got 1000000 bytes out of {size}, .*; y$"
    with pytest.raises(InputError, match=message):
        refuse_bomb(path, where="data file z", mend="y")
    monkeypatch.setattr(archive, "RATIO", 1_000_000 // size + 1)
    refuse_bomb(path, where="x", mend="y")


def npy(array: object) -> bytes:
    content = io.BytesIO()
    np.save(content, np.asarray(array))
    return content.getvalue()


def test_an_array_with_all_its_bytes_passes() -> None:
    for array in (np.zeros((2, 3)), np.uint8(3), np.zeros((0, 5), np.int64)):
        content = npy(array)
        check_array_size(io.BytesIO(content), len(content))


@pytest.mark.parametrize("missing", [1, 40])
def test_an_array_without_some_is_refused(missing: int) -> None:
    content = npy(np.zeros((2, 3)))[:-missing]
    with pytest.raises(ValueError, match=rf"shape \(2, 3\) in {48 - missing} bytes instead of 48"):
        check_array_size(io.BytesIO(content), len(content))


def test_an_unknown_version_is_refused() -> None:
    content = npy(np.zeros(2)).replace(b"NUMPY\x01", b"NUMPY\x03", 1)
    with pytest.raises(ValueError, match="format version 3"):
        check_array_size(io.BytesIO(content), len(content))
