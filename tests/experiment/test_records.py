"""A finished trial is never lost, and a broken line is never taken for one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from analogsim.errors import InputError, OutputError
from analogsim.experiment.records import RECORDS_FILE, RecordWriter, Trial, read_records
from tests.report.run_folder import make_trial

TRIALS = [make_trial(chip=chip, n_correct=340 + chip) for chip in range(3)]


def write(folder: Path, trials: list[Trial]) -> Path:
    with RecordWriter(folder) as writer:
        for trial in trials:
            writer.write(trial)
    return folder / RECORDS_FILE


def test_trials_come_back_equal_and_in_order(tmp_path: Path) -> None:
    write(tmp_path, TRIALS)
    records = read_records(tmp_path)
    assert list(records) == TRIALS
    assert (len(records), records[1], records[1:]) == (3, TRIALS[1], tuple(TRIALS[1:]))
    assert records.notes == ()


def test_a_line_has_the_promised_fields(tmp_path: Path) -> None:
    line = json.loads(write(tmp_path, TRIALS).read_text().splitlines()[2])
    promised = {
        "format": "analogsim-trial",
        "version": 1,
        "preset": "pcm",
        "t_s": 1.0,
        "chip": 2,
        "bn": "digital",
        "compensation": "global",
        "n_images": 360,
        "accuracy": 0.95,
        "n_nan": 0,
        "seed": 0,
    }
    assert {key: line[key] for key in promised} == promised


def test_writing_goes_on_where_it_stopped(tmp_path: Path) -> None:
    write(tmp_path, TRIALS[:1])
    write(tmp_path, TRIALS[1:])
    assert list(read_records(tmp_path)) == TRIALS


def test_no_file_is_no_trials(tmp_path: Path) -> None:
    records = read_records(tmp_path)
    assert (list(records), records.notes) == ([], ())


@pytest.mark.parametrize("cut", [1, 2, 60, 200], ids=lambda n: f"lost-{n}-bytes")
def test_a_torn_last_line_is_dropped_with_a_note(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path, TRIALS)
    content = path.read_bytes()
    path.write_bytes(content[:-cut])
    records = read_records(tmp_path)
    # One byte is the line end alone: the record before it is whole.
    assert list(records) == (TRIALS if cut == 1 else TRIALS[:2])
    if cut > 1:
        assert len(records.notes) == 1
        torn = len(content.splitlines(keepends=True)[2]) - cut
        assert "records.jsonl line 3 was torn" in records.notes[0]
        assert f"({torn} bytes)" in records.notes[0]


def test_a_line_cut_through_a_character_is_torn(tmp_path: Path) -> None:
    path = write(tmp_path, TRIALS[:1])
    path.write_bytes(path.read_bytes() + '{"preset": "µ'.encode()[:-1])
    records = read_records(tmp_path)
    assert list(records) == TRIALS[:1]
    assert "line 2 was torn" in records.notes[0]


def test_zeros_after_a_power_cut_are_torn(tmp_path: Path) -> None:
    path = write(tmp_path, TRIALS[:1])
    path.write_bytes(path.read_bytes() + bytes(100))
    records = read_records(tmp_path)
    assert list(records) == TRIALS[:1]
    assert "(100 bytes)" in records.notes[0]


@pytest.mark.parametrize("cut", [1, 50], ids=["line-end", "half-a-line"])
def test_the_writer_mends_a_torn_end_before_it_goes_on(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path, TRIALS[:2])
    path.write_bytes(path.read_bytes()[:-cut])
    write(tmp_path, TRIALS[2:])
    records = read_records(tmp_path)
    assert list(records) == (TRIALS if cut == 1 else [TRIALS[0], TRIALS[2]])
    assert records.notes == ()


def test_a_killed_run_keeps_every_trial_that_it_wrote(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "from analogsim.experiment.records import RecordWriter, Trial\n"
        "writer = RecordWriter(Path(sys.argv[1]))\n"
        "for line in sys.stdin: writer.write(Trial.from_json(line, where='stdin'))\n"
        "os._exit(9)\n"
    )
    text = "".join(trial.to_json() + "\n" for trial in TRIALS)
    done = subprocess.run([sys.executable, "-c", script, tmp_path], input=text, text=True)
    assert done.returncode == 9
    assert list(read_records(tmp_path)) == TRIALS


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{broken", r"records.jsonl line 2 must be JSON, got 'Expecting property name"),
        ("[]", r"line 2 format must be 'analogsim-trial', got \[\]"),
        (
            '{"format": "analogsim-trial", "version": 3}',
            r"line 2 version must be 1 or 2, got 3; read it with the analogsim that wrote it",
        ),
        (
            '{"format": "analogsim-trial", "version": 1}',
            r"line 2 must have the fields preset, t_s, chip, .*chip_s, which are missing",
        ),
    ],
    ids=["torn", "list", "version", "missing"],
)
def test_a_broken_line_in_the_middle_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path, TRIALS)
    first, _, third = path.read_text().splitlines()
    path.write_text(f"{first}\n{line}\n{third}\n")
    with pytest.raises(InputError, match=message):
        read_records(tmp_path)


def test_a_broken_last_line_with_its_line_end_is_not_torn(tmp_path: Path) -> None:
    path = write(tmp_path, TRIALS)
    path.write_text(path.read_text() + "{broken\n")
    with pytest.raises(InputError, match=r"line 4 must be JSON"):
        read_records(tmp_path)


def test_a_line_that_is_not_text_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, TRIALS[:1])
    path.write_bytes(b"\xff\xfe\n" + path.read_bytes())
    with pytest.raises(InputError, match=r"line 1 must be UTF-8 text, got ''utf-8' codec"):
        read_records(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accuracy": 95.0}, r"accuracy must be the fraction .* = 342/360, got 95\.0"),
        ({"accuracy": 0.5}, r"accuracy must be the fraction .* = 342/360, got 0\.5"),
        ({"n_correct": 400}, r"n_correct must be from 0 to n_images = 360, got 400"),
        ({"n_nan": -1}, r"n_nan must be from 0 to n_images = 360, got -1"),
        ({"n_images": 0}, r"n_images must be 1 or more, got 0"),
        ({"t_s": -1.0}, r"t_s must be 0 or more, got -1"),
        ({"chip": -2}, r"chip must be 0 or more, got -2"),
        ({"chip": True}, r"chip must be a whole number, got True"),
        ({"chip": 1.5}, r"chip must be a whole number, got 1.5"),
        ({"t_s": "1 d"}, r"t_s must be a finite number, got '1 d'"),
        ({"preset": None}, r"preset must be text, got None"),
        ({"versions": []}, r"versions must be an object, got \[\]"),
        ({"colour": "red"}, r"must have no other fields, got 'colour'"),
        ({"t_s": "x", "chip": "y"}, r"t_s must be .* got 'x'; chip must be .* got 'y'; restore"),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_a_wrong_field_is_named(changes: dict[str, Any], message: str) -> None:
    content = json.loads(make_trial().to_json())
    del content["crc32"]
    line = json.dumps(content | changes)
    with pytest.raises(InputError, match=message):
        Trial.from_json(line, where="x line 1")


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity"])
def test_literals_that_are_not_json_are_refused(literal: str) -> None:
    line = make_trial().to_json().replace('"wall_s": 0.5', f'"wall_s": {literal}')
    with pytest.raises(InputError, match=rf"must be JSON, got '{literal} is not JSON'"):
        Trial.from_json(line, where="x line 1")


def test_a_number_too_large_for_a_float_is_refused() -> None:
    line = make_trial().to_json().replace('"wall_s": 0.5', '"wall_s": 1e999')
    with pytest.raises(InputError, match=r"x line 1 must be JSON, got '1e999 is too large"):
        Trial.from_json(line, where="x line 1")


def test_a_folder_that_is_absent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"gone/records.jsonl must be writable, got 'No such"):
        RecordWriter(tmp_path / "gone")


def test_records_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / RECORDS_FILE).mkdir()
    with pytest.raises(InputError, match=r"records.jsonl must be readable, got 'Is a directory'"):
        read_records(tmp_path)


def test_a_full_disk_is_said_and_what_was_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with RecordWriter(tmp_path) as writer:
        writer.write(TRIALS[0])
        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(OutputError, match=r"take another line, got 'No space left on device'"):
            writer.write(TRIALS[1])
    assert read_records(tmp_path)[0] == TRIALS[0]


@pytest.mark.parametrize("put", [None, b"", b"other"], ids=["nothing", "empty", "other"])
def test_records_that_were_taken_away_are_noticed(tmp_path: Path, put: bytes | None) -> None:
    path = tmp_path / RECORDS_FILE
    with RecordWriter(tmp_path) as writer:
        writer.write(TRIALS[0])
        path.rename(tmp_path / "moved")
        if put is not None:
            path.write_bytes(put)
        with pytest.raises(OutputError, match=rf"{path} must stay where it is while a run writes"):
            writer.write(TRIALS[1])
    assert (path.read_bytes() if path.exists() else None) == put
    (tmp_path / "moved").replace(path)
    assert list(read_records(tmp_path)) == TRIALS[:1]


@pytest.mark.parametrize("content", [b"", b"no line end", b"{}\n"], ids=["empty", "torn", "whole"])
def test_linked_records_are_not_touched(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "elsewhere").write_bytes(content)
    (tmp_path / RECORDS_FILE).symlink_to("elsewhere")
    said = "records.jsonl must be writable, got 'records.jsonl is a link'"
    with pytest.raises(OutputError, match=said):
        RecordWriter(tmp_path)
    with pytest.raises(InputError, match="must be readable, got 'records.jsonl is a link'"):
        read_records(tmp_path)
    assert (tmp_path / "elsewhere").read_bytes() == content


def test_the_writer_never_writes_what_it_could_not_read(tmp_path: Path) -> None:
    with RecordWriter(tmp_path) as writer, pytest.raises(AssertionError, match=r"accuracy must be"):
        writer.write(make_trial(accuracy=0.1))
    assert list(read_records(tmp_path)) == []
