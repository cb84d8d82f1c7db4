"""The plot: what is drawn where, and that nothing overlaps."""

from collections.abc import Sequence
from itertools import pairwise

import matplotlib as mpl
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from analogsim.experiment.records import Trial
from analogsim.report import plot
from analogsim.report.look import INK, ONE_COLUMN, PAGE, Look, png_bytes, settings, svg_text
from tests.report.run_folder import DAY, HOUR, YEAR, drifting, make_trial

MANY = {
    "presets": ("pcm", "rram", "pcm-hermes"),
    "compensations": ("none", "global", "exact"),
    "bns": ("digital", "fold"),
}
CASES = {
    "usual": drifting(),
    "one-trial": [make_trial()],
    "only-zero": drifting(times=(0.0,)),
    "zero-and-more": drifting(times=(0.0, 1.0, DAY, 2 * DAY, YEAR)),
    "no-spread": [make_trial(chip=c, t_s=t_s) for c in range(3) for t_s in (1.0, DAY)],
    "perfect": [make_trial(chip=c, n_correct=360) for c in range(3)],
    "nothing-right": [make_trial(chip=c, n_correct=0) for c in range(3)],
    "many-times": drifting(times=tuple(10.0**k for k in range(9)), chips=2),
    "close-times": drifting(times=(1.0, 60.0, HOUR, DAY, 2 * DAY, 7 * DAY, 30 * DAY, YEAR)),
    "compare": drifting(presets=("pcm", "rram", "gaussian?eta=0.05&reference=max")),
    "many": drifting(**MANY, chips=2),
    "one-preset-many": drifting(
        compensations=("none", "global", "exact", "column"), bns=("digital", "fold"), chips=2
    ),
}


def draw(trials: Sequence[Trial], digital: float, look: Look = PAGE) -> Figure:
    """As a chart is drawn."""
    with mpl.rc_context(settings(look)):
        return plot.draw(trials, digital, look=look)


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def trials(request: pytest.FixtureRequest) -> list[Trial]:
    found: list[Trial] = request.param
    return found


@pytest.mark.parametrize("look", [PAGE, ONE_COLUMN], ids=["page", "one"])
def test_no_label_overlaps_another_or_leaves_the_figure(trials: list[Trial], look: Look) -> None:
    figure = draw(trials, 0.975, look=look)
    figure.draw_without_rendering()
    for axes in figure.axes:
        boxes = [label.get_window_extent() for label in axes.get_xticklabels() if label.get_text()]
        assert all(a.x1 < b.x0 for a, b in pairwise(sorted(boxes, key=lambda box: box.x0)))
    whole = figure.bbox
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert whole.x0 <= box.x0
    assert box.x1 <= whole.x1
    assert whole.y0 <= box.y0
    assert box.y1 <= min(axes.get_tightbbox().y0 for axes in figure.axes) + 1


def test_the_axis_shows_every_chip_and_stays_an_accuracy(trials: list[Trial]) -> None:
    figure = draw(trials, 0.975)
    low, high = figure.axes[0].get_ylim()
    assert low < min(100 * t.accuracy for t in trials)
    assert high > max(97.5, *(100 * t.accuracy for t in trials))
    assert high - low >= 1
    assert all(0 <= tick <= 100 for tick in figure.axes[0].get_yticks() if low <= tick <= high)


def chip_dots(figure: Figure) -> list[tuple[float, float]]:
    return [
        (float(x), float(y))
        for axes in figure.axes
        for line in axes.get_lines()
        if line.get_marker() == "."
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    ]


def test_every_chip_is_a_dot(trials: list[Trial]) -> None:
    dots = sorted(y for _, y in chip_dots(draw(trials, 0.975)))
    assert dots == pytest.approx(sorted(100 * trial.accuracy for trial in trials))


def test_no_line_leads_to_time_zero() -> None:
    (axes,) = draw(drifting(times=(0.0, 1.0, DAY), compensations=("none",)), 0.975).axes
    means = [line for line in axes.get_lines() if line.get_marker() == "o"]
    assert [len(line.get_xdata()) for line in means] == [1, 2]


def test_many_curves_get_a_panel_a_preset_with_the_same_looks() -> None:
    figure = draw(CASES["many"], 0.975)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["pcm", "rram", "pcm-hermes"]
    looks = [
        [
            (line.get_color(), line.get_marker())
            for line in axes.get_lines()
            if line.get_marker() not in {".", "None"} and len(line.get_xdata())
        ]
        for axes in figure.axes
    ]
    assert looks[0] == looks[1] == looks[2]
    assert len(set(looks[0])) == 6


def test_the_legend_names_every_curve_and_the_baseline() -> None:
    (legend,) = draw(CASES["usual"], 0.975).legends
    # What all curves share is said once.
    assert legend.get_title().get_text() == "pcm"
    assert [text.get_text() for text in legend.get_texts()] == [
        "no compensation",
        "global compensation",
        "digital network",
        "single chips",
        "95 % interval of the mean",
    ]


def test_the_baseline_is_drawn_in_ink() -> None:
    (axes,) = draw(CASES["usual"], 0.975).axes
    baseline = axes.get_lines()[0]
    assert set(baseline.get_ydata()) == {97.5}
    assert to_hex(baseline.get_color()) == INK


def test_names_are_text_and_not_formulas_or_markup() -> None:
    svg = svg_text(draw([make_trial(preset="<script>$x_1$")], 0.975))
    assert "&lt;script&gt;$x_1$, global compensation" in svg
    assert "<script" not in svg


def test_the_same_trials_give_the_same_files() -> None:
    a, b = (draw(CASES["compare"], 0.975) for _ in range(2))
    assert png_bytes(a) == png_bytes(b)
    assert svg_text(a) == svg_text(b)
    assert png_bytes(a).startswith(b"\x89PNG")
