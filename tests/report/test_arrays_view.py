"""The picture of arrays: its data, its words, and where each array lies."""

import pytest

from analogsim.experiment.header import ArraysEntry, CrossbarEntry
from analogsim.report.arrays_view import _strips, arrays_chart, crossbar_table
from analogsim.report.layers_view import layer_lines
from analogsim.report.look import ONE_COLUMN, PAGE
from tests.report.run_folder import make_header


def array(layer: str, rows: int, columns: int, count: int = 1) -> ArraysEntry:
    return ArraysEntry(
        layer=layer, rows=512, columns=columns, filled_rows=rows, filled_columns=columns,
        count=count, held=rows * columns,
    )  # fmt: skip


CROSSBAR = CrossbarEntry(
    lines=[["Arrays", "three"], ["Not modelled", "heat"]],
    arrays=[array("conv1", 27, 16), array("fc", 256, 64, 2), array("fc", 128, 64)],
)


def test_the_table_has_a_line_for_each_sentence() -> None:
    rows = crossbar_table(CROSSBAR).rows
    assert [[cell.text for cell in row] for row in rows] == CROSSBAR["lines"]


def test_the_data_hold_every_array_and_its_share() -> None:
    chart = arrays_chart(CROSSBAR)
    assert chart is not None
    assert chart.rows[1] == ("fc", 2, 512, 64, 256, 64, 0.5)
    assert "fc: 2 of 512 by 64, 50.00 % filled." in chart.words
    figure = chart.figure(PAGE)
    # An outline and a filled part each, a name and a count.
    assert len(figure.axes[0].patches) == 6
    assert [text.get_text() for text in figure.axes[0].texts] == [
        "conv1", "1", "fc", "2", "fc", "1",
    ]  # fmt: skip


@pytest.mark.parametrize("look", [PAGE, ONE_COLUMN], ids=["page", "column"])
@pytest.mark.parametrize("wide", [4, 64, 100_000])
def test_no_array_leaves_the_figure_or_meets_another(look, wide) -> None:
    strips, inch = _strips([array(str(i), 512, wide) for i in range(40)], look)
    for strip in strips:
        ends = [(left, left + inch * one["columns"]) for one, left in strip]
        assert all(a[1] < b[0] for a, b in zip(ends, ends[1:], strict=False))
        assert ends[0][0] >= 0
        assert ends[-1][1] <= look.width_in


def test_no_crossbar_no_picture() -> None:
    assert arrays_chart(None) is None
    assert arrays_chart(CrossbarEntry(lines=[], arrays=[])) is None


def test_utilisation_is_that_of_the_arrays_where_they_are_known() -> None:
    header = make_header()
    crossbar = CrossbarEntry(lines=[], arrays=[array("conv1", 128, 16, 3), array("conv1", 64, 16)])
    line = layer_lines(header.layers, header.periphery, None, (), crossbar)[0]
    assert line.utilisation == pytest.approx((3 * 128 + 64) / (4 * 512), rel=1e-12)
