"""BatchNorm folding: what is folded, what is kept and why, and that the output stays the same."""

from collections.abc import Callable
from typing import TypeVar

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from analogsim.batchnorm import FoldResult, fold_batchnorm
from analogsim.batchnorm import fold as fold_module
from analogsim.errors import AnalogsimError, InputError

M = TypeVar("M", bound=nn.Module)

# Rounding of float32 leaves about 1e-6 of the largest output; the promise is 1e-5.
TOLERANCE = 1e-5


def randomise_(model: M) -> M:
    """Give every BatchNorm affine parameters and statistics that are not the identity."""
    generator = torch.Generator().manual_seed(7)

    def draw(tensor: Tensor | None, low: float, high: float) -> None:
        if tensor is not None:
            tensor.data.uniform_(low, high, generator=generator)

    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            draw(module.weight, 0.5, 1.5)
            draw(module.bias, -0.5, 0.5)
            draw(module.running_mean, -1.0, 1.0)
            draw(module.running_var, 0.2, 3.0)
    return model


def relative_error(got: Tensor, expected: Tensor) -> float:
    assert torch.isfinite(expected).all()
    assert torch.isfinite(got).all()
    return ((got - expected).abs().max() / expected.abs().max()).item()


def fold_and_compare(model: nn.Module, example: Tensor) -> FoldResult:
    """Fold, and check the output on the example and on an input that folding never saw."""
    result = fold_batchnorm(model, example)
    other = torch.randn(example.shape, generator=torch.Generator().manual_seed(11))
    model.eval()
    with torch.no_grad():
        for x in (example, other):
            assert relative_error(result.module(x), model(x)) <= TOLERANCE
    return result


class Crossed(nn.Module):
    """Registered conv1, conv2, bn1, bn2; executed conv1, bn2, conv2, bn1."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(4)
        self.bn2 = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn1(self.conv2(torch.relu(self.bn2(self.conv1(x))))))


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


def images(*shape: int) -> Tensor:
    return torch.randn(shape or (2, 3, 8, 8), generator=torch.Generator().manual_seed(3))


def test_chain_becomes_one_convolution_with_the_textbook_weights() -> None:
    conv, bn = nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5)
    model = randomise_(nn.Sequential(conv, bn, nn.ReLU()))

    result = fold_and_compare(model, images())

    assert result.folded == (("0", "1"),)
    assert result.kept == ()
    assert isinstance(result.module[1], nn.Identity)
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    expected_bias = bn.bias + scale * (conv.bias - bn.running_mean)
    torch.testing.assert_close(result.module[0].weight, conv.weight * scale[:, None, None, None])
    torch.testing.assert_close(result.module[0].bias, expected_bias)


def test_folding_follows_execution_and_not_registration() -> None:
    result = fold_and_compare(randomise_(Crossed()), images())

    assert set(result.folded) == {("conv1", "bn2"), ("conv2", "bn1")}
    assert result.kept == ()


@pytest.mark.parametrize(("wire", "reason"), KEPT.values(), ids=KEPT)
def test_batchnorm_stays_with_a_reason(
    wire: Callable[[Wired, Tensor], Tensor], reason: str
) -> None:
    result = fold_and_compare(randomise_(Wired(wire)), images())

    assert result.folded == ()
    [(name, got)] = result.kept
    assert name == "bn"
    assert reason in got


def test_reading_a_shape_is_no_use() -> None:
    def wire(m: Wired, x: Tensor) -> Tensor:
        y = m.conv(x)
        assert y.size(0) == y.shape[0] == len(y)
        assert y.dim() == y.ndim == 4
        return m.bn(y)

    result = fold_and_compare(randomise_(Wired(wire)), images())

    assert result.folded == (("conv", "bn"),)


def test_identity_between_does_not_matter() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Identity(), nn.BatchNorm2d(4))

    assert fold_and_compare(randomise_(model), images()).folded == (("0", "2"),)


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


@pytest.mark.parametrize(
    ("layer", "bn", "shape"),
    [
        pytest.param(nn.Linear(6, 4), nn.BatchNorm1d(4), (5, 6), id="linear"),
        pytest.param(nn.Linear(6, 4, bias=False), nn.BatchNorm1d(4), (5, 6), id="no-bias"),
        pytest.param(nn.Conv1d(3, 4, 3), nn.BatchNorm1d(4), (2, 3, 9), id="conv1d"),
        pytest.param(nn.Conv3d(2, 4, 2), nn.BatchNorm3d(4), (2, 2, 4, 4, 4), id="conv3d"),
        pytest.param(nn.Conv2d(4, 6, 3, groups=2), nn.BatchNorm2d(6), (2, 4, 6, 6), id="grouped"),
        pytest.param(nn.Conv2d(4, 8, 3, groups=4), nn.BatchNorm2d(8), (2, 4, 6, 6), id="depthwise"),
        pytest.param(
            nn.Conv2d(3, 4, 3, padding="same", dilation=2, padding_mode="reflect"),
            nn.BatchNorm2d(4),
            (2, 3, 8, 8),
            id="same-dilated-reflect",
        ),
        pytest.param(
            nn.ConvTranspose1d(4, 3, 3, stride=2), nn.BatchNorm1d(3), (2, 4, 5), id="transposed1d"
        ),
        pytest.param(
            nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2, bias=False),
            nn.BatchNorm2d(6),
            (2, 4, 5, 5),
            id="transposed-grouped",
        ),
        pytest.param(
            nn.ConvTranspose3d(2, 3, 2), nn.BatchNorm3d(3), (2, 2, 3, 3, 3), id="transposed3d"
        ),
        pytest.param(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, affine=False), (2, 3, 8, 8), id="no-affine"
        ),
    ],
)
def test_each_kind_of_layer_folds(layer: nn.Module, bn: nn.Module, shape: tuple[int, ...]) -> None:
    model = nn.Sequential(layer, bn, nn.ReLU())

    result = fold_and_compare(randomise_(model), images(*shape))

    assert result.folded == (("0", "1"),)


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


def test_given_model_and_random_state_stay_as_they_were() -> None:
    model = randomise_(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)))
    model.train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    random_state = torch.get_rng_state()

    result = fold_batchnorm(model, images())

    assert model.training
    assert not any(module.training for module in result.module.modules())
    assert isinstance(model[1], nn.BatchNorm2d)
    for key, value in model.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert not any(m._forward_hooks for m in (*model.modules(), *result.module.modules()))


def test_frozen_weights_stay_frozen() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4))
    model[0].weight.requires_grad_(False)

    layer = fold_batchnorm(model, images()).module[0]

    assert not layer.weight.requires_grad
    assert not layer.bias.requires_grad


def test_one_batchnorm_under_two_names_is_replaced_everywhere() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
            self.parts = nn.ModuleList([self.norm])

        def forward(self, x: Tensor) -> Tensor:
            return self.parts[0](self.conv(x))

    result = fold_and_compare(randomise_(Net()), images())

    assert result.folded == (("conv", "norm"),)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in result.module.modules())


def test_resnet18_folds_whole() -> None:
    torch.manual_seed(1)
    model = randomise_(torchvision.models.resnet18(weights=None)).train()

    result = fold_and_compare(model, images(2, 3, 64, 64))

    assert len(result.folded) == 20
    assert result.kept == ()
    assert ("layer2.0.downsample.0", "layer2.0.downsample.1") in result.folded


def test_wrong_example_is_named() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))

    with pytest.raises(InputError, match=r"example must be .* got shape \(2, 5, 8, 8\)"):
        fold_batchnorm(model, images(2, 5, 8, 8))


def test_model_that_cannot_be_copied_is_named() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.LazyBatchNorm2d())

    with pytest.raises(InputError, match=r"copied, got ValueError: Attempted .* forward pass"):
        fold_batchnorm(model, images())


def test_folding_checks_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: a wrong fold must not pass in silence."""
    model = randomise_(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    monkeypatch.setattr(fold_module, "_absorb_", lambda layer, bn: layer)

    with pytest.raises(AnalogsimError, match=r"folding 1 BatchNorm .* difference of \d"):
        fold_batchnorm(model, images())


def test_folding_sees_values_that_are_no_longer_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(layer: nn.Module, bn: nn.Module) -> nn.Module:
        layer.weight.data.fill_(float("nan"))
        return layer

    model = randomise_(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    monkeypatch.setattr(fold_module, "_absorb_", spoil)

    with pytest.raises(AnalogsimError, match="difference of inf"):
        fold_batchnorm(model, images())
