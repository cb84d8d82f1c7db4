"""A disk that fails in the middle: one sentence, and the same command goes on."""

import errno
import os
import re
from pathlib import Path

import pytest

from analogsim.cli.main import run
from tests.cli.tiny import ON
from tests.experiment.small import records

DRIFT = ("drift", *ON, "--times", "1s,1d", "--chips", "1", "--limit", "20", "--workers", "1")
TRAIN = ("train", "zoo:digits_cnn", "--data", "digits", "--epochs", "2")
END = {
    errno.ENOSPC: "make room, and give the same command again",
    errno.EDQUOT: "make room, and give the same command again",
    errno.EROFS: "mend the disk, and give the same command again",
    errno.EIO: "mend the disk, and give the same command again",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "out"
    assert run([*DRIFT, "-o", str(folder)]) == 0
    return folder


def fail_at(patch: pytest.MonkeyPatch, name: str, time: int, number: int) -> None:
    """Let the disk fail when `name` is to be safe on it for the `time`-th time, and ever after."""
    calls = 0
    fsync = os.fsync

    def failing(file: int) -> None:
        nonlocal calls
        # A file that is written whole has a draft's name until it is.
        calls += calls >= time or name in os.readlink(f"/proc/self/fd/{file}")
        if calls >= time:
            raise OSError(number, os.strerror(number))
        fsync(file)

    patch.setattr(os, "fsync", failing)


@pytest.mark.parametrize(
    ("time", "number", "name", "kept"),
    [
        (1, errno.EROFS, "run.json", 0),
        (1, errno.ENOSPC, "records.jsonl", 0),
        (2, errno.EIO, "records.jsonl", 1),
        (1, errno.EDQUOT, "layers.json", 2),
        (1, errno.EIO, "summary.json", 2),
    ],
    ids=["header", "first-trial", "second-trial", "layers", "report"],
)
def test_a_run_says_the_file_and_goes_on(
    tmp_path: Path,
    whole: Path,
    capsys: pytest.CaptureFixture[str],
    time: int,
    number: int,
    name: str,
    kept: int,
) -> None:
    out = tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch:
        fail_at(patch, name, time, number)
        assert run([*DRIFT, "-o", str(out)]) == 2
    (said,) = re.findall("^error: (.*)$", capsys.readouterr().err, flags=re.MULTILINE)
    assert said.startswith(f"output {out / name} must ")
    assert f"got '{os.strerror(number)}'; " in said
    assert ("the lines before it are safe" if "records" in name else END[number]) in said
    lines = out / "records.jsonl"
    assert (len(lines.read_bytes().splitlines()) if lines.exists() else 0) == kept
    assert run([*DRIFT, "-o", str(out)]) == 0
    assert records(out) == records(whole)
    assert {path.name for path in out.iterdir()} == {path.name for path in whole.iterdir()}


@pytest.mark.usefixtures("few_digits")
@pytest.mark.parametrize(
    "name", ["training.json", "metrics.jsonl", "state.pt", "weights.safetensors"]
)
def test_a_training_says_the_file_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    out = tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch:
        fail_at(patch, name, 1, errno.ENOSPC)
        assert run([*TRAIN, "-o", str(out)]) == 2
    (said,) = re.findall("^error: (.*)$", capsys.readouterr().err, flags=re.MULTILINE)
    assert said == (
        f"output {out / name} must be writable, got 'No space left on device'; make room, and "
        "give the same command again: the files that are there are kept"
    )
    assert run([*TRAIN, "-o", str(out)]) == 0
    assert (out / "weights.json").exists()
