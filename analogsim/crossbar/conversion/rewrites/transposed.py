"""transformers' `Conv1D` (GPT-2), a linear layer whose weight is stored as (in, out)."""

from torch import Tensor, nn


def transpose_(module: nn.Module) -> nn.Module:
    """Make it an `nn.Linear` with the weight as torch stores it; its class changes."""
    weight = module._parameters["weight"]
    assert isinstance(weight, Tensor)
    module.__class__ = nn.Linear
    assert isinstance(module, nn.Linear)
    module.in_features, module.out_features = weight.shape
    module.weight = nn.Parameter(weight.detach().t().contiguous(), requires_grad=False)
    return module
