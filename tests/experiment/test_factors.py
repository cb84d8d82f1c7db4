"""Where drift compensation misleads: by hand, and as it is said."""

import dataclasses
from pathlib import Path

import pytest
from torch import nn

from analogsim.crossbar.chip.factors import factors_of, kept_factors
from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.experiment.layers_file import LayersFile
from analogsim.experiment.records import read_records
from analogsim.experiment.study import Chips
from analogsim.report.factor_words import MOST_APART, factor_warnings, misled
from device_models.registry import parse
from tests.experiment import small
from tests.report.full_folder import layers_file
from tests.report.run_folder import DAY


def content(*factors: float, compensation: str = "global") -> LayersFile:
    """Factors of two layers at 1 s, then at 1 d; the cells need 1 and 1.5."""
    found = layers_file("pcm")
    (device,) = found["presets"]
    for place, state in enumerate(device["states"]):
        if state["compensation"] == "global":
            state["compensation"] = compensation
        for layer in device["layers"]:
            layer["states"][place]["factor"] = layer["states"][place]["needed"] = 1.0
    for number, (place, factor) in enumerate(zip((2, 2, 4, 4), factors, strict=True)):
        one = device["layers"][number % 2]["states"][place]
        one["factor"], one["needed"] = factor, 1.0 if place == 2 else 1.5
    return found


def test_up_to_a_tenth_nothing_is_said() -> None:
    assert MOST_APART == 0.1
    assert list(misled(content(1.09, 0.91, 1.64, 1.36))) == []
    assert factor_warnings(content(1.09, 0.91, 1.64, 1.36)) == []
    assert factor_warnings(None) == []


def test_no_compensation_does_not_mislead() -> None:
    assert factor_warnings(content(1.0, 1.01, 7.0, 8.0, compensation="none")) == []


@pytest.mark.parametrize("wrong", [7.5, 0.75], ids=["too large", "too small"])
def test_the_worst_layer_and_all_times(wrong: float) -> None:
    (found,) = misled(content(1.2, 1.01, 1.51, wrong))
    assert [(one.t_s, one.layer) for one in found.off] == [(1.0, "conv1"), (DAY, "linear")]
    assert (found.preset, found.compensation, found.n_layers) == ("pcm", "global", 2)
    assert (found.worst.layer, found.worst.factor, found.worst.needed) == ("linear", wrong, 1.5)


def test_in_words() -> None:
    assert factor_warnings(content(1.2, 1.01, 1.51, 7.5)) == [
        "compensation 'global' misleads on pcm at 1 s and 1 d: in 1 of 2 analog layers its factor "
        "is more than 10 % from what the cells' mean conductance needs (chip 0, 1 d, linear: 7.5, "
        "needed 1.5). These accuracies show the reading, not the drift; 'current' reads summed "
        "currents, which fill the ADC"
    ]
    (said,) = factor_warnings(content(1.2, 1.01, 1.51, 7.5, compensation="current"))
    assert said.endswith("the reading, not the drift")


def test_files_of_before_say_nothing() -> None:
    old = content(1.2, 1.01, 1.51, 7.5)
    for layer in old["presets"][0]["layers"]:
        for state in layer["states"]:
            state["factor"] = state["needed"] = None
    assert factor_warnings(old) == []


def test_each_record_holds_its_chips_own(tmp_path: Path) -> None:
    """Over all cells of the network, by hand; none without compensation."""
    asked = small.study(
        devices=(parse("pcm"),),
        times_s=(DAY,),
        compensations=("none", "column"),
        design=Chips(chips=2),
    )
    small.run(tmp_path, asked)
    trials = {(one.compensation, one.chip): one for one in read_records(tmp_path)}
    assert {trials["none", chip].factor for chip in (0, 1)} == {None}
    model = dataclasses.replace(small.analog(), device=parse("pcm"))
    for number in (0, 1):
        chip = program(model, seed=asked.seed, chip=number).drift_(DAY, "column")
        tiles = [tile for layer in chip.layers.values() for tile in layer.tiles]
        cells = [tile.weights.double().abs() for tile in tiles]
        lifted = sum(
            float((tile.alpha.double().view(-1, 1) * cell).sum())
            for tile, cell in zip(tiles, cells, strict=True)
        )
        present = sum(float(cell.sum()) for cell in cells)
        programmed = sum(float(tile.programmed.double().abs().sum()) for tile in tiles)  # type: ignore[union-attr]
        trial = trials["column", number]
        assert trial.factor == pytest.approx(lifted / present, rel=1e-5)
        assert trial.factor_needed == pytest.approx(programmed / present, rel=1e-5)
    assert trials["column", 0].factor_needed != trials["column", 1].factor_needed


def test_weights_that_would_have_to_be_drawn_again_are_not() -> None:
    model = convert(nn.Sequential(nn.Linear(8, 4)), "pcm", "ideal", stream="philox")
    chip = program(model, seed=0, chip=0).drift_(DAY, "global")
    assert chip.direct
    assert kept_factors(chip.layers.values()) is None
    # Of one factor and an ideal reading, what is found is what is needed.
    found = factors_of(chip.layers.values())
    assert found.found == pytest.approx(found.needed, rel=1e-6)
