"""Estimating running statistics anew, on plain digital networks."""

import copy

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from analogsim.batchnorm import (
    L1BatchNorm2d,
    Recalibration,
    TopKBatchNorm2d,
    batchnorms,
    check_policy,
    copy_statistics_,
    recalibrate_,
    recalibration_of,
)
from analogsim.errors import InputError
from tests.batchnorm.compare import images, randomise_


class Net(nn.Module):
    """Two BatchNorm layers, and dropout that would move the second if it ran."""

    def __init__(self, norm=nn.BatchNorm2d):
        super().__init__()
        torch.manual_seed(1)
        self.conv1 = nn.Conv2d(3, 6, 3)
        self.bn1 = norm(6)
        self.drop = nn.Dropout(0.5)
        self.conv2 = nn.Conv2d(6, 5, 3)
        self.bn2 = norm(5)

    def forward(self, x):
        return self.bn2(self.conv2(self.drop(torch.relu(self.bn1(self.conv1(x))))))


def net(norm=nn.BatchNorm2d):
    return randomise_(Net(norm)).eval()


def statistics(network):
    return {k: v.clone() for k, v in network.named_buffers()}


def recalibrated(network, x, **rule):
    network = copy.deepcopy(network)
    recalibrate_(batchnorms(network), network, x, Recalibration(**rule))
    return network


def test_average_is_torchs_own_cumulative_average_bit_for_bit():
    x = images(24, 3, 8, 8)
    ours = statistics(recalibrated(net(), x, images=24, batch_size=8))
    theirs = net()
    # `update_bn` trains the whole network: dropout must be out of the way.
    theirs.drop.p = 0.0
    update_bn(x.split(8), theirs)
    expected = statistics(theirs)
    assert ours.keys() == expected.keys()
    for key, value in expected.items():
        assert torch.equal(ours[key], value), key


def test_adabs_is_the_published_rule():
    x = images(24, 3, 8, 8)
    before = net()
    after = recalibrated(before, x, method="adabs", batch_size=8)
    p = 0.015 ** (1 / 3)
    first, second = before.bn1, copy.deepcopy(before.bn2)
    mean, var = first.running_mean.clone(), first.running_var.clone()
    mean2, var2 = second.running_mean.clone(), second.running_var.clone()
    with torch.no_grad():
        for batch in x.split(8):
            y = before.conv1(batch)
            m, v = y.mean((0, 2, 3)), y.var((0, 2, 3), unbiased=True)
            mean, var = p * mean + (1 - p) * m, p * var + (1 - p) * v
            # The second layer is given what the first makes of this batch, in train mode.
            biased = y.var((0, 2, 3), unbiased=False)[:, None, None]
            z = (y - m[:, None, None]) / (biased + first.eps).sqrt()
            z = z * first.weight[:, None, None] + first.bias[:, None, None]
            y = before.conv2(torch.relu(z))
            mean2 = p * mean2 + (1 - p) * y.mean((0, 2, 3))
            var2 = p * var2 + (1 - p) * y.var((0, 2, 3), unbiased=True)
    for got, expected in (
        (after.bn1.running_mean, mean),
        (after.bn1.running_var, var),
        (after.bn2.running_mean, mean2),
        (after.bn2.running_var, var2),
    ):
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("norm", [L1BatchNorm2d, TopKBatchNorm2d])
def test_layers_with_a_scale_average_their_own_statistics(norm):
    x = images(24, 3, 8, 8)
    before = net(norm)
    after = recalibrated(before, x, batch_size=8)
    with torch.no_grad():
        each = [before.bn1.statistics(before.conv1(batch)) for batch in x.split(8)]
    expected = torch.stack([torch.stack(one) for one in each]).mean(0)
    torch.testing.assert_close(after.bn1.running_mean, expected[0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(after.bn1.running_scale, expected[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", ["average", "adabs"])
def test_nothing_else_changes(method):
    network = net()
    before = {k: v.clone() for k, v in network.named_parameters()}
    state = torch.get_rng_state()
    recalibrate_(
        batchnorms(network), network, images(8, 3, 8, 8), Recalibration(method=method, batch_size=4)
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(v, before[k]) for k, v in network.named_parameters())
    assert not any(m.training for m in network.modules())
    assert {norm.momentum for norm in batchnorms(network).values()} == {0.1}


def test_mode_and_momentum_come_back_after_a_failure():
    network = net()
    with pytest.raises(RuntimeError, match="channels"):
        recalibrate_(batchnorms(network), network, images(8, 2, 8, 8), Recalibration())
    assert not network.bn1.training
    assert network.bn1.momentum == 0.1


def test_statistics_are_copied_by_name():
    source, target = net(), recalibrated(net(), images(8, 3, 8, 8))
    copy_statistics_(batchnorms(target), batchnorms(source))
    for key, value in statistics(source).items():
        assert torch.equal(target.get_buffer(key), value)
    assert target.bn1.running_mean is not source.bn1.running_mean


@pytest.mark.parametrize(
    ("n", "batch_size", "sizes"), [(600, 200, [200] * 3), (599, 200, [300, 299]), (5, 200, [5])]
)
def test_all_images_are_used_in_even_batches(n, batch_size, sizes):
    rule = Recalibration(batch_size=batch_size)
    assert [b.n for b in rule.batches(torch.zeros(n, 1))] == sizes


def test_rules_and_their_words():
    assert recalibration_of("average") == Recalibration(images=1000)
    assert recalibration_of("adabs") == Recalibration(method="adabs", images=2600)
    assert recalibration_of("adabs", 50).images == 50
    assert recalibration_of("adabs").momentum(13) == pytest.approx(1 - 0.015 ** (1 / 13))
    assert Recalibration().describe(1000) == (
        "cumulative average over 1000 training images in 5 batches"
    )
    assert (
        recalibration_of("adabs").describe(2600) == "AdaBS over 2600 training images in 13 batches"
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"method": "mean"}, "method must be one of average, adabs, got 'mean'"),
        ({"images": 1}, "images must be at least 2, got 1; mend"),
        ({"batch_size": 1, "images": 0}, "images must be at least 2, got 0; batch_size .* got 1"),
    ],
    ids=str,
)
def test_rules_that_cannot_be(fields, message):
    with pytest.raises(InputError, match=message):
        Recalibration(**fields)


def test_too_few_images():
    network = net()
    with pytest.raises(InputError, match="must have at least 2 images, got 1"):
        recalibrate_(batchnorms(network), network, images(1, 3, 8, 8), Recalibration())


@pytest.mark.parametrize(
    ("policy", "network", "message"),
    [
        ("drop", nn.Linear(2, 2), "one of digital, fold, recalibrate, .*, none, got 'drop'"),
        ("none", net(), r"without BatchNorm, got one with 2 \(bn1, bn2\)"),
        (
            "none",
            nn.Sequential(*(nn.BatchNorm1d(2) for _ in range(5))),
            r"got one with 5 \(0, 1, 2, \.\.\.\)",
        ),
        ("recalibrate", nn.Linear(2, 2), "bn 'recalibrate' must go .* got a network with none"),
        (
            "recalibrate-once",
            nn.Sequential(nn.BatchNorm1d(2, track_running_stats=False)),
            "'recalibrate-once' must go .* got 1 without running statistics",
        ),
    ],
    ids=["unknown", "none", "many", "nothing", "no statistics"],
)
def test_policies_that_do_not_fit(policy, network, message):
    with pytest.raises(InputError, match=message):
        check_policy(policy, network)


def test_batchnorm_without_running_statistics_is_named():
    mixed = nn.Sequential(nn.BatchNorm1d(2), nn.BatchNorm1d(2, track_running_stats=False))
    note = (
        "BatchNorm without running statistics takes those of each batch, under every policy: 1 (1)."
    )
    assert check_policy("recalibrate", mixed) == (note,)
    assert check_policy("digital", mixed) == (note,)
    assert check_policy("digital", nn.Linear(2, 2)) == ()
    assert list(batchnorms(mixed, tracking=True)) == ["0"]
