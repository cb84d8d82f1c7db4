"""Output folders are empty when taken, and files in them are whole."""

import json
import math
import os
from pathlib import Path

import pytest

from analogsim.errors import OutputError
from analogsim.experiment.folder import prepare_folder, write_bytes_atomic, write_json_atomic


def test_a_new_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    made = prepare_folder(tmp_path / "a" / "b")
    assert made == tmp_path / "a" / "b"
    assert list(made.iterdir()) == []


def test_an_empty_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert prepare_folder(str(tmp_path)) == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "results.txt").write_text("hours of work")
    with pytest.raises(OutputError, match=r"must be an empty folder, got one that holds results"):
        prepare_folder(tmp_path)
    assert (tmp_path / "results.txt").read_text() == "hours of work"


@pytest.mark.parametrize("below", [(), ("sub",), ("sub", "sub")], ids=["itself", "child", "deep"])
def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path, below: tuple[str]) -> None:
    (tmp_path / "taken").write_text("x")
    path = tmp_path.joinpath("taken", *below)
    with pytest.raises(OutputError, match=rf"output {path} must be a folder.*choose another"):
        prepare_folder(path)


def test_a_place_that_cannot_be_written_is_refused() -> None:
    # Not even root can make a folder in /proc.
    with pytest.raises(OutputError, match=r"output /proc/analogsim-test must be writable, got '"):
        prepare_folder("/proc/analogsim-test")


def test_a_folder_that_exists_but_takes_no_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OutputError, match=rf"output {tmp_path} must be writable, got 'Permission"):
        prepare_folder(tmp_path)


def test_json_is_written_whole_and_read_back(tmp_path: Path) -> None:
    value = {"a": [1, 2.5, None], "b": "µS <é>"}
    write_json_atomic(tmp_path / "x.json", value)
    assert json.loads((tmp_path / "x.json").read_text()) == value
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_json_refuses_what_is_not_json(tmp_path: Path, value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json_atomic(tmp_path / "x.json", {"a": value})
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.json"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=rf"output {path} must be writable, got 'No space left"):
        write_bytes_atomic(path, b"new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.json"]
