"""What the kernels are asked, and their answers held against the CPU. Needs no Triton."""

import numpy as np
import torch

from analogsim.draws import stream
from analogsim.draws.stream import Address
from analogsim.gaussian.flat import flatten_
from analogsim.gaussian.noise import Noise
from analogsim.gaussian.spec import ROLES, NoiseSpec
from benchmarks.gpu.pcm_law import SMALLEST_MEAN
from tests.benchmarks.pcm_cases import pcm_network
from tests.gaussian.stream_checks import TOLERANCE, SmallNetwork

ADDRESSES = {
    "large words": Address(seed=2**64 - 2, tensor=2**32 - 3, trial=2**31 + 7, stream=1),
    "small words": Address(seed=1, tensor=2, trial=3),
}
COUNT = 65_536
RANDINT_BLOCKS = 8_192
TRIALS = (5, 0, 2**32 - 1)
SEED = 2**63 + 99

_ALL = frozenset(ROLES)
SPECS = {
    "weights": NoiseSpec(eta=0.1),
    "columns": NoiseSpec(eta=0.1, per="column", reference="max", scope=_ALL),
    "multiplicative": NoiseSpec(eta=0.5, kind="multiplicative", scope=_ALL),
    "clamped": NoiseSpec(eta=3.0, reference="absolute", variance="clamped", scope=_ALL),
}
TIMES_S = (0.0, 86_400.0)


def noise_of(spec, *, channels_last, device="cpu"):
    return Noise(flatten_(SmallNetwork(channels_last=channels_last).to(device)), spec, seed=SEED)


# One unit in the last place of a rounding to the smaller type.
ROUNDING = {"torch.float32": 0.0, "torch.bfloat16": 2**-8, "torch.float16": 2**-11}


def noise_names(*, without=""):
    """Names of the noise answers: spec, channels_last, type (without one type)."""
    types = [d for d in ROUNDING if d != without]
    return [f"{s} {c} {d}" for s in SPECS for c in (False, True) for d in types]


def check_integers(answers):
    """Bitwise."""
    for name, address in ADDRESSES.items():
        expected = stream.integers(address, 0, COUNT)
        assert np.array_equal(answers[f"integers {name}"], expected)


def check_noise(name, answers):
    """Each weight within 2e-6 max(1, |z|) sigma of the CPU's, and bitwise where sigma is 0."""
    spec, channels_last, dtype = name.split(" ")
    noise = noise_of(SPECS[spec], channels_last=channels_last == "True")
    flat = noise.flat
    got = flat.views(torch.from_numpy(answers[name]))
    expected = flat.views(noise.copies(TRIALS))
    clean = flat.views(flat.clean)
    for segment in flat.segments:
        one, other, w = (part[segment.name] for part in (got, expected, clean))
        if segment.role not in SPECS[spec].scope:
            assert torch.equal(one, w.to(getattr(torch, dtype[6:])).float().expand_as(one))
            continue
        sigma = SPECS[spec].sigma(w, segment.role)
        if SPECS[spec].kind == "multiplicative":
            sigma = sigma * w.abs()
        sigma = sigma.reshape(-1, *[1] * (w.dim() - 1)) if sigma.dim() == 1 else sigma
        # The sum rounds once more, relative to the larger of its parts.
        size = (other.abs() + w.abs()) * (ROUNDING[dtype] + 2**-23)
        z = ((other - w).abs() / sigma.clamp(min=1e-30)).clamp(min=1)
        assert ((one - other).abs() <= TOLERANCE * z * sigma + size).all(), segment.name
        assert not torch.equal(one, w.expand_as(one)), segment.name


def check_pcm(channels_last, answers):
    """Weights within 2e-6 of the tile's largest; sums of |w| and alphas within 1e-6 relative."""
    network = pcm_network(channels_last=channels_last)
    flat, tiles = network.flat, network.tiles
    for t_s in TIMES_S:
        means = None
        for compensation in ("none", "global"):
            network.drift_(t_s, compensation)
            got = flat.views(torch.from_numpy(answers[f"pcm {channels_last} {t_s} {compensation}"]))
            for name, value in flat.views(flat.live).items():
                error = float((got[name] - value).abs().max() / value.abs().max())
                assert error < TOLERANCE, (name, t_s, compensation, error)
            if compensation == "none":
                weights = {name: v.clone() for name, v in flat.views(flat.live).items()}
                means = [mean_of(tile, weights[tile.layer]) for tile in tiles]
        chunks = [-(-tile.programmed.numel() // 64) for tile in tiles]
        ends = np.cumsum(chunks)
        sums = answers[f"pcm sums {channels_last} {t_s}"]
        alphas = answers[f"pcm alphas {channels_last} {t_s}"]
        for i, tile in enumerate(tiles):
            mean = sums[ends[i] - chunks[i] : ends[i]].sum() / tile.programmed.numel()
            np.testing.assert_allclose(mean, means[i], rtol=2e-6)
            expected = tile.baseline / max(means[i], SMALLEST_MEAN)
            np.testing.assert_allclose(alphas[i], expected, rtol=2e-6)


def mean_of(tile, weight):
    """Mean |w| of a tile in tile units, from the network's weight."""
    rows, columns = tile.programmed.shape
    matrix = weight.reshape(weight.shape[0], -1)
    part = matrix[
        tile.first_row : tile.first_row + rows, tile.first_column : tile.first_column + columns
    ]
    return float((part / tile.scale[:, None]).abs().double().mean())
