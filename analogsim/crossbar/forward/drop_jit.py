"""The drop along a column, compiled into the passes over outputs; see `mapping/product_law.py`.

Importing this file needs numba (extra `fast`).
"""

import numpy as np
from numba import njit

_CUBIC, _SQUARE, _LINEAR = np.float32(0.05), np.float32(0.2), np.float32(0.5)


@njit(forceinline=True)
def share(a):
    """c(a)."""
    return a * (a * (_CUBIC * a - _SQUARE) + _LINEAR)


@njit(forceinline=True)
def slope(a):
    """The derivative of c(a)."""
    return a * (np.float32(3) * _CUBIC * a - np.float32(2) * _SQUARE) + _LINEAR


@njit(forceinline=True)
def drop(y, current, dropped, unit):
    """Take the drop from `y`, in place; all (n,)."""
    for j in range(y.size):
        y[j] -= share(current[j] * unit) * dropped[j]
