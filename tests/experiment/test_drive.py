"""A study that is broken off anywhere goes on, and ends as if it never was."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from analogsim.crossbar.chip.evaluate import evaluate
from analogsim.crossbar.chip.program import program
from analogsim.errors import InputError, OutputError
from analogsim.experiment.deal import positions
from analogsim.experiment.header import read_header
from analogsim.experiment.local import Local
from analogsim.experiment.place import Place
from analogsim.experiment.records import RECORDS_FILE, Records, read_records
from analogsim.experiment.study import Chips, Precision
from analogsim.inputs import batches
from analogsim.report import build_report, summary
from device_models.registry import parse
from tests.experiment.small import DAY, Stopping, adaptive, analog, data, records, run, study

MORE = ("ideal", "pcm", "gaussian")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of two finished studies, which nobody changes."""
    found = {}
    for name, asked in (("chips", study()), ("precision", adaptive())):
        found[name] = tmp_path_factory.mktemp(name)
        run(found[name], asked)
    return found


@pytest.fixture(scope="module")
def unbroken(whole: dict[str, Path]) -> dict[str, list[dict[str, Any]]]:
    return {name: records(folder) for name, folder in whole.items()}


@pytest.fixture
def chips(whole: dict[str, Path], tmp_path: Path) -> Path:
    """A finished study's folder, to be changed."""
    return shutil.copytree(whole["chips"], tmp_path / "chips")


@pytest.fixture
def precision(whole: dict[str, Path], tmp_path: Path) -> Path:
    """The same of an adaptive one."""
    return shutil.copytree(whole["precision"], tmp_path / "precision")


def test_every_trial_once(unbroken: dict[str, list[dict[str, Any]]]) -> None:
    keys = [(r["preset"], r["t_s"], r["compensation"], r["chip"]) for r in unbroken["chips"]]
    assert len(keys) == len(set(keys)) == 2 * 2 * 2 * 3


def test_a_trial_is_what_evaluate_says(unbroken: dict[str, list[dict[str, Any]]]) -> None:
    chip = program(analog(), seed=0, chip=1).drift_(DAY, "none")
    found = evaluate(chip, batches(data(), 50))
    (record,) = (
        r
        for r in unbroken["chips"]
        if (r["preset"], r["t_s"], r["compensation"], r["chip"]) == ("pcm", DAY, "none", 1)
    )
    assert (record["n_images"], record["n_correct"]) == (found.n_images, found.n_correct)


@pytest.mark.parametrize("design", ["chips", pytest.param("precision", marks=pytest.mark.slow)])
def test_a_run_that_crashes_goes_on(
    tmp_path: Path, unbroken: dict[str, list[dict[str, Any]]], design: str
) -> None:
    asked = study() if design == "chips" else adaptive()
    # Before the first trial, in the middle, soon again, and before the 24th.
    for after in (0, 1, 7, 3, 1, 1, 5, 5):
        with pytest.raises(Stopping.Crash):
            run(tmp_path, asked, Stopping(after))
        # A torn line on top.
        with (tmp_path / RECORDS_FILE).open("ab") as file:
            file.write(b'{"format": "analogsim-tr')
    run(tmp_path, asked)
    assert records(tmp_path) == unbroken[design]


def test_a_crash_before_the_header_leaves_a_folder_that_can_be_used(tmp_path: Path) -> None:
    (tmp_path / ".run.json.17.tmp").write_text("{")
    (tmp_path / ".lock").touch()
    (tmp_path / RECORDS_FILE).touch()
    run(tmp_path)
    assert len(records(tmp_path)) == 24


@pytest.mark.parametrize(
    ("design", "place"),
    [("chips", Local(3)), pytest.param("precision", Local(2), marks=pytest.mark.slow)],
    ids=["chips by three", "precision by two"],
)
def test_workers_give_the_same_records(
    tmp_path: Path, unbroken: dict[str, list[dict[str, Any]]], design: str, place: Place
) -> None:
    run(tmp_path, study() if design == "chips" else adaptive(), place)
    assert records(tmp_path) == unbroken[design]


def trials(folder: Path, **only: object) -> Records:
    found = read_records(folder)
    kept = [t for t in found if all(getattr(t, k) == v for k, v in only.items())]
    return dataclasses.replace(found, trials=tuple(kept))


def test_precision_deals_all_images_equally(precision: Path) -> None:
    plan = json.loads((precision / "plan.json").read_text())
    assert plan["cost_ratio"] == 4.0
    row = trials(precision, preset="pcm", t_s=DAY, part="main")
    first = [t.images for t in row if t.images is not None and t.images["round"] == 1]
    used = sorted(image for images in first for image in positions(images))
    assert used == sorted(set(used))
    assert len(first) <= plan["hands"]
    build_report(precision)
    result = summary(precision)
    for line in result["rows"]:
        assert line["ci95"] is not None
        assert (line["ci95"][1] - line["ci95"][0]) / 2 <= 0.02
        assert line["design"] == "dealt"
    # Differences over time are known better than the accuracies.
    assert all(d["ci95"] is not None for d in result["differences"])


def test_the_cost_is_measured_where_it_is_not_given(tmp_path: Path) -> None:
    run(tmp_path, adaptive(cost_ratio=None))
    assert json.loads((tmp_path / "plan.json").read_text())["cost_ratio"] > 0


@pytest.mark.parametrize(
    ("name", "value", "added"),
    [
        ("design", Chips(chips=4), 8),
        pytest.param("times_s", (0.5, 1.0, DAY), 12, marks=pytest.mark.slow),
        ("compensations", ("none", "global", "exact"), 12),
        pytest.param("devices", tuple(map(parse, MORE)), 12, marks=pytest.mark.slow),
    ],
    ids=["chips", "times", "compensations", "presets"],
)
def test_a_run_is_extended_and_keeps_its_trials(
    tmp_path: Path,
    chips: Path,
    unbroken: dict[str, list[dict[str, Any]]],
    name: str,
    value: object,
    added: int,
) -> None:
    more = study(**{name: value})
    with pytest.raises(InputError, match=r"(?s)spec must be the one .* --extend"):
        run(chips, more)
    run(chips, more, extend=True)
    found = records(chips)
    assert len(found) == 24 + added
    assert all(record in found for record in unbroken["chips"])
    # What was added is what an own run of it gives.
    run(tmp_path / "alone", more)
    assert found == records(tmp_path / "alone")
    assert len(read_header(chips).devices) == len(more.devices)


def test_a_narrower_interval_extends(precision: Path) -> None:
    before = records(precision)
    run(precision, adaptive(half_width=0.01), extend=True)
    after = records(precision)
    assert len(after) > len(before)
    assert all(record in after for record in before)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 1}, r"seed: 0 -> 1\nchoose another folder"),
        ({"batch_size": 60}, r"batch_size: 50 -> 60"),
        ({"times_s": (1.0,)}, r"times_s: \[1.0, 86400.0\] -> \[1.0\]"),
        ({"design": Chips(chips=2)}, r'"chips": 3\} -> \{"kind": "chips", "chips": 2\}'),
        ({"design": Precision(half_width=0.01)}, r'design: .*"kind": "precision"'),
    ],
    ids=["seed", "batch", "fewer-times", "fewer-chips", "design"],
)
def test_another_spec_is_refused_and_the_difference_shown(
    chips: Path, changes: dict[str, Any], message: str
) -> None:
    before = (chips / RECORDS_FILE).read_bytes()
    with pytest.raises(InputError, match=message):
        run(chips, study(**changes), extend=True)
    assert (chips / RECORDS_FILE).read_bytes() == before


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match=r"empty folder, got one that holds thesis.txt"):
        run(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_trials_of_another_study_are_refused(chips: Path) -> None:
    path = chips / RECORDS_FILE
    digest = read_header(chips).spec_digest
    first, *rest = read_records(chips)
    foreign = dataclasses.replace(first, spec_digest="0123")
    path.write_text("".join(trial.to_json() + "\n" for trial in (foreign, *rest)))
    with pytest.raises(InputError, match=rf"must have the digest {digest}, got 0123"):
        run(chips)


def test_a_trial_that_stands_twice_is_refused(chips: Path) -> None:
    path = chips / RECORDS_FILE
    path.write_text(path.read_text() + path.read_text().splitlines(keepends=True)[0])
    with pytest.raises(InputError, match=r"each trial once, got \('pcm', .* twice"):
        run(chips)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"design": Chips(chips=0)}, r"chips must be at least 1, got 0"),
        ({"design": Precision(half_width=0.7)}, r"above 0 and below 0.5, got 0.7"),
        ({"design": Precision(half_width=0.1, cost_ratio=0.0)}, r"cost ratio .*, got 0.0"),
        ({"design": Precision(half_width=0.1, pilot_chips=2)}, r"pilot chips .*, got 2"),
        ({"design": Precision(half_width=0.1, pilot_images=2)}, r"pilot images .*, got 2"),
        ({"yield_above": (0.9, 90.0)}, r"yield accuracy must be above 0 .*, got \[90.0\]"),
        (
            {"yield_above": (0.9,), "design": Precision(half_width=0.1)},
            r"yield must be measured on whole test sets .*, got \[0.9\]",
        ),
        ({"seed": -1}, r"seed must be at least 0, got -1"),
        ({"batch_size": 0}, r"batch size must be at least 1, got 0"),
        ({"times_s": (1.0, 1.0)}, r"times must be given and differ, got \[1.0, 1.0\]"),
    ],
    ids=str,
)
def test_what_cannot_be_studied_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        study(**changes)
