"""One cell a weight against the device's own law, and the fused drift on a CPU."""

import math

import aihwkit.inference.noise.pcm as upstream
import pytest
import torch
from torch import nn

from analogsim.draws import cpu
from analogsim.draws.stream import Address, Stream
from analogsim.errors import DeviceError, InputError
from analogsim.gaussian.flat import flatten_
from benchmarks.gpu.pcm import PcmNetwork
from benchmarks.gpu.pcm_law import drifted, moment, own_exponent
from device_models import Pcm
from tests.benchmarks.pcm_cases import (
    CHIP,
    LAYERS,
    SEED,
    pcm_network,
    programmed_tiles,
    single_tile,
)
from tests.device_models.law_checks import (
    DAY_S,
    YEAR_S,
    assert_same_distribution,
    drift,
    program,
    uniform_weights,
)
from tests.gaussian.stream_checks import SmallNetwork, equal_bits, named, without_numba_too

CHANGED = {"g_max_us": 40.0, "t_0_s": 5.0, "t_read_s": 1e-6, "nu_mean": 0.03, "q_factor": 0.02,
           "q_exponent": 0.4, "q_max": 0.1}  # fmt: skip

pytestmark = without_numba_too


def normals_of(network, tile):
    address = Address(seed=SEED, tensor=tile.tensor, trial=CHIP, stream=Stream.PCM_READ)
    z = torch.from_numpy(cpu.normals(address, tile.programmed.numel()))
    return z.view_as(tile.programmed)


@pytest.mark.parametrize("t_s", [0.0, 1.0, DAY_S, YEAR_S])
@pytest.mark.parametrize("scales", [{}, {"noise_scale": 0.5, "read_scale": 0.3}, CHANGED], ids=str)
def test_one_cell_a_weight_is_the_law_of_the_pair(scales, t_s, monkeypatch):
    """The device's own law with our normals in place of its draws: equal to float32 rounding."""
    pcm = Pcm(**scales)
    network = pcm_network(pcm=pcm)
    for made in programmed_tiles(pcm):
        z = normals_of(network, made.tile)
        # aihwkit's name of it, and ours.
        for where in (upstream, torch):
            monkeypatch.setattr(where, "randn_like", lambda g, z=z: z)
        expected = made.law.apply_drift_noise(made.tile.programmed, made.memory, t_s)
        got = drifted(made.tile, moment(pcm, t_s), z)
        torch.testing.assert_close(got, expected, rtol=0, atol=5e-7)


def test_distribution_is_the_law_of_the_pair():
    """Two-sample KS, n = 40,000, at one day; sees 2 % of a spread."""
    weights = uniform_weights(200, 200)
    programmed, (plus, minus) = program(Pcm(), weights)
    expected = drift(Pcm(), programmed, [plus, minus], DAY_S, seed=8)
    address = Address(seed=1, tensor=2, trial=3, stream=Stream.PCM_READ)
    z = torch.from_numpy(cpu.normals(address, 40_000))
    tile = single_tile(programmed, own_exponent(programmed, plus, minus))
    got = drifted(tile, moment(Pcm(), DAY_S), z.view(200, 200))
    assert_same_distribution(got - programmed, expected - programmed)


def test_exponent_is_that_of_the_cell_that_holds_the_weight():
    programmed = torch.tensor([0.3, -0.2, 0.0])
    plus, minus = torch.full((3,), 1.0), torch.full((3,), 2.0)
    assert own_exponent(programmed, plus, minus).tolist() == [1.0, 2.0, 1.0]


def test_zero_weight_stays_zero_and_cells_never_change_sign():
    programmed = torch.tensor([[0.0, 1.0, -0.5, 1e-6]])
    tile = single_tile(programmed, torch.full((1, 4), 0.05))
    for z in (-1e3, 1e3):
        weights = drifted(tile, moment(Pcm(), YEAR_S), torch.full((1, 4), z))
        assert weights[0, 0] == 0
        assert (weights * programmed >= 0).all()


def test_moment_at_one_day():
    at = moment(Pcm(noise_scale=0.5, read_scale=0.2), DAY_S)
    assert at.log2_ratio == pytest.approx(math.log2(86_420 / 20))
    assert at.read == pytest.approx(0.1 * math.sqrt(math.log(86_420.00000025 / 5e-7)))


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("compensation", ["none", "global"])
def test_network_weights_are_the_tiles_weights(compensation, channels_last):
    """Put together a second time: alpha by Joshi et al., tiles side by side in a matrix."""
    network = pcm_network(channels_last=channels_last)
    got = named(network.drift_(DAY_S, compensation))
    expected = {name: torch.full_like(got[name], torch.nan).flatten(1) for name in LAYERS}
    for tile in network.tiles:
        w = drifted(tile, moment(Pcm(), DAY_S), normals_of(network, tile))
        alpha = tile.programmed.abs().mean() / w.abs().mean() if compensation == "global" else 1
        rows, columns = w.shape
        r, c = tile.first_row, tile.first_column
        expected[tile.layer][r : r + rows, c : c + columns] = alpha * w * tile.scale[:, None]
    for name in LAYERS:
        torch.testing.assert_close(got[name].flatten(1), expected[name], rtol=0, atol=1e-6)
    assert torch.equal(got["bn.weight"], SmallNetwork().bn.weight)


def test_drift_starts_from_the_programmed_weights_and_repeats():
    network = pcm_network()
    first = named(network.drift_(DAY_S))
    network.drift_(YEAR_S)
    assert equal_bits(named(network.drift_(DAY_S)), first)


@pytest.mark.parametrize("compensation", ["none", "global"])
def test_no_noise_is_the_network_as_it_was_mapped(compensation):
    """Exactly the tile weights times the column scales: alpha is exactly 1."""
    network = pcm_network(pcm=Pcm(noise_scale=0.0))
    got = named(network.drift_(YEAR_S, compensation))
    for tile in network.tiles:
        rows, columns = tile.programmed.shape
        r, c = tile.first_row, tile.first_column
        part = got[tile.layer].flatten(1)[r : r + rows, c : c + columns]
        assert torch.equal(part, tile.programmed * tile.scale[:, None])


def test_refused_networks():
    tiles = pcm_network().tiles
    with pytest.raises(InputError, match=r"layer must be a tensor of .* got 'conv\.weight'; flat"):
        PcmNetwork(tiles, flatten_(nn.Linear(2, 2)), Pcm(), seed=0)
    small = SmallNetwork()
    small.conv.weight = nn.Parameter(small.conv.weight[:3].clone())
    with pytest.raises(InputError, match=r"must lie within 3 x 27 weights, got corner 4 x 11;"):
        PcmNetwork(tiles, flatten_(small), Pcm(), seed=0)


@pytest.mark.parametrize("t_s", [-1.0, math.inf])
def test_refused_times(t_s):
    with pytest.raises(DeviceError, match=rf"time must be finite and >= 0 s, got {t_s} s;"):
        pcm_network().drift_(t_s)


def test_moved_network_is_refused():
    network = pcm_network()
    weight = network.flat.module.conv.weight
    weight.data = weight.data.clone()
    with pytest.raises(InputError, match=r"conv\.weight must still be a view"):
        network.drift_(1.0)


def test_refused_compensation():
    with pytest.raises(InputError, match="must be one of none, global, got 'column'; use Chip"):
        pcm_network().drift_(1.0, "column")
