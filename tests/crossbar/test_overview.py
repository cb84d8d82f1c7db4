"""The overview of a crossbar: its arrays by hand, and what is said to be modelled."""

from collections import Counter

import pytest
import torch
from torch import nn

import analogsim
from analogsim.crossbar.conversion.overview import arrays_of, overview
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.periphery_text import from_dict


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=8), nn.Flatten(), nn.Linear(32, 10)
    )


def converted(periphery: dict[str, object] | str, **options: object) -> AnalogModel:
    edge = periphery if isinstance(periphery, str) else from_dict(periphery, where="test")
    images = torch.rand(4, 3, 6, 6, generator=torch.Generator().manual_seed(1))
    return analogsim.convert(net(), "pcm", periphery=edge, calibrate=images, **options)  # type: ignore[arg-type]


def said(analog: AnalogModel) -> dict[str, str]:
    return dict(overview(analog))


def test_arrays_are_counted_and_filled_as_by_hand() -> None:
    found = arrays_of(converted({"max_input_size": 20, "max_output_size": 16}))
    # 27 inputs on two tiles of 14 and 13 of 20 rows; 32 inputs on two of 16.
    assert [(a.layer, a.filled_rows, a.filled_columns, a.count, a.held) for a in found] == [
        ("0", 14, 8, 1, 112),
        ("0", 13, 8, 1, 104),
        ("4", 16, 10, 2, 160),
    ]
    assert {(a.rows, a.columns) for a in found} == {(20, 16)}
    share = 100 * (27 * 8 + 320) / (4 * 320)
    assert f"4 of 20 rows and 16 columns; {share:.1f} %" in said(converted(
        {"max_input_size": 20, "max_output_size": 16}
    ))["Arrays"]  # fmt: skip


def test_groups_that_share_an_array_hold_its_diagonal_alone() -> None:
    (_, grouped, _) = arrays_of(converted("standard", grouped="blocks"))
    # Eight groups of (1, 9) lie along the diagonal of 72 x 8 places.
    assert (grouped.filled_rows, grouped.filled_columns, grouped.held) == (72, 8, 72)


@pytest.mark.parametrize(
    ("fields", "cells"),
    [
        ({}, 2),
        # Seven bits and a sign, in slices of 2: 2, 2, 2, 1.
        ({"bits_per_cell": 2}, 2 * 4),
        ({"weight_encoding": "offset", "bits_per_cell": 4}, 2),
    ],
    ids=["pairs", "slices", "offset"],
)
def test_cells_are_those_of_every_weight(fields: dict[str, object], cells: int) -> None:
    weights = 3 * 9 * 8 + 320
    text = said(converted(fields))["Cells"]
    assert text.startswith(f"{weights:,} weights in {cells * weights:,} cells: ")


def test_the_standard_setting_on_its_own_tile_leaves_nothing_of_the_periphery_out() -> None:
    lines = Counter(part for part, _ in overview(converted("standard")))
    # The device's own sentence.
    assert lines["Not modelled"] == 1
    assert "polynomial" in said(converted("standard"))["Wires"]
    assert "0.0175" in said(converted("standard"))["Products"]
    left = [text for part, text in overview(converted("standard", tile="torch")) if part[0] == "N"]
    assert [text.partition(" (")[0] for text in left[:2]] == [
        "IR drop",
        "read noise of each product",
    ]


def test_products_of_slices_have_what_the_standard_setting_has() -> None:
    analog = converted({"bits_per_cell": 2})
    assert "polynomial" in said(analog)["Wires"]
    assert "0.0175" in said(analog)["Products"]
    assert [part for part, _ in overview(analog)].count("Not modelled") == 1


def test_ir_drop_counts_once_where_wires_are_an_effect() -> None:
    analog = converted("standard", effects=["wires?r_col=1"])
    assert analog.periphery.ir_drop == 0
    assert (
        sum("IR drop of periphery standard (ir_drop = 1) is left" in n for n in analog.notes) == 1
    )
    assert [part for part, _ in overview(analog)].count("Wires") == 1
    assert "wires?r_col=1.0" in said(analog)["Wires"]
    as_asked = converted({"ir_drop": 0.0}, effects=["wires?r_col=1"])
    images = torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(2))
    made = [analogsim.program(one, seed=3) for one in (analog, as_asked)]
    torch.manual_seed(0)
    first = made[0](images)
    torch.manual_seed(0)
    assert torch.equal(first, made[1](images))


def test_layers_that_are_kept_digital_have_no_arrays() -> None:
    analog = converted("standard", keep_digital=["4"], grouped="blocks")
    assert {a.layer for a in arrays_of(analog)} == {"0", "2"}
