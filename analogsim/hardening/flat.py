"""Tensors as the compiled passes over memory take them: their elements in a row."""

import functools
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@functools.cache
def compiled() -> ModuleType | None:
    """The compiled passes, where numba is installed (extra `fast`)."""
    try:
        from analogsim.hardening import converters_jit
    except ImportError:
        return None
    return converters_jit


def is_plain(x: Tensor) -> bool:
    """Whether they have elements of a kind for it, on a CPU."""
    return x.is_cpu and x.dtype in (torch.float32, torch.bfloat16) and x.numel() > 0


def is_dense(x: Tensor) -> bool:
    """Whether the elements lie without gaps, in one of torch's orders."""
    last = x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)
    return last or x.is_contiguous()


def flat(x: Tensor) -> NDArray[Any]:
    """A dense tensor's elements in memory order, bfloat16 as its bits."""
    values: NDArray[Any]
    x = x.detach().as_strided((x.numel(),), (1,))
    values = x.view(torch.int16).numpy().view(np.uint16) if x.dtype == torch.bfloat16 else x.numpy()
    return values
