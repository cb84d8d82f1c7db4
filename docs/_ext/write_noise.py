"""The studies of BatchNorm as Markdown: scopes from the code, results from kept files."""

import json
import math
from collections.abc import Callable
from pathlib import Path

from markdown import code, plain, table

from analogsim.errors import InputError
from analogsim.report.cells import Table
from analogsim.scopes.levels import GRIDS, MEANING
from analogsim.suites.build import answers, suite_sheets
from analogsim.suites.kept import FORMAT, Kept, read_kept
from analogsim.suites.published import PUBLISHED

RESULTS = Path(__file__).parents[2] / "experiments" / "results"


def noise_scopes() -> list[str]:
    """Every scope and what it is."""
    return table(("scope", "noise on"), ((code(k), plain(v)) for k, v in MEANING.items()))


def noise_grids() -> list[str]:
    """The named grids of levels."""
    return table(("grid", "levels"), ((code(grid), _levels(*ends)) for grid, ends in GRIDS.items()))


def _levels(low: float, high: float) -> str:
    if math.isinf(high):
        return f"{100 * low:g} % and more" if low else "all above 0"
    return f"{100 * low:g} % to {100 * high:g} %" if low else f"above 0, to {100 * high:g} %"


def published() -> list[str]:
    """The paper's numbers, as the code holds them."""
    return table(
        ("network", "with BatchNorm", "without"),
        (
            (one.name, f"{100 * one.with_bn:.2f} %", f"{100 * one.without_bn:.2f} %")
            for one in PUBLISHED.values()
        ),
    )


def noise_results(folder: Path = RESULTS) -> list[str]:
    """Every kept study of noise; or a sentence that there is none."""
    return _results(folder, lambda kept: bool(kept.noise))


def chip_results(folder: Path = RESULTS) -> list[str]:
    """Every kept study of chips; or a sentence that there is none."""
    return _results(folder, lambda kept: bool(kept.crossbar))


def _results(folder: Path, wanted: Callable[[Kept], bool]) -> list[str]:
    every = [(path, read_kept(path)) for path in _kept_files(folder)]
    kept = [(path, one) for path, one in every if wanted(one)]
    if not kept:
        return [
            "No result of this study is kept with this version of the project: there was none "
            "under `experiments/results` when this page was built."
        ]
    return [line for path, one in kept for line in _suite(path.relative_to(folder), one)]


def _kept_files(folder: Path) -> list[Path]:
    found = []
    for path in sorted(folder.rglob("*.json")) if folder.is_dir() else ():
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"results {path} must be JSON, got '{error}'; restore it") from error
        if isinstance(content, dict) and content.get("format") == FORMAT:
            found.append(path)
    return found


def _suite(name: Path, kept: Kept) -> list[str]:
    images = " and ".join(dict.fromkeys(f"{r.n_images} of {r.data}" for _, r in kept.networks))
    days = sorted({result.created[:10] for _, result in kept.networks})
    lines = ["", f"### {plain(kept.question or name.as_posix())}", ""]
    lines += [
        f"Networks: {len(kept.networks)}, on {plain(images)} images; computed "
        f"{' to '.join(dict.fromkeys((days[0], days[-1])))}. Made from the kept file "
        f"{code(name.as_posix())}, of the command",
        "",
        "```text",
        kept.command,
        "```",
        "",
        *(f"- {plain(text)}" for text in answers(kept)),
    ]
    return [*lines, *(line for sheet in suite_sheets(kept) for line in _sheet(sheet))]


def _sheet(sheet: Table) -> list[str]:
    rows = ([plain(cell.text) for cell in row] for row in sheet.rows)
    heads = [plain(column.name) for column in sheet.columns]
    lines = ["", f"{plain(sheet.caption)}:", *table(heads, rows)]
    return [*lines, *(f"{plain(note)}\n" for note in sheet.notes)]
