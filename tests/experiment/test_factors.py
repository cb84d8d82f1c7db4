"""Where drift compensation misleads: by hand, and as it is said."""

import pytest

from analogsim.experiment.factors import MOST_APART, misled
from analogsim.experiment.layers_file import LayersFile
from analogsim.report.factor_words import factor_warnings
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
