"""File systems that are read-only or full in truth: mounted for the test, where it may mount."""

import io
import os
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from analogsim.cli.main import run
from tests.experiment.small import records
from tests.own_mounts import apart, grown, needs_mounts, read_only, small

PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 1 << 20
# Its records are longer than a page of the disk.
DRIFT = ["drift", "zoo:digits_cnn", "--data", "digits", "--limit", "20", "--times", "1s,1d"]
DRIFT += ["--chips", "4", "--workers", "1", "-o"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs_mounts()
    place = tmp_path_factory.mktemp("whole")
    assert said([*DRIFT, str(place / "run")])[0] == 0
    return place / "run"


def said(command: list[str]) -> tuple[int, str, list[str]]:
    """A command's exit code, what it printed, and its errors."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(command)
    return code, out.getvalue(), [x for x in err.getvalue().splitlines() if x.startswith("error")]


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_that_is_read_only_is_told_and_kept(whole: Path) -> None:
    lines = (whole / "records.jsonl").read_bytes().splitlines(keepends=True)
    (whole / "records.jsonl").write_bytes(b"".join(lines[:3]))
    before = content(whole)

    def work() -> None:
        read_only(whole)
        with pytest.raises(OSError, match="Read-only file system"):
            (whole / "a").touch()
        code, table, errors = said(["report", str(whole)])
        assert (code, len(errors)) == (2, 1)
        assert "must be writable, got 'Read-only file system'; " in errors[0]
        assert "pcm" in table
        assert "report.html" not in table
        code, _, errors = said([*DRIFT, str(whole)])
        assert (code, len(errors)) == (2, 1)
        assert f"output {whole} must be writable, got 'Read-only file system'; " in errors[0]
        assert content(whole) == before

    try:
        apart(work)
    finally:
        (whole / "records.jsonl").write_bytes(b"".join(lines))


def test_a_disk_that_fills_in_the_middle_keeps_what_it_has(tmp_path: Path, whole: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    lines = (whole / "records.jsonl").read_bytes().splitlines(keepends=True)
    header = -(-(whole / "run.json").stat().st_size // PAGE)
    assert PAGE < len(b"".join(lines))

    def work() -> None:
        small(disk, MIB)
        command = [*DRIFT, str(disk / "run")]
        # Room for the header, who holds the lock, and a page of trials.
        (disk / "filler").write_bytes(bytes(MIB - (header + 2) * PAGE))
        code, _, (error,) = said(command)
        assert code == 2
        assert "records.jsonl must take another line, got 'No space left on device'; " in error
        held = (disk / "run" / "records.jsonl").read_bytes().splitlines(keepends=True)
        assert 0 < len(held) < len(lines)
        assert all(line.endswith(b"\n") for line in held)
        grown(disk, 64 * MIB)
        code, _, errors = said(command)
        assert (code, errors) == (0, [])
        assert records(disk / "run") == records(whole)
        assert (disk / "run" / "records.jsonl").read_bytes().startswith(b"".join(held))

    apart(work)
