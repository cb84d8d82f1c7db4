"""Modules that hide their products, each written with `nn.Linear`: one kind a file.

A rewrite changes the module that it is given, which is a copy of the user's, and returns it. What
the module is called with, gives and is asked for stays the same, but its weights lie in layers.
"""

from collections.abc import Callable

from torch import nn

from analogsim.crossbar.conversion.rewrites.attention import project_attention_
from analogsim.crossbar.conversion.rewrites.linear import linear_of
from analogsim.crossbar.conversion.rewrites.recurrent import step_recurrent_
from analogsim.crossbar.conversion.rewrites.transposed import transpose_

__all__ = ["REWRITES", "key_of", "linear_of"]

REWRITES: dict[type[nn.Module] | str, Callable[[nn.Module], nn.Module]] = {
    nn.MultiheadAttention: project_attention_,
    nn.LSTM: step_recurrent_,
    nn.GRU: step_recurrent_,
    nn.RNN: step_recurrent_,
    "transformers.pytorch_utils.Conv1D": transpose_,
}
"""By the very class, or by its full name where it is of a library that need not be there."""


def key_of(module: nn.Module) -> type[nn.Module] | str | None:
    """The key of a module in `REWRITES`; None for one that hides nothing."""
    kind = type(module)
    full = f"{kind.__module__}.{kind.__qualname__}"
    return kind if kind in REWRITES else full if full in REWRITES else None
