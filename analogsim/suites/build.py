"""A suite's tables, figure and page: all from what is kept of it."""

from pathlib import Path
from typing import TYPE_CHECKING

from analogsim.experiment.folder import write_bytes_atomic
from analogsim.scopes.page import Block, render
from analogsim.scopes.plot import Line, lines_figure, png
from analogsim.scopes.sheet import Sheet, brackets, cell
from analogsim.scopes.table import ANY_LAW
from analogsim.suites.chip_words import chip_sentences
from analogsim.suites.chips import chip_lines, chip_sheets, pair_sheets
from analogsim.suites.crossbar import CrossbarResult
from analogsim.suites.growth import growth_sheet, slopes_of
from analogsim.suites.kept import Kept, Result
from analogsim.suites.pairs import pair_sheet, pairs_of
from analogsim.suites.words import sentences

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE_FILE = "report.html"
PLOT_FILE = "suite.png"


def build_suite(kept: Kept, folder: Path) -> Path:
    """Write suite.png and report.html; returns the page's path. Raises OutputError."""
    picture = png(suite_figure(kept))
    write_bytes_atomic(folder / PLOT_FILE, picture)
    page = _page(kept, picture).encode(errors="replace")
    write_bytes_atomic(folder / PAGE_FILE, page)
    return folder / PAGE_FILE


def format_suite(kept: Kept) -> str:
    """All tables and sentences as text."""
    parts = [sheet.text() for sheet in suite_sheets(kept)]
    return "\n\n".join([*parts, *answers(kept)])


def suite_sheets(kept: Kept) -> list[Sheet]:
    """The combined tables."""
    networks = kept.noise
    if not networks:
        return [*chip_sheets(kept.crossbar), *pair_sheets(kept.crossbar)]
    sheets = [_averages(kept), *(pair_sheet(pair) for pair in pairs_of(networks))]
    slopes = slopes_of(networks)
    for group in dict.fromkeys(one.group for one in slopes):
        sheets.append(growth_sheet([one for one in slopes if one.group == group]))
    return sheets


def answers(kept: Kept) -> list[str]:
    """The generated sentences."""
    of_noise = [text for pair in pairs_of(kept.noise) for text in sentences(pair)]
    return [*of_noise, *chip_sentences(kept.crossbar)]


def _averages(kept: Kept) -> Sheet:
    grids = list(dict.fromkeys(grid for _, result in kept.noise for grid in result.grids()))
    rows, shown = [], []
    for entry, result in kept.noise:
        own = result.grids()
        for reference in result.references:
            for scope in dict.fromkeys(result.same[scope] for scope in result.scopes):
                found = [
                    result.average(scope, reference, own[grid]) if grid in own else None
                    for grid in grids
                ]
                shown += found
                clean = f"{100 * result.clean:.2f}"
                words = [entry.label, clean, str(result.n_bn), scope, reference]
                rows.append([*words, *map(cell, found)])
    notes = [
        f"{entry.label}: {', '.join(f'{a} = {b}' for a, b in same.items())} (the same tensors)"
        for entry, result in kept.noise
        if (same := {s: result.same[s] for s in result.scopes if result.same[s] != s})
    ]
    if any(result.any_law(*key, result.etas) for _, result in kept.noise for key in result.counts):
        notes.append(ANY_LAW)
    return Sheet(
        caption=f"Average normalised accuracy in % {brackets('draws', shown)}",
        head=["network", "clean", "BN layers", "scope", "sigma of", *grids],
        rows=rows,
        words=1,
        notes=tuple(notes),
    )


def suite_figure(kept: Kept) -> "Figure":
    """The figure of all networks."""
    if kept.crossbar:
        panels = chip_lines(kept.crossbar)
        return lines_figure(panels, x="seconds after programming", y="accuracy (%)", log=True)
    panels = {}
    for entry, result in kept.noise:
        # Under every scope asked, so that networks without BatchNorm stand beside those with it.
        for scope in result.scopes:
            for reference in result.references:
                found = [(eta, result.curve(scope, reference, eta)) for eta in result.etas]
                points = [(eta, one) for eta, one in found if one is not None]
                bounds = [
                    None if one.low is None or one.high is None else (one.low, one.high)
                    for _, one in points
                ]
                line: Line = (
                    entry.label,
                    [eta for eta, _ in points],
                    [one.mean for _, one in points],
                    bounds,
                )
                panels.setdefault(f"{scope}, sigma of {reference}", []).append(line)
    return lines_figure(panels, x="eta (%)", y="normalised accuracy (%)", factor=100)


def _page(kept: Kept, picture: bytes) -> str:
    said = answers(kept)
    first: list[Block] = [*said, picture]
    results = [result for _, result in kept.networks]
    notes = [
        f"{entry.label}: {result.model}, weights sha256 {result.weights[:16]}, "
        f"{result.n_images} images of {result.data}, computed {result.created} (UTC), spec "
        f"{result.digest}.{_on_tiles(result)}"
        for entry, result in kept.networks
    ]
    return render(
        kept.question or "Several networks under the same noise",
        f"{len(results)} networks. Every number is made from results.json beside this page.",
        [
            ("Answer" if said else "Figure", first),
            ("Tables", suite_sheets(kept)),
            ("Networks", [*notes, f"Command: {kept.command}"]),
        ],
    )


def _on_tiles(result: Result) -> str:
    share = result.coverage if isinstance(result, CrossbarResult) else None
    return "" if share is None else f" Tiles compute {100 * share:.1f} % of its multiply-adds."
