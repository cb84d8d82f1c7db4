"""What a sweep's folder becomes: table, charts, the choice and its words, CSV and data frame."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import analogsim
from analogsim.errors import InputError
from analogsim.experiment.axes import points_of
from analogsim.experiment.trial import Trial
from analogsim.report import build_report, format_table, summary
from analogsim.report.chart_list import charts_of
from analogsim.report.extras import read_extras
from analogsim.report.look import PAGE
from analogsim.report.summary import Summary, read_run
from analogsim.report.sweep_choice import ascending, best_end
from tests.report.run_folder import DAY, N_IMAGES, SPEC, make_trial, write_run

# Right answers of five chips at each number of bits.
RIGHT = {
    8: (350, 348, 351, 349, 350),
    7: (350, 348, 350, 349, 350),
    6: (349, 348, 350, 349, 349),
    5: (330, 333, 329, 331, 335),
    4: (100, 140, 90, 160, 120),
}


def trials(lost: int = 0, times: tuple[float, ...] = (1.0, DAY), **point: Any) -> list[Trial]:
    """Chips at all bits; each loses `lost` more at the later time."""
    return [
        make_trial(
            chip=chip, t_s=t_s, point={"adc_bits": bits, **point},
            n_correct=right - lost * (t_s > 1),
        )
        for bits, every in RIGHT.items()
        for t_s in times
        for chip, right in enumerate(every)
    ]  # fmt: skip


def folder_of(folder: Path, found: list[Trial], within: float = 0.005, **axes: Any) -> Path:
    points = list(points_of({"adc_bits": tuple(RIGHT), **axes}))
    return write_run(folder, found, spec=SPEC | {"points": points, "within": within})


def sweep_of(made: Summary) -> Any:
    assert "sweep" in made
    return made["sweep"]


def told_by_holm(p_values: list[float]) -> list[bool]:
    """Holm by hand: the smallest of n at an n-th of 5 %, and so on until one is too large."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    kept = [p_values[at] <= 0.05 / (len(order) - n) for n, at in enumerate(order)]
    return [all(kept[: order.index(at) + 1]) for at in range(len(p_values))]


def test_the_fewest_bits_are_those_that_a_t_test_shows_to_be_within(tmp_path: Path) -> None:
    made = summary(folder_of(tmp_path, trials()))
    (choice,) = sweep_of(made)["choices"]
    assert (choice["axis"], choice["reference"], choice["t_s"]) == ("adc_bits", 8, DAY)
    assert [one["value"] for one in choice["candidates"]] == [7, 6, 5, 4]
    differences = [np.subtract(RIGHT[n], RIGHT[8]) / N_IMAGES for n in (7, 6, 5, 4)]
    t_975 = stats.t.ppf(0.975, 4)
    # No narrower than flips that were not seen allow: the rule of three at this level.
    least = -np.log(0.025) / N_IMAGES / 5
    halves = [max(t_975 * stats.sem(one), least) for one in differences]
    means = [one.mean() for one in differences]
    p_values = [
        2 * stats.t.sf(abs(mean + 0.005) / (half / t_975), 4)
        for mean, half in zip(means, halves, strict=True)
    ]
    # Chips of 7 and 6 bits differ so little.
    assert p_values[2:] == pytest.approx(
        [stats.ttest_1samp(one + 0.005, 0).pvalue for one in differences[2:]]
    )
    told = told_by_holm(p_values)
    for one, mean, half, apart in zip(choice["candidates"], means, halves, told, strict=True):
        assert one["mean"] == pytest.approx(mean)
        assert one["ci95"] == pytest.approx([mean - half, mean + half])
        assert one["verdict"] == (("within" if mean > -0.005 else "beyond") if apart else "open")
    verdicts = [one["verdict"] for one in choice["candidates"]]
    assert verdicts == ["within", "within", "beyond", "beyond"]
    assert choice["chosen"] == 6
    (said,) = sweep_of(made)["sentences"]
    assert said == (
        "pcm, global compensation, 1 d: 6 ADC bits are the fewest within 0.5 points of 8: -0.17 "
        "points (95 % interval -0.37 to +0.04, these 360 images, 5 chips); 5 loses more: -5.00 "
        "points (95 % interval -6.06 to -3.94, these 360 images, 5 chips)."
    )


def test_a_smaller_tolerance_chooses_less_and_says_so(tmp_path: Path) -> None:
    made = summary(folder_of(tmp_path, trials(), within=0.0001))
    (choice,) = sweep_of(made)["choices"]
    assert choice["chosen"] is None
    (said,) = sweep_of(made)["sentences"]
    assert "no adc_bits is shown to be within 0.01 points of 8; 7 may lose more: -0.06 p" in said


def test_a_gap_ends_the_choice(tmp_path: Path) -> None:
    # 6 bits are worse than both neighbours: 5 must not be chosen across them.
    swapped = {5: 6, 6: 5}
    found = [
        make_trial(chip=one.chip, t_s=one.t_s, n_correct=one.n_correct,
                   point={"adc_bits": swapped.get(bits, bits)})
        for one in trials()
        for bits in [int((one.point or {})["adc_bits"])]
    ]  # fmt: skip
    (choice,) = sweep_of(summary(folder_of(tmp_path, found)))["choices"]
    verdicts = {one["value"]: one["verdict"] for one in choice["candidates"]}
    assert verdicts == {7: "within", 6: "beyond", 5: "within", 4: "beyond"}
    assert choice["chosen"] == 7


def test_one_chip_tells_nothing_apart(tmp_path: Path) -> None:
    made = summary(folder_of(tmp_path, [one for one in trials() if one.chip == 0]))
    (said,) = sweep_of(made)["sentences"]
    assert "with one chip there is no interval, so no value of adc_bits is told from 8" in said
    assert "(points: 7: 0.00, 6: -0.28, 5: -5.56, 4: -69.44)" in said


@pytest.mark.parametrize(
    ("axis", "values", "order", "best"),
    [
        ("adc_bits", (8, 0, 4), (4, 8, 0), "last"),
        ("max_input_size", (0, 512, 64), (64, 512, 0), "first"),
        ("output_noise", (0.1, 0.0), (0.0, 0.1), "first"),
        ("pcm.drift_scale", (1, 0.5), (0.5, 1), "first"),
        ("output_bound", (12, 8), (8, 12), None),
        ("weight_scaling", ("tile", "column"), ("tile", "column"), None),
    ],
)
def test_values_ascend_and_lose_least_at_one_end(
    axis: str, values: tuple[Any, ...], order: tuple[Any, ...], best: str | None
) -> None:
    assert ascending(axis, values) == order
    assert best_end(axis) == best


def test_a_run_without_a_sweep_has_none_of_it(tmp_path: Path) -> None:
    made = summary(write_run(tmp_path, [make_trial(chip=chip) for chip in range(3)]))
    assert "sweep" not in made
    assert "point" not in made["rows"][0]
    assert [chart.name for chart in charts_of(read_run(tmp_path), made, read_extras(tmp_path))] == [
        "accuracy", "spread", "yield", "layers",
    ]  # fmt: skip


def both(folder: Path) -> Path:
    found = [*trials(max_input_size=128), *trials(lost=3, max_input_size=512)]
    return folder_of(folder, found, max_input_size=(128, 512))


def test_the_table_has_a_column_an_axis_and_80_letters(tmp_path: Path) -> None:
    text = format_table(summary(both(tmp_path)))
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    header = next(line for line in lines if line.startswith("adc_bits"))
    assert header.split()[:4] == ["adc_bits", "max_input_size", "time", "accuracy"]
    rows = [line.split() for line in lines[lines.index(header) + 2 :] if " s  " in line]
    assert [row[:2] for row in rows] == [[str(b), s] for b in RIGHT for s in ("128", "512")]
    assert rows[0][4] == f"{100 * np.mean(RIGHT[8]) / N_IMAGES:.2f}"
    assert text.count("ADC bits are the fewest") == 2


def test_two_axes_are_a_map_whose_cells_hold_the_means(tmp_path: Path) -> None:
    run, made = read_run(both(tmp_path)), summary(tmp_path)
    first, *rest = charts_of(run, made, read_extras(tmp_path))
    assert (first.name, first.title) == ("sweep", "Accuracy over adc_bits and max_input_size")
    # Ten curves over time would be no chart.
    assert [chart.name for chart in rest] == ["layers"]
    figure = first.figure(PAGE)
    maps = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title(loc="left") for axes in maps] == [
        "pcm, global compensation, 1 s", "pcm, global compensation, 1 d",
    ]  # fmt: skip
    means = {
        (row["t_s"], *(row.get("point") or {}).values()): f"{100 * row['mean']:.2f}"
        for row in made["rows"]
    }
    for axes, t_s in zip(maps, (1.0, DAY), strict=True):
        down = [label.get_text() for label in axes.get_yticklabels()]
        across = [label.get_text() for label in axes.get_xticklabels()]
        cells = {
            (t_s, int(down[int(text.get_position()[1])]), int(across[int(text.get_position()[0])])):
            text.get_text()
            for text in axes.texts
        }  # fmt: skip
        assert cells == {key: text for key, text in means.items() if key[0] == t_s}
    lines = list(csv.DictReader(io.StringIO(first.csv(), newline="")))
    assert [(line["adc_bits"], line["max_input_size"]) for line in lines[:3]] == [
        ("8", "128"), ("8", "128"), ("8", "512"),
    ]  # fmt: skip


def test_one_axis_is_a_line_a_time_with_bands(tmp_path: Path) -> None:
    run, made = read_run(folder_of(tmp_path, trials(lost=2))), summary(tmp_path)
    chart = charts_of(run, made, read_extras(tmp_path))[0]
    axes = chart.figure(PAGE).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["4", "5", "6", "7", "8"]
    labels = axes.get_legend_handles_labels()[1]
    assert labels[1:] == ["pcm, global compensation, 1 s", "pcm, global compensation, 1 d"]
    expected = [100 * np.mean(RIGHT[bits]) / N_IMAGES for bits in (4, 5, 6, 7, 8)]
    assert axes.lines[1].get_ydata() == pytest.approx(expected)
    assert len(axes.collections) == 4  # a band and bars for each line


def test_three_axes_are_lines_over_the_first_with_the_others_named(tmp_path: Path) -> None:
    found = [
        one
        for size in (128, 512)
        for noise in (0.0, 0.04)
        for one in trials(times=(1.0,), max_input_size=size, output_noise=noise)
    ]
    folder = folder_of(tmp_path, found, max_input_size=(128, 512), output_noise=(0.0, 0.04))
    chart = charts_of(read_run(folder), summary(folder), read_extras(folder))[0]
    labels = chart.figure(PAGE).axes[0].get_legend_handles_labels()[1]
    assert [" ".join(label.split()) for label in labels[1:]] == [
        f"pcm, max_input_size {size}, output_noise {noise}, global compensation, 1 s"
        for size in (128, 512)
        for noise in (0, 0.04)
    ]


def test_the_page_answers_with_the_choice_and_shows_every_value(tmp_path: Path) -> None:
    page = build_report(both(tmp_path)).read_text(encoding="utf-8")
    assert "6 ADC bits are the fewest within 0.5 points of 8" in page
    assert '<h2 id="sweep">Accuracy over adc_bits and max_input_size</h2>' in page
    assert "The sweep has too many curves for a chart of single chips" in page
    assert "128, 512" in page


def test_axes_are_columns_of_the_csv_and_the_frame(tmp_path: Path) -> None:
    frame = analogsim.read(both(tmp_path))
    assert frame.groupby(["adc_bits", "max_input_size"]).size().to_dict() == {
        (bits, size): 10 for bits in RIGHT for size in (128, 512)
    }
    build_report(tmp_path)
    with (tmp_path / "records.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [int(line["adc_bits"]) for line in lines] == frame["adc_bits"].tolist()
    # In the order of the spec, whatever the order in which chips finished.
    assert [bits for bits in dict.fromkeys(frame["adc_bits"])] == list(RIGHT)


def test_a_folder_whose_points_are_not_its_specs_is_refused(tmp_path: Path) -> None:
    folder_of(tmp_path / "a", [make_trial(point={"adc_bits": 9})])
    with pytest.raises(InputError, match=r"one of the 5 of the header's spec, got {'adc_bits': 9}"):
        read_run(tmp_path / "a")
    write_run(tmp_path / "b", [make_trial(point={"adc_bits": 8})])
    with pytest.raises(InputError, match="one of the 1 of the header's spec"):
        read_run(tmp_path / "b")
    points = [{"adc_bits": 8}, {"dac_bits": 8}]
    write_run(tmp_path / "c", [make_trial(point=points[0])], spec=SPEC | {"points": points})
    with pytest.raises(InputError, match="spec points must be on the same axes"):
        read_run(tmp_path / "c")
