"""A zoo network and its folded twin give the same, whatever its normalisation."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from analogsim.batchnorm import fold_batchnorm
from analogsim.batchnorm.layers import L1BatchNorm1d, L1BatchNorm2d, TopKBatchNorm2d
from analogsim.inputs.zoo import parse_zoo
from tests.batchnorm.compare import fold_and_compare, images, randomise_


def large(spec: str, folded: int) -> Any:
    return pytest.param(spec, folded, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("spec", "folded"),
    [
        ("zoo:resnet20?norm=batch", 19), ("zoo:resnet20?norm=l1", 19),
        ("zoo:resnet20?norm=topk", 19), ("zoo:resnet20?norm=batch&stages=2", 13),
        ("zoo:resnet20?norm=l1&stages=1", 7), large("zoo:resnet44?norm=batch", 43),
        large("zoo:resnet44?norm=l1", 43), large("zoo:vgg16?norm=batch&stages=3", 7),
        large("zoo:vgg16?norm=l1", 13), large("zoo:vgg16?norm=topk", 13),
        ("zoo:digits_cnn?norm=topk&stages=2", 2),
    ],
)  # fmt: skip
def test_folding_is_exact(spec: str, folded: int) -> None:
    choice = parse_zoo(spec)
    torch.manual_seed(0)
    result = fold_and_compare(randomise_(choice.build()), images(2, *choice.network.input_shape))
    assert len(result.folded) == folded
    assert result.kept == ()


def test_groupnorm_is_never_folded() -> None:
    choice = parse_zoo("zoo:digits_cnn?norm=group")
    result = fold_and_compare(choice.build(), images(2, 1, 8, 8))
    assert (result.folded, result.kept) == ((), ())
    assert sum(isinstance(m, nn.GroupNorm) for m in result.module.modules()) == 3


def test_a_linear_layer_takes_over_one_with_a_negative_scale() -> None:
    model = randomise_(nn.Sequential(nn.Linear(6, 4), L1BatchNorm1d(4)))
    model[1].running_scale[2] = -0.5
    assert fold_and_compare(model, images(5, 6)).folded == (("0", "1"),)


class Louder(TopKBatchNorm2d):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


def infinite() -> nn.Module:
    norm = L1BatchNorm2d(4)
    norm.running_scale[1] = -norm.eps
    return norm


@pytest.mark.parametrize(
    ("norm", "reason"),
    [
        (L1BatchNorm2d(4, track_running_stats=False), "it tracks no running statistics"),
        (Louder(4), "its class Louder is not one of"),
        (infinite(), "its running statistics are not finite"),
    ],
    ids=["untracked", "own forward", "division by zero"],
)
def test_what_stays_and_why(norm: nn.Module, reason: str) -> None:
    result = fold_batchnorm(nn.Sequential(nn.Conv2d(3, 4, 3), norm), images(4, 3, 8, 8))
    assert result.folded == ()
    assert [name for name, _ in result.kept] == ["1"]
    assert reason in result.kept[0][1]
