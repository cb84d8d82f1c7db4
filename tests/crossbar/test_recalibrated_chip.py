"""Chips that estimate their own BatchNorm statistics."""

import copy
import dataclasses

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

import analogsim
from analogsim.batchnorm import L1BatchNorm2d, Recalibration, batchnorms
from analogsim.crossbar.chip.program import reprogram_
from analogsim.errors import InputError
from tests.crossbar.nets import relative_error, small_inputs, small_net
from tests.crossbar.recalibrated import DAY_S, Twice, close, converted, outputs, same, statistics


@pytest.mark.parametrize("bn", ["recalibrate", "recalibrate-once"])
@pytest.mark.parametrize("forward", ["native", "tile"])
@pytest.mark.parametrize("network", [small_net, Twice], ids=["merged", "apart"])
def test_an_ideal_chip_gets_torchs_cumulative_average(network, forward, bn):
    net = network().eval()
    chip = analogsim.program(converted(net, "ideal", "ideal", bn, forward=forward))
    chip.drift_(DAY_S)
    expected = copy.deepcopy(net)
    update_bn(small_inputs(24).split(8), expected)
    expected.eval()
    wanted = {
        f"{name}.{key}": value
        for name, norm in batchnorms(expected).items()
        for key, value in norm.named_buffers(recurse=False)
    }
    assert close(statistics(chip), wanted)
    with torch.no_grad():
        assert relative_error(chip(small_inputs()), expected(small_inputs())) < 1e-5


def test_native_and_tile_estimate_the_same():
    # Without the noise of products, whose draws differ; the drifted weights are the same bits.
    chips = [
        analogsim.program(converted(periphery="ideal", forward=how)).drift_(DAY_S, "none")
        for how in ("native", "tile")
    ]
    assert chips[0].analog.merged == (("conv1", "bn1"),)
    assert close(*map(statistics, chips))
    assert not close(statistics(chips[0]), {
        f"{name}.{key}": value
        for name, norm in batchnorms(chips[0].analog.source).items()
        for key, value in norm.named_buffers(recurse=False)
    })  # fmt: skip
    assert relative_error(*map(outputs, chips)) < 1e-5


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, nn.SyncBatchNorm, L1BatchNorm2d])
@pytest.mark.parametrize("periphery", ["ideal", "standard"])
def test_layers_compute_the_new_statistics(norm, periphery):
    """The merged chip computes what the same chip computes with its BatchNorm by themselves."""
    chip = analogsim.program(converted(Twice(norm).eval(), periphery=periphery)).drift_(DAY_S)
    if norm is nn.SyncBatchNorm:
        # Folding leaves torch's distributed class alone, and so does merging.
        assert chip.analog.merged == ()
    merged = outputs(chip)
    stands = [layer.norm for layer in chip.layers.values() if layer.norm is not None]
    for stand in stands:
        stand.part_()
    for layer in chip.layers.values():
        layer.engine.forget_()
        layer.refresh_()
    assert relative_error(merged, outputs(chip)) < 1e-5


def test_a_chip_repeats_bit_for_bit_whatever_else_is_asked():
    analog = converted()
    direct = analogsim.program(analog, seed=3, chip=1, recalibrate=False).drift_(DAY_S, "none")
    around = analogsim.program(analog, seed=3, chip=1)
    torch.manual_seed(99)
    for t_s, kind in ((1.0, "column"), (1e7, "none"), (DAY_S, "global"), (DAY_S, "none")):
        around.drift_(t_s, kind)
    assert same(statistics(direct), statistics(around))
    assert torch.equal(outputs(direct), outputs(around))
    assert not same(statistics(direct), statistics(analogsim.program(analog, seed=3, chip=1)))
    assert not same(
        statistics(direct), statistics(analogsim.program(analog, 3, 2).drift_(DAY_S, "none"))
    )


def test_recalibration_moves_no_draw():
    digital = analogsim.program(converted(bn="digital"), chip=1).drift_(DAY_S)
    before = torch.get_rng_state()
    chip = analogsim.program(converted(), chip=1).drift_(DAY_S)
    assert torch.equal(torch.get_rng_state(), before)
    for name, layer in digital.layers.items():
        for ours, theirs in zip(chip.layers[name].tiles, layer.tiles, strict=True):
            assert torch.equal(ours.weights, theirs.weights)
            assert torch.equal(ours.alpha, theirs.alpha)


def test_once_is_right_after_programming_and_kept():
    once = analogsim.program(converted(bn="recalibrate-once"), chip=1)
    programmed = statistics(once)
    assert same(programmed, statistics(analogsim.program(converted(), chip=1)))
    for t_s in (DAY_S, 1e8):
        once.drift_(t_s, "global")
        assert same(statistics(once), programmed)


def test_chips_and_the_network_share_no_statistics():
    analog = converted()
    one, other = analogsim.program(analog, chip=0), analogsim.program(analog, chip=1)
    kept, source = statistics(other), {k: v.clone() for k, v in analog.source.state_dict().items()}
    template = {k: v.clone() for k, v in analog.module.named_buffers()}
    answers = outputs(other)
    one.drift_(1e8, "none")
    assert same(statistics(other), kept)
    assert torch.equal(outputs(other), answers)
    assert same(dict(analog.source.state_dict()), source)
    assert same(dict(analog.module.named_buffers()), template)


@pytest.mark.parametrize("bn", ["recalibrate", "recalibrate-once"])
def test_reprogramming_makes_the_other_chip(bn):
    analog = converted(bn=bn)
    chip = analogsim.program(analog, seed=1, chip=2).drift_(1e7, "column")
    fresh = analogsim.program(analog, seed=1, chip=5)
    reprogram_(chip, 5)
    assert same(statistics(chip), statistics(fresh))
    assert torch.equal(outputs(chip), outputs(fresh))
    assert torch.equal(outputs(chip.drift_(DAY_S)), outputs(fresh.drift_(DAY_S)))


def test_left_to_the_caller_the_networks_statistics_stand():
    analog = converted()
    chip = analogsim.program(analog, chip=2).drift_(1e7)
    reprogram_(chip, 5, recalibrate=False)
    bare = analogsim.program(analog, chip=5, recalibrate=False)
    digital = analogsim.program(converted(bn="digital"), chip=5)
    assert torch.equal(statistics(chip)["bn1.running_mean"], analog.source.bn1.running_mean)
    for one in (chip, bare):
        assert torch.equal(outputs(one), outputs(digital))


def test_adabs_starts_from_the_networks_statistics_at_each_time():
    analog = converted(recalibration=Recalibration(method="adabs", images=24, batch_size=8))
    direct = analogsim.program(analog, recalibrate=False).drift_(DAY_S)
    around = analogsim.program(analog).drift_(1e8).drift_(DAY_S)
    assert same(statistics(direct), statistics(around))


def test_statistics_stay_in_float32_on_a_bfloat16_chip():
    chips = [
        analogsim.program(converted(small_net(), periphery="ideal", forward=how)).drift_(DAY_S)
        for how in ("native-bf16", "native")
    ]
    rounded, exact = map(statistics, chips)
    assert rounded["1.running_var"].dtype == torch.float32
    # Activations have 8 bits; their mean over some thousand values has a few more.
    torch.testing.assert_close(rounded["1.running_var"], exact["1.running_var"], rtol=2e-2, atol=0)
    assert relative_error(outputs(chips[0]), outputs(chips[1])) < 2e-2


def test_the_note_says_how_and_how_many():
    analog = converted()
    assert analog.notes == (
        "BatchNorm recalibrate: cumulative average over 24 training images in 3 batches, on each "
        "chip at each time.",
    )
    lines = {line.name: line.why for line in analog.report}
    assert lines["bn1"] == (
        "normalisation stays in digital periphery, with the factors of conv1, statistics estimated "
        "on each chip"
    )
    once = converted(bn="recalibrate-once", recalibration=Recalibration(images=100))
    assert once.notes[0].endswith(
        "24 training images in 1 batch, on each chip once, right after programming."
    )
    assert len(converted(recalibrate=small_inputs(24).split(7)).recalibration_images) == 24


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recalibrate": None}, "'recalibrate' must have at least 2 training images, got none"),
        ({"recalibrate": []}, "at least 2 training images, got none; pass recalibrate=batches"),
        ({"recalibrate": small_inputs(1)}, "at least 2 training images, got 1; pass"),
        ({"recalibrate": ["x"]}, "got str; give tensors"),
        ({"bn": "none"}, r"without BatchNorm, got one with 2 \(bn1, bn2\)"),
    ],
    ids=["none", "empty", "one", "text", "none policy"],
)
def test_refused_conversions(options, message):
    with pytest.raises(InputError, match=message):
        converted(**options)


def test_refused_recalibration():
    with pytest.raises(InputError, match="recalibrate or recalibrate-once to .*, got 'digital'"):
        analogsim.program(converted(bn="digital")).recalibrate_()


def test_none_is_for_networks_without_batchnorm():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval()
    chips = [analogsim.program(converted(net, bn=bn)).drift_(DAY_S) for bn in ("none", "digital")]
    assert torch.equal(*map(outputs, chips))


def test_device_of_a_recalibrating_network_can_be_replaced():
    """As a study does: the converted network is shared, and so are its images."""
    analog = converted()
    other = dataclasses.replace(
        analog, device=analogsim.convert(small_net(), "gaussian", "ideal").device
    )
    assert other.recalibration_images is analog.recalibration_images
    chip = analogsim.program(other).drift_(1.0)
    assert not same(statistics(chip), statistics(analogsim.program(analog).drift_(1.0)))
