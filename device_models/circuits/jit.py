"""`ladder` and `coupled` compiled by numba (extra `fast`), many outputs side by side.

The compiled code is kept beside this file, or in numba's own folder where that cannot be written.
Sums have a fixed order: no number depends on threads. `fastmath` is not used. What is kept for
every cell is passed over as few times as can be: it does not fit into the inner caches.
"""

import numpy as np
from numba import njit

_WIDTH = 32


def _compile(function):
    try:
        return njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # nowhere to keep it
        return njit(nogil=True, error_model="numpy")(function)


@_compile
def eliminate(g, between, end, first, t, s):
    """Fill t and s (nodes, ladders); see `ladder.Ladders.of`."""
    last, ladders = g.shape[0] - 1, g.shape[1]
    seen = first.copy()
    for i in range(last):
        r = between[i]
        for j in range(ladders):
            here = g[i, j] + seen[j]
            left = 1 / (1 + r * here)
            t[i, j] = left
            s[i, j] = r * left
            seen[j] = here * left
    for j in range(ladders):
        here = g[last, j] + seen[j]
        open_end = np.isinf(end[j])
        left = 0.0 if open_end else 1 / (1 + end[j] * here)
        t[last, j] = left
        s[last, j] = 1 / here if open_end else end[j] * left


# Loops of their own over vectors of their own: only so does the compiler make vectors of them. One
# that copies, too: `out[:] = x` would compile numpy's check of shapes and its message with it, half
# of all that is compiled here.
@njit(forceinline=True)
def _copy(out, x):
    for c in range(out.size):
        out[c] = x[c]


@njit(forceinline=True)
def _scale(out, a, x):
    for c in range(out.size):
        out[c] = a * x[c]


@njit(forceinline=True)
def _mix(out, a, x, b, y):
    for c in range(out.size):
        out[c] = a * x[c] + b * y[c]


@njit(forceinline=True)
def _add(out, x, b, y):
    for c in range(out.size):
        out[c] = x[c] + b * y[c]


@njit(forceinline=True)
def _add_product(out, a, x, y):
    for c in range(out.size):
        out[c] += a * x[c] * y[c]


@njit(forceinline=True)
def _add_each(out, x, factors, y):
    for c in range(out.size):
        out[c] = x[c] + factors[c] * y[c]


@njit(nogil=True, error_model="numpy")
def _through_row(g, t, s, x, f):
    """f (outputs, width): voltages of one row while currents g x enter its nodes."""
    last = g.size - 1
    _scale(f[last], g[last], x[last])
    for k in range(last):
        j = last - 1 - k
        _mix(f[j], g[j], x[j], t[j + 1], f[j + 1])
    _scale(f[0], s[0], f[0])
    for j in range(last):
        _mix(f[j + 1], s[j + 1], f[j + 1], t[j + 1], f[j])


@njit(nogil=True, error_model="numpy")
def _down(t, s, r, w, minus_alpha, step, z, part, gamma):
    """r -= alpha w, from the second step on; z: first half of the columns' voltages of r.

    gamma (width,): r times those voltages, which is s z z of the first half.
    """
    rows, columns = t.shape
    gamma[:] = 0
    for i in range(rows):
        own, put = r[i], z[i]
        part[:] = 0
        if step > 0:
            there = w[i]
            for j in range(columns):
                _add_each(own[j], own[j], minus_alpha, there[j])
        if i == 0:
            for j in range(columns):
                _copy(put[j], own[j])
        else:
            above = z[i - 1]
            for j in range(columns):
                _add(put[j], own[j], t[i - 1, j], above[j])
        for j in range(columns):
            _add_product(part, s[i, j], put[j], put[j])
        for c in range(gamma.size):
            gamma[c] += part[c]


@njit(nogil=True, error_model="numpy")
def _up(t, s, z, i):
    """Second half, of one row."""
    rows, columns = t.shape
    put = z[i]
    if i == rows - 1:
        for j in range(columns):
            _scale(put[j], s[i, j], put[j])
    else:
        below = z[i + 1]
        for j in range(columns):
            _mix(put[j], s[i, j], put[j], t[i, j], below[j])


@njit(nogil=True, error_model="numpy")
def _row(g, t, s, to_input, r, z, w, beta, step, f, part, along):
    """w becomes S z + beta w, of one row; part (width,): z S z; along (width,): currents of z."""
    _through_row(g, t, s, z, f)
    part[:] = 0
    along[:] = 0
    for j in range(g.size):
        _add(f[j], r[j], -g[j], f[j])
        _add_each(part, part, z[j], f[j])
        _add(along, along, to_input[j], z[j])
    # What lies in w at the first step is not a number.
    if step == 0:
        for j in range(g.size):
            _copy(w[j], f[j])
    else:
        for j in range(g.size):
            _add_each(w[j], f[j], beta, w[j])


@_compile
def coupled(g, t_row, s_row, to_input, t_column, s_column, profile, tolerance, most, found):
    """Fill `found` (inputs, outputs), float64; whether it has converged. See `coupled.coupled`.

    All other arrays have the type that is computed in; what grows is float64.
    """
    rows, columns = g.shape
    kind, wide = g.dtype, min(_WIDTH, columns)
    r = np.empty((rows, columns, wide), kind)
    z, w = np.empty_like(r), np.empty_like(r)
    f, x = np.empty((columns, wide), kind), np.empty((columns, wide), kind)
    part, along = np.empty(wide, kind), np.empty(wide, kind)
    ahead, back = np.empty(wide, kind), np.empty(wide, kind)
    direction = np.empty((rows, wide))
    gamma, before, goal = np.empty(wide), np.empty(wide), np.empty(wide)
    alpha, beta, curved = np.empty(wide), np.empty(wide), np.empty(wide)
    for first in range(0, columns, _WIDTH):
        width = min(_WIDTH, columns - first)
        x[:] = 0
        for i in range(rows):
            for c in range(width):
                x[first + c, c] = profile[i, first + c]
                found[i, first + c] = to_input[i, first + c] * profile[i, first + c]
            _through_row(g[i], t_row[i], s_row[i], x, f)
            for j in range(columns):
                for c in range(wide):
                    r[i, j, c] = g[i, j] * f[j, c]
        direction[:] = 0
        before[:] = 0
        alpha[:] = 0
        ahead[:] = 0
        done = False
        for step in range(most):
            _down(t_column, s_column, r, w, ahead, step, z, part, gamma)
            if step == 0:
                for c in range(wide):
                    goal[c] = tolerance * tolerance * gamma[c]
            done = True
            for c in range(wide):
                done = done and not gamma[c] > goal[c]
                beta[c] = gamma[c] / before[c] if before[c] > 0 else 0.0
                back[c] = beta[c]
            if done:
                break
            curved[:] = 0
            for i in range(rows - 1, -1, -1):
                _up(t_column, s_column, z, i)
                _row(
                    g[i],
                    t_row[i],
                    s_row[i],
                    to_input[i],
                    r[i],
                    z[i],
                    w[i],
                    back,
                    step,
                    f,
                    part,
                    along,
                )
                for c in range(wide):
                    curved[c] += part[c]
                    direction[i, c] = along[c] + beta[c] * direction[i, c]
            for c in range(wide):
                bent = curved[c] - (beta[c] * gamma[c] / alpha[c] if alpha[c] > 0 else 0.0)
                alpha[c] = gamma[c] / bent if gamma[c] > goal[c] and bent > 0 else 0.0
                before[c] = gamma[c]
                ahead[c] = -alpha[c]
            for i in range(rows):
                for c in range(width):
                    found[i, first + c] += alpha[c] * direction[i, c]
        if not done:
            return False
    return True
