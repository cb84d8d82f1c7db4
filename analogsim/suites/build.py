"""A suite's tables, figure and page: all from what is kept of it."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from analogsim.errors import InputError
from analogsim.experiment.folder import write_bytes_atomic
from analogsim.experiment.layers_file import behaviours, read_layers
from analogsim.report.attribution import losses_of
from analogsim.report.attribution_chart import attribution_chart
from analogsim.report.cells import Table
from analogsim.report.chart import Chart
from analogsim.report.charts_folder import write_charts
from analogsim.report.device_chart import devices_chart
from analogsim.report.html import Section, figure, render_sections
from analogsim.report.line_chart import networks_chart
from analogsim.scopes.result import NoiseResult
from analogsim.suites.attributed import attribution_sheets
from analogsim.suites.chips import chip_lines, chip_sheets, pair_sheets
from analogsim.suites.controls import control_sheets
from analogsim.suites.gains import gain_sentences, gain_sheets
from analogsim.suites.growth import growth_sheet, slopes_of
from analogsim.suites.kept import Kept
from analogsim.suites.kept_form import Result
from analogsim.suites.noised import averages_sheet, noised_chart
from analogsim.suites.overview import chip_costs, overview
from analogsim.suites.pairs import pair_sheet
from analogsim.suites.summarised import summary_charts, summary_sentences, summary_sheets
from analogsim.suites.words import chip_sentences, sentences
from device_models.behaviour import Behaviour

PAGE_FILE = "report.html"
PLOT_FILE = "suite.png"


def build_suite(kept: Kept, folder: Path) -> Path:
    """Write suite.png, charts and report.html; returns the page's path. Raises OutputError."""
    charts = suite_charts(kept, folder)
    svgs = write_charts(folder, charts, (PLOT_FILE,))
    page = _page(kept, {chart.name: figure(chart, svgs[chart.name]) for chart in charts})
    write_bytes_atomic(folder / PAGE_FILE, page.encode(errors="replace"))
    return folder / PAGE_FILE


def format_suite(kept: Kept) -> str:
    """All tables and sentences as text."""
    parts = [sheet.text() for sheet in suite_sheets(kept)]
    return "\n\n".join([*parts, *answers(kept)])


def suite_sheets(kept: Kept) -> list[Table]:
    """The combined tables."""
    networks = kept.noise
    if kept.summarised:
        return summary_sheets(kept.summarised)
    if kept.attributed:
        return attribution_sheets(kept.attributed)
    if not kept.noised:
        chips = kept.crossbar
        found = [chip_sheets, gain_sheets, control_sheets, pair_sheets]
        return [sheet for sheets in found for sheet in sheets(chips)]
    sheets = [averages_sheet(kept.noised), *(pair_sheet(pair) for pair in kept.pairs)]
    slopes = slopes_of(networks)
    for group in dict.fromkeys(one.group for one in slopes):
        sheets.append(growth_sheet([one for one in slopes if one.group == group]))
    return sheets


def answers(kept: Kept) -> list[str]:
    """The generated sentences."""
    of_noise = [text for pair in kept.pairs for text in sentences(pair)]
    of_chips = [*gain_sentences(kept.crossbar), *chip_sentences(kept.crossbar)]
    return [*of_noise, *summary_sentences(kept.summarised), *of_chips]


def suite_answer(kept: Kept) -> list[str]:
    """What each network costs or keeps, and the verdicts; these alone are in `format_suite`."""
    said = answers(kept)
    return [*chip_costs(kept.crossbar), *(said or overview(kept))]


def suite_charts(kept: Kept, folder: Path | None = None) -> list[Chart]:
    """The charts of its tables.

    In its `folder` also the devices, as its networks' folders hold them.
    """
    devices = devices_chart(_behaviours(kept, folder)) if folder is not None else None
    return [*_of_networks(kept), *([] if devices is None else [devices])]


def _behaviours(kept: Kept, folder: Path) -> dict[str, Behaviour]:
    found: dict[str, Behaviour] = {}
    # A label may be a stranger's: only what lies in the folder has its name.
    names = {path.name for path in folder.iterdir() if not path.is_symlink()}
    for entry, _ in kept.networks:
        if entry.label in names:
            with suppress(InputError):  # the page of that network says what is wrong
                found |= behaviours(read_layers(folder / entry.label))
    return found


def _of_networks(kept: Kept) -> list[Chart]:
    """A line a network; of attributions bars, and of sweeps their own, a figure a network."""
    if kept.summarised:
        return summary_charts(kept.summarised)
    if kept.attributed:
        found = [
            attribution_chart(
                losses_of(result.found["rows"]),
                result.model,
                result.found["preset"],
                f"attribution_{entry.label}",
                result.quantity,
            )
            for entry, result in kept.attributed
        ]
        return [chart for chart in found if chart is not None]
    if kept.noised:
        return [noised_chart(kept.noised)]
    lines = chip_lines(kept.crossbar)
    return [networks_chart(lines, "chips", says="Accuracy (%)", y="accuracy (%)")]


def _page(kept: Kept, figures: dict[str, dict[str, Any]]) -> str:
    devices = figures.pop("devices", None)
    results = [result for _, result in kept.networks]
    notes = [
        f"{entry.label}: {result.model}, weights sha256 {result.weights[:16]}, "
        f"{result.n_images} images of {result.data}, computed {result.created} (UTC), spec "
        f"{result.digest}.{_on_tiles(result)}"
        for entry, result in kept.networks
    ]
    return render_sections(
        kept.question or f"How do {', '.join(entry.label for entry, _ in kept.networks)} compare?",
        f"{len(results)} networks. Every number is made from results.json beside this page"
        f"{', and those of the devices from the folders of the networks' * bool(devices)}.",
        suite_answer(kept),
        [
            Section(name="Figure", blocks=[*figures.values()]),
            Section(name="Tables", blocks=suite_sheets(kept)),
            *([Section(name="The devices", blocks=[devices], folded=True)] if devices else []),
            Section(name="Networks", blocks=[*notes, f"Command: {kept.command}"]),
        ],
    )


def _on_tiles(result: Result) -> str:
    share = None if isinstance(result, NoiseResult) else result.coverage
    return "" if share is None else f" Tiles compute {100 * share:.1f} % of its multiply-adds."
