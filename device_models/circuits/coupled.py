"""Rows and columns with resistance: conjugate gradients with the columns' ladders in front.

With the outputs one after the other at 1 V and all inputs at 0 V, the current into an input is what
that output gets from the input at 1 V (reciprocity). Column voltages x solve

    (A - G W G) x = b,    A the columns' ladders, W the rows' ladders inverted, G the cells.

With A alone the answer is a product of two ladders; the correction to it is what conjugate
gradients find, in the form of Chronopoulos and Gear (J. Comput. Appl. Math. 25:153-168, 1989,
doi 10.1016/0377-0427(89)90045-9), whose directions need not be kept: only their currents are asked
for. All outputs go at once, each with its own step.
"""

import numpy as np

from device_models.circuits import ladder
from device_models.circuits.ladder import Floats, Ladders

MOST_ITERATIONS = 2000
_AT_ONCE = 1 << 20
"""Unknowns that plain numpy works on at once, in all outputs together."""

_COARSE = 1e-5
"""The tolerance from which on single precision is enough for the correction."""


def coupled(
    g: Floats, rows: Ladders, columns: Ladders, profile: Floats, tolerance: float
) -> Floats | None:
    """(inputs, outputs): currents of the inputs per volt at each output, siemens.

    Args:
        g: cells, (inputs, outputs), siemens.
        rows: ladders of the rows, from their open ends to their drivers: (outputs, inputs), with
            the last column first.
        columns: (inputs, outputs).
        profile: (inputs, outputs), voltages of each column by itself with its output at 1 V.
        tolerance: at which the correction counts as found, relative to itself.

    Returns:
        None where it is not found in `MOST_ITERATIONS`.
    """
    # To the order of the columns: node j lies behind the segment from node j - 1.
    t_row, s_row = (np.ascontiguousarray(one[::-1].T) for one in (rows.t, rows.s))
    to_input = np.cumprod(t_row, axis=1) * g
    jit = ladder.compiled()
    if jit is not None:
        found = np.empty_like(g)
        kind = np.float32 if tolerance >= _COARSE else np.float64
        given = (g, t_row, s_row, to_input, columns.t, columns.s, profile)
        own = (np.ascontiguousarray(one, dtype=kind) for one in given)
        return found if jit.coupled(*own, tolerance, MOST_ITERATIONS, found) else None
    outputs = g.shape[1]
    width = max(1, _AT_ONCE // g.size)
    parts = [
        _some(g, rows, columns, to_input, profile, slice(at, at + width), tolerance)
        for at in range(0, outputs, width)
    ]
    whole = [part for part in parts if part is not None]
    return np.concatenate(whole, axis=1) if len(whole) == len(parts) else None


def _some(
    g: Floats,
    rows: Ladders,
    columns: Ladders,
    to_input: Floats,
    profile: Floats,
    outputs: slice,
    tolerance: float,
) -> Floats | None:
    """As `coupled`, of some outputs, (inputs, some)."""
    cells = g[:, :, None]

    def through_rows(x: Floats) -> Floats:
        flipped = np.ascontiguousarray((cells * x)[:, ::-1].swapaxes(0, 1))
        return cells * rows.solve_(flipped).swapaxes(0, 1)[:, ::-1]

    start = profile[:, :, None] * np.eye(g.shape[1])[:, outputs]
    currents: Floats = np.einsum("ij,ijc->ic", to_input, start)
    r = through_rows(start)
    s = np.zeros_like(r)
    direction = np.zeros_like(currents)
    gamma, alpha = np.zeros(r.shape[2]), np.ones(r.shape[2])
    goal = None
    for _ in range(MOST_ITERATIONS):
        z = columns.solve_(r.copy())
        before, gamma = gamma, np.einsum("ijc,ijc->c", r, z)
        if goal is None:
            goal = tolerance**2 * gamma
        going = gamma > goal
        if not going.any():
            return currents
        beta = np.where(before > 0, gamma / np.where(before > 0, before, 1), 0)
        w = r - through_rows(z)
        bent = np.einsum("ijc,ijc->c", z, w) - beta * gamma / alpha
        # A direction that is all rounding takes no step.
        alpha = np.where(going & (bent > 0), gamma / np.where(bent > 0, bent, 1), 0)
        s = w + beta * s
        direction = np.einsum("ij,ijc->ic", to_input, z) + beta * direction
        currents += alpha * direction
        r -= alpha * s
        alpha = np.where(alpha > 0, alpha, np.inf)
    return None
