"""Encodings, slices and converters give what CrossSim 3.2.0 gives, to 1e-6 of the largest output.

A step of an ADC is 1e-3 of it and more: no output lies so near a tie that rounding decides it.
"""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.mapping.periphery import STANDARD, Periphery
from tests.crossbar.crosssim import cases, transfers
from tests.crossbar.crosssim.run import outputs

FILE = Path(cases.__file__).with_name("vectors.json")
KEPT = json.loads(FILE.read_text(encoding="utf-8"))


def periphery(case: cases.Case) -> Periphery:
    """The case's, without what CrossSim has not."""
    none = {"output_noise": 0.0, "adc_bits": 0, "output_bound": 1e9, "weight_scaling": "tile"}
    rest = {"read_noise": 0.0, "ir_drop": 0.0, "max_input_size": 0}
    return dataclasses.replace(STANDARD, name="case", **{**none, **rest, **case.fields})


def ours(edge: Periphery) -> NDArray[np.float64]:
    """Products of a linear layer on ideal cells."""
    layer = nn.Linear(cases.INPUTS, cases.OUTPUTS, bias=False)
    layer.weight = nn.Parameter(torch.tensor(cases.weights(), dtype=torch.float32))
    x = torch.tensor(cases.vectors(), dtype=torch.float32)
    chip = program(convert(layer.eval(), "ideal", edge, calibrate=x))
    with torch.no_grad():
        found: NDArray[np.float64] = chip(x).double().numpy()
    return found


def compare(case: cases.Case, theirs: NDArray[np.float64]) -> None:
    apart = np.abs(ours(periphery(case)) - theirs)
    assert apart.max() <= 1e-6 * np.abs(theirs).max()


@pytest.mark.parametrize("case", cases.CASES, ids=lambda case: case.name)
def test_products_are_those_that_crosssim_gave(case):
    compare(case, np.array(KEPT["outputs"][case.name]))


def test_every_kept_output_belongs_to_a_case():
    assert set(KEPT["outputs"]) == {case.name for case in cases.CASES}


def test_a_product_of_another_encoding_is_seen():
    case = next(case for case in cases.CASES if case.fields.get("bits_per_cell") == 2)
    other = next(
        case for case in cases.CASES if case.fields == {"weight_encoding": "pair", "dac_bits": 8}
    )
    with pytest.raises(AssertionError):
        compare(case, np.array(KEPT["outputs"][other.name]))


@pytest.mark.parametrize("case", cases.CASES, ids=lambda case: case.name)
def test_products_are_those_of_crosssim_itself(case):
    pytest.importorskip("simulator", reason="needs CrossSim (github.com/sandialabs/cross-sim)")
    compare(case, outputs(case))


@pytest.mark.parametrize("one", transfers.CASES, ids=lambda one: one.kind)
def test_a_mismatched_converter_is_that_of_crosssim(one):
    np.testing.assert_array_equal(transfers.ours(one), np.array(KEPT["codes"][one.kind]))


@pytest.mark.parametrize("one", transfers.CASES, ids=lambda one: one.kind)
def test_a_mismatched_converter_is_that_of_crosssim_itself(one):
    pytest.importorskip("simulator", reason="needs CrossSim (github.com/sandialabs/cross-sim)")
    np.testing.assert_array_equal(transfers.ours(one), transfers.theirs(one))
