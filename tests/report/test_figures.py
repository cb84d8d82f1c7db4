"""Figures for papers: width, formats, names, and refusals in words."""

import re
from pathlib import Path

import pytest
from PIL import Image

from analogsim.errors import InputError, OutputError
from analogsim.findings.kinds import charts_in
from analogsim.report.chart_list import charts_of
from analogsim.report.extras import read_extras
from analogsim.report.figures import write_figures
from analogsim.report.look import ONE_COLUMN, TWO_COLUMNS, Look
from analogsim.report.summary import read_run, summarise_run
from tests.report.full_folder import write_full
from tests.report.run_folder import drifting, write_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("run")
    return write_run(made, drifting(times=(1.0, 60.0), chips=2))


def test_widths_are_those_of_ieee() -> None:
    assert (ONE_COLUMN.width_in, TWO_COLUMNS.width_in) == (3.5, 7.16)


@pytest.mark.parametrize(("width", "inches"), [("one", 3.5), ("two", 7.16)])
def test_files_have_the_width_of_the_column(
    folder: Path, tmp_path: Path, width: str, inches: float
) -> None:
    paths = write_figures(
        charts_in(folder),
        tmp_path,
        widths=[width],
        formats=["pdf", "svg", "png"],
        only=["accuracy"],
    )
    assert [path.name for path in paths] == [f"accuracy_{width}.{k}" for k in ("pdf", "svg", "png")]
    pdf, svg, png = paths
    box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ", pdf.read_bytes())
    assert box is not None
    assert float(box[1]) == pytest.approx(72 * inches, abs=0.01)
    points = re.search(r'<svg [^>]*width="([\d.]+)pt"', svg.read_text())
    assert points is not None
    assert float(points[1]) == pytest.approx(72 * inches, abs=0.01)
    assert "<text" not in svg.read_text()
    with Image.open(png) as image:
        assert image.width == pytest.approx(600 * inches, abs=1)


@pytest.mark.parametrize("look", [ONE_COLUMN, TWO_COLUMNS], ids=["one", "two"])
def test_every_chart_fits_a_page(tmp_path: Path, look: Look) -> None:
    run = read_run(write_full(tmp_path))
    charts = charts_of(run, summarise_run(run), read_extras(tmp_path))
    assert len(charts) == 11
    for chart in charts:
        width, height = chart.figure(look).get_size_inches()
        assert width == look.width_in
        # What a journal's page has for text.
        assert height < 9.5, chart.name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": ["wide"]}, "figures width must be one of one, two, got 'wide'"),
        ({"formats": ["eps"]}, "figures format must be one of pdf, svg, png, got 'eps'"),
        ({"only": ["x"]}, "chart must be one of accuracy, spread, yield, layers, got 'x'"),
    ],
    ids=["width", "format", "chart"],
)
def test_what_there_is_not_is_named(
    folder: Path, tmp_path: Path, changes: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        write_figures(
            charts_in(folder), tmp_path, **({"widths": ["one"], "formats": ["pdf"]} | changes)
        )
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_made_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=rf"output {tmp_path}/file must be a folder .* got 'File"):
        write_figures(charts_in(folder), tmp_path / "file", widths=["one"], formats=["pdf"])
