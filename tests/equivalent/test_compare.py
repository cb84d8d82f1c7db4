"""The whole comparison on digits: few chips and images, a device a time."""

import dataclasses
import json

import pytest

from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.mapping.periphery import IDEAL
from analogsim.equivalent.compare import compare_matched
from analogsim.equivalent.matching import matched_to
from analogsim.errors import InputError
from analogsim.experiment.deal import Images
from analogsim.experiment.header import read_header
from analogsim.experiment.local import Local
from analogsim.experiment.records import read_records
from analogsim.experiment.score import select
from analogsim.experiment.study import Chips, Precision
from analogsim.inputs.batching import batches
from analogsim.inputs.data import load_data
from analogsim.inputs.models import load_model
from analogsim.report import build_report, summary
from analogsim.report.comparison import MATCHED_FILE
from analogsim.seal import unsealed
from device_models.registry import parse
from tests.experiment.small import study

STUDY = study(
    command="analogsim compare",
    devices=(parse("pcm"),),
    times_s=(86400.0,),
    compensations=("global",),
    batch_size=60,
)
NAMES = ["pcm", "gaussian-matched(pcm)"]
PARTS = (".", "search", "search/weights")


@pytest.fixture(scope="module")
def setting():
    data = load_data("digits")
    images = next(batches(data, 128))[0]
    analog = convert(load_model("zoo:digits_cnn").module, calibrate=images)
    total = len(data.dataset)
    few = Images(order="stored", seed=0, round=0, start=0, count=60, total=total)
    return analog, select(data, few)


def compare(setting, folder, study=STUDY, ticks=None, **options):
    analog, data = setting

    def progress(done, total, what):
        assert done <= max(total, 0)
        if ticks is not None and done:
            ticks.append(what)

    return compare_matched(study, analog, data, folder, Local(1), progress, **options)


@pytest.fixture(scope="module")
def finished(setting, tmp_path_factory):
    folder = tmp_path_factory.mktemp("matched") / "out"
    return folder, compare(setting, folder)


def test_records_hold_the_device_and_its_control(finished):
    folder, _ = finished
    found = {(t.preset, t.compensation, t.chip) for t in read_records(folder)}
    assert found == {(n, c, k) for n, c in zip(NAMES, ["global", "none"], strict=True)
                     for k in range(3)}  # fmt: skip
    header = read_header(folder)
    assert header.spec["presets"] == NAMES
    assert [entry["preset"] for entry in header.devices] == NAMES


def test_comparison_is_made_of_the_records(finished):
    folder, comparison = finished
    found = json.loads((folder / MATCHED_FILE).read_text())
    assert unsealed(found) == json.loads(json.dumps(comparison)) != found
    (point,) = comparison["points"]
    means = {name: [t.accuracy for t in read_records(folder) if t.preset == name] for name in NAMES}
    pcm, matched = (sum(means[name]) / 3 for name in NAMES)
    assert point["accuracy"]["mean"] == pytest.approx(pcm)
    assert point["difference"]["mean"] == pytest.approx(pcm - matched)
    assert sum(part["share"]["mean"] for part in point["parts"]) == pytest.approx(pcm - matched)
    *_, weights, amplified = point["parts"]
    assert (weights["prop"], amplified["prop"]) == ("weights", "amplified")
    moved = [
        t.accuracy
        for t in read_records(folder / "search")
        if (t.preset, t.compensation) == ("pcm", "gain")
    ]
    assert amplified["share"]["mean"] == pytest.approx(pcm - sum(moved) / len(moved))
    options = [cause["option"] for cause in point["causes"]]
    assert options[0] == "programming_scale"
    assert "drift_scale" in options
    assert set(point["sigmas"]) == {"conv1", "conv2", "conv3", "linear"}
    assert comparison["sentences"][0] in read_header(folder).notes


def test_equivalent_level_has_the_device_s_accuracy(finished):
    """The two rungs around eta stand in the search's records, one above and one below."""
    folder, comparison = finished
    (point,) = comparison["points"]
    eta = point["equivalent"]["eta"]
    assert eta is not None
    levels: dict[float, list[float]] = {}
    for trial in read_records(folder / "search"):
        if trial.preset.startswith("gaussian?eta=") or trial.preset == "gaussian":
            level = 0.05 if trial.preset == "gaussian" else float(trial.preset.split("=")[1])
            levels.setdefault(level, []).append(trial.accuracy)
    below = max(level for level in levels if level <= eta)
    above = min(level for level in levels if level >= eta)
    assert sum(levels[above]) <= 3 * point["accuracy"]["mean"] + 1e-9 <= sum(levels[below]) + 2e-9


def test_report_shows_the_control_beside_the_device(finished):
    folder, comparison = finished
    page = build_report(folder).read_text()
    assert "gaussian-matched(pcm)" in page
    assert comparison["sentences"][0].split(" (")[0] in page
    rows = summary(folder)["rows"]
    assert [row["preset"] for row in rows] == NAMES


def test_goes_on_where_it_was_broken_off(setting, finished, tmp_path):
    """Half the records of a finished run, and no result: the same numbers come out."""
    whole, comparison = finished
    folder = tmp_path / "out"
    (folder / "search" / "weights").mkdir(parents=True)
    (folder / "run.json").write_bytes((whole / "run.json").read_bytes())
    lost = 0
    for part in PARTS:
        lines = (whole / part / "records.jsonl").read_text().splitlines(keepends=True)
        (folder / part / "records.jsonl").write_text("".join(lines[: len(lines) // 2]))
        lost += len(lines) - len(lines) // 2
    ticks: list[str] = []
    assert compare(setting, folder, ticks=ticks) == comparison
    assert len(ticks) == lost
    # Nothing is measured a second time, weight errors neither.
    for part in PARTS:
        lines = (folder / part / "records.jsonl").read_text().splitlines()
        assert len(lines) == len((whole / part / "records.jsonl").read_text().splitlines())
    assert len(read_header(folder).notes) == len(read_header(whole).notes)


def test_the_next_levels_of_all_points_are_asked_for_at_once(setting, tmp_path):
    """The rounds are those of the longest search, not of all searches one after the other."""

    class Counting:
        rounds = 0

        def run(self, job, tasks):
            self.rounds += 1
            return Local(1).run(job, tasks)

    def rounds(folder, times_s):
        place = Counting()
        device = parse("gaussian?eta=0.1")
        study = dataclasses.replace(
            STUDY, devices=(device,), times_s=times_s, design=Chips(chips=1)
        )
        compare_matched(study, *setting, folder, place, lambda *_: None)
        return place.rounds

    one = rounds(tmp_path / "one", (86400.0,))
    assert rounds(tmp_path / "two", (1.0, 86400.0)) <= one + 3


def test_weights_in_several_cells_are_compared_by_the_weight_that_they_make(setting, tmp_path):
    """No control by the weight's state: a state is that of a cell, which is said."""
    _, data = setting
    images = next(batches(load_data("digits"), 64))[0]
    edge = dataclasses.replace(IDEAL, name="o", weight_encoding="offset-column", bits_per_cell=4)
    analog = convert(load_model("zoo:digits_cnn").module, "pcm", edge, calibrate=images)
    study = dataclasses.replace(STUDY, design=Chips(chips=2))
    comparison = compare((analog, data), tmp_path, study)
    (point,) = comparison["points"]
    assert [part["prop"] for part in point["parts"]] == ["by-column", "rest"]
    assert "these are of each of a weight's cells" in point["parts"][-1]["meaning"]
    difference = point["difference"]["mean"]
    assert sum(part["share"]["mean"] for part in point["parts"]) == pytest.approx(difference)
    levels = {
        t.preset for t in read_records(tmp_path / "search") if t.preset.startswith("gaussian?")
    }
    assert levels
    assert all("spread_of=weight" in name for name in levels)
    wanted = dict(matched_to(analog, parse("pcm"), 86400.0, "global", 2, 0).sigmas)
    assert point["sigmas"] == pytest.approx(wanted)


def test_refused(setting, finished, tmp_path):
    folder, _ = finished
    both = dataclasses.replace(STUDY, compensations=("none", "global"))
    with pytest.raises(InputError, match="one compensation, got none, global"):
        compare(setting, tmp_path / "a", both)
    precise = dataclasses.replace(STUDY, design=Precision(half_width=0.01))
    with pytest.raises(InputError, match="got Precision.half_width=0.01"):
        compare(setting, tmp_path / "b", precise)
    with pytest.raises(InputError, match="seed: 0 -> 1"):
        compare(setting, folder, dataclasses.replace(STUDY, seed=1))
    analog, data = setting
    other = dataclasses.replace(analog, stream="philox")
    with pytest.raises(InputError, match="must have the stream 'aihwkit', got 'philox'"):
        compare((other, data), tmp_path / "a")
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "b").exists()
