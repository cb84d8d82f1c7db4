"""L1 and TopK normalisation against the formulas, worked out value by value in float64."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from analogsim.batchnorm.layers import (
    L1BatchNorm1d,
    L1BatchNorm2d,
    ScaleBatchNorm,
    TopKBatchNorm1d,
    TopKBatchNorm2d,
)
from analogsim.errors import InputError

CASES = [
    pytest.param(L1BatchNorm1d(3, dtype=torch.float64), (7, 3), id="l1-1d"),
    pytest.param(L1BatchNorm1d(3, dtype=torch.float64), (4, 3, 5), id="l1-1d-length"),
    pytest.param(L1BatchNorm2d(3, dtype=torch.float64), (4, 3, 2, 5), id="l1-2d"),
    pytest.param(TopKBatchNorm1d(3, dtype=torch.float64, k=4), (7, 3), id="topk-1d"),
    pytest.param(TopKBatchNorm2d(3, dtype=torch.float64), (4, 3, 2, 5), id="topk-2d"),
    pytest.param(TopKBatchNorm2d(3, dtype=torch.float64, k=1), (4, 3, 2, 5), id="max-2d"),
]
BOTH = [pytest.param(L1BatchNorm2d, id="l1"), pytest.param(TopKBatchNorm2d, id="topk")]


def draw(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.5 + 2 * torch.randn(shape, generator=generator, dtype=torch.float64)


def fresh(norm: ScaleBatchNorm) -> ScaleBatchNorm:
    """The case's layer at its start, with a gamma and a beta that do something."""
    norm.reset_parameters()
    norm.momentum = 0.1
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([0.5, -1.5, 2.0]))
        norm.bias.copy_(torch.tensor([0.25, 0.0, -1.0]))
    return norm.train()


def by_hand(norm: ScaleBatchNorm, x: Tensor) -> tuple[list[float], list[float]]:
    """Mean and scale of each channel, by the papers' formulas."""
    means, scales = [], []
    for channel in range(x.shape[1]):
        values = x[:, channel].double().numpy().ravel()
        n = len(values)
        mean = math.fsum(values) / n
        deviations = sorted(abs(value - mean) for value in values)
        if isinstance(norm, TopKBatchNorm1d | TopKBatchNorm2d):
            constant = 0.5 * (1 + math.sqrt(math.pi * math.log(4))) / math.sqrt(2 * math.log(n))
            scale = constant * math.fsum(deviations[-norm.k :]) / norm.k
        else:
            scale = math.sqrt(math.pi / 2) * math.fsum(deviations) / n
        means.append(mean)
        scales.append(scale)
    return means, scales


def map_by_hand(norm: ScaleBatchNorm, x: Tensor, means: list[float], scales: list[float]) -> Tensor:
    y = x.clone()
    for c in range(x.shape[1]):
        gamma, beta = norm.weight[c].item(), norm.bias[c].item()
        y[:, c] = gamma * (x[:, c] - means[c]) / (scales[c] + 1e-5) + beta
    return y


def test_the_scales_of_three_numbers() -> None:
    # 1, 3, 8: mean 4, deviations 3, 1, 4. L1: sqrt(pi/2) 8/3. The two largest: 3.5 C(3), with
    # C(3) = (1 + sqrt(pi ln 4)) / (2 sqrt(2 ln 3)) = 3.086902 / 2.964607.
    x = torch.tensor([[1.0], [3.0], [8.0]], dtype=torch.float64)
    mean, l1 = L1BatchNorm1d(1).statistics(x)
    topk = TopKBatchNorm1d(1, k=2).statistics(x)[1]
    assert (mean.item(), l1.item()) == pytest.approx((4.0, 3.342171), rel=1e-6)
    assert topk.item() == pytest.approx(3.5 * 3.086902 / 2.964607, rel=1e-5)


@pytest.mark.parametrize(("norm", "shape"), CASES)
def test_train_mode_normalises_by_the_batch(norm: ScaleBatchNorm, shape: tuple[int, ...]) -> None:
    x = draw(shape)
    expected = map_by_hand(fresh(norm), x, *by_hand(norm, x))
    torch.testing.assert_close(norm(x).detach(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("norm", "shape"), CASES)
def test_running_statistics_are_weighted_or_plain_averages(
    norm: ScaleBatchNorm, shape: tuple[int, ...]
) -> None:
    batches = [draw(shape, seed) for seed in range(4)]
    found = np.array([by_hand(norm, x) for x in batches])  # (batch, mean or scale, channel)
    for momentum in (0.1, None):
        fresh(norm).momentum = momentum
        for x in batches:
            norm(x)
        if momentum is None:
            expected = found.mean(0)
        else:
            expected = np.array([[0.0] * 3, [1.0] * 3])
            for batch in found:
                expected = 0.9 * expected + 0.1 * batch
        torch.testing.assert_close(
            torch.stack([norm.running_mean, norm.running_scale]),
            torch.from_numpy(expected),
            rtol=1e-12,
            atol=1e-12,
        )
        assert int(norm.num_batches_tracked) == 4


@pytest.mark.parametrize(("norm", "shape"), CASES)
def test_eval_mode_uses_running_statistics_and_keeps_them(
    norm: ScaleBatchNorm, shape: tuple[int, ...]
) -> None:
    fresh(norm)(draw(shape, 1))
    norm.eval()
    before = {key: value.clone() for key, value in norm.state_dict().items()}
    x = draw(shape, 2)
    expected = map_by_hand(norm, x, norm.running_mean.tolist(), norm.running_scale.tolist())
    torch.testing.assert_close(norm(x).detach(), expected, rtol=1e-12, atol=1e-12)
    assert all(torch.equal(before[key], value) for key, value in norm.state_dict().items())


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize(("norm", "shape"), CASES)
def test_gradients(norm: ScaleBatchNorm, shape: tuple[int, ...], training: bool) -> None:
    fresh(norm).train(training)
    weight, bias = norm.weight.detach().clone(), norm.bias.detach().clone()

    def call(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.func.functional_call(norm, {"weight": weight, "bias": bias}, x)

    inputs = tuple(t.requires_grad_() for t in (draw(shape), weight, bias))
    assert torch.autograd.gradcheck(call, inputs)


@pytest.mark.parametrize("kind", BOTH)
def test_channels_last_gives_the_same_and_stays(kind: type[ScaleBatchNorm]) -> None:
    x = draw((4, 3, 5, 6)).float()
    last = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    x.requires_grad_()
    norm = kind(3)
    y, other = norm(x), norm(last)
    assert other.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(other, y)
    weights = draw((4, 3, 5, 6), 1).float()
    for out in (y, other):
        (out * weights).sum().backward()
    torch.testing.assert_close(last.grad, x.grad)


@pytest.mark.parametrize("kind", BOTH)
def test_statistics_stay_in_float32_where_activations_are_bfloat16(
    kind: type[ScaleBatchNorm],
) -> None:
    # A mean of 100 and a spread of 2: bfloat16 has a step of 0.5 there.
    x = (99.5 + draw((64, 3, 8, 8))).to(torch.bfloat16).requires_grad_()
    norm = kind(3, momentum=None)
    with torch.autocast("cpu", torch.bfloat16):
        y = norm(x)
    y.sum().backward()
    assert (y.dtype, x.grad.dtype, norm.weight.grad.dtype) == (
        torch.bfloat16,
        torch.bfloat16,
        torch.float32,
    )
    means, scales = by_hand(norm, x.detach())
    assert norm.running_mean.dtype == norm.running_scale.dtype == torch.float32
    # Sums of 4096 float32 numbers near 100.
    torch.testing.assert_close(norm.running_mean, torch.tensor(means), rtol=1e-5, atol=0)
    torch.testing.assert_close(norm.running_scale, torch.tensor(scales), rtol=1e-4, atol=0)


@pytest.mark.parametrize("kind", BOTH)
def test_a_negative_scale_turns_the_sign_where_a_negative_variance_gives_nan(
    kind: type[ScaleBatchNorm],
) -> None:
    x = draw((4, 1, 2, 5)).float()
    norm, torchs = kind(1, eps=0.0).eval(), nn.BatchNorm2d(1).eval()
    before = norm(x)
    norm.running_scale.neg_()
    torchs.running_var.neg_()
    assert torch.equal(norm(x), -before)
    assert bool(torch.isnan(torchs(x)).all())


@pytest.mark.parametrize("kind", BOTH)
def test_without_affine_and_without_statistics(kind: type[ScaleBatchNorm]) -> None:
    x = draw((4, 3, 2, 5)).float()
    bare = kind(3, affine=False, track_running_stats=False)
    assert not bare.state_dict()
    assert torch.equal(bare.eval()(x), kind(3)(x))
    assert "affine=False, track_running_stats=False" in repr(bare)


def test_weights_say_which_normalisation_they_are_of() -> None:
    names = [set(kind(2).state_dict()) for kind in (L1BatchNorm2d, TopKBatchNorm2d, nn.BatchNorm2d)]
    shared = {"weight", "bias", "running_mean", "num_batches_tracked"}
    own = ("running_l1_scale", "running_topk_scale", "running_var")
    assert names == [{*shared, name} for name in own]


@pytest.mark.parametrize(
    ("norm", "shape", "message"),
    [
        (L1BatchNorm2d(3), (2, 3, 4), r"L1BatchNorm2d input must have 4 axes.*got shape \(2, 3, 4"),
        (TopKBatchNorm1d(3), (9, 2), r"must have 2 or 3 axes and 3 channels.*got shape \(9, 2\)"),
        (L1BatchNorm2d(3), (1, 3, 1, 1), r"at least 2 values a channel .*got 1 \(shape \(1, 3, 1"),
        (TopKBatchNorm2d(3), (1, 3, 3, 3), r"at least 10 values a channel .*, got 9 \(shape"),
    ],
    ids=["axes", "channels", "one value", "fewer than k"],
)
def test_inputs_that_are_refused(
    norm: ScaleBatchNorm, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        norm(torch.zeros(shape))


def test_few_values_are_no_matter_in_eval_mode() -> None:
    assert TopKBatchNorm2d(3).eval()(torch.zeros(1, 3, 1, 1)).shape == (1, 3, 1, 1)


def test_k_counts_something() -> None:
    with pytest.raises(InputError, match=r"TopKBatchNorm1d k must be at least 1, got 0; leave"):
        TopKBatchNorm1d(3, k=0)
    assert repr(TopKBatchNorm1d(3, k=7)).endswith("track_running_stats=True, k=7)")
