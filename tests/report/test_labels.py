"""Times and differences as people read them."""

import pytest

from analogsim.report.labels import (
    compensation_label,
    format_duration,
    percent,
    points,
    series_label,
    time_labels,
)


@pytest.mark.parametrize(
    ("t_s", "label"),
    [
        (0.0, "0 s"), (1.0, "1 s"), (20.0, "20 s"), (60.0, "1 min"), (90.0, "90 s"),
        (3600.0, "1 h"), (86400.0, "1 d"), (90000.0, "25 h"), (172800.0, "2 d"),
        (30 * 86400.0, "30 d"), (365 * 86400.0, "1 y"), (10 * 365 * 86400.0, "10 y"),
        (365.25 * 86400.0, "1 y"), (1e6, "11.6 d"), (3e4, "500 min"), (1e3, "16.7 min"),
        (0.5, "500 ms"), (2.5e-7, "250 ns"), (1.5e-10, "1.5e-10 s"), (1e12, "3.17e+04 y"),
    ],
)  # fmt: skip
def test_durations(t_s: float, label: str) -> None:
    assert format_duration(t_s) == label


def test_two_times_never_share_a_label() -> None:
    year, julian = 365 * 86400.0, 365.25 * 86400.0
    assert time_labels([1.0, year, julian]) == {
        1.0: "1 s",
        year: "31536000 s",
        julian: "31557600 s",
    }


@pytest.mark.parametrize(
    ("difference", "text"), [(0.0123, "+1.23"), (-0.5, "-50.00"), (0.0, "0.00"), (-1e-9, "0.00")]
)
def test_points_are_signed(difference: float, text: str) -> None:
    assert points(difference) == text


def test_fractions_become_per_cent() -> None:
    assert (percent(0.975), percent(1.0), percent(0.0)) == ("97.50", "100.00", "0.00")


def test_curves_are_named_in_words() -> None:
    assert compensation_label("none") == "no compensation"
    assert (
        series_label("pcm", "fold", "global", with_bn=True) == "pcm, global compensation, BN fold"
    )
    assert series_label("pcm", "fold", "none", with_bn=True) == "pcm, no compensation, BN fold"
    assert series_label("pcm", "fold", "exact", with_bn=False) == "pcm, exact compensation"


def test_the_largest_time_has_a_label() -> None:
    assert format_duration(1.7e308) == "5.39e+300 y"
