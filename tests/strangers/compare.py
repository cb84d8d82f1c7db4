"""Whether two outputs are the same: classes, keys, shapes, types, memory, values."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def unlike(got: Any, want: Any, within: float | None) -> str | None:
    """In words, where two outputs differ: in class, keys, shape, type or, unless None, values."""
    if isinstance(want, Tensor):
        if not isinstance(got, Tensor):
            return f"{type(got).__name__} in place of a tensor"
        if (got.shape, got.dtype) != (want.shape, want.dtype):
            return f"{tuple(got.shape)} {got.dtype} in place of {tuple(want.shape)} {want.dtype}"
        dense = want.layout == torch.strided
        if dense and want.is_contiguous() and not got.is_contiguous():
            return "not contiguous as the network's own output is: .view(n, -1) fails"
        if within is None:
            return None
        got, want = got.detach(), want.detach()
        if got.is_sparse:
            got, want = got.to_dense(), want.to_dense()
        if not (want.is_floating_point() or want.is_complex()):
            return None if torch.equal(got, want) else "whole numbers differ"
        return _unlike_numbers(got, want, within)
    if isinstance(want, np.ndarray) and isinstance(got, np.ndarray):
        return unlike(torch.from_numpy(got), torch.from_numpy(want), within)
    if type(got).__qualname__ != type(want).__qualname__:
        return f"{type(got).__qualname__} in place of {type(want).__qualname__}"
    if isinstance(want, Mapping):
        if list(got) != list(want):
            return f"keys {list(got)} in place of {list(want)}"
        pairs = [(got[key], want[key]) for key in want]
    elif isinstance(want, list | tuple):
        if len(got) != len(want):
            return f"{len(got)} parts in place of {len(want)}"
        pairs = list(zip(got, want, strict=True))
    elif hasattr(want, "__dict__") and not callable(want):
        if vars(got).keys() != vars(want).keys():
            return f"attributes {list(vars(got))} in place of {list(vars(want))}"
        pairs = [(vars(got)[key], vars(want)[key]) for key in vars(want)]
    else:
        return None if within is None or got == want else f"{got!r} in place of {want!r}"
    return next((fault for a, b in pairs if (fault := unlike(a, b, within))), None)


def _unlike_numbers(got: Tensor, want: Tensor, within: float) -> str | None:
    """The relative error of the norm; where one is NaN or infinite, the other must be it too."""
    finite = want.isfinite()
    same = torch.equal(got.isfinite(), finite) and torch.equal(got.isnan(), want.isnan())
    if not same or not torch.equal(got[~finite].nan_to_num(), want[~finite].nan_to_num()):
        return "other numbers are NaN or infinite"
    error, size = float((got - want)[finite].norm()), float(want[finite].norm())
    bad = not error <= within * size
    return f"differs by {error / size if size else error:.2g}" if bad else None
