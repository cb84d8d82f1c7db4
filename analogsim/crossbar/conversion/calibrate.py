"""Input ranges: what each tile's DAC takes as full scale.

The range is a quantile of |x| over a tile's inputs. aihwkit's own calibration takes the quantile
of signed inputs, which is wrong for all-negative data, and fails on large tensors (1.1.0, 1.2.0).
Each input counts once, and padding not at all; unfolding would count an inner pixel k * k times.
"""

import math
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn

from analogsim.call import Inputs
from analogsim.crossbar.mapping.geometry import Geometry
from analogsim.crossbar.mapping.layer import CrossbarLayer, Observer, crossbar_layers
from analogsim.draws.strangers import drawn_from
from analogsim.errors import InputError, shown

QUANTILE = 0.99995
"""aihwkit's default for calibrated ranges (`calibrate_input_ranges`)."""

_DROPPED_BITS = 13
"""float32 mantissa bits that a bin ignores: 10 of 23 stay, bins are 2**-10 wide (0.1 %)."""


class AbsQuantile:
    """Streaming quantile of |x| of any number of float32 values, in 2 MB.

    A histogram over the leading bits of the floats, whose bins are 0.1 % wide at any magnitude.
    The result is never below the quantile and at most 0.1 % above it. With more `dropped` bits the
    memory halves and the error doubles for each.
    """

    def __init__(self, dropped: int = _DROPPED_BITS) -> None:
        self._dropped = dropped
        self._counts = torch.zeros(2 ** (31 - dropped), dtype=torch.int64)
        self._largest = 0.0

    def update(self, x: Tensor) -> None:
        """Count the values of `x`, of any shape."""
        if x.numel() == 0:
            return
        values = x.detach().to("cpu", torch.float32).abs().flatten()
        bins = values.view(torch.int32) >> self._dropped
        self._counts += torch.bincount(bins, minlength=len(self._counts))
        self._largest = max(self._largest, float(values.max()))

    def value(self, quantile: float) -> float:
        """The smallest bin edge that at least the share `quantile` of the values lies below."""
        total = int(self._counts.sum())
        if total == 0:
            return 0.0
        needed = min(max(int(-(-quantile * total // 1)), 1), total)
        index = int(torch.searchsorted(self._counts.cumsum(0), torch.tensor(needed)))
        edge = torch.tensor((index + 1) << self._dropped, dtype=torch.int32).view(torch.float32)
        return min(float(edge), self._largest)


def watch(module: nn.Module, batches: Iterable[Inputs], observe: Observer) -> list[CrossbarLayer]:
    """Call `module` with every batch while `observe` looks on at its layers, which are returned."""
    layers = list(crossbar_layers(module).values())
    try:
        for layer in layers:
            layer.observer = observe
        with torch.no_grad(), drawn_from(0):
            for batch in batches:
                batch.clone().call(module)
    finally:
        for layer in layers:
            layer.observer = None
    return layers


def calibrate_(
    module: nn.Module, batches: Iterable[Inputs], quantile: float = QUANTILE
) -> tuple[str, ...]:
    """Set the input range of every tile in `module` from the inputs that its layer sees.

    Args:
        module: the network; its crossbar layers compute with their target weights.
        batches: what the network is called with.
        quantile: the share of |x| that stays below the range, in (0, 1].

    Returns:
        Notes about layers that saw no input or only zeros; their range stays 1.

    Raises:
        InputError: an input batch, or what it makes of a layer's input, is not finite.
    """
    observers: dict[tuple[str, int, int], AbsQuantile] = {}

    def observe(layer: CrossbarLayer, x: Tensor, forward: Callable[[Tensor], Tensor]) -> Tensor:
        if not bool(torch.isfinite(x).all()):
            raise InputError(
                f"layer {layer.name} sees {int((~torch.isfinite(x)).sum())} inputs that are not "
                "finite while its input range is calibrated; mend the calibration data or weights"
            )
        for group, start, stop in _input_slices(layer):
            key = (layer.name, group, start)
            part = _channels(x, layer.geometry, group, start, stop)
            observers.setdefault(key, AbsQuantile()).update(part)
        return forward(x)

    layers = watch(module, batches, observe)
    notes = []
    for layer in layers:
        silent = False
        for tile in layer.tiles:
            seen = observers.get((layer.name, tile.slot.group, tile.slot.inputs.start))
            value = seen.value(quantile) if seen else 0.0
            silent |= value == 0.0
            tile.input_range = value or 1.0
        if silent:
            notes.append(f"layer {layer.name}: a tile saw no input but zeros; its range is 1")
    return tuple(notes)


def set_input_ranges_(module: nn.Module, ranges: Mapping[str, float]) -> tuple[str, ...]:
    """Set the input range of all tiles of some layers, by their names.

    Returns:
        A note on how many layers that are on tiles have one.

    Raises:
        InputError: a range is not above 0, or the network has no such layer.
    """
    layers, modules = crossbar_layers(module), dict(module.named_modules())
    for name, value in ranges.items():
        if name not in modules:
            raise InputError(
                f"input_ranges must name layers of the network, got {shown(name)}; they are of "
                "another network"
            )
        if not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
            raise InputError(
                f"input_ranges of layer {name} must be a number above 0, got {shown(value)}; leave "
                "it out to calibrate it"
            )
    known = [layer for name, layer in layers.items() if name in ranges]
    for layer in known:
        for tile in layer.tiles:
            tile.input_range = float(ranges[layer.name])
    if not known:
        return ()
    return (f"Input ranges of {len(known)} of {len(layers)} layers are those that were given.",)


def _input_slices(layer: CrossbarLayer) -> list[tuple[int, int, int]]:
    slices = {(t.slot.group, t.slot.inputs.start, t.slot.inputs.stop) for t in layer.tiles}
    return sorted(slices)


def _channels(x: Tensor, geometry: Geometry, group: int, start: int, stop: int) -> Tensor:
    """The input channels that rows [start, stop) of a group's matrix read."""
    kernel = geometry.kernel_size
    base = group * (geometry.in_features // kernel)
    first, last = base + start // kernel, base - (-stop // kernel)
    axis = -1 if geometry.kind == "linear" else -1 - len(geometry.kernel)
    return x.narrow(axis, first, last - first)
