"""What a layer's tiles answer to unit inputs, and their places in its weight, compiled (numba).

Importing this file needs numba (extra `fast`); see `pcm_jit.py`.
"""

import numpy as np
from numba import njit

from analogsim.draws.jit import compile_, normals
from analogsim.draws.stream import Floats, Table, UInts

START, ROWS, COLUMNS, WORD, FIRST_ROW, HOME, WIDTH, FIRST_COLUMN, KERNEL = range(9)
"""Columns of a table of tiles, one row a tile: place of its weights, shape, word in the stream's
counter, and place in arrays of all tiles' rows; then where its weights belong: place of its first
row in the layers' weights, width of a row there, first column, and kernel size."""

SCRATCH = 2048
"""Normals drawn at a time: they stay in the innermost cache. A multiple of 4."""

_ZERO = np.float32(0)


@njit(forceinline=True)
def clip(x, low, high):
    x = low if x < low else x
    return high if x > high else x


@njit(nogil=True)
def _answer(out, weights, z, edge):
    full, sigma, step, bound = edge[0], edge[1], edge[2], edge[3]
    for j in range(out.size):
        a = weights[j] * full + sigma * z[j]
        a = np.rint(a / step) * step if step > _ZERO else a
        out[j] = clip(a, -bound, bound)


@njit(nogil=True, error_model="numpy")
def answer_tile(out, weights, z, edge, address):
    for first in range(0, out.size, SCRATCH):
        count = min(SCRATCH, out.size - first)
        if edge[1] > _ZERO:
            normals(z, (count + 3) // 4 * 4, first // 4, address)
        part = slice(first, first + count)
        _answer(out[part], weights[part], z, edge)


@njit(nogil=True)
def sum_rows(sums, x, columns):
    # Eight sums side by side, which one vector holds.
    for r in range(sums.size):
        row = x[r * columns : (r + 1) * columns]
        a = b = c = d = e = f = g = h = _ZERO
        for i in range(columns // 8):
            eight = row[8 * i : 8 * i + 8]
            a += abs(eight[0])
            b += abs(eight[1])
            c += abs(eight[2])
            d += abs(eight[3])
            e += abs(eight[4])
            f += abs(eight[5])
            g += abs(eight[6])
            h += abs(eight[7])
        for j in range(columns // 8 * 8, columns):
            a += abs(row[j])
        sums[r] = np.float64((a + b) + (c + d)) + np.float64((e + f) + (g + h))


@compile_
def answers(
    by_output: np.ndarray,
    by_tile: np.ndarray,
    weights: Floats,
    table: Table,
    edge: Floats,
    words: UInts,
) -> None:
    """Find the means of |answers| to unit inputs.

    Args:
        by_output: (rows,), float64, filled with the mean over the inputs of each output.
        by_tile: (tiles,), float64, filled with the mean over each tile.
        weights: (n,), tile after tile.
        table: as in `program`.
        edge: full scale of the DAC, output noise, step of the ADC (0 is none), and bound; or
            bound 0 for the weights themselves.
        words: as in `program`.
    """
    # Without noise nothing is drawn, and what happens to lie there times 0 may be NaN.
    z = np.zeros(SCRATCH, dtype=np.float32)
    scratch = np.empty(0 if edge[3] == _ZERO else most_weights(table), dtype=np.float32)
    address = words.copy()
    for t in range(table.shape[0]):
        start, rows, columns = table[t, START], table[t, ROWS], table[t, COLUMNS]
        read = weights[start : start + rows * columns]
        if edge[3] > _ZERO:
            address[0] = np.uint32(table[t, WORD])
            answer_tile(scratch[: read.size], read, z, edge, address)
            read = scratch[: read.size]
        lines = slice(table[t, FIRST_ROW], table[t, FIRST_ROW] + rows)
        by_tile[t] = means(by_output[lines], read, columns)


@njit(nogil=True, error_model="numpy")
def means(by_output, x, columns):
    """Fill the mean |x| of each row, (rows,); gives that of all."""
    sum_rows(by_output, x, columns)
    total = 0.0
    for r in range(by_output.size):
        total += by_output[r]
        by_output[r] /= columns
    return total / (columns * by_output.size)


@njit(nogil=True)
def most_weights(table):
    most = 0
    for t in range(table.shape[0]):
        most = max(most, table[t, ROWS] * table[t, COLUMNS])
    return most


@njit(nogil=True)
def place_tile(home, tile, row, alphas, factors):
    """Put a tile's weights (out, in) where they belong, times its rows' factors and alpha.

    From the tile's order (out, channel, kernel) to memory's (out, kernel, channel).
    """
    columns, width, kernel = row[COLUMNS], row[WIDTH], row[KERNEL]
    first = row[FIRST_COLUMN]
    channels = width // kernel
    for r in range(row[ROWS]):
        own = tile[r * columns : (r + 1) * columns]
        base = row[HOME] + r * width
        by = factors[r] * alphas[r if alphas.size > 1 else 0]
        if kernel == 1:
            part = home[base + first : base + first + columns]
            for j in range(columns):
                part[j] = own[j] * by
            continue
        for k in range(kernel):
            # Channels whose column c * kernel + k lies on the tile.
            low = (first - k + kernel - 1) // kernel
            high = (first + columns - k + kernel - 1) // kernel
            part = home[base + k * channels + low : base + k * channels + high]
            own_k = own[low * kernel + k - first :: kernel]
            for c in range(high - low):
                part[c] = own_k[c] * by


@compile_
def place(
    home: Floats,
    weights: Floats,
    table: Table,
    alphas: Floats,
    by_output: bool,
    factors: Floats,
) -> None:
    """Put tiles' weights into those of their layers, in memory order, times two factors a row.

    Args:
        home: (n,), of all layers in the table's places.
        weights: (n,), tile after tile.
        table: as in `program`.
        alphas: (rows,) if `by_output`, else (tiles,).
        factors: (rows,).
    """
    for t in range(table.shape[0]):
        start, rows = table[t, START], table[t, ROWS]
        own = weights[start : start + rows * table[t, COLUMNS]]
        lines = slice(table[t, FIRST_ROW], table[t, FIRST_ROW] + rows)
        alpha = alphas[lines] if by_output else alphas[t : t + 1]
        place_tile(home, own, table[t], alpha, factors[lines])
