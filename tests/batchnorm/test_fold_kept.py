"""Which BatchNorm is not folded, and the reason that is given for it."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from analogsim.batchnorm import fold_batchnorm
from tests.batchnorm.compare import fold_and_compare, images, randomise_


class Wired(nn.Module):
    """A convolution and a BatchNorm that the case's `wire` connects."""

    def __init__(self, wire: Callable[["Wired", Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.other = nn.Conv2d(3, 3, 3, padding=1)
        self.bn = nn.BatchNorm2d(3)
        self.wire = wire

    def forward(self, x: Tensor) -> Tensor:
        return self.wire(self, x)


def read_twice(m: Wired, x: Tensor) -> Tensor:
    y = m.conv(x)
    return m.bn(y) + y


def read_by_method(m: Wired, x: Tensor) -> Tensor:
    y = m.conv(x)
    return m.bn(y) * y.mean()


def read_in_a_list(m: Wired, x: Tensor) -> Tensor:
    y = m.conv(x)
    return torch.cat([m.bn(y), y])


def changed_in_place(m: Wired, x: Tensor) -> Tensor:
    y = m.conv(x)
    y.relu_()
    return m.bn(y)


KEPT = {
    "output-added-later": (read_twice, "output of layer 'conv' is used in 2 places"),
    "output-read-by-a-method": (read_by_method, "output of layer 'conv' is used in 2 places"),
    "output-inside-a-list": (read_in_a_list, "output of layer 'conv' is used in 2 places"),
    "output-changed-in-place": (changed_in_place, "output of layer 'conv' is used in 2 places"),
    "conv-called-twice": (
        lambda m, x: m.bn(m.conv(m.conv(x))),
        "layer 'conv' before it is called 2 times",
    ),
    "batchnorm-called-twice": (lambda m, x: m.bn(m.bn(m.conv(x))), "it is called 2 times"),
    "batchnorm-never-called": (lambda m, x: m.conv(x), "it is called 0 times"),
    "batchnorm-first": (lambda m, x: m.conv(m.bn(x)), "not the output of a convolution"),
    "activation-between": (
        lambda m, x: m.bn(torch.relu(m.conv(x))),
        "not the output of a convolution",
    ),
    "transposed-between": (
        lambda m, x: m.bn(m.conv(x).transpose(2, 3)),
        "not the output of a convolution",
    ),
    "weight-read-elsewhere": (
        lambda m, x: m.bn(m.conv(x)) * m.conv.weight.sum(),
        "weight of layer 'conv' is used elsewhere",
    ),
    "statistics-read-elsewhere": (
        lambda m, x: m.bn(m.conv(x)) + m.bn.running_mean.sum(),
        "statistics are used elsewhere",
    ),
}


@pytest.mark.parametrize(("wire", "reason"), KEPT.values(), ids=KEPT)
def test_batchnorm_stays_with_a_reason(
    wire: Callable[[Wired, Tensor], Tensor], reason: str
) -> None:
    result = fold_and_compare(randomise_(Wired(wire)), images())

    assert result.folded == ()
    [(name, got)] = result.kept
    assert name == "bn"
    assert reason in got


def test_output_given_back_by_the_model_counts_as_a_use() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.bn = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            y = self.conv(x)
            return {"features": y, "out": self.bn(y)}

    result = fold_batchnorm(randomise_(Both()), images())

    assert result.kept == (("bn", "the output of layer 'conv' is used in 2 places"),)


def test_missing_statistics_are_kept() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False))

    assert fold_and_compare(model, images()).kept == (("1", "it tracks no running statistics"),)


def test_batchnorm_that_refuses_eval_is_kept() -> None:
    class AlwaysTraining(nn.BatchNorm2d):
        def train(self, mode: bool = True) -> "AlwaysTraining":
            return super().train(True)

    model = nn.Sequential(nn.Conv2d(3, 4, 3), AlwaysTraining(4))

    [(name, reason)] = fold_batchnorm(model, images()).kept
    assert name == "1"
    assert "stays in train mode" in reason


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_impossible_statistics_are_kept_as_they_are(value: float) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    model[1].running_var[2] = value

    result = fold_batchnorm(model, images())

    [(name, reason)] = result.kept
    assert name == "1"
    assert "a running variance is negative" in reason
    torch.testing.assert_close(
        result.module(images()), model.eval()(images()), equal_nan=True, rtol=0, atol=0
    )


def test_tied_weights_are_kept() -> None:
    model = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1))
    model[2].weight = model[0].weight

    [(name, reason)] = fold_and_compare(randomise_(model), images()).kept
    assert name == "1"
    assert "weight of layer '0' is shared" in reason


def test_linear_over_a_sequence_is_kept_because_its_channels_are_other_ones() -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4))

    [(name, reason)] = fold_and_compare(randomise_(model), images(2, 4, 6)).kept
    assert name == "1"
    assert "layer '0' gave 3 axes where 2 are needed" in reason


class Standardised(nn.Conv2d):
    """Weight standardisation undoes any scale that is folded into the weight."""

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight / self.weight.std()
        return nn.functional.conv2d(x, weight, self.bias)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        pytest.param(Standardised(3, 4, 3), "own (class Standardised)", id="own-forward"),
        pytest.param(
            parametrizations.weight_norm(nn.Conv2d(3, 4, 3)), "is parametrized", id="weight-norm"
        ),
    ],
)
def test_layers_that_compute_their_weight_are_kept(layer: nn.Module, reason: str) -> None:
    model = randomise_(nn.Sequential(layer, nn.BatchNorm2d(4)))

    [(name, got)] = fold_and_compare(model, images()).kept
    assert name == "1"
    assert reason in got


@pytest.mark.parametrize(("hooked", "reason"), [(0, "changed by a forward hook"), (1, "it has")])
def test_hooked_modules_are_kept(hooked: int, reason: str) -> None:
    model = randomise_(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    model[hooked].register_forward_hook(lambda module, args, output: output * 2)

    [(name, got)] = fold_and_compare(model, images()).kept
    assert name == "1"
    assert reason in got


def test_batchnorm_subclass_is_kept() -> None:
    class Doubling(nn.BatchNorm2d):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * super().forward(x)

    [(name, reason)] = fold_and_compare(
        randomise_(nn.Sequential(nn.Conv2d(3, 4, 3), Doubling(4))), images()
    ).kept
    assert name == "1"
    assert "class Doubling" in reason
