"""The log axis of times: where times stand and what is labelled."""

from itertools import pairwise

import pytest
from matplotlib.figure import Figure

from analogsim.report.look import ONE_COLUMN, PAGE, TWO_COLUMNS
from analogsim.report.time_axis import MARKS, TimeAxis
from tests.report.run_folder import DAY, HOUR, YEAR


def test_times_stand_at_their_logarithm_and_zero_apart() -> None:
    axis = TimeAxis.of([100.0, 0.0, 1.0, 1.0])
    assert axis.x == {1.0: 0.0, 100.0: 2.0, 0.0: -1.0}
    assert axis.span == 3.0
    assert TimeAxis.of([0.0]).x == {0.0: 0.0}
    assert TimeAxis.of([5.0]).span == 1.0


def test_marks_are_what_people_know() -> None:
    assert {label: t_s for t_s, label in MARKS.items()} == {
        "1 min": 60,
        "1 h": 3600,
        "1 d": 86400,
        "1 month": 30 * 86400,
        "1 y": 365 * 86400,
        "10 y": 3650 * 86400,
    }


@pytest.mark.parametrize("look", [PAGE, TWO_COLUMNS], ids=["page", "two-columns"])
def test_every_mark_between_first_and_last_time_has_a_label(look) -> None:
    ticks = TimeAxis.of([1.0, 10 * YEAR]).ticks(0.78 * look.width_in, look)
    assert list(ticks.values()) == ["1 s", "1 min", "1 h", "1 d", "1 month", "1 y", "10 y"]
    # 60 s stand at log10 60.
    assert list(ticks)[:2] == pytest.approx([0.0, 1.7781512504])


def test_a_month_goes_first_where_there_is_no_room() -> None:
    ticks = TimeAxis.of([1.0, 10 * YEAR]).ticks(0.78 * ONE_COLUMN.width_in, ONE_COLUMN)
    assert list(ticks.values()) == ["1 s", "1 min", "1 h", "1 d", "1 y", "10 y"]


def test_first_and_last_time_are_always_named() -> None:
    ticks = TimeAxis.of([1.0, DAY, 2 * DAY]).ticks(3.7, PAGE)
    assert list(ticks.values()) == ["1 s", "1 min", "1 h", "2 d"]
    assert list(TimeAxis.of([0.0, 5.0]).ticks(3.7, PAGE).values()) == ["0 s", "5 s"]


def test_other_times_are_named_where_they_have_room() -> None:
    assert list(TimeAxis.of([1.0, 7.0, 50.0]).ticks(3.7, PAGE).values()) == ["1 s", "7 s", "50 s"]
    # Two seconds beside one have none.
    assert "2 s" not in TimeAxis.of([1.0, 2.0, 10 * YEAR]).ticks(3.7, PAGE).values()


@pytest.mark.parametrize(
    "times",
    [(1.0, 60.0, HOUR, DAY, 30 * DAY, YEAR, 10 * YEAR), (0.0, 1.0, YEAR), (1.0, 1.1, 9e7, 1e8)],
    ids=["usual", "zero", "close"],
)
@pytest.mark.parametrize("look", [PAGE, ONE_COLUMN], ids=["page", "one-column"])
def test_labels_do_not_touch(times, look) -> None:
    figure = Figure(figsize=(look.width_in, 2), layout="constrained")
    axes = figure.subplots()
    axes.set_ylabel("accuracy (%)")
    axes.tick_params(labelsize=look.font_pt - 0.5)
    TimeAxis.of(times).finish(axes, look)
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in axes.get_xticklabels() if label.get_text()]
    assert all(a.x1 < b.x0 for a, b in pairwise(sorted(boxes, key=lambda box: box.x0)))
