"""Lines that lie in another order for their faults: where they lie, and what wires then see."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import torch

from device_models.effects import Cells, Faults, Wires
from device_models.errors import DeviceError
from tests.device_models.drawn import Drawn

OUTPUTS, INPUTS, SPARE, SEED = 12, 18, 3, 5
RATES = {"on": 0.06, "off": 0.1, "columns": 0.05}
WIRES = Wires(r_row=20.0, r_col=30.0, r_driver=50.0, driven="last", columns=8)


def target():
    return torch.rand(OUTPUTS, INPUTS, generator=torch.Generator().manual_seed(SEED)) * 2 - 1


def faulty(effect):
    """The cells of ideal devices, in the order of the weights."""
    draws = Drawn(seed=SEED)
    programmed, here = effect.settle(target(), draws)
    return replace(here.apply(Cells.of(programmed), draws), g_max_us=25.0)


@pytest.mark.parametrize("remap", ["columns", "rows", "both"])
def test_each_place_of_the_array_has_the_fault_that_was_drawn_there(remap):
    spare = 0 if remap == "rows" else SPARE
    cells = faulty(Faults(**RATES, remap=remap, spare=spare))
    # Whoever knows of no fault: NaN where the cell is healthy.
    healthy = torch.full((OUTPUTS + spare, INPUTS), torch.nan)
    drawn = Faults(**RATES).apply(Cells(g_plus=healthy, g_minus=healthy), Drawn(seed=SEED))
    for polarity, (g, places) in enumerate(
        ((cells.g_plus, drawn.g_plus), (cells.g_minus, drawn.g_minus))
    ):
        array = cells.layout.array(g.double().numpy().T, polarity)
        there = places.numpy().T
        stuck = ~np.isnan(there)
        assert stuck.sum() > 20
        np.testing.assert_array_equal(array[stuck], there[stuck])
        np.testing.assert_array_equal(cells.layout.weights(array), g.double().numpy().T)


@pytest.mark.parametrize("pairs", ["arrays", "columns", "rows"])
def test_wires_see_the_array_and_not_the_order_of_the_weights(pairs):
    wires = replace(WIRES, pairs=pairs)
    cells = faulty(Faults(**RATES, remap="both", spare=SPARE, pairs=True))
    got = wires.apply(cells, Drawn())
    layout = cells.layout
    physical = [
        torch.from_numpy(layout.array(g.double().numpy().T, polarity).T)
        for polarity, g in enumerate((cells.g_plus, cells.g_minus))
    ]
    assert physical[0].shape == (OUTPUTS + SPARE, INPUTS)
    seen = wires.apply(Cells(g_plus=physical[0], g_minus=physical[1], g_max_us=25.0), Drawn())
    for mine, array in ((got.g_plus, seen.g_plus), (got.g_minus, seen.g_minus)):
        np.testing.assert_allclose(mine.numpy(), layout.weights(array.numpy().T).T, rtol=1e-6)
    # In the order of the weights, without the spares, it is another circuit.
    other = wires.apply(replace(cells, layout=None), Drawn())
    assert float((other.weights - got.weights).abs().max()) > 1e-4


def test_a_spare_that_nobody_needs_lies_in_the_array_too():
    cells = faulty(Faults(remap="columns", spare=SPARE))
    np.testing.assert_array_equal(cells.weights.numpy(), target().numpy())
    assert list(cells.layout.left) == [OUTPUTS, OUTPUTS + 1, OUTPUTS + 2]
    assert not cells.layout.idle.any()


def test_lines_in_their_own_order_need_no_layout():
    assert faulty(Faults(**RATES)).layout is None
    assert faulty(Faults(**RATES, pairs=True)).layout is None


def alone(effect, held):
    """What single cells show that were to hold `held`."""
    programmed, here = effect.settle_cells(held, Drawn(seed=SEED))
    shown = here.apply(Cells.of(programmed, alone=True), Drawn(seed=SEED))
    return replace(shown, g_max_us=25.0, alone=True)


@pytest.mark.parametrize("line", ["columns", "rows"])
def test_cells_alone_lie_where_their_faults_cost_least(line):
    """All orders of five lines; the faults are those of the plus cells of pairs."""
    held = target().abs()[:5, :5]
    effect = Faults(on=0.2, off=0.2, g_off=0.1)
    healthy = torch.full((5, 5), torch.nan)
    drawn = effect.apply(Cells.of(healthy, alone=True), Drawn(seed=SEED)).g_plus
    of_pairs = effect.apply(Cells(g_plus=healthy, g_minus=healthy), Drawn(seed=SEED)).g_plus
    assert torch.equal(drawn.nan_to_num(-1), of_pairs.nan_to_num(-1))

    def error(order):
        there = drawn[list(order)] if line == "columns" else drawn[:, list(order)]
        return float(torch.where(there.isnan(), 0, there - held).double().square().sum())

    found = alone(replace(effect, remap=line), held)
    best = min(map(error, permutations(range(5))))
    assert float((found.weights - held).double().square().sum()) == pytest.approx(best, rel=1e-6)
    assert best < 0.8 * error(range(5))
    order = found.layout.columns if line == "columns" else found.layout.rows
    assert error(order.tolist()) == pytest.approx(best, rel=1e-6)


def test_wires_see_the_array_of_cells_that_stand_alone():
    cells = alone(Faults(**RATES, remap="both", spare=SPARE), target().abs())
    got = WIRES.apply(cells, Drawn())
    array = torch.from_numpy(cells.layout.array(cells.g_plus.double().numpy().T, 0).T)
    seen = WIRES.apply(Cells.of(array, 25.0, alone=True), Drawn())
    want = cells.layout.weights(seen.g_plus.numpy().T).T
    np.testing.assert_allclose(got.g_plus.numpy(), want, rtol=1e-6)


def test_a_map_of_cells_that_stand_alone(tmp_path):
    path = tmp_path / "map.csv"
    lines = ["0/0,3,1,plus,on", "0/0,*,2,*,0.25", "0/0,0,0,plus,open"]
    path.write_text("\n".join(["array,row,column,cell,state", *lines]))
    held = target().abs()
    want = held.clone()
    want[1, 3], want[2], want[0, 0] = 1, 0.25, 0
    assert torch.equal(alone(Faults(map=str(path)), held).weights, want)
    path.write_text("array,row,column,cell,state\n0/0,3,1,minus,on")
    said = r"fault map array 0/0 cell must be plus or \* where cells stand alone, got 'minus'"
    with pytest.raises(DeviceError, match=said):
        alone(Faults(map=str(path)), held)
