"""The affine map of each BatchNorm: what eval mode computes, in float64."""

import pytest
import torch
from torch import nn

from analogsim.batchnorm import BATCHNORMS, affine_of, batchnorms
from analogsim.batchnorm.layers import L1BatchNorm1d, L1BatchNorm2d, TopKBatchNorm2d
from analogsim.batchnorm.recalibrate import Recalibration, recalibrate_
from analogsim.errors import InputError
from tests.batchnorm.compare import images, randomise_

KINDS = [nn.BatchNorm2d, L1BatchNorm2d, TopKBatchNorm2d]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("affine", [True, False], ids=["affine", "bare"])
def test_it_is_what_eval_mode_computes(kind: type[nn.Module], affine: bool) -> None:
    norm = randomise_(kind(3, affine=affine, dtype=torch.float64)).eval()
    gain, offset = affine_of(norm)
    assert gain.dtype == offset.dtype == torch.float64
    assert not gain.requires_grad
    x = images(2, 3, 4, 4).double()
    expected = x * gain[:, None, None] + offset[:, None, None]
    torch.testing.assert_close(norm(x), expected, rtol=1e-12, atol=1e-12)


def test_by_hand() -> None:
    norm = L1BatchNorm1d(1, eps=0.5)
    with torch.no_grad():
        norm.weight.fill_(3.0)
        norm.bias.fill_(1.0)
        norm.running_mean.fill_(2.0)
        norm.running_scale.fill_(1.0)
    assert [t.item() for t in affine_of(norm)] == [2.0, -3.0]
    torchs = nn.BatchNorm1d(1, eps=0.25, affine=False)
    torchs.running_var.fill_(3.75)
    torchs.running_mean.fill_(8.0)
    assert [t.item() for t in affine_of(torchs)] == [0.5, -4.0]


def test_a_negative_variance_has_none_and_a_negative_scale_has_one() -> None:
    torchs, own = nn.BatchNorm2d(1), L1BatchNorm2d(1)
    torchs.running_var.neg_()
    own.running_scale.neg_()
    assert torch.isnan(affine_of(torchs)[0]).all()
    assert affine_of(own)[0].item() == pytest.approx(1 / (1e-5 - 1), rel=1e-12)


@pytest.mark.parametrize(
    ("norm", "message"),
    [
        (nn.GroupNorm(1, 2), "asked of a BatchNorm, got GroupNorm; GroupNorm and"),
        (
            L1BatchNorm2d(2, track_running_stats=False),
            "running statistics, got L1BatchNorm2d with track_running_stats=False",
        ),
    ],
    ids=["group", "untracked"],
)
def test_what_has_none(norm: nn.Module, message: str) -> None:
    with pytest.raises(InputError, match=message):
        affine_of(norm)


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_are_found_and_recalibrated(kind: type[nn.Module]) -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), kind(4), nn.ReLU()).eval()
    assert isinstance(net[1], BATCHNORMS)
    x = images(8, 3, 8, 8)
    recalibrate_(batchnorms(net, tracking=True), net, x, Recalibration(images=8, batch_size=4))
    # The average over two batches of what train mode finds in each.
    reference = kind(4, momentum=None)
    with torch.no_grad():
        for half in x.split(4):
            reference(net[0](half))
    for name, value in reference.named_buffers():
        torch.testing.assert_close(net[1].get_buffer(name), value)
    assert not net[1].training
