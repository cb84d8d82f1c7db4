"""The layers of a report: utilisation by hand, and errors and losses in their place."""

import dataclasses

import pytest

from analogsim.report.attribution import Loss
from analogsim.report.layers_view import later_label, layer_chart, layer_lines, utilisation
from analogsim.report.look import Look
from tests.report.full_folder import layers_file
from tests.report.run_folder import DAY, make_header


@pytest.mark.parametrize(
    ("shape", "tiles", "rows", "columns", "share"),
    [
        # 9 of 512 rows; the tile is as wide as the layer.
        ((16, 1, 3, 3), 1, 512, 0, 9 / 512),
        # 576 inputs on two tiles of 288 of 512 rows each.
        ((64, 64, 3, 3), 2, 512, 0, 576 / 1024),
        # Both sides limited: 100 x 300 weights on 2 tiles of 256 x 128 cells.
        ((100, 300), 2, 256, 128, 30_000 / (2 * 256 * 128)),
        # Four groups of (2, 9): a tile each, 9 of 16 rows.
        ((8, 1, 3, 3), 8, 16, 0, 9 / 16),
        ((8, 2, 3, 3), 4, 32, 0, 18 / 32),
        # As large as needed.
        ((10, 256), 1, 0, 0, 1.0),
        ((10, 256), 1, 0, 20, 0.5),
    ],
    ids=["conv", "two-tiles", "both-sides", "depthwise", "groups", "unlimited", "outputs-only"],
)
def test_utilisation_by_hand(shape, tiles, rows, columns, share) -> None:
    assert utilisation(shape, tiles, rows, columns) == pytest.approx(share, rel=1e-12)


def loss(mode: str, t_s: float, value: float) -> Loss:
    return Loss(
        kind="layer", name="conv1", title="conv1", mode=mode, t_s=t_s, loss=value, low=None,
        high=None,
    )  # fmt: skip


def test_errors_and_losses_of_the_last_time() -> None:
    header = make_header()
    losses = [loss("alone", 1.0, 0.1), loss("alone", DAY, 0.2), loss("without", DAY, 0.3)]
    conv, bn = layer_lines(header.layers, header.periphery, layers_file("pcm"), losses)
    assert conv.utilisation == pytest.approx(9 / 512)
    assert conv.later == 0.14
    assert conv.alone is not None
    assert conv.gain is not None
    assert (conv.alone.loss, conv.gain.loss) == (0.2, 0.3)
    assert (bn.utilisation, bn.later, bn.alone) == (None, None, None)
    assert later_label(layers_file("pcm")) == "1 d, global"
    chart = layer_chart([conv, bn], "1 d, global")
    assert chart is not None
    assert chart.rows[0][:7] == ("conv1", "Conv2d", "analog", 1, 9 / 512, 0.0612, 0.14)
    assert chart.rows[0][7:] == (0.2, None, None, 0.3, None, None, 1.5, 1.6)
    assert chart.header[-2:] == ("factor", "factor_needed")
    assert chart.words.endswith(
        "conv1: error 0.0612 as programmed, 0.14 later, compensated by 1.5, needed 1.6, 1.76 % "
        "of the cells used, +20.00 points lost with it alone analog."
    )


def test_losses_are_drawn_where_they_were_measured() -> None:
    header = make_header()
    alone = dataclasses.replace(loss("alone", DAY, 0.02), low=-0.01, high=0.05)
    with_loss = layer_lines(header.layers, header.periphery, None, [alone])
    without = layer_lines(header.layers, header.periphery, None, ())
    for lines, panels in ((with_loss, 3), (without, 2)):
        chart = layer_chart(lines, "")
        assert chart is not None
        figure = chart.figure(Look(width_in=3.5, font_pt=8))
        assert len(figure.axes) == panels
        assert ("with this layer alone" in chart.caption) == (panels == 3)
        assert ("+2.00 (-1.00 to +5.00) points lost" in chart.words) == (panels == 3)
        if panels == 3:
            interval, point, _ = figure.axes[2].lines
            assert list(interval.get_xdata()) == pytest.approx([-1.0, 5.0])
            assert list(point.get_xdata()) == pytest.approx([2.0])


def test_an_older_record_says_less() -> None:
    header = make_header(periphery={"name": "standard", "not_modelled": []})
    (conv, _) = layer_lines(header.layers, header.periphery, None, ())
    assert (conv.utilisation, conv.later) == (None, None)
    assert later_label(None) == ""


def test_no_analog_layer_no_chart() -> None:
    header = make_header()
    lines = layer_lines(header.layers[1:], header.periphery, None, ())
    assert layer_chart(lines, "") is None


def test_many_layers_are_cut_in_the_drawing_and_not_in_the_data() -> None:
    header = make_header()
    many = [{**header.layers[0], "name": f"layer{n}"} for n in range(70)]
    chart = layer_chart(layer_lines(many, header.periphery, None, ()), "")  # type: ignore[arg-type]
    assert chart is not None
    assert len(chart.rows) == 70
    assert "The first 60 of 70 layers" in chart.caption
