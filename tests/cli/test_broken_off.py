"""A command that was killed at any change of the disk is said again, and ends as if it had not.

Kills are raised in this process at the change (`broken_disk`): they hit each point exactly.
`python -m tests.kills` kills real processes at random times.
"""

import json
import random
import shutil
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from analogsim.cli.main import run
from tests.cli.broken_disk import Killed, disk
from tests.cli.kinds import KINDS, every_kind, files, values

# At random ones, and at the last, which comes after all results.
POINTS = 3


def said(args: list[str], folder: Path) -> str:
    with redirect_stdout(StringIO()) as out:
        assert run(args) == 0
    return out.getvalue().replace(str(folder), "FOLDER")


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A command that was let alone: what it left and said, and how often it changed the disk."""

    folder: Path
    table: str
    changes: int


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Whole]:
    """Runs a kind once for all tests, which leave its folder as it is."""

    @cache
    def made(name: str) -> Whole:
        folder = tmp_path_factory.mktemp("whole") / "o"
        with disk(folder) as counted:
            table = said(KINDS[name].command(folder, folder.parent), folder)
        return Whole(folder=folder, table=table, changes=len(counted.calls))

    return made


def stamps(folder: Path) -> dict[str, Any]:
    """Every file, hidden ones too, as the disk knows it."""
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_ino, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_killed_at_any_change_of_the_disk(
    tmp_path: Path, whole: Callable[[str], Whole], name: str
) -> None:
    kind, alone = KINDS[name], whole(name)
    draw = random.Random(name)
    places = draw.sample(range(alone.changes - 1), POINTS - 1)
    for place in (*places, alone.changes - 1):
        folder = tmp_path / f"at-{place}"
        args = kind.command(folder, tmp_path)
        with pytest.raises(Killed), disk(folder, place):
            run(args)
        assert said(args, folder) == alone.table, place
        assert values(folder) == values(alone.folder), place


@every_kind(KINDS)
def test_said_again_where_all_is_done(whole: Callable[[str], Whole], name: str) -> None:
    """The same table, also where JSON is wanted, and no file is changed."""
    done = whole(name)
    args = KINDS[name].command(done.folder, done.folder.parent)
    before = stamps(done.folder)
    assert said(args, done.folder) == done.table
    assert json.loads(said([*args, "--json"], done.folder))["format"].startswith("analogsim-")
    assert stamps(done.folder) == before


@pytest.mark.parametrize("name", ["drift", "matched", "noise", "attribute", "suite"])
def test_what_is_missing_is_built_from_the_records(
    tmp_path: Path, whole: Callable[[str], Whole], name: str
) -> None:
    done = whole(name)
    folder = tmp_path / "o"
    shutil.copytree(done.folder, folder)
    kept = ("run.json", "records.jsonl", "variances.json")
    for path in [path for path in folder.rglob("*") if path.is_file() and path.name not in kept]:
        path.unlink()
    assert said(KINDS[name].command(folder, tmp_path), folder) == done.table
    assert files(folder) == files(done.folder)


def test_another_chip_is_not_written_over(
    whole: Callable[[str], Whole], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = whole("convert").folder
    before = stamps(folder)
    assert run([*KINDS["convert"].command(folder, folder.parent), "--chip", "1"]) == 2
    assert "must be empty or hold what is written, got another chip" in capsys.readouterr().err
    assert stamps(folder) == before
