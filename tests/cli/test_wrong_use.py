"""Every command used wrongly on purpose: one sentence, exit code 2, nothing lost, no traceback."""

import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from analogsim.cli.main import run
from tests.cli.wrong_commands import DIGITS, ZOO, commands
from tests.cli.wrong_files import NOT_UTF8, make_files

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wrong")
    before = Path.cwd()
    os.chdir(folder)
    try:
        make_files()
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def here(files: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(files)
    monkeypatch.delenv("ANALOGSIM_DATA", raising=False)
    return files


def told(args: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a wrong command; return its one sentence."""
    capsys.readouterr()
    assert run([*args]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    found = re.findall(r"^[eE]rror: (.*)\Z", captured.err, flags=re.MULTILINE | re.DOTALL)
    assert len(found) == 1, captured.err
    # Nothing was written: at most the empty folder that was tried first.
    assert not Path("out").exists() or not any(Path("out").iterdir())
    return " ".join(found[0].split())


@pytest.mark.parametrize(
    ("args", "message"),
    [
        pytest.param(args, message, id=ascii(" ".join(args))[:70].replace("\\", "/"))
        for args, message in commands()
    ],
)
def test_a_wrong_command_is_told_what_to_do(
    here: Path, capsys: pytest.CaptureFixture[str], args: tuple[str, ...], message: str
) -> None:
    assert re.search(message, told(args, capsys))
    assert not Path("sentinel").exists()


@pytest.mark.parametrize("args", [("--weights", "bomb.pt", *DIGITS), ("--data", "npz:bomb.npz")])
def test_a_bomb_is_refused_before_anything_is_unpacked(
    here: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    args: tuple[str, ...],
) -> None:
    def unpacked(*_args: object, **_options: object) -> None:
        raise AssertionError("the bomb was unpacked")

    monkeypatch.setattr(torch, "load", unpacked)
    monkeypatch.setattr(np, "load", unpacked)
    assert "as a zip bomb does" in told(("evaluate", ZOO, *args), capsys)


def test_a_spec_with_a_byte_order_mark_and_crlf_is_read(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("good.toml", "bom-crlf.toml"):
        assert run(["run", name, "--print-spec"]) == 0
    first, second = capsys.readouterr().out.split('model = "zoo:digits_cnn"')[1:]
    assert first == second


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file may grow beyond `room` bytes: writes fail as they do on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("args", "room"),
    [
        (("convert", ZOO, *DIGITS, "-o", "full-c"), 10_000),
        (("drift", ZOO, *DIGITS, "--chips", "1", "--limit", "9", "-o", "full-d"), 2_000),
        (("train", ZOO, *DIGITS, "--epochs", "1", "-o", "full-t"), 10_000),
        (("report", "run"), 1_000),
    ],
    ids=["convert", "drift", "train", "report"],
)
def test_a_full_disk_is_said_and_loses_nothing(
    here: Path, capfd: pytest.CaptureFixture[str], args: tuple[str, ...], room: int
) -> None:
    if args[0] == "report":
        # A file that has its content already is not written.
        Path("run", "report.html").unlink()
    before = {path: path.read_bytes() for path in Path("run").iterdir() if path.is_file()}
    with full_disk(room):
        assert run([*args]) == 2
    error = capfd.readouterr().err
    assert re.search(
        r"error: .* must .*, got '.*File too large.*; .*(make room|another place)", error
    )
    assert {path: path.read_bytes() for path in before} == before
    # The same command goes on when there is room.
    if args[0] != "convert":
        assert run([*args]) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_said() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", "from analogsim.cli.main import main; main()", "presets"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2
    assert re.fullmatch(r"error: .* must be writable, got 'No space left .*'; .*\n", done.stderr)


def test_a_file_that_may_not_be_read(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read every file")
    locked = here / "locked.pt"
    locked.touch(mode=0)
    assert "Permission denied" in told(("evaluate", ZOO, "--weights", "locked.pt", *DIGITS), capsys)


@pytest.mark.slow
def test_paths_that_are_not_utf8_work(here: Path) -> None:
    """In a process of its own: what is printed is bytes."""
    Path(NOT_UTF8).mkdir(exist_ok=True)
    for args in (
        ("convert", ZOO, *DIGITS, "--preset", "ideal", "-o", f"{NOT_UTF8}/chip"),
        ("drift", f"{NOT_UTF8}/chip", *DIGITS, "--times", "1s", "--chips", "1", "--limit", "9",
         "--workers", "1", "-o", f"{NOT_UTF8}/run"),
    ):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", "from analogsim.cli.main import main; main()", *args],
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": "utf-8:strict", "PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        assert b"caf\xe9/" in done.stdout
