"""A run as a data frame and as CSV."""

import csv
import sys
from pathlib import Path

import pytest

import analogsim
from analogsim.errors import InputError
from analogsim.report import build_report
from tests.report.run_folder import drifting, make_trial, write_run


def test_a_row_is_a_trial(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="needs pandas")
    trials = drifting(chips=3)
    write_run(tmp_path, trials)
    frame = analogsim.read(tmp_path)
    assert isinstance(frame, pandas.DataFrame)
    assert len(frame) == len(trials)
    assert frame.attrs["digital_accuracy"] == 351 / 360
    mean = frame.groupby(["compensation", "t_s"]).accuracy.mean()
    same = [t.accuracy for t in trials if t.compensation == "none" and t.t_s == 1.0]
    assert mean["none", 1.0] == pytest.approx(sum(same) / 3)


def test_trials_stand_in_the_order_of_the_spec(tmp_path: Path) -> None:
    trials = [make_trial(preset=p, chip=c) for c in (1, 0) for p in ("rram", "pcm")]
    write_run(tmp_path, trials, spec={"presets": ["pcm", "rram"]})
    pytest.importorskip("pandas", reason="needs pandas")
    frame = analogsim.read(tmp_path)
    assert list(zip(frame.preset, frame.chip, strict=True)) == [
        ("pcm", 0), ("pcm", 1), ("rram", 0), ("rram", 1)
    ]  # fmt: skip


def test_csv_has_a_line_a_trial(tmp_path: Path) -> None:
    trials = drifting(chips=2)
    write_run(tmp_path, trials)
    build_report(tmp_path)
    with (tmp_path / "records.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(trials)
    assert sorted(float(line["accuracy"]) for line in lines) == sorted(t.accuracy for t in trials)
    assert "versions" not in lines[0]


def test_without_pandas_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match=r"package pandas, .*pip install 'analogsim-aimc\[pandas"):
        analogsim.read(tmp_path)
