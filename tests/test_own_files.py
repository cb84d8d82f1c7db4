"""Files of ours: no links, pipes or second names; whole or absent at every change of the disk."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from analogsim import own_files
from analogsim.errors import OutputError
from tests.cli.broken_disk import Killed, disk

NAMES = ("a", "b", "last")


def link(path: Path) -> None:
    (path.parent / "elsewhere").write_text("precious")
    path.symlink_to("elsewhere")


def second_name(path: Path) -> None:
    (path.parent / "elsewhere").write_text("precious")
    os.link(path.parent / "elsewhere", path)


NO_FILES: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "link": (link, os.O_RDONLY, "^f is a link$"),
    "link to nothing": (lambda path: path.symlink_to("nothing"), os.O_CREAT, "^f is a link$"),
    "pipe": (os.mkfifo, os.O_RDONLY, "^f is a pipe or device$"),
    "pipe to write": (os.mkfifo, os.O_RDWR, "^f is a pipe or device$"),
    "folder": (Path.mkdir, os.O_RDONLY, "^Is a directory$"),
    "second name": (second_name, os.O_RDWR, r"^f has a second name \(a hard link\)$"),
}


@pytest.mark.parametrize(("make", "flags", "said"), NO_FILES.values(), ids=NO_FILES)
def test_what_is_no_file_of_its_own_is_not_opened(
    tmp_path: Path, make: Callable[[Path], object], flags: int, said: str
) -> None:
    path = tmp_path / "f"
    make(path)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match=".") as caught:
        own_files.open_regular(path, flags)
    assert caught.value.strerror is not None
    assert caught.value.filename == str(path)
    with pytest.raises(OSError, match=said):
        raise OSError(caught.value.strerror)
    assert len(os.listdir("/proc/self/fd")) == before
    assert not (tmp_path / "nothing").exists()


def test_a_file_is_read_and_bounded(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\xef\xbb\xbf\xc2\xb5")
    second_name(tmp_path / "two")
    assert own_files.read_bytes(tmp_path / "f", 5) == b"\xef\xbb\xbf\xc2\xb5"
    assert own_files.read_text(tmp_path / "f") == "µ"
    assert own_files.read_text(tmp_path / "two") == "precious"
    with pytest.raises(OSError, match=r"File too large: over 4 bytes: '.*/f'"):
        own_files.read_bytes(tmp_path / "f", 4)
    with pytest.raises(FileNotFoundError):
        own_files.read_bytes(tmp_path / "none")


def test_a_draft_that_was_planted_is_not_written_through(tmp_path: Path) -> None:
    for name in ("f", f".f.{os.getpid()}.tmp"):
        link(tmp_path / name)
    own_files.write_whole(tmp_path / "f", b"new")
    assert (tmp_path / "f").read_bytes() == b"new"
    assert not (tmp_path / "f").is_symlink()
    assert (tmp_path / "elsewhere").read_text() == "precious"
    assert sorted(os.listdir(tmp_path)) == ["elsewhere", "f"]


def test_a_file_is_whole_at_every_change_of_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with disk(tmp_path) as counted:
        own_files.write_whole(path, b"old")
    assert counted.calls == ["unlink", "open", "fsync", "replace", "fsync"]
    with disk(tmp_path) as counted:
        own_files.write_whole(path, b"old")
    assert counted.calls == []
    for place in range(5):
        own_files.write_whole(path, b"old")
        with pytest.raises(Killed), disk(tmp_path, place):
            own_files.write_whole(path, b"new")
        assert path.read_bytes() == (b"old" if place < 4 else b"new")
    own_files.write_whole(path, b"new")
    assert path.read_bytes() == b"new"


def fill(folder: Path, content: str) -> None:
    with own_files.arriving(folder, NAMES) as draft:
        for name in NAMES:
            own_files.write_whole(draft / name, f"{name} {content}".encode())


def test_a_folder_arrives_whole_at_every_change_of_the_disk(tmp_path: Path) -> None:
    with disk(tmp_path) as counted:
        fill(tmp_path / "whole", "x")
    n = len(counted.calls)
    assert n > 20
    for place in range(n):
        folder = tmp_path / str(place)
        with pytest.raises(Killed), disk(tmp_path, place):
            fill(folder, "x")
        # Where the last one is, all are.
        if (folder / "last").exists():
            assert [(folder / name).read_text() for name in NAMES] == [f"{n} x" for n in NAMES]
            with pytest.raises(OutputError, match="must be empty or hold what is written, got ano"):
                fill(folder, "y")
        fill(folder, "x")
        assert sorted(os.listdir(folder)) == sorted(NAMES)
        assert [(folder / name).read_text() for name in NAMES] == [f"{n} x" for n in NAMES]


def test_what_arrives_again_is_left_as_it_is(tmp_path: Path) -> None:
    fill(tmp_path, "x")
    before = {path: path.stat() for path in tmp_path.iterdir()}
    fill(tmp_path, "x")
    assert {path: path.stat() for path in tmp_path.iterdir()} == before
    with pytest.raises(OutputError, match=f"folder {tmp_path} must be empty or .*, got another la"):
        fill(tmp_path, "y")
    assert {path: path.stat() for path in tmp_path.iterdir()} == before
    (tmp_path / "a").unlink()
    fill(tmp_path, "x")
    assert {path: path.stat() for path in (tmp_path / "b", tmp_path / "last")}.items() <= (
        before.items()
    )
    assert (tmp_path / "a").read_text() == "a x"


def test_files_of_others_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("precious")
    with pytest.raises(OutputError, match=f"folder {tmp_path} must be empty, got files in it"):
        fill(tmp_path, "x")
    (tmp_path / "a").unlink()
    (tmp_path / own_files.ARRIVING).mkdir()
    (tmp_path / "thesis").write_text("precious")
    with pytest.raises(OutputError, match="must be empty"):
        fill(tmp_path, "x")
    assert (tmp_path / "thesis").read_text() == "precious"


def test_a_disk_that_fills_up_leaves_nothing_there(tmp_path: Path) -> None:
    def full() -> None:
        with own_files.arriving(tmp_path, NAMES) as draft:
            (draft / "a").write_text("half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left on device"):
        full()
    assert os.listdir(tmp_path) == []


def test_a_linked_folder_is_none_of_ours(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "charts").symlink_to("outside")
    said = f"output {tmp_path}/charts must be a folder that can be made, got 'charts is a link'"
    with pytest.raises(OutputError, match=said):
        own_files.own_folder(tmp_path / "charts")
    assert own_files.own_folder(tmp_path / "new").is_dir()
    assert own_files.own_folder(tmp_path / "new").is_dir()


def test_a_file_that_was_moved_away_is_not_in_place(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.touch()
    file = own_files.open_regular(path, os.O_RDWR)
    try:
        assert own_files.is_in_place(file, path)
        path.rename(tmp_path / "g")
        assert not own_files.is_in_place(file, path)
        path.touch()
        assert not own_files.is_in_place(file, path)
    finally:
        os.close(file)
