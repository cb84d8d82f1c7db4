"""Rebuilds everything in a noise study's folder that is derived."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analogsim.experiment.folder import write_bytes_atomic, write_json_atomic
from analogsim.report.charts_folder import write_charts
from analogsim.report.html import Section, figure, render_sections
from analogsim.scopes.chart import noise_charts
from analogsim.scopes.read_folder import read_noise
from analogsim.scopes.result import NoiseResult
from analogsim.scopes.summary import noise_summary
from analogsim.scopes.table import headline, legend, noise_sheets
from analogsim.scopes.words import noise_sentences

PAGE_FILE = "report.html"
# Where they were before there was a folder of charts.
_ALSO = ("noise.png", "noise.csv")


def build_noise(folder: Path) -> tuple[NoiseResult, Path]:
    """Write noise.json, charts, noise.csv and report.html; the result and the page's path.

    Raises:
        InputError: as `read_noise`.
        OutputError: the folder cannot be written.
    """
    result = read_noise(folder)
    charts = noise_charts(result)
    write_json_atomic(folder / "noise.json", noise_summary(result))
    svgs = write_charts(folder, charts, _ALSO)
    figures = [figure(chart, svgs[chart.name]) for chart in charts]
    # A name may hold half a character of a file name; it must not stop a report.
    write_bytes_atomic(folder / PAGE_FILE, _page(result, figures).encode(errors="replace"))
    return result, folder / PAGE_FILE


def _page(result: NoiseResult, figures: Sequence[dict[str, Any]]) -> str:
    accuracy = result.of_accuracy
    others = "accuracies" if accuracy else "values"
    nan = "count as class 0" if accuracy else "are scored as if all their outputs were 0"
    bounds = "" if result.quantity.has_bounds else " (none where values have no bounds)"
    notes = [
        "Additive Gaussian noise on a plain digital network, drawn once a trial and fixed over "
        "the images. A draw has the same normals in every scope, reference and eta.",
        "Intervals are over draws (at 95 %): the etas of a grid are averaged within a draw first. "
        "Those for these images are Student's t, or hold for any distribution where draws are "
        f"NaN{bounds}; those for new images add that other images would give other {others}, the "
        f"digital network's too. Images with a NaN output {nan}.",
        *result.notes,
    ]
    return render_sections(
        result.question or f"Noise scopes of {result.model}",
        f"{headline(result)}. Computed {result.created} (UTC).",
        noise_sentences(result),
        [
            Section(name=f"{result.quantity.title} over noise", blocks=[*figures, legend(result)]),
            Section(name="Tables", blocks=noise_sheets(result)),
            Section(name="Notes", blocks=[*notes, f"Command: {result.command}"]),
        ],
    )
