"""Summary and files are made from header and records alone, and always the same."""

import json
import shutil
from pathlib import Path

import pytest

from analogsim.errors import InputError, OutputError
from analogsim.experiment.records import RECORDS_FILE
from analogsim.report import build_report, summary
from analogsim.report.build import (
    CSV_FILE,
    MATCHED_PLOT_FILE,
    PAGE_FILE,
    PLOT_FILE,
    SUMMARY_FILE,
    VECTOR_FILE,
)
from analogsim.report.charts_folder import CHARTS_FOLDER
from tests.report.full_folder import write_full
from tests.report.run_folder import DAY, DIGEST, drifting, make_trial, write_run

DERIVED = (CSV_FILE, SUMMARY_FILE, PLOT_FILE, VECTOR_FILE, PAGE_FILE)


def test_the_summary_has_the_promised_fields(tmp_path: Path) -> None:
    trials = [make_trial(chip=c, n_correct=324 + 18 * c, n_nan=c) for c in range(3)]
    write_run(tmp_path, [*trials, make_trial(t_s=DAY)])
    assert build_report(tmp_path) == tmp_path / "report.html"
    content = json.loads((tmp_path / SUMMARY_FILE).read_text())
    assert content == json.loads(json.dumps(summary(tmp_path)))
    assert (content["format"], content["version"]) == ("analogsim-summary", 1)
    assert content["digital_accuracy"] == 0.975
    first, second = content["rows"]
    assert first.pop("ci95") == pytest.approx([0.95 - 0.124207, 1.0], abs=1e-6)
    assert first.pop("std_chips") == pytest.approx(0.05)
    assert first.pop("percentile5") == pytest.approx(0.95 - 1.644854 * 0.05)
    assert first.pop("percentile5_method") == "normal chips"
    assert first == {
        "preset": "pcm",
        "t_s": 1.0,
        "bn": "digital",
        "compensation": "global",
        "n_chips": 3,
        "n_images": 360,
        "mean": pytest.approx(0.95),
        "n_nan": 3,
        "n_evaluations": 1080,
        "design": "full",
        "ci95_new_images": None,
        "components": None,
        "std_ci95": None,
        "percentile5_ci95": None,
        "yields": [],
    }
    assert (second["ci95"], second["std_chips"], second["n_chips"]) == (None, None, 1)
    for key in ("question", "model", "data", "normalisation", "spec_digest", "versions", "command"):
        assert content[key]


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    write_run(tmp_path / "a", drifting())
    build_report(tmp_path / "a")
    (tmp_path / "b").mkdir()
    for name in ("run.json", RECORDS_FILE):
        shutil.copy(tmp_path / "a" / name, tmp_path / "b" / name)
    build_report(tmp_path / "b")
    charts = [f"{CHARTS_FOLDER}/{path.name}" for path in (tmp_path / "a" / CHARTS_FOLDER).iterdir()]
    assert len(charts) == 3 * 4
    for name in (*DERIVED, *charts):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_a_second_report_replaces_the_first(tmp_path: Path) -> None:
    write_run(tmp_path, [make_trial()])
    build_report(tmp_path)
    write_run(tmp_path, [make_trial(chip=1)])
    build_report(tmp_path)
    assert json.loads((tmp_path / SUMMARY_FILE).read_text())["rows"][0]["n_chips"] == 2
    files = {"run.json", RECORDS_FILE, CHARTS_FOLDER, *DERIVED}
    assert {path.name for path in tmp_path.iterdir()} == files


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that a report can show, reported; nobody changes it."""
    return build_report(write_full(tmp_path_factory.mktemp("full"))).parent


def test_every_chart_is_there_as_png_svg_and_csv(full: Path) -> None:
    found = sorted(path.name for path in (full / CHARTS_FOLDER).iterdir())
    names = ("accuracy", "attribution", "batchnorm", "conductances_0", "conductances_1", "devices",
             "layers", "matched", "spread", "weight_errors", "yield")  # fmt: skip
    assert found == [f"{name}.{kind}" for name in names for kind in ("csv", "png", "svg")]
    for name in found:
        start = (full / CHARTS_FOLDER / name).read_bytes()[:8]
        assert start.startswith({"p": b"\x89PNG", "s": b"<?xml", "c": b""}[name[-3]])
    for name in (PLOT_FILE, VECTOR_FILE, MATCHED_PLOT_FILE):
        assert (full / name).read_bytes() == (full / CHARTS_FOLDER / name).read_bytes()


def test_the_devices_chart_stands_with_them_and_its_data_beside(full: Path) -> None:
    section = (full / PAGE_FILE).read_text().split('<h2 id="devices">')[1].split("</details>")[0]
    assert "Of pcm, rram, as used here; 100 seeded weights a point" in section
    assert "<title>pcm, target 1, 1 d: 12.5 uS (10 to 15)</title>" in section
    assert 'data-series="series0-"' in section
    rows = (full / CHARTS_FOLDER / "devices.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * 4


def test_a_file_in_the_place_of_the_charts_is_said(tmp_path: Path) -> None:
    write_run(tmp_path, [make_trial()])
    (tmp_path / CHARTS_FOLDER).write_text("")
    message = rf"output {tmp_path}/charts must be a folder that can be made, got 'File exists'"
    with pytest.raises(OutputError, match=message):
        build_report(tmp_path)


def test_a_run_that_was_broken_off_is_reported_with_a_note(tmp_path: Path) -> None:
    write_run(tmp_path, drifting(chips=2))
    path = tmp_path / RECORDS_FILE
    path.write_bytes(path.read_bytes()[:-30])
    page = build_report(tmp_path).read_text()
    assert "records.jsonl line 20 was torn when the run was broken off" in page
    assert "line 20 was torn" in summary(tmp_path)["notes"][-1]


def test_a_run_without_a_finished_trial_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path, [])
    message = rf"{tmp_path}/records.jsonl must hold at least one .* got none; .* drift zoo:digits"
    with pytest.raises(InputError, match=message):
        build_report(tmp_path)
    assert not (tmp_path / SUMMARY_FILE).exists()


def test_trials_of_another_experiment_are_refused(tmp_path: Path) -> None:
    write_run(tmp_path, [make_trial(), make_trial(chip=6, spec_digest="sha256:zzz")])
    message = rf"spec_digest must be {DIGEST} as in the header, got sha256:zzz \(chip 6"
    with pytest.raises(InputError, match=message):
        build_report(tmp_path)


def test_trials_of_other_versions_are_noted(tmp_path: Path) -> None:
    write_run(tmp_path, [make_trial(versions={"torch": "9"})])
    assert summary(tmp_path)["notes"][-1].startswith("Some trials were computed with other vers")


def test_a_folder_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path, [make_trial()])

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(OutputError, match=r"summary.json must be writable, got 'Permission denied"):
        build_report(tmp_path)
