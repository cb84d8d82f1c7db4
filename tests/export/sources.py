"""Networks on a crossbar, written by hand."""

from typing import Any

from analogsim.experiment.header import ArraysEntry
from analogsim.experiment.workload import LayerWork, WorkloadEntry
from analogsim.export.source import Source, make_source

EDGE = {"dac_bits": 8, "adc_bits": 6, "max_input_size": 512, "max_output_size": 128}


def conv(**changes: Any) -> LayerWork:
    """64 to 96 channels, 3 x 3, stride 2, from 16 x 16 to 8 x 8: 576 rows on two arrays."""
    fields: dict[str, Any] = {
        "layer": "stage.0", "kind": "conv2d", "groups": 1, "inputs": 64, "outputs": 96,
        "kernel": [3, 3], "stride": [2, 2], "dilation": [1, 1], "input_size": [16, 16],
        "output_size": [8, 8], "calls": 1, "products": 64, "adc": 64 * 192, "dac": 64 * 576,
        "mean_input": 0.1, "active": 0.5, "ones": 0.2, "mean_conductance": 0.15,
    }  # fmt: skip
    return LayerWork(**{**fields, **changes})  # type: ignore[typeddict-item]


def linear(**changes: Any) -> LayerWork:
    """96 x 4 x 4 = 1536 to 10: three arrays."""
    fields: dict[str, Any] = {
        "layer": "head", "kind": "linear", "groups": 1, "inputs": 1536, "outputs": 10,
        "kernel": [], "stride": [], "dilation": [], "input_size": [], "output_size": [],
        "calls": 1, "products": 1, "adc": 30, "dac": 1536,
        "mean_input": 0.2, "active": 0.5, "ones": None, "mean_conductance": 0.1,
    }  # fmt: skip
    return LayerWork(**{**fields, **changes})  # type: ignore[typeddict-item]


def arrays(layer: str, count: int, rows: int, columns: int) -> ArraysEntry:
    return ArraysEntry(
        layer=layer, rows=512, columns=128, filled_rows=rows, filled_columns=columns, count=count,
        held=rows * columns,
    )  # fmt: skip


def work_of(*layers: LayerWork, **changes: Any) -> WorkloadEntry:
    fields: dict[str, Any] = {
        "images": 16, "t_s": None, "readings": 1, "input_slices": 1, "drives": 1,
        "cells_a_weight": 2, "g_max_us": 25.0, "layers": list(layers or (conv(), linear())),
    }  # fmt: skip
    return WorkloadEntry(**{**fields, **changes})  # type: ignore[typeddict-item]


def source(*layers: LayerWork, edge: dict[str, Any] | None = None, **changes: Any) -> Source:
    return make_source(
        model="zoo:thing",
        preset="pcm",
        periphery=EDGE | (edge or {}),
        work=work_of(*layers, **changes),
        crossbar={
            "lines": [],
            "arrays": [arrays("stage.0", 2, 288, 96), arrays("head", 3, 512, 10)],
        },
        coverage=None,
    )
