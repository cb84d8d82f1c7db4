"""A run's folder as a value: its answer, table, frame, figure and page."""

import html
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any, Self, cast
from weakref import finalize

from analogsim import schema
from analogsim.errors import InputError
from analogsim.experiment.header import ADDED, RunHeader
from analogsim.findings.frame import read
from analogsim.findings.kinds import Kind, charts_in, kind_of
from analogsim.own_files import read_text
from analogsim.report import build_report, format_table
from analogsim.report.attribution import ATTRIBUTION_FILE, read_attribution
from analogsim.report.attribution_table import format_attribution
from analogsim.report.build import PAGE_FILE
from analogsim.report.comparison import MATCHED_FILE, read_comparison
from analogsim.report.extras import Extras, read_extras
from analogsim.report.look import PAGE
from analogsim.report.matched_table import format_comparison
from analogsim.report.opening import opening, opening_text
from analogsim.report.summary import read_run, summarise_run
from analogsim.report.table import warning_lines
from analogsim.scopes.build import build_noise
from analogsim.scopes.read_folder import read_noise
from analogsim.scopes.summary import noise_summary
from analogsim.scopes.table import format_noise
from analogsim.scopes.words import noise_sentences
from analogsim.suites.build import build_suite, format_suite, suite_answer
from analogsim.suites.kept import MOST, RESULTS_FILE, read_kept

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What there is to show of a run."""

    summary: dict[str, Any]
    answer: tuple[str, ...]
    text: str
    notes: tuple[str, ...] = ()


class Run:
    """A run in its folder, which `analogsim.run` and its like give; `Run(folder)` reads one.

    Everything is read from the folder, and again when it is asked for by another `Run`.

    Attributes:
        folder: where the run lies. That of a run without a folder of its own is deleted together
            with this object.
        temporary: whether it is.
        kind: `chips`, `matched`, `attribution`, `noise` or `suite`.
    """

    def __init__(self, folder: Path | str, *, kind: Kind | None = None) -> None:
        """`kind` is for a folder that holds several, as of a drift study in an attribution's.

        Raises:
            InputError: the folder holds no run.
        """
        self.folder = Path(folder)
        self.kind: Kind = kind_of(self.folder) if kind is None else kind
        self.temporary = False

    def deleted_at_end(self) -> Self:
        """The same run, whose folder is deleted together with it."""
        finalize(self, rmtree, self.folder, ignore_errors=True)
        self.temporary = True
        return self

    @cached_property
    def _shown(self) -> Shown:
        return _SHOWN[self.kind](self.folder)

    @property
    def answer(self) -> str:
        """What the page says first: the answer with its numbers and intervals."""
        return " ".join(self._shown.answer)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of the network, the images and the settings."""
        return self._shown.notes

    def summary(self) -> dict[str, Any]:
        """The stable JSON document of the run's kind, as `--json` prints it; see docs/json.md.

        Accuracies are fractions, times are seconds.
        """
        return self._shown.summary

    @property
    def frame(self) -> "pd.DataFrame":
        """As `analogsim.read`: a row a finished trial, which is one chip at one time.

        Raises:
            InputError: pandas is not installed.
        """
        return read(self.folder)

    def plot(self) -> "Figure":
        """The run's main chart as a matplotlib figure, which a notebook shows."""
        charts = charts_in(self.folder)
        return next((one for one in charts if one.name == self.kind), charts[0]).figure(PAGE)

    @property
    def page(self) -> Path:
        """Where the page lies, `report.html`."""
        return self.folder / PAGE_FILE

    def report(self) -> Path:
        """Build the page anew from the records; its path."""
        if self.kind == "noise":
            return build_noise(self.folder)[1]
        if self.kind == "suite":
            return build_suite(read_kept(self.folder / RESULTS_FILE), self.folder)
        return build_report(self.folder)

    def text(self) -> str:
        """The tables and the answer as the command line prints them: plain text, 80 columns."""
        if self.kind not in ("chips", "matched"):
            return self._shown.text  # which ends with it
        return f"{self._shown.text}\n\n{opening_text(self._shown.answer)}"

    def __repr__(self) -> str:
        where = "a temporary folder" if self.temporary else str(self.folder)
        return f"Run of kind {self.kind} in {where}: {self.answer}"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.answer)}</p>\n<pre>{html.escape(self._shown.text)}</pre>"


def _chips(folder: Path) -> Shown:
    run = read_run(folder)
    summary = summarise_run(run)
    return Shown(
        summary=cast(dict[str, Any], summary),
        # What else the folder may hold is the answer of another study.
        answer=tuple(opening(run, summary, Extras())),
        text="\n".join([format_table(summary), *_remarks(run.header)]),
        notes=run.notes,
    )


def _remarks(header: RunHeader) -> Iterator[str]:
    """What the tiles leave out, and what they add to the device."""
    for text in header.periphery["not_modelled"]:
        yield f"not modelled: {text}"
    for note in header.notes:
        if note.startswith(ADDED):
            yield f"added: {note.removeprefix(ADDED).removesuffix('.')}"


def _matched(folder: Path) -> Shown:
    comparison = read_comparison(folder)
    if comparison is None:
        raise InputError(
            f"folder {folder} must hold {MATCHED_FILE}, got none; let the comparison go on"
        )
    return _beside(folder, comparison, format_comparison(comparison))


def _attribution(folder: Path) -> Shown:
    result = read_attribution(folder)
    if result is None:
        raise InputError(
            f"folder {folder} must hold {ATTRIBUTION_FILE}, got none; let the attribution go on"
        )
    return _beside(folder, result, format_attribution(result))


def _beside(folder: Path, document: Mapping[str, Any], tables: str) -> Shown:
    """Of a run whose chips were measured for more than accuracy over time."""
    run = read_run(folder)
    return Shown(
        summary=dict(document),
        answer=tuple(opening(run, summarise_run(run), read_extras(folder))),
        text="\n".join([tables, *warning_lines(run.warnings)]),
        notes=run.notes,
    )


def _noise(folder: Path) -> Shown:
    result = read_noise(folder)
    return Shown(
        summary=cast(dict[str, Any], noise_summary(result)),
        answer=tuple(noise_sentences(result)),
        text=format_noise(result),
        notes=tuple(result.notes),
    )


def _suite(folder: Path) -> Shown:
    path = folder / RESULTS_FILE
    kept = read_kept(path)
    return Shown(
        summary=schema.loads(read_text(path, MOST)),
        answer=tuple(suite_answer(kept)),
        text=format_suite(kept),
    )


_SHOWN: dict[Kind, Callable[[Path], Shown]] = {
    "chips": _chips,
    "matched": _matched,
    "attribution": _attribution,
    "noise": _noise,
    "suite": _suite,
}
