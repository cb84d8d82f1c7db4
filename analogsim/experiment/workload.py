"""What a network asks of its crossbar for one input, as `run.json` keeps it."""

from collections.abc import Iterator
from math import prod
from typing import Literal, TypedDict

from analogsim.errors import shown


class LayerWork(TypedDict):
    """A layer on tiles, for one input of the network.

    Its convolution has `groups`, `inputs` and `outputs` channels, and takes a map of `input_size`
    to one of `output_size`; a linear layer has neither map nor kernel. It is called `calls` times,
    None where its maps are not always of one size, which is `products` vectors in all; `adc` and
    `dac` are readings and row drives.

    Measured over the inputs of its products, padding included, as the DAC gives them: `mean_input`
    is the mean size in units of full scale, `active` the share that is not 0, `ones` the share of
    ones among the bits of the size (None without a DAC). `mean_conductance` is the mean over cells
    that hold weights, in units of the largest conductance.
    """

    layer: str
    kind: Literal["linear", "conv1d", "conv2d"]
    groups: int
    inputs: int
    outputs: int
    kernel: list[int]
    stride: list[int]
    dilation: list[int]
    input_size: list[int]
    output_size: list[int]
    calls: int | None
    products: int
    adc: int
    dac: int
    mean_input: float
    active: float
    ones: float | None
    mean_conductance: float


class WorkloadEntry(TypedDict):
    """All layers on tiles; inputs were measured on `images` inputs, conductances on one chip.

    An output is read `readings` times for each of `input_slices` parts of an input, and a row is
    driven `drives` times. A weight is `cells_a_weight` cells, unit columns not counted. `t_s` is
    the chip's time, None right after programming. `g_max_us` is in microsiemens, None for a device
    without one.
    """

    images: int
    t_s: float | None
    readings: int
    input_slices: int
    drives: int
    cells_a_weight: int
    g_max_us: float | None
    layers: list[LayerWork]


def workload_problems(work: WorkloadEntry) -> Iterator[str]:
    """What is of the right type and still no workload, in words."""
    for name in ("images", "readings", "input_slices", "drives", "cells_a_weight"):
        if work[name] < 1:
            yield f"workload {name} must be at least 1, got {work[name]}"
    if work["g_max_us"] is not None and not work["g_max_us"] > 0:
        yield f"workload g_max_us must be above 0, got {work['g_max_us']}"
    for one in work["layers"]:
        where = f"workload layer {shown(one['layer'])}"
        sides = {"linear": 0, "conv1d": 1, "conv2d": 2}[one["kind"]]
        lists = [one["kernel"], one["stride"], one["dilation"]]
        lists += [one["input_size"], one["output_size"]]
        if any(len(sizes) != sides or min(sizes, default=1) < 1 for sizes in lists):
            yield f"{where} must have {sides} sizes of at least 1 each, got {shown(lists)}"
        counts = (one["groups"], one["inputs"], one["outputs"], one["products"])
        if min(counts) < 1 or min(one["adc"], one["dac"]) < 0:
            yield f"{where} counts must be above 0, got {shown([*counts, one['adc'], one['dac']])}"
        elif one["inputs"] % one["groups"] or one["outputs"] % one["groups"]:
            yield f"{where} groups must divide its channels, got {one['groups']}"
        calls = one["calls"]
        if calls is not None and calls * prod(one["output_size"]) != one["products"]:
            yield f"{where} calls must be {one['products']} products' calls, got {calls}"
        shares = (one["active"], one["mean_conductance"], one["mean_input"], one["ones"] or 0.0)
        if min(shares) < 0 or max(one["active"], one["ones"] or 0.0) > 1:
            yield f"{where} shares must be in [0, 1], got {shown(list(shares))}"
