"""A run's folder as a value: its answer, table, frame, figure and page."""

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any, Literal, Self, cast
from weakref import finalize

from analogsim import schema
from analogsim.attribution.plot import draw_attribution
from analogsim.attribution.result import FORMAT, JSON_FILE, VERSION, Attribution
from analogsim.attribution.table import format_attribution
from analogsim.equivalent.table import format_comparison
from analogsim.errors import InputError
from analogsim.experiment.header import ADDED, RunHeader, read_header
from analogsim.experiment.sealed import read_sealed
from analogsim.own_files import read_text
from analogsim.report import build_report, format_table
from analogsim.report.accuracy_chart import accuracy_chart
from analogsim.report.answer import answer
from analogsim.report.build import PAGE_FILE
from analogsim.report.comparison import MATCHED_FILE, read_comparison
from analogsim.report.csv_file import flat
from analogsim.report.frame import as_frame, read
from analogsim.report.look import PAGE
from analogsim.report.matched_chart import matched_chart
from analogsim.report.summary import read_run, summarise_run
from analogsim.report.table import warning_lines
from analogsim.scopes.build import build_noise
from analogsim.scopes.plot import noise_figure
from analogsim.scopes.read_folder import read_noise
from analogsim.scopes.study import KIND
from analogsim.scopes.summary import noise_summary
from analogsim.scopes.table import format_noise, headline
from analogsim.suites.build import answers, build_suite, format_suite, suite_figure
from analogsim.suites.kept import MOST, RESULTS_FILE, read_kept

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Kind = Literal["chips", "matched", "attribution", "noise", "suite"]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What there is to show of a run."""

    summary: dict[str, Any]
    answer: tuple[str, ...]
    text: str
    draw: Callable[[], "Figure"]
    frame: Callable[[], "pd.DataFrame"]
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
        self.kind: Kind = _kind_of(self.folder) if kind is None else kind
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
        """A row a finished trial (one chip at one time); of an attribution, one a measured loss.

        Raises:
            InputError: pandas is not installed.
        """
        return self._shown.frame()

    def plot(self) -> "Figure":
        """The run's first chart as a matplotlib figure, which a notebook shows."""
        return self._shown.draw()

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
        """The tables as the command line prints them: plain text, 80 columns."""
        return self._shown.text

    def __repr__(self) -> str:
        where = "a temporary folder" if self.temporary else str(self.folder)
        return f"Run of kind {self.kind} in {where}: {self.answer}"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.answer)}</p>\n<pre>{html.escape(self.text())}</pre>"


def _kind_of(folder: Path) -> Kind:
    if (folder / RESULTS_FILE).is_file():
        return "suite"
    if read_header(folder).spec.get("kind") == KIND:
        return "noise"
    if (folder / JSON_FILE).is_file():
        return "attribution"
    return "matched" if (folder / MATCHED_FILE).is_file() else "chips"


def _chips(folder: Path) -> Shown:
    run = read_run(folder)
    summary = summarise_run(run)
    header = run.header
    return Shown(
        summary=cast(dict[str, Any], summary),
        answer=tuple(answer(run.trials, header.digital, run.rows, header.digital_correct)),
        text="\n".join([format_table(summary), *_remarks(header)]),
        draw=lambda: accuracy_chart(run, summary).draw(PAGE),
        frame=lambda: read(folder),
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
    run = read_run(folder)
    return Shown(
        summary=cast(dict[str, Any], comparison),
        answer=tuple(comparison["sentences"]),
        text="\n".join([format_comparison(comparison), *warning_lines(run.warnings)]),
        draw=lambda: matched_chart(comparison).draw(PAGE),
        frame=lambda: read(folder),
        notes=run.notes,
    )


def _attribution(folder: Path) -> Shown:
    todo = "run the attribution again"
    content = read_sealed(folder / JSON_FILE, name=FORMAT, version=VERSION, todo=todo)
    found = list(schema.problems(content, Attribution, "content"))
    if found:
        raise InputError(f"{folder / JSON_FILE} {'; '.join(found)}; {todo}")
    result = cast(Attribution, content)
    run = read_run(folder)
    return Shown(
        summary=content,
        answer=tuple(result["sentences"]),
        text="\n".join([format_attribution(result), *warning_lines(run.warnings)]),
        draw=lambda: draw_attribution(result),
        frame=lambda: as_frame([dict(row) for row in result["rows"]]),
        notes=run.notes,
    )


def _noise(folder: Path) -> Shown:
    result = read_noise(folder)
    return Shown(
        summary=noise_summary(result),
        answer=(f"{headline(result)}.",),
        text=format_noise(result),
        draw=lambda: noise_figure(result),
        frame=lambda: read(folder),
        notes=tuple(result.notes),
    )


def _suite(folder: Path) -> Shown:
    path = folder / RESULTS_FILE
    kept = read_kept(path)

    def rows() -> Iterator[dict[str, Any]]:
        for entry, _ in kept.networks:
            for trial in read_run(folder / entry.label).trials:
                yield {"network": entry.label, **flat(trial)}

    return Shown(
        summary=schema.loads(read_text(path, MOST)),
        answer=tuple(answers(kept)),
        text=format_suite(kept),
        draw=lambda: suite_figure(kept),
        frame=lambda: as_frame(rows()),
    )


_SHOWN: dict[Kind, Callable[[Path], Shown]] = {
    "chips": _chips,
    "matched": _matched,
    "attribution": _attribution,
    "noise": _noise,
    "suite": _suite,
}
