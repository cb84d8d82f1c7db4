"""Both implementations on a CPU, and the message where numba is missing."""

import sys

import numpy as np
import pytest
import torch

from analogsim.draws import cpu, stream
from analogsim.draws.stream import Address
from analogsim.gaussian.flat import flatten_
from analogsim.gaussian.noise import Noise
from analogsim.gaussian.spec import ROLES, NoiseSpec
from tests.gaussian.stream_checks import SmallNetwork, equal_bits, named

EVERYTHING = frozenset(ROLES)
SPECS = {
    "per tensor": NoiseSpec(eta=0.1),
    "per column": NoiseSpec(eta=0.1, per="column", reference="max", scope=EVERYTHING),
    "multiplicative": NoiseSpec(eta=0.3, kind="multiplicative", scope=EVERYTHING),
    "clamped": NoiseSpec(eta=2, reference="absolute", variance="clamped", scope=EVERYTHING),
}


@pytest.fixture
def no_numba(monkeypatch):
    """As on a machine without numba; the choice is made anew, here and afterwards."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "numba"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "analogsim.draws.jit", raising=False)
    monkeypatch.delattr("analogsim.draws.jit", raising=False)
    cpu._compiled.cache_clear()
    yield
    cpu._compiled.cache_clear()


@pytest.mark.usefixtures("no_numba")
def test_without_numba_numpy_is_used_and_said_once():
    with pytest.warns(UserWarning, match=r"numba is not installed: .*analogsim-aimc\[fast\]"):
        assert cpu.backend() == "numpy"
    address = Address(seed=3, tensor=4, trial=5)
    # A second warning would be an error.
    assert np.array_equal(cpu.normals(address, 10), stream.normals(address, 0, 10))
    assert np.array_equal(cpu.integers(address, 10), stream.integers(address, 0, 10))


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("name", SPECS)
def test_noisy_weights_are_equal_bit_for_bit(name, channels_last, monkeypatch):
    pytest.importorskip("numba", reason="needs numba: pip install 'analogsim-aimc[fast]'")
    flat = flatten_(SmallNetwork(channels_last=channels_last))
    noise = Noise(flat, SPECS[name], seed=2**40 + 1)
    compiled = named(noise.apply_(7))
    monkeypatch.setattr(cpu, "_compiled", lambda: None)
    assert equal_bits(named(noise.apply_(7)), compiled)
    assert not equal_bits(named(flat, flat.clean), compiled)


def test_pieces_cover_every_span_once_and_join_short_ones():
    piece = cpu.PIECE
    spans = [(0, 10, 0.1), (64, 70, 0.2), (128, 128 + 3 * piece, 0.3), (4 * piece, 4 * piece, 0.4)]
    plan = cpu.pieces(spans)
    assert [(p.start, p.stop, p.sigma) for p in plan] == [
        (0, 70, None),
        (128, 128 + piece, 0.3),
        (128 + piece, 128 + 2 * piece, 0.3),
        (128 + 2 * piece, 128 + 3 * piece, 0.3),
    ]


@pytest.mark.parametrize("per", ["tensor", "column"])
def test_fast_path_is_torch_draws_times_sigma(per):
    """Exact: with sigma 1 and weights 0 it gives torch's own draws, piece by piece."""
    flat = flatten_(torch.nn.Linear(200, 400, bias=False).requires_grad_(False))
    flat.clean.zero_()
    spec = NoiseSpec(eta=1.0, reference="absolute", per=per)
    got = Noise(flat, spec, seed=0).fast_(torch.Generator().manual_seed(5)).live[:80_000]
    generator = torch.Generator().manual_seed(5)
    parts = [torch.empty(min(cpu.PIECE, 80_000 - at)) for at in range(0, 80_000, cpu.PIECE)]
    expected = torch.cat([part.normal_(generator=generator) for part in parts])
    assert torch.equal(got, expected)


def test_fast_path_spread_and_identity():
    """n = 40,000: sigma to 2 % (alpha 1e-4 is 1.4 %); what is out of scope keeps its bits."""
    module = torch.nn.Linear(200, 200).requires_grad_(False)
    module.bias[0] = -0.0
    flat = flatten_(module)
    noise = Noise(flat, NoiseSpec(eta=0.5), seed=0)
    noise.fast_(torch.Generator().manual_seed(1))
    clean, live = named(flat, flat.clean), named(flat)
    ratio = float((live["weight"] - clean["weight"]).std() / clean["weight"].std())
    assert ratio == pytest.approx(0.5, rel=0.014)
    assert torch.equal(live["bias"].view(torch.int32), clean["bias"].view(torch.int32))
