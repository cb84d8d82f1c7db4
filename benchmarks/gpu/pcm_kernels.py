"""PCM drift, read noise and drift compensation of a whole network as three Triton kernels.

Importing this file needs Triton. The law and its source are in `device_models/pcm.py`; the
formula of one cell a weight is in `pcm.py`. Tiles lie one after the other in flat buffers, each
from a multiple of 64 elements on, with one row of tables a chunk of 64.
"""

import triton
import triton.language as tl

from analogsim.draws.kernels import normals4, word

_SMALLEST: tl.constexpr = tl.constexpr(1e-4)


@triton.jit
def drift_kernel(
    programmed,
    nu,
    drifted,
    chunk_sum,
    time,
    key,
    chunk_tile,
    chunk_block,
    tile_tensor,
    tile_abs_max,
    BLOCK: tl.constexpr,
):
    """Programmed tile weights and their exponents to drifted weights, and sums of |w| a chunk.

    `time` is log2((t + t_0) / t_0), the factor of the read noise, and Q's factor, exponent with its
    sign turned, and largest value; `key` is stream, key low, key high and trial.
    """
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    four = tl.program_id(0) * (BLOCK // 4) + tl.arange(0, BLOCK // 4)
    block = word(chunk_block + four // 16) + (four % 16).to(tl.uint32)
    tensor = word(tile_tensor + tl.load(chunk_tile + four // 16))
    z = normals4(block, tensor, word(key + 3), word(key), word(key + 1), word(key + 2), BLOCK)
    w = tl.load(programmed + at)
    x = tl.abs(w) / tl.load(tile_abs_max + tl.load(chunk_tile + at // 64))
    # x = 0 has log2 -inf and the largest Q; the cell stays at 0.
    power = tl.exp2(tl.log2(x) * tl.load(time + 3))
    q = tl.minimum(power * tl.load(time + 2), tl.load(time + 4))
    kept = tl.exp2(-tl.load(nu + at) * tl.load(time))
    y = w * kept * tl.maximum(tl.fma(q * tl.load(time + 1), z, 1.0), 0.0)
    tl.store(drifted + at, y)
    sums = tl.sum(tl.reshape(tl.abs(y), (BLOCK // 64, 64)), axis=1)
    tl.store(chunk_sum + tl.program_id(0) * (BLOCK // 64) + tl.arange(0, BLOCK // 64), sums)


@triton.jit
def alpha_kernel(
    chunk_sum, alpha, tile_first_chunk, tile_chunks, tile_size, tile_baseline, BLOCK: tl.constexpr
):
    """One tile a program: mean |w| after programming over the mean now, each at least 1e-4."""
    tile = tl.program_id(0)
    first = tl.load(tile_first_chunk + tile)
    count = tl.load(tile_chunks + tile)
    at = tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, count, BLOCK):
        total += tl.load(chunk_sum + first + start + at, mask=start + at < count, other=0.0)
    mean = tl.sum(total) / tl.load(tile_size + tile).to(tl.float32)
    tl.store(alpha + tile, tl.load(tile_baseline + tile) / tl.maximum(mean, _SMALLEST))


@triton.jit
def assemble_kernel(
    drifted,
    out,
    alpha,
    column_scale,
    chunk_tile,
    chunk_block,
    tile_size,
    tile_columns,
    tile_first_column,
    tile_row_stride,
    tile_target,
    tile_scale,
    tile_inner,
    tile_kernel,
    BLOCK: tl.constexpr,
):
    """Tile weights to the network's weights: times alpha and column scale, put in their place."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    chunk = at // 64
    tile = tl.load(chunk_tile + chunk)
    element = tl.load(chunk_block + chunk) * 4 + at % 64
    columns = tl.load(tile_columns + tile)
    row = element // columns
    column = tl.load(tile_first_column + tile) + element - row * columns
    inside = element < tl.load(tile_size + tile)
    scale = tl.load(column_scale + tl.load(tile_scale + tile) + row, mask=inside, other=0.0)
    y = tl.load(drifted + at) * tl.load(alpha + tile) * scale
    kernel = tl.load(tile_kernel + tile)
    place = (column % kernel) * tl.load(tile_inner + tile) + column // kernel
    target = tl.load(tile_target + tile) + row * tl.load(tile_row_stride + tile) + place
    tl.store(out + target, y, mask=inside)
