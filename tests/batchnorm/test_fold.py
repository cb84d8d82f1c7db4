"""BatchNorm folding: what is folded, and that the output stays the same."""

import pytest
import torch
import torchvision
from torch import Tensor, nn

from analogsim.batchnorm import fold as fold_module
from analogsim.batchnorm import fold_batchnorm
from analogsim.errors import AnalogsimError, InputError
from tests.batchnorm.compare import fold_and_compare, images, randomise_


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


def test_reading_a_shape_is_no_use() -> None:
    class Reading(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            y = self[0](x)
            assert y.size(0) == y.shape[0] == len(y)
            assert y.dim() == y.ndim == 4
            return self[1](y)

    model = Reading(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))

    assert fold_and_compare(randomise_(model), images()).folded == (("0", "1"),)


def test_identity_between_does_not_matter() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Identity(), nn.BatchNorm2d(4))

    assert fold_and_compare(randomise_(model), images()).folded == (("0", "2"),)


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
    model = nn.Sequential(layer, bn)

    result = fold_and_compare(randomise_(model), images(*shape))

    assert result.folded == (("0", "1"),)


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
