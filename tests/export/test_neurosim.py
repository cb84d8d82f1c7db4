"""NetWork.csv as NeuroSim V1.4 reads it: eight whole numbers a line, and its own counts of them."""

import re
from math import prod
from typing import Any

import pytest

from analogsim.errors import InputError
from analogsim.export.neurosim import files_of
from tests.export.sources import conv, linear, source


def lines(text: str) -> list[list[int]]:
    return [[int(cell) for cell in line.split(",")] for line in text.splitlines()]


def vectors(line: list[int]) -> float:
    """How many input vectors its `Chip.cpp` counts."""
    height, width, _, kh, kw, _, _, stride = line
    return (height - kh + 1) / stride * (width - kw + 1) / stride


def test_lines_are_the_layers() -> None:
    assert lines(files_of(source())["NetWork.csv"]) == [
        # Maps with their padding: 8 * 2 + 3 - 1.
        [18, 18, 64, 3, 3, 96, 1, 2],
        [1, 1, 1536, 1, 1, 10, 0, 1],
    ]


@pytest.mark.parametrize(
    "layer",
    [
        conv(),
        conv(stride=[1, 1], output_size=[16, 16], products=256),
        conv(calls=3, products=192),
        conv(kind="conv1d", kernel=[5], stride=[1], dilation=[2], input_size=[30],
             output_size=[22], products=22),
        linear(calls=17, products=17),
    ],
    ids=["stride", "same", "calls", "conv1d", "tokens"],
)  # fmt: skip
def test_the_reader_counts_the_products(layer: Any) -> None:
    [line] = lines(files_of(source(layer))["NetWork.csv"])
    assert vectors(line) == layer["products"]
    assert prod(line[2:5]) == layer["inputs"] * prod(layer["kernel"])


@pytest.mark.parametrize(
    ("after", "pooled"),
    [
        # 96 channels of 8 x 8, flattened whole, and after a pooling of 2 x 2 or of everything.
        (linear(inputs=96 * 64), 0),
        (linear(inputs=96 * 16), 1),
        (linear(inputs=96), 1),
        (conv(inputs=96, input_size=[8, 8]), 0),
        (conv(inputs=96, input_size=[4, 4]), 1),
    ],
    ids=["flat", "half", "global", "same", "smaller"],
)
def test_pooling_is_taken_from_shapes(after: Any, pooled: int) -> None:
    assert lines(files_of(source(conv(), after))["NetWork.csv"])[0][6] == pooled


def parameters(text: str) -> dict[str, str]:
    return dict(re.findall(r"(?m)^(\w+) = (\S+)  # \S", text))


def test_parameters_are_those_of_the_periphery() -> None:
    found = parameters(files_of(source())["parameters.txt"])
    assert found["numBitInput"] == "8"
    assert (found["numRowSubArray"], found["numColSubArray"]) == ("512", "128")
    assert found["levelOutput"] == "64"
    assert found["resistanceOn"] == "40000"
    assert found["synapseBit"] == found["cellBit"]
    sliced = {"bits_per_cell": 2, "weight_bits": 8}
    found = parameters(files_of(source(edge=sliced, g_max_us=None))["parameters.txt"])
    assert (found["synapseBit"], found["cellBit"]) == ("8", "2")
    assert "resistanceOn" not in found


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (conv(groups=4), "layer 'stage.0' must have one group and one stride, got 4 groups; "),
        (conv(stride=[2, 1]), "one group and one stride, got strides of 2 and 1; "),
        (conv(calls=None), "layer 'stage.0' must be called with maps of one size, got several"),
    ],
    ids=["groups", "strides", "sizes"],
)
def test_what_it_has_no_column_for_is_refused(layer: Any, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        files_of(source(layer))
