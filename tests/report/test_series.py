"""Series of a drawing: texts for its markers, and a legend below it."""

import re

import pytest
from matplotlib.figure import Figure

from analogsim.report.labels import factored
from analogsim.report.look import PAGE, inline_svg, svg_text
from analogsim.report.series import for_page, mark, number_series


def drawn(*names: str, title: str = "") -> tuple[str, str]:
    """A figure with a series a name, two markers each: its own drawing, and that for a page."""
    figure = Figure(figsize=(4, 3), layout="constrained")
    axes = figure.subplots()
    for at, name in enumerate(names):
        (line,) = axes.plot([0, 1], [at, at], marker="s", color="#d55e00", label=name)
        mark(line, name, [f"{name}: 1 %", f"{name}: <2> %"])
        mark(axes.fill_between([0, 1], [at, at], [at + 1, at + 1]), name)
    figure.legend(loc="outside lower center", title=title or None)
    parts = number_series(figure)
    svg = svg_text(figure, PAGE)
    return svg, for_page(svg, figure, parts)


def height(svg: str) -> float:
    found = re.search(r'<svg [^>]*?viewBox="0 0 [\d.]+ ([\d.]+)"', svg)
    assert found is not None
    return float(found[1])


def test_each_marker_has_its_text() -> None:
    _, page = drawn("a", "b")
    titles = re.findall(r"<use [^>]*><title>(.*?)</title></use>", page)
    assert titles == ["a: 1 %", "a: &lt;2&gt; %", "b: 1 %", "b: &lt;2&gt; %"]


def test_the_legend_stands_below_a_drawing_that_is_lower_by_it() -> None:
    own, page = drawn("a", "b & c", title="pcm")
    svg, _, legend = page.partition('<ul class="legend"')
    assert "legend_1" in own
    assert "legend_1" not in svg
    assert 20 < height(own) - height(svg) < 80
    assert re.findall(r'<li data-series="(series\d-)">', legend) == ["series0-", "series1-"]
    assert "</svg>b &amp; c</li>" in legend
    assert '<li class="soft">pcm:</li>' in legend
    assert legend.count('fill="#d55e00"') == 2


def test_every_part_of_a_series_is_found_by_its_number_on_a_page() -> None:
    _, page = drawn("a", "b")
    shown = inline_svg(page, "accuracy", "words")
    assert len(re.findall(r'id="accuracy-series0-\d+"', shown)) == 2
    assert len(re.findall(r'id="accuracy-series1-\d+"', shown)) == 2


def test_a_drawing_without_series_stays_as_it_is() -> None:
    figure = Figure()
    figure.subplots().plot([0, 1])
    svg = svg_text(figure, PAGE)
    assert for_page(svg, figure, number_series(figure)) == svg


def test_markers_that_the_drawing_left_out_have_no_text() -> None:
    figure = Figure()
    (line,) = figure.subplots().plot([0, 1], [0, 1], marker="o")
    mark(line, "a", ["one of three", "two", "three"])
    parts = number_series(figure)
    assert "<title>" not in for_page(svg_text(figure, PAGE), figure, parts)


def test_a_bar_has_one_text() -> None:
    figure = Figure()
    (bar,) = figure.subplots().barh([0], [1]).patches
    mark(bar, "a", ["1 point"])
    parts = number_series(figure)
    page = for_page(svg_text(figure, PAGE), figure, parts)
    assert '<g id="series0-0"><title>1 point</title>' in page


@pytest.mark.parametrize(
    ("names", "common", "rest"),
    [
        (["pcm, none", "pcm, global"], "pcm", ["none", "global"]),
        (["pcm, global, BN fold", "rram, global, BN none"], "global",
         ["pcm, BN fold", "rram, BN none"]),
        (["pcm", "rram"], "", ["pcm", "rram"]),
        (["pcm, global"], "", ["pcm, global"]),
        (["pcm, adc_bits 4, none", "pcm, none"], "", ["pcm, adc_bits 4, none", "pcm, none"]),
    ],
)  # fmt: skip
def test_what_names_have_in_common(names: list[str], common: str, rest: list[str]) -> None:
    assert factored(names) == (common, rest)
