"""Sentences, table and shares, from numbers that are known."""

import pytest

from analogsim.equivalent.causes import variants
from analogsim.equivalent.words import sentences
from analogsim.report.comparison import (
    Cause,
    Comparison,
    EquivalentEta,
    Estimate,
    Part,
    Point,
    control_name,
)
from analogsim.report.look import png_bytes
from analogsim.report.matched_chart import draw_comparison
from analogsim.report.matched_table import eta_text, format_comparison
from device_models.registry import parse, spec_of

ETA = EquivalentEta(eta=0.131, low=0.0915, high=0.163, reached="yes", n_levels=20)


def estimate(mean, low=None, high=None, n_chips=10, p=None, new=None):
    if low is None:
        return Estimate(mean=mean, ci95=None, n_chips=n_chips, p=None, new_images=None)
    p = p or (0.5 if low <= 0 <= high else 0.001)
    return Estimate(mean=mean, ci95=[low, high], n_chips=n_chips, p=p, new_images=new)


def sentence(made):
    (said,) = sentences([made], "net", 360)
    return said


def point(difference, parts=(), causes=(), equivalent=ETA, preset="pcm") -> Point:
    return Point(
        preset=preset,
        control=control_name(preset),
        t_s=86400.0,
        accuracy=estimate(0.95, 0.94, 0.96),
        accuracy_control=estimate(0.98, 0.97, 0.99),
        difference=difference,
        sigmas={"fc": 0.1},
        equivalent=equivalent,
        parts=list(parts),
        causes=list(causes),
    )


def part(mean, low, high, p=None):
    return Part(prop="by-state", meaning="that the spread depends on the weight",
                share=estimate(mean, low, high, p=p))  # fmt: skip


def cause(mean, low, high, p=None):
    return Cause(option="drift_scale", effect="drift", difference_without=estimate(0.0, -0.1, 0.1),
                 share=estimate(mean, low, high, p=p))  # fmt: skip


WORSE = estimate(-0.031, -0.042, -0.020, new=[-0.052, -0.010])


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (
            point(WORSE, [part(-0.02, -0.03, -0.01)], [cause(-0.01, -0.03, 0.01)]),
            "After 1 d pcm costs net on these 360 images 3.10 points more than Gaussian noise of "
            "the same weight error (95 % interval of the difference -4.20 to -2.00, paired over 10 "
            "chips; for new images -5.20 to -1.00); measured by switching off one at a time "
            "(Holm's rule over 2): that the spread depends on the weight makes -2.00 points of it "
            "(-3.00 to -1.00). Its accuracy is that of Gaussian noise of 0.131 std(W) (95 % "
            "interval on these images 0.0915 to 0.163).",
        ),
        (
            point(WORSE, [part(-0.02, -0.03, 0.01)], [cause(-0.02, -0.03, -0.01)]),
            "one at a time (Holm's rule over 2): drift makes -2.00 points of it",
        ),
        (point(WORSE, [part(-0.02, -0.03, 0.01)]), "one by one shows no single cause."),
        (
            point(estimate(0.012, 0.002, 0.021)),
            "pcm costs net on these 360 images 1.20 points less than Gaussian noise of the same",
        ),
        (
            point(estimate(-0.002, -0.005, 0.001), [part(-0.02, -0.03, -0.01)]),
            "After 1 d pcm is not distinguishable from Gaussian noise of the same weight error on "
            "net on these 360 images: it differs by -0.20 points (95 % interval of the difference "
            "-0.50 to +0.10, paired over 10 chips). Its",
        ),
        (point(estimate(-0.03, n_chips=1)), "-3.00 points (one chip, so no interval)."),
        (
            point(estimate(-0.03, -0.05, -0.01, new=[-0.07, 0.01])),
            "for new images -7.00 to +1.00); for new images it may be 0; switching",
        ),
        (
            # By itself each share is told apart; Holm needs 0.025 for the first of two.
            point(WORSE, [part(-0.02, -0.03, -0.01, 0.03)], [cause(-0.02, -0.03, -0.01, 0.04)]),
            "one by one shows no single cause.",
        ),
    ],
    ids=["part", "effect", "no cause", "less", "not distinguishable", "one chip", "new images",
         "many causes"],
)  # fmt: skip
def test_sentence(made, expected):
    assert expected in sentence(made)


def test_a_difference_must_survive_the_list_of_all():
    weak = estimate(-0.02, -0.039, -0.001, p=0.04)
    assert "costs net on these 360 images 2.00 points more" in sentence(point(weak))
    first, second = sentences([point(weak), point(estimate(0.0, -0.01, 0.01))], "net", 360)
    assert "not distinguishable" in first
    assert "that leaves out 0, as 0.1 of 2 such intervals do by chance (Holm's rule). Its" in first
    assert "by chance" not in second


@pytest.mark.parametrize(
    ("change", "short", "text"),
    [
        ({}, "0.131 (0.0915, 0.163)", "0.131 std(W) (95 % interval on these images 0.0915 to"),
        ({"high": None}, "0.131 (0.0915, -)", "(95 % interval on these images from 0.0915 on)."),
        (
            {"eta": None, "low": 0.0, "reached": "below"},
            "none (0, 0.163)",
            "above that of chips without weight noise, so no level equals it (95 % interval on",
        ),
        (
            {"eta": None, "high": None, "reached": "above"},
            "above (0.0915, -)",
            "every Gaussian level of the bracket (95 % interval on these images from 0.0915 on).",
        ),
        ({"low": None, "high": None}, "0.131", "Gaussian noise of 0.131 std(W)."),
    ],
    ids=["yes", "open", "below", "above", "one chip"],
)
def test_levels(change, short, text):
    found = EquivalentEta(**(ETA | change))
    assert eta_text(found) == short
    assert text in sentence(point(WORSE, equivalent=found))


def comparison(*points) -> Comparison:
    return Comparison(
        format="analogsim-matched", version=1, question="q", command="c", model="net",
        data="digits", compensation="global", chips=10, n_images=360, digital_accuracy=0.99,
        bracket=[0.002, 2.0], points=list(points), sentences=sentences(points, "net", 360),
        coverage=None,
    )  # fmt: skip


def test_table_fits_the_screen():
    long = "rram?interpolate=true&gain=aihwkit"
    text = format_comparison(comparison(point(WORSE), point(WORSE, preset=long)))
    assert max(map(len, text.splitlines())) <= 80
    assert "-3.10 (-4.20, -2.00)" in text
    assert f"\n{long}\n" in text
    lines = text.splitlines()
    at = next(place for place, line in enumerate(lines) if line.startswith("pcm"))
    end = lines[at].index("-2.00)") + len("-2.00)")
    assert lines[at + 1] == "new images: (-5.20, -1.00)".rjust(end)
    assert "intervals: each by itself: of 2 differences 0.1 would leave out 0 by chance" in text


def test_plot_is_made_of_any_comparison():
    open_end = EquivalentEta(**(ETA | {"eta": None, "high": None, "reached": "above"}))
    figure = draw_comparison(
        comparison(point(WORSE), point(estimate(0.0, n_chips=1), equivalent=open_end, preset="b"))
    )
    assert png_bytes(figure).startswith(b"\x89PNG")
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[:2] == ["pcm", "b"]
    # The level and its interval are inside the shared axis.
    assert figure.axes[2].get_ylim()[0] == 0
    assert figure.axes[2].get_ylim()[1] >= 0.163


def test_what_rounding_left_of_a_zero_is_zero():
    found = EquivalentEta(**(ETA | {"eta": 2.66e-17, "low": 0.0, "high": 0.228}))
    assert eta_text(found) == "0 (0, 0.228)"
    said = sentence(point(estimate(0.01, -0.01, 0.03), equivalent=found))
    assert said.endswith("noise of 0 std(W) (95 % interval on these images 0 to 0.228).")


def test_variants_switch_one_effect_off():
    specs = [spec_of(one.device) for one in variants(parse("pcm?read_scale=0"))]
    assert "pcm?drift_scale=0.0&read_scale=0.0" in specs
    assert all("read_scale=0.0" in spec for spec in specs)
    assert not any(one.switch.option == "read_scale" for one in variants(parse("pcm?read_scale=0")))
    assert variants(parse("rram")) == ()
    assert variants(parse("pcm?noise_scale=0")) == ()
