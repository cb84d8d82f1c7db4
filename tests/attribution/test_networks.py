"""Forms of a network against a conversion that asks for the same, bit for bit."""

import dataclasses

import pytest
import torch

from analogsim.attribution.networks import Forms, share
from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.forward.engines import choose_forward
from analogsim.crossbar.mapping.periphery import IDEAL, Periphery, step
from analogsim.errors import InputError
from tests.attribution.small import DAY, analog, logits, plan
from tests.crossbar.nets import relative_error, small_inputs, small_net

QUIET = Periphery(name="quiet", output_noise=0.0, read_noise=0.0)


@pytest.mark.parametrize("bn", ["digital", "fold"])
@pytest.mark.parametrize("periphery", [IDEAL, QUIET], ids=["ideal", "static"])
def test_a_layer_kept_digital_is_that_of_the_conversion(bn, periphery):
    full = analog("pcm", bn=bn, periphery=periphery)
    forms = Forms(full, small_inputs(2))
    kept = convert(
        small_net(), "pcm", periphery, bn=bn, keep_digital=["3"], calibrate=small_inputs()
    )
    names = [name for name in forms.names if name != "3"]
    mine = forms.form(periphery, names)

    assert list(mine.layers) == list(kept.layers) == names
    assert mine.merged == kept.merged
    assert [(line.name, line.where) for line in mine.report] == [
        (line.name, line.where) for line in kept.report
    ]
    assert mine.keep_digital == ("3",)
    for name, layer in kept.layers.items():
        for tile, calibrated in zip(layer.tiles, full.layers[name].tiles, strict=True):
            # What calibration measures behind a layer depends on how its product is rounded.
            assert tile.input_range == pytest.approx(calibrated.input_range, rel=1e-6)
            tile.input_range = calibrated.input_range
    chips = [program(one, seed=1, chip=2).drift_(DAY) for one in (mine, kept)]
    assert torch.equal(logits(chips[0]), logits(chips[1]))


def test_the_full_form_is_the_full_network():
    full = analog("pcm", periphery=QUIET)
    forms = Forms(full, small_inputs(2))
    again = forms.form(QUIET, forms.names)
    a, b = (logits(program(one, seed=0, chip=1).drift_(DAY)) for one in (full, again))
    assert torch.equal(a, b)


@pytest.mark.parametrize("bn", ["digital", "fold"])
def test_everything_off_is_the_digital_network(bn):
    made = plan("pcm", bn=bn)
    off = made.none()
    assert off.condition.network.forward == "native"
    assert off.same_for_every_chip
    chip = program(off.condition.network, seed=0, chip=0).drift_(DAY, "global")
    # float32 products in another order; nothing else is left.
    assert relative_error(logits(chip), logits(made.forms.full.source)) < 1e-5


def test_forms_share_targets_and_never_touch_the_full_network():
    full = analog("pcm")
    forms = Forms(full, small_inputs(2))
    before = {name: id(layer) for name, layer in full.layers.items()}
    form = forms.form(IDEAL, ["5"])
    assert list(form.layers) == ["5"]
    assert form.layers["5"].tiles[0].matrix is full.layers["5"].tiles[0].matrix
    assert form.layers["5"].tiles[0].input_range == full.layers["5"].tiles[0].input_range
    assert form.layers["5"].periphery is IDEAL
    assert {name: id(layer) for name, layer in full.layers.items()} == before
    assert full.layers["5"].periphery.name == "standard"


def test_every_treatment_is_native():
    made = plan("pcm")
    treatments = [t for c in (*made.by_source(), *made.by_layer(["0", "8"])) for t in c.treatments]
    assert {treatment.condition.network.forward for treatment in treatments} == {"native"}


def test_weights_and_products_by_hand():
    forms = plan("pcm").forms
    assert forms.names == ("0", "3", "5", "8")
    # 3 -> 16 3x3, 16 -> 32 3x3 in 2 groups, 32 -> 64 3x3, 576 -> 10.
    weights = {"0": 432, "3": 2304, "5": 18432, "8": 5760}
    assert forms.weights() == weights
    # Outputs: 16x16, 8x8 (stride 2), 4x4 (dilation 2, no padding), and one vector.
    products = {"0": 432 * 256, "3": 2304 * 64, "5": 18432 * 16, "8": 5760}
    assert forms.macs() == products
    assert share(weights, ["3", "8"]) == (2304 + 5760) / (432 + 2304 + 18432 + 5760)


def test_products_that_are_not_native_are_refused():
    tiles = convert(small_net(), "pcm", calibrate=small_inputs(), tile="torch", forward="tile")
    with pytest.raises(InputError, match="forward must be 'native', got 'tile' .aihwkit's torch"):
        Forms(tiles, small_inputs(2))
    made = convert(small_net(), "pcm", calibrate=small_inputs())
    none = dataclasses.replace(made, report=())
    with pytest.raises(InputError, match="must have an analog layer, got none"):
        Forms(none, small_inputs(2))


def test_a_network_of_one_layer():
    torch.manual_seed(0)
    layer = torch.nn.Linear(6, 4)
    full = convert(layer, "pcm", calibrate=torch.randn(8, 6))
    forms = Forms(full, torch.randn(2, 6))
    assert forms.names == ("(model)",)
    assert forms.macs() == {"(model)": 24}
    x = torch.randn(3, 6)
    a, b = (
        logits(program(one, seed=0, chip=0).drift_(DAY), x)
        for one in (forms.form(IDEAL, forms.names), convert(layer, "pcm", "ideal"))
    )
    assert torch.equal(a, b)


def test_inputs_beyond_their_range_pass_where_the_bound_is_wide():
    """Calibrated on small images, asked with four times larger ones: a step of the DAC stays."""
    torch.manual_seed(3)
    net = torch.nn.Linear(6, 4).eval()
    small = torch.rand(64, 6) - 0.5
    large = 4 * small[:8]
    edge = Periphery(
        name="e",
        dac_bits=8,
        adc_bits=0,
        output_noise=0.0,
        read_noise=0.0,
        ir_drop=0.0,
        output_bound=1e6,
    )
    outputs = {}
    for bound in (1.0, 1e6):
        wide = dataclasses.replace(edge, input_bound=bound)
        analog = convert(net, "ideal", wide, calibrate=small)
        outputs[bound] = program(analog, seed=0, chip=0)(large)
    (tile,) = next(iter(analog.layers.values())).tiles
    reach = float(tile.input_range)
    assert reach < float(large.abs().max())
    assert float(large.abs().max()) / (reach * step(8, 1.0)) > 127
    for bound, limit in ((1.0, reach), (1e6, 1e6)):
        clipped = torch.clamp(large, -limit, limit) / (reach * step(8, 1.0))
        wanted = net(clipped.round() * (reach * step(8, 1.0)))
        torch.testing.assert_close(outputs[bound], wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("tile", "forward", "scaling"),
    [("cpp", "auto", "static"), ("torch", "tile", "static"), ("torch", "auto", "dynamic")],
)
def test_a_wide_input_bound_is_refused_where_aihwkit_computes(tile, forward, scaling):
    edge = Periphery(name="wide", input_bound=2.5, input_scaling=scaling)
    with pytest.raises(InputError, match=r"periphery wide input_bound must be 1 .*, got 2\.5; use"):
        choose_forward(edge, tile, forward)
