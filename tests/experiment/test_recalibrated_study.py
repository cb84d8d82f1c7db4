"""Studies whose chips estimate their own BatchNorm statistics."""

import json

import pytest
import torch

from analogsim.batchnorm import Recalibration
from analogsim.crossbar.conversion.convert import AnalogModel, convert
from analogsim.errors import InputError
from analogsim.experiment.describe import run_spec
from analogsim.experiment.drive import run_study
from analogsim.experiment.local import Local
from analogsim.experiment.study import Chips
from analogsim.inputs import batches, load_data, load_model
from device_models.registry import parse
from tests.experiment import small

RULE = Recalibration(images=64, batch_size=32)


def images(n=64):
    return next(batches(load_data("digits", split="train"), n))[0]


def analogs(*policies, **options) -> dict[str, AnalogModel]:
    options = {"calibrate": images(), "recalibrate": images(), "recalibration": RULE} | options
    network = load_model("zoo:digits_cnn").module
    return {bn: convert(network, "pcm", bn=bn, **options) for bn in policies}


def study(**changes):
    fields = {"devices": (parse("pcm"),), "design": Chips(chips=2)} | changes
    return small.study(**fields)


def run(folder, *policies, asked=None, place=None, **options):
    run_study(
        asked or study(),
        analogs(*policies),
        small.data(),
        folder,
        place or Local(1),
        lambda done, total, what: None,
        **options,
    )
    return small.records(folder)


ALL = ("digital", "recalibrate", "recalibrate-once")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """All policies in this process, one worker."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, run(folder, *ALL)


def test_recalibration_recovers_what_drift_took(whole):
    _, records = whole
    found = {}
    for bn in ALL:
        right = [
            r["accuracy"]
            for r in records
            if (r["bn"], r["t_s"], r["compensation"]) == (bn, small.DAY, "none")
        ]
        assert len(right) == 2
        found[bn] = sum(right) / len(right)
    # A day without compensation: with the old statistics near chance, with new ones near clean.
    assert found["digital"] < 0.5
    assert found["recalibrate"] > 0.95
    assert found["recalibrate-once"] < 0.6


def test_workers_and_broken_runs_give_the_same_records(whole, tmp_path):
    own = ALL[1:]
    expected = [r for r in whole[1] if r["compensation"] == "none" and r["bn"] in own]
    asked = study(compensations=("none",))
    assert run(tmp_path / "two", *own, asked=asked, place=Local(2)) == expected
    with pytest.raises(small.Stopping.Crash):
        run(tmp_path / "broken", *own, asked=asked, place=small.Stopping(5))
    assert run(tmp_path / "broken", *own, asked=asked) == expected


def test_other_policies_times_and_chips_move_nothing(whole, tmp_path):
    _, expected = whole
    asked = study(times_s=(small.DAY,), compensations=("global",), design=Chips(chips=1))
    alone = run(tmp_path / "alone", "recalibrate", asked=asked)
    digests = {r.pop("spec_digest") for r in alone}
    here = [
        {k: v for k, v in r.items() if k != "spec_digest"}
        for r in expected
        if (r["bn"], r["t_s"], r["compensation"], r["chip"])
        == ("recalibrate", small.DAY, "global", 0)
    ]
    assert alone == here
    # The rule is part of the digest; which policies there are is not.
    assert digests == {expected[0]["spec_digest"]}


def test_the_header_says_how(whole):
    folder, _ = whole
    header = json.loads((folder / "run.json").read_text())
    rule = header["spec"]["recalibration"]
    digest = rule.pop("images_sha256")
    assert rule == {"method": "average", "images": 64, "batch_size": 32}
    assert len(digest) == 16
    for bn, when in (
        ("recalibrate", "at each time"),
        ("recalibrate-once", "once, right after programming"),
    ):
        note = (
            f"BatchNorm {bn}: cumulative average over 64 training images in 2 batches, on each "
            f"chip {when}."
        )
        assert header["notes"].count(note) == 1


def test_the_digest_knows_the_rule_and_the_images():
    def spec(*policies, **options):
        return run_spec(study(), analogs(*policies, **options), small.data())

    assert "recalibration" not in spec("digital", "fold")
    found = [
        spec("recalibrate", **options)["recalibration"]
        for options in (
            {},
            {"recalibration": Recalibration(images=64, batch_size=64)},
            {"recalibration": Recalibration(method="adabs", images=64, batch_size=32)},
            {"recalibrate": images() + torch.eye(8)},
        )
    ]
    assert len({json.dumps(rule) for rule in found}) == 4
    # The policy may come second.
    assert spec("digital", "recalibrate")["recalibration"] == found[0]


def test_policies_are_added_only_where_the_rule_is_known(whole, tmp_path):
    run(tmp_path, "recalibrate", asked=study(times_s=(1.0,), design=Chips(chips=1)))
    grown = run(tmp_path, "recalibrate", "digital", extend=True,
                asked=study(times_s=(1.0,), design=Chips(chips=1)))  # fmt: skip
    assert len(grown) == 4
    with pytest.raises(InputError, match=r'recalibration: \{"method": .*\} -> null'):
        run(tmp_path, "digital", asked=study(times_s=(1.0,), design=Chips(chips=1)), extend=True)
