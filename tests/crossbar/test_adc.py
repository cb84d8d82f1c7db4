"""Converters as tables: ideal ones are exact, and what finds codes quickly finds the same."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from analogsim.crossbar.adc.bins import Bins
from analogsim.crossbar.adc.file import inl_of, read_inl
from analogsim.crossbar.adc.laws import charge_levels, gain_of, pipeline, sar, split_levels
from analogsim.crossbar.adc.table import CodeTable, codes, nominal
from analogsim.crossbar.chip.program import program, reprogram_
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.forward import adc_stage
from analogsim.crossbar.forward.adc_tables import tables_of
from analogsim.crossbar.mapping.periphery import STANDARD
from analogsim.crossbar.mapping.periphery_text import parse
from analogsim.errors import InputError

KINDS = ("ramp", "sar", "sar-split", "pipeline", "cyclic")
ERRORS = {"adc_gain_db": 50.0, "adc_sigma_capacitor": 0.05, "adc_sigma_comparator": 0.004}


def edge(**fields):
    quiet = {"output_noise": 0.0, "read_noise": 0.0, "ir_drop": 0.0}
    return dataclasses.replace(STANDARD, name="adc", **{**quiet, **fields})


def generator():
    return torch.Generator().manual_seed(5)


@pytest.mark.parametrize("bits", [3, 4, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_a_converter_without_errors_is_the_ideal_one(kind, bits):
    table, rows = tables_of(edge(adc_kind=kind, adc_bits=bits), 12, generator)
    assert rows == [0] * 12
    half = 2 ** (bits - 1)
    x = np.linspace(-half - 1, half + 1, 4001)[None]
    wanted = np.clip(np.ceil(x), 1 - half, half) - 0.5
    # Codes change at whole numbers, where rounding may decide.
    apart = np.abs(x - np.rint(x)) > 1e-6
    np.testing.assert_array_equal(table(x)[apart], wanted[apart])


def test_uniform_codes_lie_around_zero():
    np.testing.assert_array_equal(codes(2), [-1.5, -0.5, 0.5, 1.5])
    np.testing.assert_array_equal(nominal(2), [-1, 0, 1])


def test_a_search_that_never_ends_at_a_code_skips_it():
    levels = charge_levels(3, np.inf, np.zeros((1, 4)))
    # The comparison that parts codes 4 and 5 is made at the level that parts 5 and 6.
    levels[0, 5] = levels[0, 6] + 0.01
    table = sar(3, levels, np.zeros(1))
    found = set(table(np.linspace(-4, 4, 999)[None])[0])
    assert codes(3)[5] not in found
    assert len(found) == 7


def test_a_gain_of_the_amplifier_shrinks_all_levels():
    exact = charge_levels(6, np.inf, np.zeros((1, 7)))
    found = charge_levels(6, gain_of(40.0), np.zeros((1, 7)))
    # 40 dB is a gain of 100: of the largest level 1 + 2 / 100 is lost, of the smallest 1 + 1 / 100.
    assert found[0, 0] == pytest.approx(exact[0, 0] / 1.02)
    assert found[0, 32] == pytest.approx(exact[0, 32] / 1.01)


def test_split_capacitors_differ_only_by_their_mismatch():
    none = np.zeros((1, 9))
    np.testing.assert_allclose(
        split_levels(8, np.inf, none), charge_levels(8, np.inf, none), atol=1e-12
    )
    one = np.full((1, 9), 0.01)
    assert np.abs(split_levels(8, np.inf, one) - charge_levels(8, np.inf, one)).max() > 1e-3


def test_comparators_of_a_pipeline_may_be_off_by_a_quarter_without_an_error():
    """1.5 bits a stage: the next stage mends what a comparator does wrong (all but the last)."""
    offsets = np.full((1, 2 * 6 - 1), 0.2)
    offsets[0, -1] = 0.0
    ones, halves = np.ones((1, 5)), np.full((1, 5), 0.5)
    found = pipeline(6, np.inf, ones, halves, offsets)
    ideal = pipeline(6, np.inf, ones, halves, np.zeros((1, 11)))
    x = np.random.default_rng(0).uniform(-31, 31, (1, 2000))
    np.testing.assert_array_equal(found(x), ideal(x))


def test_a_ramp_that_all_columns_share_has_a_comparator_for_each():
    table, rows = tables_of(edge(adc_kind="ramp", adc_bits=6, **ERRORS), 12, generator)
    assert rows == list(range(12))
    widths = np.diff(table.thresholds, axis=1)
    np.testing.assert_allclose(widths, np.broadcast_to(widths[0], widths.shape), atol=1e-9)


@pytest.mark.parametrize("kind", ["sar", "pipeline"])
def test_neighbouring_columns_share_a_converter(kind):
    table, rows = tables_of(edge(adc_kind=kind, adc_group=5, **ERRORS), 12, generator)
    assert rows == [0] * 5 + [1] * 5 + [2] * 2
    assert len(table.values) == 3
    assert not np.array_equal(table.thresholds[0], table.thresholds[1])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats(-9, 9, width=32), min_size=15, max_size=15),
    st.lists(st.floats(-9, 9, width=32), min_size=1, max_size=40),
)
def test_bins_find_what_a_search_finds(thresholds, x):
    table = CodeTable.of(np.sort(np.array([thresholds])), codes(4)[None], 4)
    bins = Bins.of(table, 8.0)
    y = np.array(x, dtype=np.float32)
    where = np.clip(y * bins.place[0] + bins.place[1], 0, bins.place[2]).astype(int)
    edges = bins.edges[where]
    found = np.where(y > edges, bins.above[where], bins.below[where])
    searched = np.isnan(edges)
    wanted = table(y[None].astype(np.float64))[0]
    # A threshold as near to a bin's end as float32 can tell may lie in the other bin.
    ends = (y * bins.place[0] + bins.place[1]) % 1
    sure = ~searched & (np.minimum(ends, 1 - ends) > 1e-5)
    np.testing.assert_array_equal(found[sure], wanted[sure])


@pytest.mark.parametrize("kind", ["ramp", "sar-split", "pipeline", "table"])
def test_compiled_codes_are_those_of_torch(kind, monkeypatch):
    pytest.importorskip("numba")
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 12, 3)).eval()
    x = torch.randn(4, 3, 22, 22)
    measured = {"adc_inl": (tuple(0.3 * (-1) ** code for code in range(255)),)}
    errors = measured if kind == "table" else ERRORS
    chip = program(
        convert(net, "ideal", edge(adc_kind=kind, output_bound=4.0, **errors), calibrate=x)
    )
    x[0, 0, 0, 0] = float("nan")
    fast = chip(x)
    monkeypatch.setattr(adc_stage, "usable", lambda _: False)
    slow = chip(x)
    assert int(fast.isnan().sum()) == int(slow.isnan().sum()) > 0
    # float32 of outputs in other orders: a few in 19,200 lie at a code's very end.
    differ = (fast.nan_to_num() - slow.nan_to_num()).abs() > 1e-6
    assert int(differ.sum()) <= 3


def test_mismatches_are_a_chip_s_own_and_stay():
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Linear(30, 16)).eval(), torch.randn(8, 30)
    analog = convert(net, "ideal", edge(adc_kind="sar", **ERRORS), calibrate=x)
    chip, other = program(analog, seed=1, chip=0), program(analog, seed=1, chip=1)
    first = chip(x)
    assert torch.equal(chip(x), first)
    assert not torch.equal(other(x), first)
    assert torch.equal(chip.drift_("1d", "none")(x), first)
    assert torch.equal(reprogram_(other, 0)(x), first)


def test_a_user_s_table_is_read_from_csv_and_toml(tmp_path):
    csv = tmp_path / "a.csv"
    csv.write_text("adc,code,inl\n0,1,0.1\n0,2,-0.2\n0,3,0\n1,3,0.5\n1,2,0\n1,1,0\n")
    assert read_inl(csv) == ((0.1, -0.2, 0.0), (0.0, 0.0, 0.5))
    toml = tmp_path / "a.toml"
    toml.write_text("dnl = [0.5, -0.5]\n")
    assert read_inl(toml) == ((0.0, 0.5, 0.0),)
    settings_file = tmp_path / "edge.toml"
    settings_file.write_text('adc_bits = 2\nadc_kind = "table"\nadc_table = "a.csv"\n')
    found = parse(str(settings_file))
    assert found.adc_inl == ((0.1, -0.2, 0.0), (0.0, 0.0, 0.5))
    table, rows = tables_of(found, 20, generator)
    assert rows == [0] * 8 + [1] * 8 + [0] * 4
    np.testing.assert_allclose(table.thresholds, [[-0.9, -0.2, 1.0], [-1.0, 0.0, 1.5]])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("code,inl\n1,x\n", r"line 2 must have a whole code.*\['1', 'x'\]"),
        ("code,inl\n1,0\n1,0\n", r"line 3 must have 2 cells, a code once"),
        ("code,inl\n1,0\n3,0\n", "codes must be 1 to 2, got none for 2"),
        ("code,inl\n1,nan\n", "a finite number.*nan"),
        ("code,gain\n1,0\n", "header must be code, inl or dnl.*gain"),
        ("code,dnl\n1,-1.5\n", "-1.5 at code 1"),
        ("code,inl\n", "must have numbers, got none"),
        ("", "must be CSV with a header"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, text, sentence):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_inl(path)


def test_a_table_of_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"readable, got 'No such file"):
        read_inl(tmp_path / "none.csv")
    path = tmp_path / "a.txt"
    path.write_text("code,inl\n")
    with pytest.raises(InputError, match=r"\.csv or \.toml file, got '\.txt'"):
        read_inl(path)
    with pytest.raises(InputError, match="here row 1 must be as many finite numbers.*1.0"):
        inl_of([[0.0, 0.0], [1.0]], where="here")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"adc_kind": "flash"}, "adc_kind must be one of uniform.*'flash'"),
        (
            {"adc_kind": "sar", "adc_bits": 14},
            "adc_bits must be 2 to 12 for adc_kind 'sar', got 14",
        ),
        ({"adc_kind": "table"}, "adc_inl must go with adc_kind 'table', got 0 rows"),
        ({"adc_kind": "table", "adc_inl": ((0.0,) * 7,)}, "255 numbers a row for 8 bits, got 7"),
        ({"adc_sigma_capacitor": -1.0}, "adc_sigma_capacitor must be finite.*-1.0"),
        ({"adc_group": 0}, "adc_group must be at least 1, got 0"),
        ({"bits_per_cell": 17}, "bits_per_cell must be 0 to 16, got 17"),
        ({"bits_per_cell": 2, "input_scaling": "dynamic"}, "'static'.*got 'dynamic'"),
        ({"bits_per_input": 1, "dac_bits": 0}, "dac_bits must be above 0.*got 0"),
        ({"output_share": 1.5}, "output_share must be above 0 and at most 1, got 1.5"),
    ],
)
def test_settings_that_cannot_be_are_refused(fields, sentence):
    with pytest.raises(InputError, match=sentence):
        edge(**fields)
