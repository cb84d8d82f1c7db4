"""What a network asks of its crossbar for one input, layer by layer: what energy models count with.

Shapes, products and conversions are counted, and inputs and conductances measured, in a pass of
the network with its target weights.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from analogsim.call import Inputs
from analogsim.crossbar.chip.chip import Chip
from analogsim.crossbar.conversion.calibrate import watch
from analogsim.crossbar.forward.conversions import conversions_of, drives, input_slices
from analogsim.crossbar.forward.native import PerfectEngine
from analogsim.crossbar.forward.reads import reads_of_product
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.crossbar.mapping.tile import TileState
from device_models.contract import Device

IMAGES = 16
"""Inputs that a run measures on: a mean over all products of a layer, which are thousands."""


def workload_of(chip: Chip, images: Tensor | Inputs) -> dict[str, Any]:
    """Plain JSON values; see `analogsim.experiment.workload.WorkloadEntry`.

    Args:
        chip: a programmed chip, whose conductances are taken as they are.
        images: what its network is called with; its rows are the inputs.
    """
    inputs, edge = Inputs.of(images), chip.analog.periphery
    seen: dict[str, _Seen] = {}

    def observe(layer: CrossbarLayer, x: Tensor, forward: Callable[[Tensor], Tensor]) -> Tensor:
        y = forward(x)
        seen.setdefault(layer.name, _Seen()).add(layer, x, y)
        return y

    layers = watch(chip.analog.module, [inputs], observe)
    for layer in layers:
        # Without the weights that the pass needed.
        layer.lend_(PerfectEngine())
    return {
        "images": inputs.n,
        "t_s": chip.t_s,
        "readings": sum(not one.unit for one in conversions_of(edge)),
        "input_slices": max(1, input_slices(edge)),
        "drives": drives(edge),
        "cells_a_weight": _cells_a_weight(edge, chip.analog.device),
        "g_max_us": chip.analog.device.largest_us,
        "layers": [
            _entry(chip.layers[layer.name], seen[layer.name], inputs.n, chip.analog.device)
            for layer in layers
            if layer.name in seen
        ],
    }


@dataclass(kw_only=True)
class _Seen:
    """Sums over a layer's calls. `values` are inputs of products, each as often as it is driven."""

    maps: set[tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=set)
    vectors: int = 0
    values: int = 0
    total: float = 0.0
    active: int = 0
    ones: int = 0

    def add(self, layer: CrossbarLayer, x: Tensor, y: Tensor) -> None:
        geometry = layer.geometry
        spatial = len(geometry.kernel)
        self.maps.add((tuple(x.shape[x.dim() - spatial :]), tuple(y.shape[y.dim() - spatial :])))
        self.vectors += y.numel() // (geometry.groups * geometry.out_features)
        # One by one: patches of a batch of large images would fill the memory.
        whole = x.detach().float()
        for part in torch.split(whole, 1) if x.dim() > spatial + 1 else [whole]:
            self._measure(layer, geometry.patches(part)[0])

    def _measure(self, layer: CrossbarLayer, vectors: Tensor) -> None:
        edge, width = layer.periphery, layer.geometry.in_features
        slots = {(t.slot.group, t.slot.inputs.start): t for t in layer.tiles}
        for (group, start), tile in slots.items():
            stop = group * width + tile.slot.inputs.stop
            sizes = vectors[..., group * width + start : stop].abs()
            full: Tensor | float = tile.input_range
            if edge.input_scaling == "dynamic" and not edge.perfect:
                full = sizes.amax(-1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
            share = (sizes / full).clamp(max=max(edge.input_bound, 1.0))
            self.values += share.numel()
            if edge.perfect or not edge.dac_bits:
                self.total += float(share.sum(dtype=torch.float64))
                self.active += int(share.count_nonzero())
                continue
            steps = (1 << (edge.dac_bits - 1)) - 1
            codes = (share * steps).round().int()
            self.total += float(codes.sum(dtype=torch.float64)) / steps
            self.active += int(codes.count_nonzero())
            self.ones += sum(int(((codes >> i) & 1).sum()) for i in range(edge.dac_bits - 1))


def _entry(layer: CrossbarLayer, seen: _Seen, n: int, device: Device) -> dict[str, Any]:
    geometry, edge = layer.geometry, layer.periphery
    products = seen.vectors // n
    reads = reads_of_product(layer)
    single = len(seen.maps) == 1
    before, after = min(seen.maps)
    calls = products // max(1, math.prod(after)) if single else None
    digital = not edge.perfect and edge.dac_bits > 1
    share = _conductance(layer, device)
    return {
        "layer": layer.name,
        "kind": geometry.kind,
        "groups": geometry.groups * geometry.block,
        "inputs": geometry.groups * geometry.in_features // geometry.kernel_size,
        "outputs": geometry.groups * geometry.out_features,
        "kernel": list(geometry.kernel),
        "stride": list(geometry.stride),
        "dilation": list(geometry.dilation),
        "input_size": list(before),
        "output_size": list(after),
        "calls": calls,
        "products": products,
        "adc": products * reads.adc,
        "dac": products * reads.dac,
        "mean_input": seen.total / max(1, seen.values),
        "active": seen.active / max(1, seen.values),
        "ones": seen.ones / max(1, seen.values) / (edge.dac_bits - 1) if digital else None,
        "mean_conductance": share,
    }


def _cells_a_weight(edge: Periphery, device: Device) -> int:
    parts = sum(part.role != "unit" for part in edge.parts)
    return parts * (device.cells_a_weight if edge.pairs else 1)


def _conductance(layer: CrossbarLayer, device: Device) -> float:
    """Mean over the cells that hold weights, in units of the largest one."""
    total = cells = 0.0
    for tile in layer.tiles:
        # Between the blocks of grouped layers lie cells without weights.
        held = tile.target != 0 if layer.geometry.block > 1 else torch.tensor(True)
        g, count = _cells(tile, held, device, pairs=layer.periphery.pairs)
        total, cells = total + g, cells + count
    return total / max(1.0, cells)


def _cells(tile: TileState, held: Tensor, device: Device, *, pairs: bool) -> tuple[float, int]:
    """Sum of the conductances of a tile's cells that are `held`, and how many these are."""
    held = held.expand(tile.cells.shape)
    weights, target = tile.cells[held].double(), tile.target[held].double()
    if not pairs:
        return float(weights.clamp(min=0).sum()), weights.numel()
    if device.cells_a_weight == 2:
        # The idle cell of a pair conducts nothing.
        return float(weights.abs().sum()), 2 * weights.numel()
    low, high = float(target.min()), float(target.max())
    if low == high:
        low, high = -1.0, 1.0
    least = _least(device)
    g = least + (1 - least) * (weights - low) / (high - low)
    return float(g.sum()), weights.numel()


def _least(device: Device) -> float:
    """The smallest conductance of a device with one cell a weight, in units of the largest."""
    stated = {one.symbol: float(one.value) for one in device.constants() if one.unit == "uS"}
    return stated["g_min"] / stated["g_max"] if {"g_min", "g_max"} <= stated.keys() else 0.0
