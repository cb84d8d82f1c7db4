"""Files of figures: embedded fonts, ids of their own, the same bytes each time."""

import io
import math
import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from analogsim.experiment.layers_file import LayersFile
from analogsim.report.chart_list import charts_of
from analogsim.report.extras import Extras
from analogsim.report.look import (
    COLOURS,
    INK,
    MARKERS,
    ONE_COLUMN,
    PAGE,
    Look,
    inline_svg,
    on_white,
    pdf_bytes,
    png_bytes,
    settings,
    settled,
    svg_text,
)
from analogsim.report.summary import read_run, summarise_run
from tests.report.full_folder import LONG, comparison, layers_file
from tests.report.run_folder import DAY, drifting, write_run


def figure() -> Figure:
    made = Figure(figsize=(3, 2), layout="constrained")
    axes = made.subplots()
    axes.plot([1, 2], [3, 4], marker="o", color=COLOURS[0], label="a < b")
    axes.legend()
    axes.set_title("accuracy", color=INK)
    return made


def test_text_is_as_wide_at_every_resolution() -> None:
    widths = []
    for dpi in (72, 100, 600):
        with mpl.rc_context(settings(ONE_COLUMN)):
            figure = Figure(figsize=(3.5, 3.0), dpi=dpi)
            text = figure.text(0.5, 0.5, "output-bound")
            figure.draw_without_rendering()
            widths.append(text.get_window_extent().width / dpi)
    assert widths == pytest.approx([widths[0]] * 3, rel=0.01)


def test_ids_and_references_of_two_drawings_differ() -> None:
    text = svg_text(figure())
    one, two = (inline_svg(text, name, "words") for name in ("one", "two"))
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (one, two)]
    assert ids[0]
    assert not ids[0] & ids[1]
    for svg, own in zip((one, two), ids, strict=True):
        used = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', svg))
        assert used
        assert {a or b for a, b in used} <= own


def test_an_inline_drawing_has_words_and_the_ink_of_the_page() -> None:
    svg = inline_svg(svg_text(figure()), "x", 'half "a" < b')
    assert svg.startswith('<svg class="plot" role="img" aria-label="half &#34;a&#34; &lt; b" ')
    assert INK not in svg
    assert "currentColor" in svg


def test_a_file_of_its_own_is_white_behind() -> None:
    svg = on_white(svg_text(figure()))
    assert re.search(r'<svg [^>]*>\s*<rect width="100%" height="100%" fill="#ffffff"/>', svg)


def test_text_is_text_or_outlines() -> None:
    assert ">accuracy</text>" in svg_text(figure())
    assert "<text" not in svg_text(figure(), outlines=True)


def test_pdf_embeds_truetype_and_no_type_3() -> None:
    content = pdf_bytes(figure())
    assert content.startswith(b"%PDF-")
    assert b"/FontFile2" in content
    assert b"/Type3" not in content
    assert b"CreationDate" not in content


@pytest.mark.parametrize("save", [svg_text, pdf_bytes])
def test_the_same_figure_gives_the_same_bytes(save) -> None:
    assert save(figure()) == save(figure())


def test_a_settled_figure_keeps_its_layout() -> None:
    made = settled(figure(), PAGE)
    place = made.axes[0].get_position().bounds
    svg_text(made)
    assert made.axes[0].get_position().bounds == place


@pytest.mark.parametrize(
    ("share", "lines"),
    [
        (1.0, ["rram?gain=aihwkit, global compensation"]),
        (0.4, ["rram?gain=aihwkit,", "global compensation"]),
        (0.2, ["rram", "?gain=aihwkit,", "global compensation"]),
    ],
)
def test_names_are_folded_where_they_may_break(share: float, lines: list[str]) -> None:
    # At 9 points a letter takes 0.55 * 9 / 72 = 0.06875 in: 69, 27 and 13 of them.
    look = Look(width_in=4.8, font_pt=9.0)
    assert look.fold("rram?gain=aihwkit, global compensation", share).split("\n") == lines


def peaked(*presets: str) -> LayersFile:
    """Histograms whose axis gets longer tick labels (12.5) once it has its size."""
    content = layers_file(*presets)
    content["edges"] = [n / 40 for n in range(-80, 81)]
    counts = [round(1000 * math.exp(-(((n + 0.5) / 2.9) ** 2) / 2)) for n in range(-80, 80)]
    for device in content["presets"]:
        for layer in device["layers"]:
            for state in layer["states"]:
                state["counts"] = counts
    return content


@pytest.mark.slow
@pytest.mark.parametrize("look", [PAGE, ONE_COLUMN], ids=["page", "one-column"])
def test_nothing_that_is_drawn_leaves_a_chart(tmp_path: Path, look: Look) -> None:
    trials = drifting(("pcm", LONG), ("global",), ("digital", "fold"), (1.0, DAY), chips=3)
    run = read_run(write_run(tmp_path, trials))
    extras = Extras(layers=peaked("pcm", LONG), comparison=comparison("pcm", LONG))  # type: ignore[arg-type]
    charts = charts_of(run, summarise_run(run), extras)
    assert len(charts) == 10
    for chart in charts:
        image = Image.open(io.BytesIO(png_bytes(settled(chart.figure(look), look), look, dpi=100)))
        pixels = np.asarray(image.convert("L"))
        for side, line in zip(
            "tblr", (pixels[0], pixels[-1], pixels.T[0], pixels.T[-1]), strict=True
        ):
            assert line.min() == 255, (chart.name, side)


def test_no_two_of_the_first_curves_look_alike() -> None:
    pairs = [(COLOURS[n % len(COLOURS)], MARKERS[n % len(MARKERS)]) for n in range(42)]
    assert len(set(pairs)) == 42
