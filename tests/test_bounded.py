"""Whole files, but not of any size."""

from pathlib import Path

import pytest

from analogsim import bounded


@pytest.mark.parametrize("size", [0, 1, 10])
def test_a_file_of_at_most_so_many_bytes_is_read(tmp_path: Path, size: int) -> None:
    (tmp_path / "f").write_bytes(b"x" * size)
    assert bounded.read_bytes(tmp_path / "f", 10) == b"x" * size


def test_a_larger_one_is_refused_by_its_size(tmp_path: Path) -> None:
    with (tmp_path / "f").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match=r"File too large: over 10 bytes: '.*f'"):
        bounded.read_bytes(tmp_path / "f", 10)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
def test_a_device_is_read_no_further_than_the_bound() -> None:
    with pytest.raises(OSError, match=r"File too large: over 10 bytes: '/dev/zero'"):
        bounded.read_bytes(Path("/dev/zero"), 10)


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\xef\xbb\xbf\xc3\xa9")
    assert bounded.read_text(tmp_path / "f") == "\u00e9"
