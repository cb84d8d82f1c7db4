"""What the conversion says in words, in its table's lines and in its notes."""

import dataclasses
import warnings
from collections.abc import Collection, Sequence

from analogsim.crossbar.mapping.bypassed import BYPASSED
from analogsim.crossbar.mapping.coverage import Coverage
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.crossbar.mapping.plan import LayerReport
from analogsim.errors import FoldingWarning


def explain(report: list[LayerReport], reason: str, folded: dict[str, str]) -> list[LayerReport]:
    """The analog lines say how their products are computed and what was folded in."""
    lines = []
    for line in report:
        if line.where == "analog":
            parts = [f"matrix product; {reason}", line.why]
            parts += [f"{folded[line.name]} folded in"] if line.name in folded else []
            line = dataclasses.replace(line, why="; ".join(p for p in parts if p))
        lines.append(line)
    return lines


def name_merged(report: list[LayerReport], merged: Sequence[tuple[str, str]]) -> list[LayerReport]:
    """Those BatchNorms say with which layer's digital factors they are computed."""
    layer_of = {norm: layer for layer, norm in merged}
    return [
        dataclasses.replace(line, why=f"{line.why}, with the factors of {layer_of[line.name]}")
        if line.name in layer_of
        else line
        for line in report
    ]


def name_unused(report: list[LayerReport], coverage: Coverage) -> list[LayerReport]:
    """Layers that computed nothing in the counted pass say why.

    One whose weight was read without it is digital. One that was not called stays on its tiles:
    another input may call it.
    """
    lines = []
    for line in report:
        if line.where == "analog" and line.name not in coverage.analog:
            if line.name in coverage.bypassed:
                line = dataclasses.replace(line, where="digital", why=BYPASSED, tiles=0)
            else:
                why = f"{line.why}; not called in the forward pass of the example"
                line = dataclasses.replace(line, why=why)
        lines.append(line)
    return lines


def name_blocks(line: LayerReport, layer: CrossbarLayer) -> LayerReport:
    """A layer whose groups share tiles says how many do, and what that wastes."""
    geometry = layer.geometry
    if geometry.block == 1:
        return line
    empty = 100 * (1 - 1 / geometry.block)
    words = (
        f"{geometry.block} of its {geometry.groups * geometry.block} groups share a tile; "
        f"{empty:.1f} % of the cells hold 0 and add their noise"
    )
    if words in line.why:
        # Read from a folder, which says it already.
        return line
    return dataclasses.replace(line, why=f"{line.why}; {words}" if line.why else words)


def name_own(report: list[LayerReport], names: Collection[str]) -> list[LayerReport]:
    """Those BatchNorms say that their statistics are each chip's own."""
    return [
        dataclasses.replace(line, why=f"{line.why}, statistics estimated on each chip")
        if line.name in names
        else line
        for line in report
    ]


def warn_of_scaling(periphery: Periphery, n_folded: int) -> list[str]:
    """The note, also warned, that folding costs accuracy without a weight scale for each column."""
    if periphery.weight_scaling == "column" or not n_folded:
        return []
    note = (
        f"BatchNorm is folded (layers: {n_folded}) with weight scaling "
        f"{periphery.weight_scaling!r}: channels with a small gain use little of the conductance "
        "range; set weight_scaling to 'column', or keep BatchNorm digital"
    )
    warnings.warn(note, FoldingWarning, stacklevel=3)
    return [note]
