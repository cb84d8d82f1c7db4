"""A command that was killed at any change of the disk is said again, and ends as if it had not.

Kills are raised in this process at the change (`broken_disk`): they hit each point exactly.
`python -m tests.kills` kills real processes at random times.
"""

import random
from pathlib import Path
from typing import Any

import pytest

from analogsim.cli.main import run
from tests.cli.broken_disk import Killed, disk
from tests.cli.kinds import KINDS, UNDRAWN, files, values

# At random ones, and at the last, which comes after all results.
POINTS = 3


@pytest.fixture(autouse=True)
def _drawn_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, made in UNDRAWN.items():
        monkeypatch.setattr(f"analogsim.{name}", made)


def stamps(folder: Path) -> dict[str, Any]:
    """Every file, hidden ones too, as the disk knows it."""
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_ino, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


def said(args: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert run(args) == 0
    return capsys.readouterr().out.replace(str(folder), "FOLDER")


@pytest.mark.parametrize("name", KINDS)
def test_killed_at_any_change_of_the_disk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    kind = KINDS[name]
    whole = tmp_path / "whole"
    with disk(whole) as counted:
        table = said(kind.command(whole, tmp_path), whole, capsys)
    n = len(counted.calls)
    draw = random.Random(name)
    for place in (*(draw.randrange(n) for _ in range(POINTS - 1)), n - 1):
        folder = tmp_path / f"at-{place}"
        args = kind.command(folder, tmp_path)
        with pytest.raises(Killed), disk(folder, place):
            run(args)
        assert said(args, folder, capsys) == table, place
        assert values(folder) == values(whole), place


@pytest.mark.parametrize("name", KINDS)
def test_said_again_where_all_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """The same table, as text and as JSON, and no file is changed."""
    args = KINDS[name].command(tmp_path / "o", tmp_path)
    table = said(args, tmp_path, capsys)
    before = stamps(tmp_path / "o")
    assert said(args, tmp_path, capsys) == table
    as_json = said([*args, "--json"], tmp_path, capsys)
    assert said([*args, "--json"], tmp_path, capsys) == as_json
    assert stamps(tmp_path / "o") == before


@pytest.mark.parametrize("name", ["drift", "matched", "noise", "attribute", "suite"])
def test_what_is_missing_is_built_from_the_records(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder = tmp_path / "o"
    args = KINDS[name].command(folder, tmp_path)
    table = said(args, tmp_path, capsys)
    before = files(folder)
    kept = ("run.json", "records.jsonl", "variances.json")
    for path in [path for path in folder.rglob("*") if path.is_file() and path.name not in kept]:
        path.unlink()
    assert said(args, tmp_path, capsys) == table
    assert files(folder) == before


def test_another_chip_is_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = KINDS["convert"].command(tmp_path / "o", tmp_path)
    said(args, tmp_path, capsys)
    before = stamps(tmp_path / "o")
    assert run([*args, "--chip", "1"]) == 2
    assert "must be empty or hold what is written, got another chip" in capsys.readouterr().err
    assert stamps(tmp_path / "o") == before


@pytest.mark.parametrize(
    ("command", "more"),
    [
        (("drift", "--chips", "1", "--times", "1s"),
         ("drift", "--chips", "2", "--times", "1s,1d")),
        (("compare", "--times", "1s", "--chips", "1", "--presets", "ideal"),
         ("compare", "--times", "1s", "--chips", "2", "--presets", "ideal,pcm")),
    ],
    ids=["drift", "compare"],
)  # fmt: skip
def test_more_is_added_with_extend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...],
    more: tuple[str, ...],
) -> None:  # fmt: skip
    args = ["zoo:digits_cnn", "--data", "digits", "--limit", "20", "--workers", "1"]
    said([*command, *args, "-o", str(tmp_path / "o")], tmp_path, capsys)
    before = (tmp_path / "o" / "records.jsonl").read_bytes()
    grown = [*more, *args, "-o", str(tmp_path / "o")]
    assert run(grown) == 2
    assert "add to the run with --extend" in capsys.readouterr().err
    table = said([*grown, "--extend"], tmp_path / "o", capsys)
    after = (tmp_path / "o" / "records.jsonl").read_bytes()
    assert after.startswith(before)
    # As an own run of it, and said again without --extend: nothing is added.
    alone = said([*more, *args, "-o", str(tmp_path / "alone")], tmp_path / "alone", capsys)
    assert table == alone
    found = values(tmp_path / "o")
    assert found["records.jsonl"] == values(tmp_path / "alone")["records.jsonl"]
    assert found["run.json"]["question"] == values(tmp_path / "alone")["run.json"]["question"]
    assert said(grown, tmp_path / "o", capsys) == table
