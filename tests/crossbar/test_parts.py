"""A weight's parts add up to it, and each slice has cells of its own."""

import dataclasses

import pytest
import torch
from torch import nn

from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.mapping.parts import largest_integer, offset_of, parts_of
from analogsim.crossbar.mapping.periphery import IDEAL
from analogsim.errors import InputError
from device_models.errors import DeviceError
from device_models.pcm_hermes import PcmHermes

ENCODINGS = ("pair", "pair-two-sided", "offset", "offset-column")
WEIGHTS = torch.cat([torch.linspace(-1, 1, 41), torch.tensor([0.0, 1e-9])]).reshape(1, -1)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(("total", "cell"), [(8, 1), (8, 2), (8, 4), (8, 7), (9, 4), (16, 2)])
def test_slices_add_up_to_the_weight_in_whole_numbers(encoding, total, cell):
    whole = largest_integer(total)
    parts = parts_of(encoding, total, cell)
    found = sum(part.coefficient * part.encode(WEIGHTS).double() for part in parts)
    wanted = (WEIGHTS * whole).round().double() / whole
    torch.testing.assert_close(found + offset_of(encoding, total, cell), wanted, atol=1e-6, rtol=0)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_whole_weight_keeps_its_value(encoding):
    parts = parts_of(encoding, 8, 0)
    found = sum(part.coefficient * part.encode(WEIGHTS) for part in parts)
    torch.testing.assert_close(found + offset_of(encoding, 8, 0), WEIGHTS, atol=1e-6, rtol=0)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_cells_hold_conductances_and_pairs_a_sign(encoding):
    for part in parts_of(encoding, 8, 3):
        value = part.encode(WEIGHTS)
        assert float(value.abs().max()) <= 1
        assert part.signed or float(value.min()) >= 0


def test_each_slice_uses_the_whole_range_of_a_cell():
    # 7 bits of size in cells of 2: the top slice holds 1 bit.
    for part in parts_of("pair", 8, 2):
        assert float(part.encode(torch.ones(1, 1))) == 1.0


def test_a_slice_has_tiles_noise_and_drift_of_its_own():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(40, 30)).eval()
    edge = dataclasses.replace(IDEAL, name="slices", bits_per_cell=2, weight_bits=7)
    chip = program(convert(net, "pcm", edge), seed=3)
    (layer,) = chip.layers.values()
    assert len(layer.tiles) == 3
    errors = [tile.programmed - tile.target for tile in layer.tiles]
    for i, one in enumerate(errors):
        # sigma of PCM is 1 to 4.3 % of g_max.
        assert 0.005 < float(one.std()) < 0.08
        for other in errors[i + 1 :]:
            # n = 1,200, alpha = 1e-4.
            assert abs(float(torch.corrcoef(torch.stack([one, other]).reshape(2, -1))[0, 1])) < 0.12
    before = [tile.weights.clone() for tile in layer.tiles]
    chip.drift_("1d", "none")
    assert all(
        float(tile.weights.abs().mean()) < float(old.abs().mean())
        for tile, old in zip(layer.tiles, before, strict=True)
    )


def test_the_noise_of_slices_counts_by_their_place():
    """Law of a sum: variances times squared coefficients, of the errors that the slices show."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(100, 80)).eval()
    edge = dataclasses.replace(IDEAL, name="slices", bits_per_cell=4, weight_bits=9)
    (layer,) = program(convert(net, "pcm", edge), seed=3).layers.values()
    scale = layer.tiles[0].scale
    whole = layer.logical(lambda tile: tile.programmed) - layer.logical(lambda tile: tile.target)
    found = float((whole / scale).var())
    wanted = sum(
        tile.part.coefficient**2 * float((tile.programmed - tile.target).var())
        for tile in layer.tiles
    )
    # n = 8,000: the covariance of independent slices is below 4 / sqrt(n) of their spreads.
    assert found == pytest.approx(wanted, rel=0.05)


@pytest.mark.parametrize("encoding", ["pair-two-sided", "offset", "offset-column"])
def test_a_law_of_pairs_is_refused_for_cells_alone(encoding):
    edge = dataclasses.replace(IDEAL, name="cells", weight_encoding=encoding)
    with pytest.raises(InputError, match=f"{encoding}.*one cell alone, got 'pcm-hermes'"):
        convert(nn.Linear(3, 2), "pcm-hermes", edge)


def test_a_device_without_a_law_of_one_cell_says_so():
    with pytest.raises(DeviceError, match="pcm-hermes.*one cell alone"):
        PcmHermes().cell_law(None)


@pytest.mark.parametrize("device", ["pcm", "rram", "rram-cmo", "gaussian"])
@pytest.mark.parametrize("encoding", ["pair-two-sided", "offset", "offset-column"])
def test_single_cells_have_the_noise_of_one_cell(device, encoding):
    """A cell's law has no noise of a second cell: at zero, PCM's is 0.26 uS of 25 and clipped."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(200, 60)).eval()
    edge = dataclasses.replace(IDEAL, name="cells", weight_encoding=encoding, bits_per_cell=0)
    (layer,) = program(convert(net, device, edge), seed=1).layers.values()
    for tile in layer.tiles:
        if device != "gaussian":
            assert float(tile.programmed.min()) >= 0
        assert float((tile.programmed - tile.target).std()) > 0
    off = f"{device}?noise_scale=0"
    (quiet,) = program(convert(net, off, edge), seed=1).layers.values()
    assert all(torch.equal(tile.programmed, tile.target) for tile in quiet.tiles)


def test_pcm_cells_have_the_spread_of_nandakumar():
    """sigma = 0.26348 + 1.9650 x - 1.1731 x^2 in uS, of one cell at x = 1/2; n = 40,000."""
    from device_models.pcm import Pcm

    torch.manual_seed(0)
    law = Pcm().cell_law(None)
    programmed, parameters = law.apply_programming_noise(torch.full((200, 200), 0.5))
    sigma = (0.26348 + 1.9650 / 2 - 1.1731 / 4) / 25
    assert len(parameters) == 1
    # Four standard errors of a standard deviation: 4 / sqrt(2 n) = 1.4 %.
    assert float((programmed - 0.5).std()) == pytest.approx(sigma, rel=0.015)


@pytest.mark.parametrize("encoding", ["pair", "pair-two-sided", "offset", "offset-column"])
@pytest.mark.parametrize("bits", [0, 3])
def test_a_spread_that_cells_share_is_that_of_the_weight(encoding, bits):
    """n = 60 x 400 weights; alpha 1e-4: 3.9 / sqrt(2 n) = 1.8 % of the spread."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(400, 60)).eval()
    edge = dataclasses.replace(
        IDEAL, name="cells", weight_encoding=encoding, bits_per_cell=bits, weight_bits=9
    )
    chip = program(convert(net, "gaussian?eta=0.02&spread_of=weight", edge), seed=1)
    (layer,) = chip.layers.values()
    error = layer.logical(lambda t: t.programmed) - layer.logical(lambda t: t.target)
    sigma = 0.02 * layer.weight_std
    assert float(error.std()) == pytest.approx(sigma, rel=0.018)
    # No error that two weights share.
    shared = float(error.mean(dim=0).std())
    assert shared == pytest.approx(sigma / 60**0.5, rel=3.9 / 800**0.5)
    each = program(convert(net, "gaussian?eta=0.02", edge), seed=1).layers["0"].tiles
    spread = [float((t.programmed - t.target).mul(t.scale).std()) for t in each]
    assert spread == pytest.approx([sigma] * len(each), rel=0.12)
