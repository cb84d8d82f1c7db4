"""Fetching an archive, from a file:// address."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from analogsim.errors import InputError
from analogsim.inputs import cifar, load_data
from analogsim.inputs.fetch import fetch_archive


def archive_at(path: Path, members: dict[str, bytes]) -> tuple[str, str]:
    """Write a .tar.gz; return its address and md5 sum."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path.as_uri(), hashlib.md5(path.read_bytes()).hexdigest()


def test_an_archive_is_unpacked_and_nothing_else_is_left(tmp_path: Path) -> None:
    url, md5 = archive_at(tmp_path / "a.tar.gz", {"set/one": b"1", "set/two": b"2"})
    fetch_archive(url, md5, tmp_path / "new" / "data")
    found = {p.name: p.read_bytes() for p in (tmp_path / "new" / "data" / "set").iterdir()}
    assert found == {"one": b"1", "two": b"2"}
    assert [p.name for p in (tmp_path / "new" / "data").iterdir()] == ["set"]


def test_another_archive_is_not_unpacked(tmp_path: Path) -> None:
    url, md5 = archive_at(tmp_path / "a.tar.gz", {"set/one": b"1"})
    with pytest.raises(InputError, match=rf"md5 sum must be {'0' * 32}, got {md5}; try again"):
        fetch_archive(url, "0" * 32, tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []


def test_a_member_cannot_leave_the_folder(tmp_path: Path) -> None:
    url, md5 = archive_at(tmp_path / "a.tar.gz", {"../outside": b"1"})
    with pytest.raises(
        InputError, match=r"download .*a\.tar\.gz must arrive in .*outside.*; check"
    ):
        fetch_archive(url, md5, tmp_path / "data")
    assert not (tmp_path / "outside").exists()


def test_an_address_that_does_not_answer_is_said(tmp_path: Path) -> None:
    url = (tmp_path / "none.tar.gz").as_uri()
    with pytest.raises(InputError, match=r"download file://.*none\.tar\.gz must arrive in .*, got"):
        fetch_archive(url, "0" * 32, tmp_path)


def test_data_are_fetched_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, Path]] = []
    monkeypatch.setattr(cifar, "fetch_archive", lambda *a: asked.append(a))
    for download in (False, True):
        with pytest.raises(InputError, match=r"got no cifar-100-python/test; check --data-dir"):
            load_data("cifar100", data_dir=tmp_path, download=download)
    known = cifar.CIFAR["cifar100"]
    assert asked == [(known.url, known.archive_md5, tmp_path)]
