"""One buffer under a whole network."""

import pytest
import torch
from torch import nn

from analogsim.errors import InputError
from analogsim.gaussian import flat as flat_module
from analogsim.gaussian.flat import CHUNK, PAD, flatten_
from tests.gaussian.stream_checks import SmallNetwork

IMAGES = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("channels_last", [False, True])
def test_flattening_changes_nothing_that_can_be_seen(channels_last):
    network = SmallNetwork(channels_last=channels_last)
    before = {k: (v.clone(), v.stride()) for k, v in network.state_dict().items()}
    parameters = dict(network.named_parameters())
    expected = network(IMAGES)
    flatten_(network)
    assert torch.equal(network(IMAGES), expected)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name][0])
        assert value.stride() == before[name][1]
    assert all(parameter is parameters[name] for name, parameter in network.named_parameters())


@pytest.mark.parametrize("channels_last", [False, True])
def test_writing_the_buffer_changes_the_network(channels_last):
    network = SmallNetwork(channels_last=channels_last)
    flat = flatten_(network)
    flat.live.fill_(0.5)
    assert (network.grouped.weight == 0.5).all()
    assert (network.bn.running_var == 0.5).all()
    flat.restore_()
    assert torch.equal(flat.live, flat.clean)


def test_segments_do_not_overlap_and_are_aligned():
    flat = flatten_(SmallNetwork(channels_last=True))
    ends = [segment.offset + segment.size for segment in flat.segments]
    starts = [segment.offset for segment in flat.segments]
    assert all(start % CHUNK == 0 for start in starts)
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))
    assert flat.n_plain % PAD == flat.clean.numel() % PAD == 0
    permuted = [segment.name for segment in flat.segments if segment.permuted]
    assert permuted == ["conv.weight", "grouped.weight"]
    assert all((s.offset >= flat.n_plain) == s.permuted for s in flat.segments)


def test_names_roles_and_what_is_left_out():
    flat = flatten_(SmallNetwork())
    roles = {segment.name: segment.role for segment in flat.segments}
    assert roles["bn.running_var"] == "bn_variance"
    assert roles["linear.bias"] == "bias"
    assert len(roles) == 11
    assert flat.left_out == ("norm.weight", "norm.bias")
    assert (
        sum(one.size for one in flat.segments)
        == sum(p.numel() for p in SmallNetwork().parameters()) - 10 + 12
    )


def test_views_of_copies():
    flat = flatten_(SmallNetwork(channels_last=True))
    copies = torch.stack((flat.clean, 2 * flat.clean))
    for name, view in flat.views(copies).items():
        one = flat.views(flat.clean)[name]
        assert torch.equal(view, torch.stack((one, 2 * one)))
        assert view.data_ptr() != one.data_ptr()


def test_tied_weights_stay_tied():
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    network[1].weight = network[0].weight
    flat = flatten_(network)
    assert [segment.name for segment in flat.segments] == ["0.weight", "0.bias", "1.bias"]
    with torch.no_grad():
        flat.live.fill_(3.0)
    assert (network[1].weight == 3).all()
    assert network[1].weight is network[0].weight


def test_strided_weight_becomes_contiguous():
    layer = nn.Linear(3, 4)
    layer.weight = nn.Parameter(torch.arange(12.0).reshape(3, 4).T)
    expected = layer.weight.detach().clone()
    flatten_(layer)
    assert layer.weight.is_contiguous()
    assert torch.equal(layer.weight, expected)


def test_volume_in_channels_last():
    layer = nn.Conv3d(2, 3, 2).to(memory_format=torch.channels_last_3d)
    expected = layer.weight.detach().clone()
    flat = flatten_(layer)
    segment = next(s for s in flat.segments if s.name == "weight")
    assert (segment.inner, segment.kernel) == (2, 8)
    assert torch.equal(layer.weight, expected)
    assert layer.weight.is_contiguous(memory_format=torch.channels_last_3d)


def test_moved_module_is_noticed():
    network = SmallNetwork()
    flat = flatten_(network)
    flat.check_attached()
    network.linear.weight.data = network.linear.weight.data.clone()
    with pytest.raises(InputError, match=r"linear\.weight must still be a view .* on cpu; flatten"):
        flat.check_attached()


def test_nothing_to_noise():
    with pytest.raises(InputError, match="must have a linear layer, .*, got none;"):
        flatten_(nn.Sequential(nn.ReLU(), nn.LayerNorm(3)))


def test_every_bad_tensor_is_named():
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2).double(), nn.LazyLinear(3))
    with pytest.raises(InputError) as error:
        flatten_(network)
    text = str(error.value)
    assert "tensor 1.weight must be float32 on cpu, got torch.float64 on cpu;" in text
    assert "tensor 2.weight must have a shape, got a lazy one;" in text
    assert len(text.splitlines()) == 4


def test_names_with_one_stream_are_refused(monkeypatch):
    monkeypatch.setattr(flat_module, "tensor_index", lambda name: 7)
    with pytest.raises(InputError, match="tensor bias must have a stream .*, got that of weight;"):
        flatten_(nn.Linear(2, 2))


def test_network_too_large(monkeypatch):
    monkeypatch.setattr(flat_module, "_append", lambda *_: 1 << 31)
    with pytest.raises(InputError, match=r"fewer than 2\^31 values, got 2147483648;"):
        flatten_(nn.Linear(2, 2))
