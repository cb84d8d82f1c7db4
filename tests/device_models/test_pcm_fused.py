"""The fused PCM law against aihwkit's class, bit for bit."""

import pytest
import torch
from aihwkit.inference.noise.pcm import PCMLikeNoiseModel

from device_models import parse
from device_models.contract import TileContext

pytestmark = pytest.mark.usefixtures("one_torch_thread")

TIMES_S = (0.0, 1.0, 3600.0, 2.6e6, 3.15e7, 1e9)


def tile(shape) -> torch.Tensor:
    weights = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    weights /= weights.abs().amax(dim=1, keepdim=True)
    weights[0, 0] = 0.0
    return weights


def normals(draws: int, shapes, seeds) -> torch.Tensor:
    """(draws, n): what randn_like gives for each tile under its own seed, tile after tile."""
    parts = []
    for shape, seed in zip(shapes, seeds, strict=True):
        generator = torch.Generator().manual_seed(seed)
        parts.append([torch.randn(shape, generator=generator).reshape(-1) for _ in range(draws)])
    return torch.stack([torch.cat([part[row] for part in parts]) for row in range(draws)])


SPECS = [
    "pcm",
    "pcm?noise_scale=0.5",
    "pcm?read_scale=0&drift_scale=2",
    "pcm?nu_std_scale=0",
    "pcm?nu_std_scale=1.5&noise_scale=0.5",
    "pcm?g_max_us=40&c_0_us=0.5&c_1_us=1&c_2_us=-0.5&t_0_s=5&t_read_s=1e-6",
    "pcm?nu_mean=0.03&nu_std_min=0.02&q_factor=0.02&q_exponent=0.4&q_max=0.1",
]
SHAPES = {
    "one": [(16, 27)],
    "tiny": [(1, 1)],
    "odd": [(3, 3)],
    "large": [(512, 511)],
    "several": [(16, 27), (3, 3), (10, 64), (1, 1), (33, 47), (64, 576)],
}


@pytest.mark.parametrize("case", SHAPES)
@pytest.mark.parametrize("spec", SPECS)
def test_same_bits_as_aihwkit(case, spec):
    device = parse(spec)
    shapes = SHAPES[case]
    sizes = [out * inputs for out, inputs in shapes]
    context = TileContext(weight_std=1.0, weight_abs_max=1.0, column_scale=torch.ones(1, 1))
    upstream, fused = device.noise_law(context), device.fused_law()
    assert isinstance(upstream, PCMLikeNoiseModel)
    tiles = [tile(shape) for shape in shapes]
    expected, parameters = [], []
    for seed, weights in enumerate(tiles):
        torch.manual_seed(seed)
        programmed, nu = upstream.apply_programming_noise(weights)
        expected.append(programmed)
        parameters.append(nu)
    flat = torch.cat([weights.reshape(-1) for weights in tiles])
    seeds = range(len(tiles))
    got, nu = fused.program(flat, sizes, normals(fused.programming_draws, shapes, seeds))
    assert torch.equal(got, torch.cat([each.reshape(-1) for each in expected]))
    # Only the device that is left drifts.
    for part, weights, both in zip(nu.split(sizes), expected, parameters, strict=True):
        left = torch.where(weights >= 0, both[0], both[1]).reshape(-1)
        kept = weights.reshape(-1) != 0
        assert torch.equal(part[kept], left[kept])
    ready = fused.prepare(got, sizes)
    for t_s in TIMES_S:
        drifted = []
        for seed, (weights, both) in enumerate(zip(expected, parameters, strict=True)):
            torch.manual_seed(seed)
            drifted.append(upstream.apply_drift_noise(weights, both, t_s).reshape(-1))
        draws = normals(fused.drift_draws, shapes, seeds)
        assert torch.equal(fused.drift(got, nu, ready, sizes, t_s, draws), torch.cat(drifted))


def test_all_zero_tile_gives_what_aihwkit_gives():
    device = parse("pcm")
    context = TileContext(weight_std=0.0, weight_abs_max=0.0, column_scale=torch.ones(4, 1))
    torch.manual_seed(1)
    expected, _ = device.noise_law(context).apply_programming_noise(torch.zeros(4, 5))
    got, _ = device.fused_law().program(torch.zeros(20), [20], normals(4, [(4, 5)], [1]))
    assert torch.equal(got, expected.reshape(-1))


def test_nothing_to_fuse_when_all_is_off():
    assert parse("pcm?noise_scale=0").fused_law() is None
    assert parse("rram").fused_law() is None
