"""What an array conducts through its wires, against four outsiders and the laws of resistors."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_models.circuits import conductance, coupled, effective_conductance, ladder
from device_models.effects.wires import TOLERANCE
from device_models.errors import DeviceError

from .circuit import NGSPICE, by_block_elimination, by_ngspice, by_sparse_lu, resistors
from .crosssim_vectors import G_MAX, inputs

HERE = Path(__file__).parent
QUCS = json.loads((HERE / "qucs.json").read_text())["circuits"]
CROSSSIM = json.loads((HERE / "crosssim.json").read_text())["cases"]
TERMINALS = {"r_row": 1.5, "r_col": 0.7, "r_driver": 40.0, "r_sense": 90.0}


def cells(shape, seed=0):
    """25 uS at most, with open cells, an open row, an open column and a short cell."""
    rng = np.random.default_rng(seed)
    g = rng.uniform(0, 25e-6, shape)
    g[rng.random(shape) < 0.1] = 0
    g[1], g[:, 2], g[0, 0] = 0, 0, 1e-2
    return g


def furthest(got, expected):
    return np.abs(got - expected).max() / np.abs(expected).max()


@pytest.fixture(params=["numba", "numpy"])
def either(request, monkeypatch):
    """Both ways to the coupled solution; plain numpy in several parts."""
    if request.param == "numba":
        pytest.importorskip("numba")
    else:
        monkeypatch.setattr(ladder, "compiled", lambda: None)
        monkeypatch.setattr(coupled, "_AT_ONCE", 3000)


@pytest.mark.parametrize("circuit", QUCS, ids=lambda one: one["name"])
def test_badcrossbars_circuits_in_qucs(circuit, either):
    ohm = np.array([[np.inf if r is None else r for r in row] for row in circuit["cells"]])
    g = effective_conductance(1 / ohm, r_row=circuit["r_row"], r_col=circuit["r_col"])
    currents = np.array(circuit["currents"])
    np.testing.assert_allclose(circuit["voltages"] @ g, currents, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("shape", [(8, 8), (16, 12), (32, 32)])
def test_ngspice(shape, tmp_path, either):
    if NGSPICE is None:
        pytest.skip("needs ngspice on the path (Debian: ngspice)")
    g = cells(shape)
    volts = np.random.default_rng(1).uniform(-0.2, 0.2, shape[0])
    theirs = by_ngspice(resistors(g, **TERMINALS), volts, shape[1], tmp_path)
    assert furthest(volts @ effective_conductance(g, **TERMINALS), theirs) < 1e-8


@pytest.mark.parametrize("shape", [(5, 4), (24, 16), (10, 40), (1, 7), (9, 3)])
@pytest.mark.parametrize("ohm", [1e-3, 1.0, 300.0])
def test_scipys_sparse_lu(shape, ohm, either):
    g = cells((max(shape[0], 2), max(shape[1], 3)))[: shape[0], : shape[1]]
    wires = {name: ohm * r for name, r in TERMINALS.items()}
    expected = by_sparse_lu(resistors(g, **wires), *shape)
    assert furthest(effective_conductance(g, **wires), expected) < 1e-10


@pytest.mark.parametrize("shape", [(64, 24), (40, 60)])
def test_block_elimination(shape, either):
    g = cells(shape)
    expected = by_block_elimination(g, **TERMINALS)
    assert furthest(effective_conductance(g, **TERMINALS), expected) < 1e-11
    lines = conductance.Lines.even(shape, **TERMINALS)
    # As the effect `wires` solves it.
    assert furthest(conductance.solve(g, lines, TOLERANCE), expected) < 1e-6


@pytest.mark.parametrize("case", CROSSSIM, ids=str)
def test_crosssims_solver(case):
    plus, minus, volts = inputs()
    wires = {name: case[name] for name in ("r_row", "r_col", "r_sense")}
    ours = volts @ effective_conductance(plus * G_MAX, **wires) / G_MAX
    assert furthest(ours, np.array(case["separate"])) < 1e-6


def test_rows_or_columns_alone_are_the_limit_of_both(either):
    g = cells((12, 9))
    for alone in ({"r_row": 0.0, "r_col": 2.0}, {"r_row": 2.0, "r_col": 0.0}):
        nearly = {name: max(r, 1e-9) for name, r in alone.items()}
        expected = by_sparse_lu(resistors(g, **nearly), *g.shape)
        # The sparse solver itself loses digits beside wires of 1e9 S.
        ours = effective_conductance(g, **alone)
        assert furthest(ours, expected) < 1e-6
        assert furthest(effective_conductance(g, **nearly), ours) < 1e-9


@pytest.mark.parametrize("end", ["r_driver", "r_sense"])
def test_a_terminal_alone_is_a_divider_of_the_row_or_column(end):
    g = cells((6, 5))
    axis = 1 if end == "r_driver" else 0
    expected = g / (1 + 50.0 * g.sum(axis=axis, keepdims=True))
    got = effective_conductance(g, r_row=0, r_col=0, **{end: 50.0})
    np.testing.assert_allclose(got, expected, rtol=1e-14)


def test_nothing_at_zero_resistance():
    g = cells((6, 5))
    got = effective_conductance(g, r_row=0, r_col=0)
    assert got.tobytes() == g.tobytes()
    assert got is not g


def test_a_wire_that_is_far_worse_than_its_cells_still_converges(either):
    g = np.full((40, 30), 1e-3)
    expected = by_block_elimination(g, r_row=1e3, r_col=1e3)
    assert furthest(effective_conductance(g, r_row=1e3, r_col=1e3), expected) < 1e-9


def test_what_is_not_found_is_refused(monkeypatch, either):
    monkeypatch.setattr(coupled, "MOST_ITERATIONS", 1)
    with pytest.raises(DeviceError, match=r"array of 6 x 5 cells .* up to 1000.0 ohm .* 0.01 S"):
        effective_conductance(cells((6, 5)), r_row=1e3, r_col=1e3)


def test_given_numbers_stay_as_they_are():
    g = cells((6, 5))
    before = g.copy()
    for wires in ({"r_row": 1, "r_col": 0}, {"r_row": 0, "r_col": 1}, {"r_row": 1, "r_col": 1}):
        effective_conductance(g, **wires)
        effective_conductance(g.tolist(), **wires)
    assert np.array_equal(g, before)


SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))
OHM = st.one_of(st.just(0.0), st.floats(1e-3, 1e4))


@settings(max_examples=60, deadline=None)
@given(SIZES, OHM, OHM, OHM, OHM, st.integers(0, 2**32))
def test_reciprocity(shape, r_row, r_col, r_driver, r_sense, seed):
    """Voltage and current change places: what drives is sensed, what is sensed drives."""
    g = np.random.default_rng(seed).uniform(0, 1e-3, shape)
    there = effective_conductance(g, r_row=r_row, r_col=r_col, r_driver=r_driver, r_sense=r_sense)
    turned = np.ascontiguousarray(g[::-1, ::-1].T)
    back = effective_conductance(
        turned, r_row=r_col, r_col=r_row, r_driver=r_sense, r_sense=r_driver
    )
    np.testing.assert_allclose(back[::-1, ::-1].T, there, rtol=1e-9, atol=1e-12 * g.max())


@settings(max_examples=30, deadline=None)
@given(SIZES, OHM, st.integers(0, 2**32))
def test_superposition(shape, ohm, seed):
    """A circuit whose sources are all on at once gives the sum that the matrix makes of them."""
    rng = np.random.default_rng(seed)
    g, volts = rng.uniform(1e-6, 1e-3, shape), rng.uniform(-1, 1, shape[0])
    wires = {"r_row": ohm + 0.1, "r_col": 0.3, "r_driver": 2.0, "r_sense": ohm}
    together = by_sparse_lu(resistors(g, **wires), *shape, volts=volts)
    ours = effective_conductance(g, **wires)
    np.testing.assert_allclose(volts @ ours, together, rtol=1e-8, atol=1e-13)


@settings(max_examples=40, deadline=None)
@given(SIZES, OHM, OHM, st.integers(0, 2**32))
def test_wires_only_take(shape, r_row, r_col, seed):
    """No input-output conductance rises above its cell's by wires; more wire leaves less in all."""
    g = np.random.default_rng(seed).uniform(0, 1e-3, shape)
    some = effective_conductance(g, r_row=r_row, r_col=r_col)
    more = effective_conductance(g, r_row=2 * r_row + 1, r_col=2 * r_col + 1)
    assert (some >= 0).all()
    assert some.sum() <= g.sum() * (1 + 1e-12)
    assert more.sum() <= some.sum() * (1 + 1e-12)


@pytest.mark.parametrize(
    ("g", "wires", "said"),
    [
        ([[1e-6, -2e-6]], {}, r"g must be finite and >= 0 S, got -2e-06 at row 0, column 1"),
        ([[1e-6], [float("nan")]], {}, r"g must be finite .*, got nan at row 1, column 0"),
        ([[float("inf")]], {}, r"g must be finite .*, got inf at row 0, column 0"),
        ([1e-6, 2e-6], {}, r"g must have shape \(inputs, outputs\) and a cell, got shape \(2,\)"),
        (np.zeros((0, 3)), {}, r"and a cell, got shape \(0, 3\)"),
        ("cells", {}, r"g must be numbers, \(inputs, outputs\), got str"),
        ([[1e-6]], {"r_row": -1.0}, r"r_row must be finite and >= 0 ohm, got -1.0"),
        ([[1e-6]], {"r_col": float("nan")}, r"r_col must be finite and >= 0 ohm, got nan"),
        ([[1e-6]], {"r_driver": float("inf")}, r"r_driver must be finite .* got inf"),
        ([[1e-6]], {"r_sense": -0.5}, r"r_sense must be finite .* got -0.5"),
    ],
)
def test_refused(g, wires, said):
    with pytest.raises(DeviceError, match=said):
        effective_conductance(g, **{"r_row": 1.0, "r_col": 1.0, **wires})
