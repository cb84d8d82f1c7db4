"""The effect `wires` against the resistors of every array that its options describe, one by one."""

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from device_models import DEVICES, Gaussian, Pcm
from device_models.effects import Cells, Wires, parse_effect
from device_models.errors import DeviceError

from .circuits.circuit import by_sparse_lu
from .circuits.crosssim_vectors import G_MAX, inputs

OHM = {"r_row": 3.0, "r_col": 2.0, "r_driver": 40.0, "r_sense": 90.0}
CROSSSIM = json.loads((Path(__file__).parent / "circuits" / "crosssim.json").read_text())["cases"]


def cells(outputs=6, inputs=10, seed=0, g_max_us=25.0):
    """Pairs in units of g_max, float32 (out, in); a few of both polarities conduct."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(outputs, inputs, generator=generator) * 2 - 1
    made = Cells.of(weights, g_max_us)
    made.g_minus[0, :3], made.g_plus[1, 2] = 1.0, 0.0
    return made


def tile(wires, made):
    """The resistors of a tile's arrays; ("in", i) is +v of input i, ("out", 2j) and ("out", 2j + 1)
    are the sense nodes of g_plus and g_minus, or ("out", j) of both where they share a column."""
    plus, minus = (g.double().numpy().T * made.g_max_us * 1e-6 for g in (made.g_plus, made.g_minus))
    inputs, outputs = plus.shape
    high = wires.rows // (2 if wires.pairs == "rows" else 1) or inputs
    wide = wires.columns // (2 if wires.pairs == "columns" else 1) or outputs
    tall, broad = -(-inputs // high), -(-outputs // wide)
    for a, b in itertools.product(range(tall), range(broad)):
        rows = range(inputs * a // tall, inputs * (a + 1) // tall)
        columns = range(outputs * b // broad, outputs * (b + 1) // broad)
        yield from one_array(wires, plus, minus, rows, columns, (a, b))


def one_array(wires, plus, minus, rows, columns, name):
    # Physical lines: what drives each row, what senses each column, and the cell between.
    if wires.pairs == "arrays":
        for sign, g in ((0, plus), (1, minus)):
            lines = [(i, ("in", i)) for i in rows]
            ends = [(j, ("out", 2 * j + sign)) for j in columns]
            yield from grid(wires, lines, ends, lambda i, j, g=g: g[i, j], (*name, sign), ends)
    elif wires.pairs == "columns":
        lines = [(i, ("in", i)) for i in rows]
        ends = [((j, sign), ("out", 2 * j + sign)) for j in columns for sign in (0, 1)]
        by_weight = [(j, end) for (j, _), end in ends]
        yield from grid(
            wires, lines, ends, lambda i, j: (plus, minus)[j[1]][i, j[0]], name, by_weight
        )
    else:
        # One node of a column for both cells: two rows that meet it there.
        yield from paired_grid(wires, plus, minus, rows, columns, name)


def sides(wires, at, of):
    """Whether the column of weight `at` is sensed behind the last row, and segments beyond."""
    behind = {"last": True, "first": False, "both": at % 2 == 0}[wires.sensed]
    more = max(wires.rows - of, 0) if (wires.unselected == "last") == behind else 0
    return behind, more


def row_parts(wires, source, nodes):
    nodes = nodes if wires.driven == "first" else nodes[::-1]
    yield source, nodes[0], 1 / (wires.r_driver + wires.r_row)
    for a, b in itertools.pairwise(nodes):
        yield a, b, 1 / wires.r_row


def column_parts(wires, end, nodes, behind, more):
    for a, b in itertools.pairwise(nodes):
        yield a, b, 1 / wires.r_col
    nearest = nodes[-1] if behind else nodes[0]
    yield nearest, end, 1 / (wires.r_col * (1 + more) + wires.r_sense)


def grid(wires, lines, ends, cell, name, by_weight):
    def row(i, j):
        return ("row", name, i, j)

    def column(i, j):
        return ("column", name, i, j)

    for i, source in lines:
        yield from row_parts(wires, source, [row(i, j) for j, _ in ends])
    first = by_weight[0][0]
    for (j, end), (weight, _) in zip(ends, by_weight, strict=True):
        behind, more = sides(wires, weight - first, len(lines))
        yield from column_parts(wires, end, [column(i, j) for i, _ in lines], behind, more)
        for i, _ in lines:
            if cell(i, j) > 0:
                yield row(i, j), column(i, j), cell(i, j)


def paired_grid(wires, plus, minus, rows, columns, name):
    half = dataclasses.replace(wires, rows=wires.rows // 2 * 2, pairs="arrays")
    half = dataclasses.replace(half, rows=wires.rows // 2)
    for i in rows:
        for sign in (0, 1):
            nodes = [("row", name, i, sign, j) for j in columns]
            yield from row_parts(wires, ("in", 2 * i + sign), nodes)
    for j in columns:
        behind, more = sides(half, j - columns[0], len(rows))
        nodes = [("column", name, i, j) for i in rows]
        yield from column_parts(wires, ("out", j), nodes, behind, more)
        for i in rows:
            for sign, g in ((0, plus), (1, minus)):
                if g[i, j] > 0:
                    yield ("row", name, i, sign, j), ("column", name, i, j), g[i, j]


def expected(wires, made):
    """g_plus and g_minus (out, in) in units of g_max, by nodal analysis."""
    outputs, inputs = made.g_plus.shape
    unit = made.g_max_us * 1e-6
    parts = list(tile(wires, made))
    if wires.pairs == "rows":
        g = by_sparse_lu(parts, 2 * inputs, outputs) / unit
        return g[0::2].T, g[1::2].T
    g = by_sparse_lu(parts, inputs, 2 * outputs) / unit
    return g[:, 0::2].T, g[:, 1::2].T


@pytest.mark.parametrize("pairs", ["arrays", "columns", "rows"])
@pytest.mark.parametrize("driven", ["first", "last"])
@pytest.mark.parametrize("sensed", ["last", "first", "both"])
@pytest.mark.parametrize("array", [(0, 0), (8, 4), (6, 0), (14, 0)], ids=str)
def test_is_the_network_of_its_resistors(pairs, driven, sensed, array):
    made = cells()
    for unselected in ("first", "last") if array[0] else ("first",):
        wires = Wires(
            **OHM,
            pairs=pairs,
            driven=driven,
            sensed=sensed,
            rows=array[0],
            columns=array[1],
            unselected=unselected,
        )
        shown = wires.apply(made, None)
        for got, want in zip((shown.g_plus, shown.g_minus), expected(wires, made), strict=True):
            assert got.dtype == torch.float32
            np.testing.assert_allclose(got.numpy(), want, rtol=2e-6, atol=1e-9)


@pytest.mark.parametrize("case", CROSSSIM, ids=str)
@pytest.mark.parametrize("pairs", ["arrays", "rows"])
def test_crosssims_arrays_of_pairs(case, pairs):
    """Separate arrays, and pairs at +v and -v on one column, which CrossSim calls interleaved."""
    plus, minus, volts = inputs()
    wires = Wires(r_row=case["r_row"], r_col=case["r_col"], r_sense=case["r_sense"], pairs=pairs)
    made = Cells(
        g_plus=torch.from_numpy(plus.T), g_minus=torch.from_numpy(minus.T), g_max_us=G_MAX * 1e6
    )
    shown = wires.apply(made, None)
    ours = (shown.g_plus if pairs == "arrays" else shown.weights).numpy() @ volts
    theirs = np.array(case["separate" if pairs == "arrays" else "interleaved"])
    assert np.abs(ours - theirs).max() < 1e-6 * np.abs(theirs).max()


def test_columns_alone_load_with_both_cells_where_pairs_share_one():
    """The law of aihwkit's time-sliced IR drop: a column's divider is that of g_plus + g_minus."""
    made = cells()
    total = (made.g_plus + made.g_minus).double().numpy() * 25e-6
    shown = Wires(r_col=50.0, pairs="rows").apply(made, None)
    seen, left = np.zeros(6), np.empty((10, 6))
    for i in range(10):
        seen = seen + total[:, i]
        left[i] = 1 / (1 + 50.0 * seen)
        seen = seen * left[i]
    left = np.cumprod(left[::-1], axis=0)[::-1]
    np.testing.assert_allclose(shown.weights.numpy(), made.weights.numpy() * left.T, rtol=1e-5)


@pytest.mark.parametrize("pairs", ["arrays", "columns", "rows"])
def test_nothing_at_zero_resistance(pairs):
    made = cells()
    assert Wires(pairs=pairs, rows=4, columns=2).apply(made, None) is made


def test_cells_that_are_given_stay_as_they_are():
    made = cells()
    before = made.g_plus.clone(), made.g_minus.clone()
    Wires(**OHM).apply(made, None)
    assert torch.equal(made.g_plus, before[0])
    assert torch.equal(made.g_minus, before[1])


def test_conductance_is_the_devices_or_what_the_option_says():
    weak, strong = cells(g_max_us=5.0), cells(g_max_us=None)
    by_device = Wires(r_row=10.0, r_col=10.0).apply(weak, None)
    by_option = Wires(r_row=10.0, r_col=10.0, g_max_us=5.0).apply(strong, None)
    assert torch.equal(by_device.g_plus, by_option.g_plus)
    # Five times the conductance is five times the resistance.
    more = Wires(r_row=2.0, r_col=2.0).apply(cells(g_max_us=25.0), None)
    torch.testing.assert_close(more.g_plus, by_device.g_plus, rtol=1e-6, atol=1e-9)


def test_devices_state_their_conductance():
    stated = {name: kind().largest_us for name, kind in DEVICES.items()}
    assert stated == {
        "ideal": None,
        "pcm": 25.0,
        "pcm-hermes": stated["pcm-hermes"],
        "rram": stated["rram"],
        "rram-cmo": stated["rram-cmo"],
        "gaussian": None,
    }
    assert all(stated[name] > 0 for name in ("pcm-hermes", "rram", "rram-cmo"))


def test_a_device_without_conductance_is_refused():
    Wires(r_row=1.0).check_device(Pcm())
    Wires(r_row=1.0, g_max_us=25.0).check_device(Gaussian())
    said = r"effect 'wires' must know what a cell conducts, got no g_max of preset 'gaussian'; .*25"
    with pytest.raises(DeviceError, match=said):
        Wires(r_row=1.0).check_device(Gaussian())
    with pytest.raises(DeviceError, match="got no g_max of these cells"):
        Wires(r_row=1.0).apply(cells(g_max_us=None), None)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("wires?r_row=-1", r"effect 'wires' r_row must be finite and >= 0 ohm, got -1"),
        ("wires?r_sense=nan", r"effect 'wires' r_sense must be finite and >= 0 ohm, got nan"),
        ("wires?g_max_us=-2", r"effect 'wires' g_max_us must be finite and >= 0 uS, got -2"),
        ("wires?rows=-3", r"rows must be 0 or at least 1 where pairs lie in arrays, got -3"),
        ("wires?rows=1&pairs=rows", r"rows must be 0 or at least 2 where pairs lie in rows, got 1"),
        ("wires?columns=1&pairs=columns", r"columns must be 0 or at least 2 where .*, got 1"),
        ("wires?rows=12.5", r"effect 'wires' rows must be a whole number, got '12.5'"),
        ("wires?sensed=up", r"effect 'wires' sensed must be last or first or both, got 'up'"),
        ("wires?zero_inputs=gated", r"zero_inputs must not be gated, .* rows of input 0 are cut"),
        ("wires?sense=saturating", r"sense must not be saturating, got saturating: sense nodes"),
        ("wires?cells=nonlinear", r"cells must not be nonlinear, .* not in proportion"),
    ],
)
def test_what_is_refused(spec, said):
    with pytest.raises(DeviceError, match=said):
        parse_effect(spec)
