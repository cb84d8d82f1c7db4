"""Constants of a device's law, changed by name: what they reach on a chip."""

import pytest

from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.folder.checkpoint import load, save
from tests.crossbar.nets import small_inputs, small_net

YEAR_S = 365 * 86_400.0
CONSTANTS = "t_0_s=5.0&nu_mean=0.03&nu_std=0.0"
ONLY_DRIFT = f"pcm?programming_scale=0&read_scale=0&{CONSTANTS}"


@pytest.mark.parametrize("stream", ["aihwkit", "philox"])
@pytest.mark.parametrize("kind", ["global", "column", "exact"])
def test_compensation_follows(kind, stream):
    """With one nu for all cells each factor is ((t + t_0)/t_0)^nu, whatever the weights."""
    if stream == "philox":
        pytest.importorskip("numba", reason="needs numba: pip install 'analogsim-aimc[fast]'")
    net = convert(small_net(), ONLY_DRIFT, "ideal", calibrate=small_inputs(), stream=stream)
    chip = program(net).drift_(YEAR_S, kind)
    for layer in chip.layers.values():
        for tile in layer.tiles:
            expected = ((YEAR_S + 5) / 5) ** 0.03
            assert tile.alpha.flatten().tolist() == pytest.approx(
                [expected] * tile.alpha.numel(), rel=1e-4
            )


def test_a_saved_chip_keeps_them(tmp_path):
    chip = program(convert(small_net(), f"pcm?{CONSTANTS}", "ideal", calibrate=small_inputs()))
    save(chip, tmp_path / "chip")
    assert f"pcm?{CONSTANTS}" in (tmp_path / "chip" / "chip.json").read_text()
    again = load(tmp_path / "chip", small_net())
    assert again.analog.device == chip.analog.device
