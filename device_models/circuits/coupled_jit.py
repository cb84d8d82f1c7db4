"""`coupled` compiled by numba (extra `fast`), four outputs side by side in one vector.

The compiled code is kept beside this file, or in numba's own folder where that cannot be written.
Sums have a fixed order: no number depends on threads. `fastmath` is not used.
"""

import numpy as np
from numba import njit

_WIDTH = 4


def _compile(function):
    try:
        return njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # nowhere to keep it
        return njit(nogil=True, error_model="numpy")(function)


@njit(nogil=True, error_model="numpy")
def _through_row(g, t, s, x, f):
    """f (outputs, 4): voltages of one row while currents g x enter its nodes."""
    last = g.size - 1
    for c in range(_WIDTH):
        f[last, c] = g[last] * x[last, c]
    for j in range(last - 1, -1, -1):
        for c in range(_WIDTH):
            f[j, c] = g[j] * x[j, c] + t[j + 1] * f[j + 1, c]
    for c in range(_WIDTH):
        f[0, c] = s[0] * f[0, c]
    for j in range(1, last + 1):
        for c in range(_WIDTH):
            f[j, c] = s[j] * f[j, c] + t[j] * f[j - 1, c]


@njit(nogil=True, error_model="numpy")
def _columns(t, s, r, z, gamma):
    """z: column voltages of currents r; gamma (4,): r z."""
    rows, columns = t.shape
    z[0] = r[0]
    for i in range(1, rows):
        for j in range(columns):
            for c in range(_WIDTH):
                z[i, j, c] = r[i, j, c] + t[i - 1, j] * z[i - 1, j, c]
    gamma[:] = 0
    for j in range(columns):
        for c in range(_WIDTH):
            z[rows - 1, j, c] *= s[rows - 1, j]
            gamma[c] += r[rows - 1, j, c] * z[rows - 1, j, c]
    for i in range(rows - 2, -1, -1):
        for j in range(columns):
            for c in range(_WIDTH):
                z[i, j, c] = s[i, j] * z[i, j, c] + t[i, j] * z[i + 1, j, c]
                gamma[c] += r[i, j, c] * z[i, j, c]


@njit(nogil=True, error_model="numpy")
def _rows(g, t, s, to_input, r, z, w, beta, f, curved, direction):
    """w becomes S z + beta w; curved (4,): z S z; direction (inputs, 4) goes with it."""
    rows, columns = g.shape
    curved[:] = 0
    for i in range(rows):
        _through_row(g[i], t[i], s[i], z[i], f)
        for c in range(_WIDTH):
            direction[i, c] *= beta[c]
        for j in range(columns):
            for c in range(_WIDTH):
                own = r[i, j, c] - g[i, j] * f[j, c]
                curved[c] += z[i, j, c] * own
                w[i, j, c] = own + beta[c] * w[i, j, c]
                direction[i, c] += to_input[i, j] * z[i, j, c]


@_compile
def coupled(g, t_row, s_row, to_input, t_column, s_column, profile, tolerance, most, found):
    """Fill `found` (inputs, outputs); whether it has converged. See `coupled.coupled`."""
    rows, columns = g.shape
    r = np.empty((rows, columns, _WIDTH))
    z, w = np.empty_like(r), np.empty_like(r)
    f = np.empty((columns, _WIDTH))
    direction = np.empty((rows, _WIDTH))
    gamma, before, goal = np.empty(_WIDTH), np.empty(_WIDTH), np.empty(_WIDTH)
    alpha, beta, curved = np.empty(_WIDTH), np.empty(_WIDTH), np.empty(_WIDTH)
    for first in range(0, columns, _WIDTH):
        width = min(_WIDTH, columns - first)
        z[:] = 0
        w[:] = 0
        direction[:] = 0
        for i in range(rows):
            for c in range(width):
                z[i, first + c, c] = profile[i, first + c]
                found[i, first + c] = to_input[i, first + c] * profile[i, first + c]
            _through_row(g[i], t_row[i], s_row[i], z[i], f)
            for j in range(columns):
                for c in range(_WIDTH):
                    r[i, j, c] = g[i, j] * f[j, c]
        before[:] = 0
        alpha[:] = 0
        done = False
        for step in range(most):
            _columns(t_column, s_column, r, z, gamma)
            if step == 0:
                for c in range(_WIDTH):
                    goal[c] = tolerance * tolerance * gamma[c]
            done = True
            for c in range(_WIDTH):
                done = done and not gamma[c] > goal[c]
                beta[c] = gamma[c] / before[c] if before[c] > 0 else 0.0
            if done:
                break
            _rows(g, t_row, s_row, to_input, r, z, w, beta, f, curved, direction)
            for c in range(_WIDTH):
                bent = curved[c] - (beta[c] * gamma[c] / alpha[c] if alpha[c] > 0 else 0.0)
                alpha[c] = gamma[c] / bent if gamma[c] > goal[c] and bent > 0 else 0.0
                before[c] = gamma[c]
            for i in range(rows):
                for c in range(width):
                    found[i, first + c] += alpha[c] * direction[i, c]
                for j in range(columns):
                    for c in range(_WIDTH):
                        r[i, j, c] -= alpha[c] * w[i, j, c]
        if not done:
            return False
    return True
