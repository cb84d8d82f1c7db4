"""The whole of an attribution on the shipped network."""

import dataclasses
import json
import math

import pytest

from analogsim.attribution import Ask, Goal, Screening
from analogsim.attribution.treated_chips import TreatedJob, TreatedTask
from analogsim.errors import InputError
from analogsim.experiment.deal import all_images
from analogsim.experiment.drive import run_study
from analogsim.experiment.layers_file import read_layers
from analogsim.experiment.local import Local
from analogsim.experiment.records import RecordWriter, read_records
from analogsim.experiment.statistics import ACCURACY, DIFFERENCE, ByChip
from analogsim.experiment.study import Chips, Precision
from analogsim.report.attribution import csv_text
from analogsim.seal import unsealed
from device_models.registry import parse
from tests.attribution.small import digits, plan, run, study
from tests.experiment.small import analog

PRESET = "pcm?noise_scale=6.0"


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("done")
    return folder, run(folder)


def correct(folder, preset):
    return sorted((t.chip, t.correct) for t in read_records(folder) if t.preset == preset)


def test_the_full_chip_is_that_of_a_plain_study(done, tmp_path):
    folder, result = done
    run_study(study(), {"digital": analog()}, digits(), tmp_path, Local(1), lambda *_: None)
    assert correct(folder, PRESET) == correct(tmp_path, PRESET)
    assert [chip for chip, _ in correct(folder, PRESET)] == [0, 1, 2]
    assert result["preset"] == PRESET


def test_rows_are_those_of_the_records(done):
    folder, result = done
    full = {t.chip: t.accuracy for t in read_records(folder)}
    other = {
        (t.preset.removeprefix(f"{PRESET}: "), t.chip): t.accuracy
        for t in read_records(folder / "treatments")
    }
    rows = {(r["name"], r["mode"]): r for r in result["rows"]}
    for name in ("programming", "input-range", "output-noise"):
        gains = [other[f"without {name}", chip] - full[chip] for chip in range(3)]
        assert rows[name, "without"]["loss"] == pytest.approx(sum(gains) / 3)
    lost = [result["digital_accuracy"] - other["only layer conv2", chip] for chip in range(3)]
    assert rows["conv2", "alone"]["loss"] == pytest.approx(sum(lost) / 3)
    dac = rows["dac", "alone"]
    assert dac["loss"] == pytest.approx(other["only input-range", 0] - other["only dac", 0])
    assert (dac["same_for_every_chip"], dac["n_chips"]) == (True, 3)
    # One chip is all of them where nothing is random.
    assert ("only dac", 1) not in other
    assert [r["name"] for r in result["rows"] if r["kind"] == "layer"] == [
        *("conv1", "conv2", "conv3", "linear")
    ] * 2


def test_no_product_falls_back_on_the_slow_tiles(done):
    folder, _ = done
    trials = [*read_records(folder), *read_records(folder / "treatments")]
    assert {trial.forward for trial in trials} == {"native"}
    names = {trial.preset.removeprefix(f"{PRESET}: "): trial.periphery for trial in trials}
    assert names["only drift"] == "standard (all off)"
    assert names["without adc"] == "standard (without adc)"
    assert names["without drift"] == names["only layer conv1"] == names[PRESET] == "standard"


def test_the_whole_and_its_parts(done):
    _, result = done
    (whole,) = result["whole"]
    assert whole["accuracy_all_off"] == result["digital_accuracy"]
    assert whole["loss"]["mean"] == pytest.approx(
        result["digital_accuracy"] - whole["accuracy"]["mean"]
    )
    for kind in ("source", "layer"):
        alone = [
            r["loss"] for r in result["rows"]
            if r["kind"] == kind and r["mode"] == "alone" and r["loss"] is not None
        ]  # fmt: skip
        assert whole[f"sum_of_{kind}s"]["mean"] == pytest.approx(sum(alone))
        assert whole[f"interaction_of_{kind}s"]["mean"] == pytest.approx(
            whole["loss"]["mean"] - sum(alone)
        )


def test_the_suggestion_is_verified_on_fresh_chips(done):
    folder, result = done
    suggestion = result["suggestion"]
    check = suggestion["verification"]
    assert (check["first_chip"], check["last_chip"]) == (3, 5)
    kept = [n for n in ("conv1", "conv2", "conv3", "linear") if n in suggestion["keep_digital"]]
    name = f"{PRESET}: without layer{'s' * (len(kept) > 1)} {', '.join(kept)}"
    found = {
        (t.preset, t.chip): t.accuracy for t in read_records(folder / "treatments") if t.chip > 2
    }
    # Nothing else is measured on them.
    assert {preset for preset, _ in found} == {PRESET, name}
    gains = [found[name, chip] - found[PRESET, chip] for chip in (3, 4, 5)]
    assert check["gain"]["mean"] == pytest.approx(sum(gains) / 3)
    assert suggestion["option"] == " ".join(f"--keep-digital {n}" for n in kept)
    assert 0 < suggestion["weights_share"] <= 1
    assert 0 < suggestion["macs_share"] <= 1


def test_intervals_are_of_answers(done):
    """For new images, never narrower than on these; and none without single answers."""
    folder, result = done
    for row in result["rows"]:
        if row["loss"] is not None:
            low, high = row["new_images"]
            assert low <= row["low"] <= row["loss"] <= row["high"] <= high
            assert row["low"] < row["high"] or row["same_for_every_chip"]
    trials = {t.chip: t for t in read_records(folder)}
    assert ByChip.of(trials).mean(ACCURACY).new_images is not None
    old = {chip: dataclasses.replace(t, correct=None) for chip, t in trials.items()}
    bare = (ByChip.of(trials) - ByChip.of(old)).mean(DIFFERENCE)
    assert (bare.mean, bare.new_images) == (pytest.approx(0.0), None)
    # The floor of the lattice: ln(40) flips of 3 chips' 60 answers.
    assert bare.half_width == pytest.approx(math.log(40) / 180)


def test_files(done):
    folder, result = done
    assert unsealed(json.loads((folder / "attribution.json").read_text())) == result
    assert (result["format"], result["version"]) == ("analogsim-attribution", 1)
    lines = csv_text(result["rows"]).splitlines()
    assert (folder / "attribution.csv").read_text().splitlines() == lines
    assert len(lines) == 1 + len(result["rows"])
    assert lines[0].startswith("kind,name,title,mode,t_s,loss,low,high,n_chips,n_images")
    layers = read_layers(folder)
    assert layers is not None
    assert [state["compensation"] for state in layers["presets"][0]["states"]][1:] == ["global"]


def test_the_same_command_repeats_and_another_ask_reuses(done):
    folder, result = done
    before = (folder / "treatments" / "records.jsonl").read_bytes()
    assert run(folder) == result
    assert (folder / "treatments" / "records.jsonl").read_bytes() == before
    fewer = run(folder, Ask(part="layers", layers=("conv*",), goal=Goal(recover=None, top=1)))
    assert {r["kind"] for r in fewer["rows"]} == {"layer"}
    assert fewer["suggestion"] is not None
    assert len(fewer["suggestion"]["keep_digital"]) == 1
    # Not all layers: their sum would be that of no network.
    assert fewer["whole"][0]["sum_of_layers"] is None
    run(folder)  # as it was, for the other tests


def test_screening_has_chips_of_its_own(tmp_path):
    ask = Ask(part="layers", screening=Screening(images=20, chips=2, refined=1))
    result = run(tmp_path, ask, design=Chips(chips=2))
    rows = [r for r in result["rows"] if r["mode"] == "alone"]
    assert sorted((r["n_images"], r["n_chips"]) for r in rows) == [(20, 2)] * 3 + [(60, 2)]
    screened = read_records(tmp_path / "screening-20")
    # 0 and 1 choose, 2 and 3 verify.
    assert {t.chip for t in screened} == {4, 5}
    assert {t.n_images for t in screened} == {20}
    assert result["whole"][0]["sum_of_layers"] is None


def test_every_number_is_finite(done):
    """Strict JSON refuses others; here also inside intervals."""
    _, result = done
    for row in result["rows"]:
        values = [*(row[key] for key in ("loss", "low", "high", "p")), *(row["new_images"] or ())]
        assert all(value is None or math.isfinite(value) for value in values)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"devices": (parse("pcm"), parse("rram"))}, "one device, got pcm, rram"),
        ({"compensations": ("none", "global")}, "one compensation, got none, global"),
        ({"design": Precision(half_width=0.01)}, "with chips, got Precision"),
    ],
    ids=["devices", "compensations", "precision"],
)
def test_what_cannot_be_asked(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        run(tmp_path / "new", **changes)
    assert not (tmp_path / "new").exists()


def test_another_study_s_folder_is_refused(done):
    folder, _ = done
    with pytest.raises(InputError, match=r"times_s: \[86400.0\] -> \[1.0\]"):
        run(folder, times_s=(1.0,))


def test_trials_of_another_study_are_refused(done, tmp_path):
    folder, _ = done
    (tmp_path / "treatments").mkdir()
    (tmp_path / "run.json").write_bytes((folder / "run.json").read_bytes())
    trial = read_records(folder / "treatments")[0]
    with RecordWriter(tmp_path / "treatments") as writer:
        writer.write(dataclasses.replace(trial, spec_digest="0" * 16))
    message = f"must have the digest {trial.spec_digest}, got {'0' * 16}"
    with pytest.raises(InputError, match=message):
        run(tmp_path)


def test_a_worker_keeps_one_treatment_s_chips():
    """Hundreds of treatments must not fill the memory."""
    made = plan("pcm")
    conditions = {one.condition.name: one.condition for one in (made.none(), made.full())}
    job = TreatedJob(conditions=conditions, plan=made, data=digits(), batch_size=50, seed=0,
                     device="cpu", digest="", versions={})  # fmt: skip
    # The source, the full chip's and that of the perfect periphery.
    assert len(list(job.networks())) == 3
    kept = {("other", "digital", ()): object()}

    def task(treatment):
        return TreatedTask(preset=treatment.name, bn="digital", chip=0, images=all_images(60),
                           part="main", wanted=(), digital=treatment.digital)  # fmt: skip

    assert list(job.trials(task(made.full()), kept)) == []
    assert list(kept) == [made.full().condition.name]
    # Layers that are chosen when the workers have begun.
    other = made.keeping(made.forms.names[:2])
    assert list(job.trials(task(other), kept)) == []
    assert [chip.analog.keep_digital for chip in kept.values()] == [
        other.condition.network.keep_digital
    ]
