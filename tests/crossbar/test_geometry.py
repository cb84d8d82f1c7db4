import pytest
import torch
from torch import nn

from analogsim.crossbar.mapping.geometry import geometry_of, matrix_of

LAYERS = {
    "linear": (lambda: nn.Linear(7, 5), (4, 7)),
    "linear on sequences": (lambda: nn.Linear(7, 5), (4, 3, 7)),
    "conv2d": (lambda: nn.Conv2d(6, 8, 3), (2, 6, 9, 7)),
    "conv2d stride, padding": (lambda: nn.Conv2d(6, 8, (3, 5), 2, (1, 2)), (2, 6, 9, 11)),
    "conv2d dilation": (lambda: nn.Conv2d(6, 8, 3, dilation=2, padding=2), (2, 6, 9, 9)),
    "conv2d groups": (lambda: nn.Conv2d(6, 8, 3, groups=2), (2, 6, 9, 9)),
    "conv2d same": (lambda: nn.Conv2d(6, 8, 3, padding="same"), (2, 6, 9, 9)),
    "conv2d same, even kernel": (lambda: nn.Conv2d(6, 8, (4, 2), padding="same"), (2, 6, 9, 9)),
    "conv2d valid": (lambda: nn.Conv2d(6, 8, 3, padding="valid"), (2, 6, 9, 9)),
    "conv2d reflect": (
        lambda: nn.Conv2d(6, 8, 3, padding=(1, 2), padding_mode="reflect"),
        (2, 6, 9, 9),
    ),
    "conv2d circular": (
        lambda: nn.Conv2d(6, 8, 3, padding=1, padding_mode="circular"),
        (2, 6, 9, 9),
    ),
    "conv2d unbatched": (lambda: nn.Conv2d(6, 8, 3, padding=1), (6, 9, 7)),
    "conv1d": (lambda: nn.Conv1d(6, 8, 3, stride=2, padding=1, dilation=2), (2, 6, 15)),
    "conv1d same groups": (lambda: nn.Conv1d(6, 9, 4, padding="same", groups=3), (2, 6, 15)),
}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@pytest.mark.parametrize("case", LAYERS)
def test_product_and_patches_equal_torch(case):
    make, shape = LAYERS[case]
    torch.manual_seed(0)
    layer = make()
    x = torch.randn(shape)
    expected = layer(x)
    geometry = geometry_of(layer)
    assert geometry.weight_shape == tuple(layer.weight.shape)

    torch.testing.assert_close(geometry.product(x, layer.weight, layer.bias), expected)

    vectors, spatial = geometry.patches(x)
    matrix = matrix_of(layer.weight, geometry)
    parts = vectors.split(geometry.in_features, dim=-1)
    y = torch.cat([part @ m.T for part, m in zip(parts, matrix, strict=True)], dim=-1) + layer.bias
    torch.testing.assert_close(geometry.image(y, spatial), expected, rtol=1e-5, atol=1e-5)
