"""Lines that lie in another order for their faults: where they lie, and what wires then see."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from device_models.effects import Cells, Faults, Wires
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
