"""Is an effect just a gain? The best factors and what they leave, beside numpy's least squares."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import analogsim
from analogsim.crossbar.chip.effect_gains import gain_table
from analogsim.errors import InputError
from device_models.effects import Cells, EffectInfo, GainError, Wires
from tests.crossbar.nets import small_inputs, small_net

DAY_S = 86_400.0


@dataclass(frozen=True)
class Halved:
    """A gain: every cell conducts half; outputs with an odd number a quarter, if asked."""

    info: ClassVar = EffectInfo(
        name="halved", title="t", models="m", not_modelled="n", law="g/2", citation="c", domain="d"
    )
    moment: ClassVar = "present"
    odd: bool = False

    def apply(self, cells, draws):
        factor = cells.g_plus.new_full((len(cells.g_plus), 1), 0.5)
        if self.odd:
            factor[1::2] = 0.25
        return Cells(g_plus=cells.g_plus * factor, g_minus=cells.g_minus * factor)


def converted(*effects, device="pcm", **options):
    return analogsim.convert(
        small_net(), device, "ideal", calibrate=small_inputs(), effects=effects, **options
    )


def test_a_gain_of_all_cells_leaves_nothing():
    for one in analogsim.effect_gains(converted(Halved()), "halved"):
        assert one.gain == pytest.approx(0.5)
        assert (one.lowest, one.highest) == pytest.approx((0.5, 0.5))
        assert one.error == pytest.approx(0.5)
        assert max(one.rest, one.rest_by_output) < 1e-7


def test_a_gain_of_each_output_is_left_by_one_of_the_layer():
    for one in analogsim.effect_gains(converted(Halved(odd=True)), "halved"):
        assert (one.lowest, one.highest) == pytest.approx((0.25, 0.5))
        assert one.rest > 0.1
        assert one.rest_by_output < 1e-7


@pytest.mark.parametrize("t_s", [None, DAY_S])
def test_wires_beside_numpys_least_squares(t_s):
    wires = Wires(r_row=5.0, r_col=5.0, rows=32)
    found = analogsim.effect_gains(converted(wires), "wires", seed=2, chip=1, t_s=t_s)
    chips = [analogsim.program(converted(*one), seed=2, chip=1) for one in ((wires,), ())]
    if t_s is not None:
        chips = [chip.drift_(t_s, "none") for chip in chips]
    layers = zip(found, *(chip.layers.values() for chip in chips), strict=True)
    for one, wired, bare in layers:
        shown, plain = (
            np.concatenate(
                [(tile.weights * tile.scale).double().numpy().ravel() for tile in layer.tiles]
            )
            for layer in (wired, bare)
        )
        (gain,), *_ = np.linalg.lstsq(plain[:, None], shown, rcond=None)
        norm = np.linalg.norm(plain)
        assert one.gain == pytest.approx(gain, rel=1e-9)
        assert one.error == pytest.approx(np.linalg.norm(shown - plain) / norm, rel=1e-9)
        assert one.rest == pytest.approx(np.linalg.norm(shown - gain * plain) / gain / norm)
        assert one.lowest <= one.gain <= one.highest <= 1
        assert one.rest_by_output <= one.rest < one.error


def test_other_effects_stay_on_both_sides():
    both = analogsim.effect_gains(converted(GainError(std=0.2), Halved()), "halved")
    alone = analogsim.effect_gains(converted(Halved()), "halved")
    assert [one.gain for one in both] == pytest.approx([one.gain for one in alone])
    assert max(one.rest for one in both) < 1e-7


def test_an_effect_that_is_not_there_is_refused():
    said = r"effect must be one that the network was converted with \(halved\), got 'wires'"
    with pytest.raises(InputError, match=said):
        analogsim.effect_gains(converted(Halved()), "wires")


def test_the_table_has_a_line_a_layer():
    found = analogsim.effect_gains(converted(Halved(odd=True)), "halved")
    head, *lines = gain_table(found).splitlines()
    assert head.split("  ")[0] == "layer"
    assert [line.split()[0] for line in lines] == [one.layer for one in found]
    assert all("0.2500 to 0.5000" in line for line in lines)
    assert len({len(line) for line in lines}) == 1
