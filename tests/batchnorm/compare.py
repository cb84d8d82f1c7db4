"""What the tests of folding share: BatchNorm that does something, and the comparison."""

from typing import TypeVar

import torch
from torch import Tensor, nn

from analogsim.batchnorm import BATCHNORMS, FoldResult, fold_batchnorm
from analogsim.batchnorm.affine import running_spread

M = TypeVar("M", bound=nn.Module)

# Rounding of float32 leaves about 1e-6 of the largest output; the promise is 1e-5.
TOLERANCE = 1e-5


def images(*shape: int) -> Tensor:
    return torch.randn(shape or (2, 3, 8, 8), generator=torch.Generator().manual_seed(3))


def randomise_(model: M) -> M:
    """Give every BatchNorm affine parameters and statistics that are not the identity."""
    generator = torch.Generator().manual_seed(7)

    def draw(tensor: Tensor | None, low: float, high: float) -> None:
        if tensor is not None:
            tensor.data.uniform_(low, high, generator=generator)

    for module in model.modules():
        if isinstance(module, BATCHNORMS):
            draw(module.weight, 0.5, 1.5)
            draw(module.bias, -0.5, 0.5)
            draw(module.running_mean, -1.0, 1.0)
            draw(running_spread(module), 0.2, 3.0)
    return model


def relative_error(got: Tensor, expected: Tensor) -> float:
    assert torch.isfinite(expected).all()
    assert torch.isfinite(got).all()
    assert expected.any(), "nothing to compare: every output is 0"
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
