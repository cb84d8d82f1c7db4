"""Chips with BatchNorm statistics of their own, saved and loaded."""

import json

import pytest
import torch

import analogsim
from analogsim.crossbar.chip.program import reprogram_
from analogsim.errors import InputError
from tests.crossbar.nets import small_inputs
from tests.crossbar.recalibrated import DAY_S, RULE, Twice, converted, outputs, same, statistics


@pytest.mark.parametrize("bn", ["recalibrate", "recalibrate-once"])
@pytest.mark.parametrize("forward", ["auto", "tile"])
def test_saved_loaded_and_drifted_on_is_never_saved(bn, forward, tmp_path):
    analog = converted(bn=bn, forward=forward)
    chip = analogsim.program(analog, seed=1, chip=2).drift_(DAY_S, "column")
    analogsim.save(chip, tmp_path / "chip")
    loaded = analogsim.load(tmp_path / "chip", Twice(), recalibrate=small_inputs(30))
    assert same(statistics(loaded), statistics(chip))
    assert torch.equal(outputs(loaded), outputs(chip))
    assert loaded.analog.recalibration == RULE
    assert torch.equal(outputs(loaded.drift_(1e7)), outputs(chip.drift_(1e7)))
    again = analogsim.program(loaded.analog, seed=5, chip=9)
    assert torch.equal(outputs(again), outputs(analogsim.program(analog, seed=5, chip=9)))


def test_a_folder_holds_no_images(tmp_path):
    analogsim.save(analogsim.program(converted(), chip=2).drift_(DAY_S), tmp_path / "a")
    chip = analogsim.load(tmp_path / "a", Twice())
    answers = outputs(chip)
    for asked in (
        lambda: chip.drift_(1e7),
        chip.recalibrate_,
        lambda: analogsim.program(chip.analog),
        lambda: reprogram_(chip, 7),
    ):
        with pytest.raises(InputError, match="bn 'recalibrate' must have training images .* none"):
            asked()
    once = analogsim.program(converted(bn="recalibrate-once"), chip=2)
    analogsim.save(once, tmp_path / "b")
    kept = analogsim.load(tmp_path / "b", Twice()).drift_(1e7)
    assert torch.equal(outputs(kept), outputs(once.drift_(1e7)))
    # A refused call leaves the chip as it was.
    assert (chip.t_s, chip.chip) == (DAY_S, 2)
    assert torch.equal(outputs(chip), answers)


def edit(path, without="crc32", **changes):
    """Change a chip's settings; a file without its checksum may have been edited."""
    settings = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({k: v for k, v in settings.items() if k not in (without, "crc32")}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recalibration": None}, "recalibrate and recalibrate-once alone, got None with bn 'rec"),
        ({"bn": "digital"}, "alone, got .*'images': 24.* with bn 'digital'"),
        ({"bn": "some"}, "bn must be one of digital, fold, .* none, got 'some'"),
        (
            {"recalibration": {"method": "average", "images": 1, "batch_size": 8}},
            r"chip\.json: recalibration: images must be at least 2, got 1",
        ),
    ],
    ids=["missing", "too much", "unknown", "wrong"],
)
def test_damaged_settings(changes, message, tmp_path):
    analogsim.save(analogsim.program(converted()), tmp_path / "chip")
    edit(tmp_path / "chip" / "chip.json", **changes)
    with pytest.raises(InputError, match=message):
        analogsim.load(tmp_path / "chip", Twice())


def test_folders_of_before_there_was_recalibration(tmp_path):
    chip = analogsim.program(converted(bn="digital"))
    analogsim.save(chip, tmp_path / "chip")
    edit(tmp_path / "chip" / "chip.json", without="recalibration")
    assert torch.equal(outputs(analogsim.load(tmp_path / "chip", Twice())), outputs(chip))
