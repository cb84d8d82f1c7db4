"""A linear layer of weights that are there already."""

from torch import Tensor, nn


def linear_of(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    """An `nn.Linear` in eval mode with copies of `weight`, (out, in), and `bias`, (out,)."""
    n_out, n_in = weight.shape
    # On the device meta nothing is drawn from the caller's random numbers.
    layer = nn.Linear(n_in, n_out, bias=bias is not None, device="meta").eval()
    # Memory of its own: what lies in whose memory tells whose products are counted.
    layer.weight = nn.Parameter(weight.detach().clone(), requires_grad=False)
    if bias is not None:
        layer.bias = nn.Parameter(bias.detach().clone(), requires_grad=False)
    return layer
