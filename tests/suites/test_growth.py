"""The slope over the number of BatchNorm layers, by hand."""

from statistics import fmean

import numpy as np
import pytest

from analogsim.experiment.statistics import bounded_interval
from analogsim.scopes.units import Units, combined
from analogsim.suites.entry import Entry
from analogsim.suites.growth import growth_sheet, slopes_of
from tests.scopes.toy import toy


def network(layers: int, *rights: int, group: str | None = "depth"):  # type: ignore[no-untyped-def]
    result = toy({("weights", "std"): {0.2: rights}}, n_bn=layers, etas=(0.2,))
    return Entry(label=f"n{layers}", growth=group), result


def test_each_draw_has_its_line() -> None:
    # Of 80: draw 0 falls by 0.1 a layer, draw 1 by 0.05.
    (found,) = slopes_of([network(0, 80, 80), network(1, 72, 76), network(2, 64, 72)])
    assert (found.group, found.grid, found.layers) == ("depth", "all", (0, 1, 2))
    assert found.over_draws.mean == pytest.approx(-0.075)
    assert found.over_draws.n == 2
    assert found.over_draws.std == pytest.approx(0.05 / 2**0.5)
    # The means lie on a line: no scatter.
    assert found.over_networks == pytest.approx((-0.075, -0.075))


def test_scatter_around_the_line_widens() -> None:
    (found,) = slopes_of([network(0, 80), network(1, 80), network(2, 64)])
    # Means 1, 1, 0.8: slope -0.1, residuals 1/30, -2/30, 1/30, t(0.975, 1) = 12.7062.
    half = 12.7062 * (6 / 900 / 1 / 2) ** 0.5
    assert found.over_networks == pytest.approx((-0.1 - half, -0.1 + half), rel=1e-4)
    text = growth_sheet([found]).text()
    assert "points of average normalised accuracy a BatchNorm layer" in text
    last = text.splitlines()[-3].split()
    assert last[3:] == ["-10.00", f"{100 * (-0.1 - half):+.2f}", "to", f"{100 * (half - 0.1):+.2f}"]


@pytest.mark.parametrize(
    "networks",
    [
        [network(0, 80), network(0, 72)],
        [network(0, 80), network(1, 72, group=None)],
        [network(0, 80, group="a"), network(1, 72, group="b")],
    ],
    ids=["one-count", "no-group", "two-groups"],
)
def test_no_slope_without_two_counts(networks) -> None:  # type: ignore[no-untyped-def]
    assert slopes_of(networks) == []


def test_two_networks_have_no_scatter() -> None:
    (found,) = slopes_of([network(0, 80), network(3, 72)])
    assert found.over_networks is None
    assert growth_sheet([found]).text().splitlines()[-3].split()[3:] == ["-3.33", "-"]


def test_draws_that_are_nan_leave_the_slope_any_law() -> None:
    """Draws of two kinds: half of those with 2 layers are NaN, none of those with 1."""
    rights = [64, 8, 64, 8, 64]
    nan = {("variance", "std"): {0.2: [100 * (right == 8) for right in rights]}}
    two = toy({("variance", "std"): {0.2: rights}}, nan, n_bn=2, etas=(0.2,))
    one = toy({("variance", "std"): {0.2: [72] * 5}}, n_bn=1, etas=(0.2,))
    networks = [(Entry(label=str(at), growth="depth"), r) for at, r in enumerate((one, two))]
    (found,) = slopes_of(networks)
    values = [right / 80 - 0.9 for right in rights]
    expected = bounded_interval(values, -1.25, 1.25)
    assert (found.over_draws.low, found.over_draws.high) == pytest.approx(
        (expected.low, expected.high)
    )


def test_the_note_counts_what_chance_would_tell_apart() -> None:
    steep = [network(at, *(80 - 8 * at - draw % 2 * at for draw in range(6))) for at in range(3)]
    (found,) = slopes_of(steep)
    assert growth_sheet([found]).notes[-1] == (
        "Over draws, these 100 images alone: 1 of 1 slopes are told apart from 0; by chance 0.1 of "
        "1 would be told apart, and with Holm's correction 1 remain."
    )


def test_slopes_are_taken_image_by_image_where_answers_were_kept() -> None:
    """Networks that lose the same images: the slope for new images varies as these images do."""
    flat, falling = [[1.0] * 40] * 3, [[1.0] * 36 + [0.0] * 4, [1.0] * 36 + [0.0] * 4, [1.0] * 40]
    each = [
        Units(
            values={at: fmean(row) for at, row in enumerate(rows)},
            images={at: np.array(row) for at, row in enumerate(rows)},
            step=1 / 40,
            span=(0.0, 1.0),
        )
        for rows in (flat, falling)
    ]
    found = combined(each, [-0.5, 0.5])
    assert found.values == pytest.approx({0: -0.05, 1: -0.05, 2: 0.0})
    assert found.images is not None
    assert found.images[0].tolist() == [0.0] * 36 + [-0.5] * 4
    assert (found.step, found.span) == (1 / 80, (-0.5, 0.5))
    mean = found.mean()
    assert mean is not None
    assert mean.low is not None
    assert mean.new_images is not None
    assert mean.new_images[0] < mean.low
    # One network without answers, or other images: none for new ones.
    bare = Units(values=each[0].values, images=None, step=1 / 40, span=(0.0, 1.0))
    assert combined([bare, each[1]], [-0.5, 0.5]).images is None
