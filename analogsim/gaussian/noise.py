"""The noise of one spec on one network, ready to draw."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from analogsim.draws import cpu
from analogsim.draws.stream import Stream, check_seed, check_word
from analogsim.errors import InputError
from analogsim.gaussian.flat import FlatWeights, Segment
from analogsim.gaussian.lazy import import_launch
from analogsim.gaussian.spec import NoiseSpec

if TYPE_CHECKING:
    from analogsim.gaussian.launch import Tables

DTYPES = (torch.float32, torch.bfloat16, torch.float16)


class Noise:
    """Draws noisy weights: trial r is a function of (seed, r), whatever else is drawn.

    Sigma is measured once, on the clean values. On a CPU the stream runs through numba or numpy,
    on a CUDA device through one Triton launch (two with channels_last weights).

    Args:
        flat: the network's tensors; see `flatten_`.
        spec: what is noised, and by how much. Tensors out of its scope stay clean.
        seed: the stream's key, 0 <= seed < 2^64.

    Raises:
        InputError: a seed out of range, or a device that is neither.
    """

    def __init__(self, flat: FlatWeights, spec: NoiseSpec, *, seed: int) -> None:
        check_seed(seed)
        if flat.clean.device.type not in ("cpu", "cuda"):
            raise InputError(
                f"noise device must be cpu or cuda, got {flat.clean.device}; move the network"
            )
        self.flat, self.spec, self.seed = flat, spec, seed
        self.layout = _layout(flat, spec)
        self._tables: Tables | None = None
        self._key: Tensor | None = None
        self._pieces: tuple[cpu.Piece, ...] | None = None
        self._spread: Tensor | None = None

    def apply_(self, trial: int) -> FlatWeights:
        """Give the network the noisy weights of a trial; `flat.restore_()` takes them back.

        Raises:
            InputError: a trial out of range, or a network that was moved after flattening.
        """
        self.flat.check_attached()
        self._write(self.flat.live, (trial,))
        return self.flat

    def copies(self, trials: Sequence[int], *, dtype: torch.dtype = torch.float32) -> Tensor:
        """Noisy copies (len(trials), n) of the flat buffer; `flat.views` looks into them.

        Raises:
            InputError: a trial out of range, or a type that is not a float of 16 or 32 bits.
        """
        if dtype not in DTYPES:
            raise InputError(
                f"noise dtype must be float32, bfloat16 or float16, got {dtype}; convert the copy"
            )
        n, device = self.flat.clean.numel(), self.flat.clean.device
        on_cpu = device.type == "cpu"
        # The CPU writes tensors only, a kernel the padding too.
        make = torch.zeros if on_cpu else torch.empty
        out = make((len(trials), n), dtype=torch.float32 if on_cpu else dtype, device=device)
        self._write(out, trials)
        return out.to(dtype)

    def fast_(self, generator: torch.Generator | None = None) -> FlatWeights:
        """As `apply_` with draws of torch's own generator: they have no address.

        The draws depend on all calls before and on how the network is laid out.

        Raises:
            InputError: multiplicative noise, clamped variances, or not on the CPU.
        """
        self.flat.check_attached()
        device = self.flat.clean.device
        if device.type != "cpu" or self.layout.multiplicative or self._has_floor():
            raise InputError(
                "fast noise must be additive, unclamped and on the cpu, got "
                f"{self.spec.kind}, {self.spec.variance} and {device}; use apply_"
            )
        if self._pieces is None or self._spread is None:
            self._pieces, self._spread = _fast_plan(self.flat, self.layout)
        live, clean = self.flat.live, self.flat.clean
        cpu.fast_noisy_(live, clean, self._spread, self._pieces, generator)
        return self.flat

    def tables(self) -> "Tables":
        """The kernels' tables on the GPU; made at the first call."""
        if self._tables is None:
            self._tables = import_launch().make_tables(self.flat, self.layout)
        return self._tables

    def key(self) -> Tensor:
        """The kernels' key on the GPU; made at the first call."""
        if self._key is None:
            key_words = import_launch().key_words
            self._key = key_words(self.seed, Stream.WEIGHT_NOISE, self.flat.clean.device)
        return self._key

    def _has_floor(self) -> bool:
        return bool(np.isfinite(self.layout.floor).any())

    def _write(self, out: Tensor, trials: Sequence[int]) -> None:
        for trial in trials:
            check_word("trial", trial)
        if not trials:
            return
        if out.device.type == "cpu":
            for row, trial in zip(out.view(len(trials), -1), trials, strict=True):
                cpu.noisy_(row, self.flat.clean, self.layout, seed=self.seed, trial=trial)
            return
        launch = import_launch()
        numbers = launch.words(trials, out.device)
        launch.write_copies_(out, self.flat, self.tables(), self.key(), numbers)


def _layout(flat: FlatWeights, spec: NoiseSpec) -> cpu.Layout:
    rows = [(s.offset, s.size, s.tensor, s.inner, s.kernel) for s in flat.segments]
    spreads = [
        spec.sigma(segment.view(flat.clean), segment.role).cpu() for segment in flat.segments
    ]
    columns = np.empty(0, dtype=np.float32)
    if any(spread.dim() for spread in spreads):
        columns = np.zeros(flat.clean.numel(), dtype=np.float32)
        for segment, spread in zip(flat.segments, spreads, strict=True):
            # An output column is a run in memory, in either memory format.
            each = segment.size // max(spread.numel(), 1)
            part = slice(segment.offset, segment.offset + segment.size)
            columns[part] = spread.reshape(-1).repeat_interleave(each).numpy()
    return cpu.Layout(
        table=np.array(rows, dtype=np.int64),
        sigma=np.array([float(s) if s.dim() == 0 else math.nan for s in spreads], np.float32),
        floor=np.array([_floor(spec, segment) for segment in flat.segments], np.float32),
        columns=columns,
        multiplicative=spec.kind == "multiplicative",
    )


def _floor(spec: NoiseSpec, segment: Segment) -> float:
    return spec.floor(segment.role) if segment.role in spec.scope else -math.inf


def _fast_plan(flat: FlatWeights, layout: cpu.Layout) -> tuple[tuple[cpu.Piece, ...], Tensor]:
    """Pieces of the buffer and sigma of each element; the padding has sigma 0."""
    if layout.columns.size:
        return cpu.pieces([(0, len(layout.columns), None)]), torch.from_numpy(layout.columns)
    spread = torch.zeros_like(flat.clean)
    spans: list[tuple[int, int, float | None]] = []
    for segment, sigma in zip(flat.segments, layout.sigma, strict=True):
        stop = segment.offset + segment.size
        spread[segment.offset : stop] = float(sigma)
        spans.append((segment.offset, stop, float(sigma)))
    return cpu.pieces(spans), spread
