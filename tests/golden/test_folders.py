"""Folders that an earlier analogsim wrote: still reported with the same numbers, and gone on with.

They were made by these commands with the commit of 2026-11-28, and are never made anew: a change
that needs other files here breaks the folders that users have.
"""

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from analogsim.cli.main import run

HERE = Path(__file__).parent
# Each kind of study: where its numbers stand, and the records that a killed run would lack.
KINDS = {
    "chips": ("summary.json", "records.jsonl"),
    "noise": ("noise.json", "records.jsonl"),
    "matched": ("matched.json", "search/records.jsonl"),
    "attribution": ("attribution.json", "treatments/records.jsonl"),
}
# Of a record: when, how long and by what it was computed.
TIMED = {"wall_s", "chip_s", "versions", "crc32", "factor", "factor_needed"}


def records(path: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    plain = [{key: one[key] for key in one.keys() - TIMED} for one in found]
    return sorted(plain, key=lambda one: (one["preset"], one["bn"], one["t_s"], one["chip"]))


def numbers(path: Path) -> Any:
    content = json.loads(path.read_text(encoding="utf-8"))
    return {key: value for key, value in content.items() if key not in {"crc32", "notes"}}


def same(after: Any, before: Any) -> bool:
    """Whether all of `before` is in `after`, up to how libraries round the last digits."""
    if isinstance(before, dict):
        return all(key in after and same(after[key], one) for key, one in before.items())
    if isinstance(before, list):
        pairs = zip(after, before, strict=True)
        return len(after) == len(before) and all(same(new, old) for new, old in pairs)
    if isinstance(before, float):
        return bool(after == pytest.approx(before, rel=1e-9, abs=1e-12))
    return bool(after == before)


def test_other_numbers_are_not_the_same() -> None:
    assert same({"a": [1.0, 2], "b": None}, {"a": [1.0 + 1e-13, 2]})
    for other in ({"a": [1.001, 2]}, {"a": [1.0]}, {"a": [1.0, 3]}, {"b": 1}):
        assert not same({"a": [1.0, 2]}, other)


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return Path(shutil.copytree(HERE / request.param, tmp_path / request.param))


@pytest.mark.parametrize("folder", KINDS, indirect=True)
def test_it_is_reported_as_it_was(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(folder)]) == 0
    assert (folder / "report.html").is_file()
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if not line.startswith("note: ")] == []
    result, _ = KINDS[folder.name]
    before = numbers(HERE / folder.name / result)
    after = numbers(folder / result)
    assert same(after, before)


@pytest.mark.parametrize("folder", KINDS, indirect=True)
def test_it_goes_on_after_a_kill(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result, kept = KINDS[folder.name]
    lines = (folder / kept).read_text(encoding="utf-8").splitlines()
    (folder / kept).write_text("\n".join([*lines[:-1], ""]), encoding="utf-8")
    (folder / result).unlink()
    header = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    _, *command = shlex.split(header["command"])
    command[command.index("-o") + 1] = str(folder)
    assert run(command) == 0
    # What was not yet kept could not be compared.
    assert "was made without fingerprints of its inputs" in capsys.readouterr().err
    assert records(folder / kept) == records(HERE / folder.name / kept)
    digest = json.loads((folder / "run.json").read_text(encoding="utf-8"))["spec_digest"]
    assert digest == header["spec_digest"]
    before, after = numbers(HERE / folder.name / result), numbers(folder / result)
    assert same(after, before)
