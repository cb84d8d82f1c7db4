"""A run's folder from somebody else: nothing outside it is read or written, nothing waits."""

import csv
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from analogsim.cli.main import run
from analogsim.report.csv_file import csv_lines
from tests.cli.kinds import KINDS
from tests.report.run_folder import drifting, make_header, write_run

SECRET = "token-without-line-end"
ESCAPE = "\x1b[2J\x9b\u202eevil"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run that lacks a trial, so that `drift` writes to it; its charts are drawn once."""
    place = tmp_path_factory.mktemp("kept")
    assert run(KINDS["drift"].command(place / "run", place)) == 0
    records = place / "run" / "records.jsonl"
    records.write_bytes(b"".join(records.read_bytes().splitlines(keepends=True)[:3]))
    return place / "run"


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    shutil.copytree(kept, tmp_path / "run")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text(SECRET)
    return tmp_path / "run"


def link(path: Path) -> None:
    path.symlink_to("../outside/file")


def second_name(path: Path) -> None:
    os.link(path.parent.parent / "outside" / "file", path)


def linked_folder(path: Path) -> None:
    path.symlink_to("../outside")


DRIFT, REPORT, FIGURES = "drift", "report", "figures"
PLANTED: list[tuple[str, Callable[[Path], None], str, str]] = [
    (DRIFT, link, ".lock", "run must be writable, got '.lock is a link'"),
    (DRIFT, second_name, ".lock", r"got '.lock has a second name \(a hard link\)'"),
    (DRIFT, os.mkfifo, ".lock", "got '.lock is a pipe or device'"),
    (DRIFT, link, "records.jsonl", "records.jsonl must be readable, got 'records.jsonl is a link'"),
    (DRIFT, second_name, "records.jsonl", r"records.jsonl line 1 must be JSON|second name"),
    (DRIFT, os.mkfifo, "records.jsonl", "got 'records.jsonl is a pipe or device'"),
    (DRIFT, link, "run.json", "readable run.json, got 'run.json is a link'"),
    (DRIFT, os.mkfifo, "run.json", "readable run.json, got 'run.json is a pipe or device'"),
    (DRIFT, linked_folder, "charts", "charts must be a folder that can be made, got 'charts is a"),
    (REPORT, link, "records.jsonl", "got 'records.jsonl is a link'"),
    (REPORT, os.mkfifo, "records.jsonl", "got 'records.jsonl is a pipe or device'"),
    (REPORT, link, "run.json", "got 'run.json is a link'"),
    (REPORT, linked_folder, "charts", "got 'charts is a link'"),
    (REPORT, link, "results.json", "results .*results.json must be .*got 'results.json is a link"),
    (FIGURES, linked_folder, "figures", "figures must be a folder .*got 'figures is a link'"),
]


@pytest.mark.parametrize(
    ("command", "plant", "name", "said"),
    PLANTED,
    ids=[f"{c}-{getattr(p, '__name__', '')}-{n}" for c, p, n, _ in PLANTED],
)
def test_what_is_planted_is_refused(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    plant: Callable[[Path], None],
    name: str,
    said: str,
) -> None:
    path = folder / name
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    plant(path)
    capsys.readouterr()
    drift = KINDS["drift"].command(folder, folder.parent)
    assert run(drift if command == DRIFT else [command, str(folder)]) == 2
    captured = capsys.readouterr()
    # A report prints its table before it makes anything.
    assert captured.out == "" or (command, name) == (REPORT, "charts")
    (sentence,) = [line for line in captured.err.splitlines() if line.startswith("error: ")]
    with pytest.raises(ValueError, match=said):
        raise ValueError(sentence)
    assert SECRET not in captured.err
    outside = folder.parent / "outside"
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"file": SECRET}


@pytest.mark.parametrize("plant", [link, os.mkfifo], ids=["link", "pipe"])
def test_a_secret_does_not_reach_the_page(
    folder: Path, capsys: pytest.CaptureFixture[str], plant: Callable[[Path], None]
) -> None:
    """What a report can do without is left out, with a note."""
    for name in ("spec.toml", "layers.json", "attribution.json", "matched.json"):
        (folder / name).unlink(missing_ok=True)
        plant(folder / name)
    assert run(["report", str(folder)]) == 0
    page = (folder / "report.html").read_text()
    for name in ("spec.toml", "layers.json", "attribution.json", "matched.json"):
        assert f"{name} is a " in page
    assert SECRET not in page
    assert (folder.parent / "outside" / "file").read_text() == SECRET


def test_text_of_a_folder_steers_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trials = drifting(presets=(f"pcm{ESCAPE}",), compensations=("none",), times=(1.0,), chips=2)
    header = make_header()
    fields = {
        "question": ESCAPE, "model": ESCAPE, "data": ESCAPE, "notes": [ESCAPE], "command": ESCAPE,
        "devices": [{**header.devices[0], "preset": f"pcm{ESCAPE}"}],
    }  # fmt: skip
    write_run(tmp_path / "run", trials, **fields)
    assert run(["report", str(tmp_path / "run")]) == 0
    captured = capsys.readouterr()
    assert "pcm\\u001b[2J\\u009b\\u202eevil" in captured.out
    assert "note: \\u001b[2J" in captured.err
    (tmp_path / "run" / "records.jsonl").unlink()
    assert run(["report", str(tmp_path / "run")]) == 2
    assert run(["report", str(tmp_path / "run"), "--json"]) == 2
    captured = (captured.out, captured.err, *capsys.readouterr())
    assert not set("\x1b\x9b\u202e") & set("".join(captured))


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1-1", "@SUM(A1)", "\t=1", "\r=1", "-", "=1 2"])
def test_text_in_a_csv_is_no_formula(text: str) -> None:
    written = csv_lines([text], [[text, -1.5, None, 3]])
    header, row = csv.reader(io.StringIO(written, newline=""))
    assert header == [f"'{text}"]
    assert row == [f"'{text}", "-1.5", "", "3"]


@pytest.mark.parametrize("text", ["-1.5", "+2", "-0.5 0.5", "1e-3", "pcm?a=-1", "", "a=b"])
def test_numbers_and_plain_text_in_a_csv_stay(text: str) -> None:
    _, row = csv.reader(io.StringIO(csv_lines(["a"], [[text, "x"]]), newline=""))
    assert row == [text, "x"]


def test_names_of_a_run_become_no_formulas(tmp_path: Path) -> None:
    evil = "=HYPERLINK(A1)"
    trials = drifting(presets=(evil,), compensations=("none",), times=(1.0,), chips=2)
    write_run(tmp_path, trials, spec={"presets": [evil]})
    assert run(["report", str(tmp_path)]) == 0
    for path in (tmp_path / "records.csv", *(tmp_path / "charts").glob("*.csv")):
        with path.open(newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert not [cell for cell in cells if cell.startswith("=")], path
    assert f"'{evil}" in (tmp_path / "records.csv").read_text()
