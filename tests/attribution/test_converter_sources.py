"""Sources of slices, single cells and converters with errors: what each is made of, and adds up to.

Chips of treatments compute on a small network; what must be equal is compared output by output.
"""

import dataclasses
from functools import cache

import pytest
import torch
from torch import nn

from analogsim.attribution.networks import Forms
from analogsim.attribution.treatment import Plan
from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.forward.planes import bound_of, lsb_of
from analogsim.crossbar.mapping.periphery import PERIPHERIES, STANDARD, Periphery
from analogsim.draws.addresses import seeded
from tests.attribution.small import contrast, logits

DAY = 86400.0
ERRORS = {"adc_gain_db": 50.0, "adc_sigma_capacitor": 0.05, "adc_sigma_comparator": 0.02}
SERIAL = {"weight_encoding": "offset-column", "bits_per_cell": 3, "weight_bits": 6}
SERIAL |= {"bits_per_input": 4}
OWN = {
    "sliced": SERIAL,
    "two-sided": {"weight_encoding": "pair-two-sided", "subtraction": "digital"},
    "sar": {"adc_kind": "sar", "output_range": "layer", "adc_bits": 6, **ERRORS},
    "folded": {
        "bits_per_cell": 3,
        "weight_bits": 6,
        "adc_reads": "product",
        "output_range": "tile",
    },
    "no ADC": {"weight_encoding": "offset", "adc_bits": 0},
    "table": {"adc_kind": "table", "adc_bits": 4, "adc_inl": ((0.3, -0.2, 0.1) * 5,)},
}


def edge_of(name: str) -> Periphery:
    """One of those above, whatever its noise, or an accelerator's."""
    if name in PERIPHERIES:
        return PERIPHERIES[name]
    return dataclasses.replace(STANDARD, name=name, max_input_size=40, **OWN[name])


def network():
    torch.manual_seed(4)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 16, 5)
    ).eval()


def images(n=16):
    return torch.randn(n, 3, 4, 4, generator=torch.Generator().manual_seed(6))


@cache
def plan(name: str | Periphery, preset: str = "pcm", **options) -> Plan:
    edge = name if isinstance(name, Periphery) else edge_of(name)
    full = convert(network(), preset, edge, calibrate=images(), **options)
    return Plan(forms=Forms(full, images(2)), device=full.device)


def outputs(treatment, chip=1):
    """Of one chip of a treatment; the noise of products from one seed."""
    if treatment is None:
        return logits(network(), images(4))
    made = program(treatment.condition.network, seed=2, chip=chip).drift_(DAY, "global")
    with seeded(3, "products"):
        return logits(made, images(4))


EVERY = [*OWN, "isaac", "prime", "sonos", "hermes"]


@pytest.mark.parametrize("name", EVERY)
def test_every_treatment_is_a_chip_or_a_reason(name):
    made = plan(name)
    found = made.by_source()
    assert all(one.worse is not None or one.why for one in found)
    treatments = {t.name: t for one in found for t in one.treatments}
    base = {one.name: one.better for one in found if one.mode == "alone"}
    for treatment in treatments.values():
        assert treatment.condition.network.forward == "native"
        assert bool(outputs(treatment).isfinite().all())
    # A source that is alone is a part of the whole: what it is counted from is named as it is.
    named = {None if t is None else t.name.partition(": ")[2] for t in base.values()}
    assert named <= {None, "only weight-bits", "only input-range", "only dac", "only output-bound",
                     "only adc"}  # fmt: skip


@pytest.mark.parametrize("name", ["isaac", "prime", "sonos", "hermes", "sar", "table", "folded"])
def test_converters_alone_and_quiet_make_up_the_quiet_whole(name):
    """Ranges, DAC, clipping, steps and errors one upon the other are the whole periphery."""
    quiet = {"output_noise": 0.0, "read_noise": 0.0, "ir_drop": 0.0}
    edge = dataclasses.replace(edge_of(name), **quiet)
    made = plan(edge, "ideal")
    last = "adc-errors" if name in {"sar", "table"} else "adc"
    alone = contrast(made, last, "alone").worse
    if not edge.bits_per_input:
        # Codes of the DAC, which nothing here is counted from.
        with_dac = dataclasses.replace(
            alone.condition.network.periphery, dac_bits=edge.dac_bits, name="with DAC"
        )
        network = made.forms.form(with_dac, made.forms.names)
        condition = dataclasses.replace(alone.condition, network=network)
        alone = dataclasses.replace(alone, condition=condition)
    assert torch.equal(outputs(alone), outputs(made.full()))


@pytest.mark.parametrize("name", EVERY)
def test_exact_readings_are_one_product_of_what_is_programmed(name):
    """Input ranges alone: as many readings as ever, and no error but clipped inputs."""
    made = plan(name, "ideal")
    ranges = contrast(made, "input-range", "alone")
    wide = dataclasses.replace(
        ranges.worse.condition.network.periphery, name="wide", input_bound=1e6
    )
    network = made.forms.form(wide, made.forms.names)
    condition = dataclasses.replace(ranges.worse.condition, network=network)
    got = outputs(dataclasses.replace(ranges.worse, condition=condition))
    want = outputs(ranges.better)
    torch.testing.assert_close(got, want, rtol=1e-4, atol=2e-5 * float(want.abs().max()))


@pytest.mark.parametrize("name", ["sliced", "folded", "isaac", "prime"])
def test_everything_off_is_the_network_with_rounded_weights(name):
    made = plan(name)
    layers = made.forms.full.layers
    rounded = network()
    for key, layer in layers.items():
        matrix = layer.logical(lambda tile: tile.target)
        rounded.get_submodule(key).weight.data.copy_(matrix)
    got = outputs(made.none())
    torch.testing.assert_close(got, logits(rounded, images(4)), rtol=1e-4, atol=1e-5)
    assert torch.equal(got, outputs(contrast(made, "weight-bits", "alone").worse))
    for source in ("programming", "drift", "read-noise", "input-range"):
        assert contrast(made, source, "alone").better.name == "pcm: only weight-bits"
    assert "have other cells" in contrast(made, "weight-bits", "without").why


def test_what_slices_of_inputs_leave_out_is_said():
    made = plan("sliced")
    for source in ("dac", "input-range"):
        assert "inputs in slices are codes of the DAC" in contrast(made, source, "without").why
    for source in ("ir-drop", "product-noise", "output-noise", "output-bound"):
        assert contrast(made, source, "alone").better.name == "pcm: only dac"


@pytest.mark.parametrize("name", ["hermes", "folded", "sliced"])
def test_a_wider_adc_has_the_same_step_in_every_range(name):
    made = plan(name)
    full, wide = made.forms.full, contrast(made, "output-bound", "without").better
    for key, layer in wide.condition.network.layers.items():
        before, edge = full.layers[key], layer.periphery
        for place in range(len(layer.places)):
            step = lsb_of(full.periphery, bound_of(before, place, 0))
            assert lsb_of(edge, bound_of(layer, place, 0)) == pytest.approx(step, rel=1e-5)
            assert bound_of(layer, place, 0) > 60 * bound_of(before, place, 0)


def test_an_adc_with_a_table_has_no_wider_form_and_errors_of_its_own():
    made = plan("sar")
    assert "6 bits (sar) has no wider form" in contrast(made, "output-bound", "without").why
    errors = contrast(made, "adc-errors", "alone")
    assert not errors.worse.same_for_every_chip
    assert errors.better.name == "pcm: only adc"
    assert errors.better.same_for_every_chip
    # Mismatches are those of the full chip's own converters.
    first, second = (outputs(errors.worse, chip) for chip in (1, 2))
    assert not torch.equal(first, second)
    none = plan("prime")
    assert contrast(none, "adc-errors", "alone").why == "periphery 'prime' has no such errors"
    assert contrast(plan("table"), "adc-errors", "alone").worse.same_for_every_chip


def test_layers_of_slices_count_each_weight_once():
    assert plan("isaac").forms.weights() == {"0": 8 * 27, "3": 8 * 16 * 5}


def test_an_effect_acts_alone_on_the_cells_of_slices():
    made = plan("isaac", effects=("wires?r_row=1&r_col=1&g_max_us=25",))
    wires = contrast(made, "wires", "alone")
    assert wires.better.name == "pcm: only weight-bits"
    off, on = outputs(wires.better), outputs(wires.worse)
    assert 1e-4 < float((on - off).norm() / off.norm()) < 0.5
    assert wires.worse.same_for_every_chip
