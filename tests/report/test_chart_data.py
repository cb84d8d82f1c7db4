"""The data of the charts, against the summary and against numbers by hand."""

import csv
import io
from pathlib import Path

import pytest

from analogsim.report.accuracy_chart import accuracy_chart
from analogsim.report.bn_chart import bn_chart, policies
from analogsim.report.chart import Chart
from analogsim.report.chart_list import charts_of
from analogsim.report.error_chart import error_chart, shown_states, total_error
from analogsim.report.extras import read_extras
from analogsim.report.map_chart import map_charts
from analogsim.report.matched_chart import matched_chart
from analogsim.report.spread_chart import spread_chart, steps, yield_chart
from analogsim.report.summary import Run, read_run, summarise_run
from tests.report.full_folder import comparison, device, layers_file, write_full
from tests.report.run_folder import DAY, drifting, make_trial, write_run


def lines(chart: Chart) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(chart.csv(), newline="")))


def run_of(folder: Path, trials) -> Run:
    return read_run(write_run(folder, trials))


def test_the_accuracy_csv_is_the_summary(tmp_path: Path) -> None:
    run = run_of(tmp_path, [*drifting(chips=3), make_trial(t_s=2 * DAY)])
    summary = summarise_run(run)
    digital, *rows = lines(accuracy_chart(run, summary))
    assert (digital["preset"], float(digital["accuracy"])) == ("digital", 0.975)
    assert digital["t_s"] == digital["low"] == ""
    assert len(rows) == len(summary["rows"])
    for line, row in zip(rows, summary["rows"], strict=True):
        assert (line["preset"], line["compensation"]) == (row["preset"], row["compensation"])
        assert (float(line["t_s"]), float(line["accuracy"])) == (row["t_s"], row["mean"])
        bounds = [float(line["low"]), float(line["high"])] if line["low"] else None
        assert bounds == row["ci95"]
        assert int(line["n_chips"]) == row["n_chips"]


def test_the_words_of_a_chart_have_its_numbers(tmp_path: Path) -> None:
    trials = [make_trial(chip=c, n_correct=342 + 2 * c) for c in range(2)]
    run = run_of(tmp_path, trials)
    # 343/360, and half-width t(0.975, 1) * (1/360) = 12.7062 * 0.27778 = 3.52953 points.
    assert accuracy_chart(run, summarise_run(run)).words == (
        "Accuracy over time. Digital network: 97.50 %. pcm, global compensation: "
        "95.28 % (91.75 to 98.81) at 1 s."
    )
    spread = spread_chart(run)
    assert spread is not None
    assert spread.words.endswith("1 s: 2 chips from 95.00 to 95.56 %, mean 95.28 %.")


def test_yield_by_hand(tmp_path: Path) -> None:
    assert steps([0.9, 0.8, 0.9, 0.7]) == [(0.7, 1.0), (0.8, 0.75), (0.9, 0.5)]
    right = (324, 288, 324, 252)
    run = run_of(tmp_path, [make_trial(chip=c, n_correct=n) for c, n in enumerate(right)])
    chart = yield_chart(run)
    assert chart is not None
    got = [(float(line["accuracy"]), float(line["share_of_chips"])) for line in lines(chart)]
    assert got == [(0.7, 1.0), (0.8, 0.75), (0.9, 0.5)]
    assert "all reach 70.00 %, half reach 90.00 %, the best 90.00 %." in chart.words


def test_the_strip_has_every_chip_of_the_last_time(tmp_path: Path) -> None:
    trials = [make_trial(chip=c, t_s=t, n_correct=300 - c) for t in (1.0, DAY) for c in range(3)]
    chart = spread_chart(run_of(tmp_path, trials))
    assert chart is not None
    got = [(float(x["t_s"]), int(x["chip"]), float(x["accuracy"])) for x in lines(chart)]
    assert got == [(DAY, 2, 298 / 360), (DAY, 1, 299 / 360), (DAY, 0, 300 / 360)]


def test_one_chip_has_no_strip_and_no_yield(tmp_path: Path) -> None:
    run = run_of(tmp_path, [make_trial()])
    assert spread_chart(run) is None
    assert yield_chart(run) is None


def test_policies_are_paired_over_chips(tmp_path: Path) -> None:
    # Folding costs every chip 3 of 360 images, or 4: mean 3.5, and 12.7062 * 0.5 = 6.3531.
    trials = [
        make_trial(bn=bn, chip=c, n_correct=340 + 9 * c - loss * (3 + c))
        for bn, loss in (("digital", 0), ("fold", 1))
        for c in range(2)
    ]
    run = run_of(tmp_path, trials)
    first, second = policies(run)
    assert (first.bn, first.against) == ("digital", None)
    assert second.bn == "fold"
    assert second.against == pytest.approx((-3.5 / 360, -9.8531 / 360, 2.8531 / 360), abs=1e-6)
    chart = bn_chart(run)
    assert chart is not None
    assert [line["difference"] for line in lines(chart)][0] == ""
    assert float(lines(chart)[1]["difference"]) == pytest.approx(-3.5 / 360)
    assert "BN fold at 1 s: -0.97 (-2.74 to +0.79) points." in chart.words


def test_one_policy_is_not_compared(tmp_path: Path) -> None:
    run = run_of(tmp_path, [make_trial()])
    assert policies(run) == []
    assert bn_chart(run) is None


def test_the_error_csv_is_the_pooled_histogram() -> None:
    chart = error_chart(layers_file("pcm"))
    found = lines(chart)
    assert len(found) == 5
    assert found[0] == {
        "preset": "pcm", "t_s": "", "compensation": "none", "below": "2",
        "-1.5": "3", "-0.5": "12", "0.5": "12", "1.5": "3", "above": "0",
    }  # fmt: skip
    # Of 11 and 21 weights: mean -(11 * 0.05 + 21 * 0.1) / 32, rms sqrt((0.11 + 0.84) / 32).
    assert total_error(device("pcm"), 0) == pytest.approx((-0.0828125, 0.1722999), abs=1e-6)
    assert "as programmed: mean -0.083, rms 0.172" in chart.words


def test_the_shown_states_are_first_and_last() -> None:
    assert shown_states(device("pcm")) == [0, 1, 3, 4]
    one = device("pcm")
    one["states"], one["layers"] = one["states"][:1], one["layers"]
    assert shown_states(one) == [0]


def test_the_map_csv_is_the_cells() -> None:
    (chart,) = map_charts(layers_file("pcm"))
    cells = [
        (x["kind"], x["output"], x["kept_input_0"], x["kept_input_1"], x["kept_input_2"])
        for x in lines(chart)
    ]
    assert cells == [
        ("target", "0", "1.0", "-0.5", "0.0"),
        ("target", "1", "0.25", "-1.0", "0.75"),
        ("programmed", "0", "0.9", "-0.45", "0.0"),
        # 22.5 and 67.5 hundredths go to the even neighbour.
        ("programmed", "1", "0.22", "-0.9", "0.68"),
        ("last", "0", "0.5", "-0.25", "0.0"),
        ("last", "1", "0.12", "-0.5", "0.38"),
    ]
    assert "Every cell is shown." in chart.caption
    assert "mean size 0.583 wanted, 0.525 as programmed, 0.292 after 1 d." in chart.words


def test_thinned_maps_say_so() -> None:
    content = layers_file("pcm")
    content["presets"][0]["maps"][0]["step"] = [1, 3]
    (chart,) = map_charts(content)
    assert "conv1 shows every output and every 3rd input" in chart.caption


def test_the_matched_csv_is_the_comparison() -> None:
    chart = matched_chart(comparison("pcm"))  # type: ignore[arg-type]
    first, second = lines(chart)
    assert [float(first[k]) for k in ("accuracy", "low", "high")] == [0.95, 0.94, 0.97]
    assert float(second["difference"]) == -0.01
    assert float(second["difference_new_images_low"]) == -0.04
    assert float(second["equivalent_eta"]) == 0.08
    assert "pcm at 1 d: 95.00 %, matched 96.00 %, difference -1.00 points." in chart.words


def test_every_chart_says_what_it_shows(tmp_path: Path) -> None:
    run = read_run(write_full(tmp_path))
    charts = charts_of(run, summarise_run(run), read_extras(tmp_path))
    assert len({chart.name for chart in charts}) == len(charts) == 11
    for chart in charts:
        assert any(letter.isdigit() for letter in chart.words)
        assert all(len(row) == len(chart.header) for row in chart.rows)
        assert chart.rows
