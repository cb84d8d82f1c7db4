"""Which kind of study a folder is of, and the charts of each."""

from pathlib import Path
from typing import Literal

from analogsim.experiment.digest import POINTS
from analogsim.experiment.header import HEADER_FILE, read_header
from analogsim.quantity import Quantity
from analogsim.report.attribution import ATTRIBUTION_FILE, TREATMENTS_FOLDER
from analogsim.report.chart import Chart
from analogsim.report.chart_list import charts_of
from analogsim.report.comparison import MATCHED_FILE
from analogsim.report.extras import read_extras
from analogsim.report.summary import read_run, summarise_run
from analogsim.scopes.chart import noise_charts
from analogsim.scopes.levels import KIND as NOISE
from analogsim.scopes.read_folder import read_noise
from analogsim.suites.attributed import read_attributed
from analogsim.suites.build import suite_charts
from analogsim.suites.crossbar import read_crossbar
from analogsim.suites.kept import RESULTS_FILE, read_kept
from analogsim.suites.kept_form import Result
from analogsim.suites.noised import kept_of
from analogsim.suites.summarised import read_summarised

Kind = Literal["chips", "matched", "attribution", "noise", "suite"]


def kind_of(path: Path) -> Kind:
    """The kind of a folder, or of a file, which can only be a suite's results.json.

    A folder that holds none of them counts as chips: whoever reads it says what is missing.
    Raises InputError for a header that is broken.
    """
    if path.is_file() or (path / RESULTS_FILE).is_file():
        return "suite"
    if (path / HEADER_FILE).is_file() and read_header(path).spec.get("kind") == NOISE:
        return "noise"
    if (path / ATTRIBUTION_FILE).exists() or (path / TREATMENTS_FOLDER).exists():
        return "attribution"
    return "matched" if (path / MATCHED_FILE).exists() else "chips"


def charts_in(path: Path) -> list[Chart]:
    """The charts that this kind has. Raises InputError where it cannot be read."""
    kind = kind_of(path)
    if kind == "suite":
        return suite_charts(read_kept(results_of(path)), path if path.is_dir() else None)
    if kind == "noise":
        return noise_charts(read_noise(path))
    run = read_run(path)
    return charts_of(run, summarise_run(run), read_extras(path))


def result_of(folder: Path) -> Result:
    """What a suite keeps of a network's run. Raises InputError where it cannot be read."""
    kind = kind_of(folder)
    if kind == "noise":
        return kept_of(read_noise(folder))
    if kind == "attribution":
        return read_attributed(folder)
    summarised = read_header(folder).spec.keys() & {POINTS, Quantity.KEY}
    return read_summarised(folder) if summarised else read_crossbar(folder)


def results_of(path: Path) -> Path:
    """A suite's results.json: the file that a user names may be a link, one in a folder not."""
    return path.resolve() if path.is_file() else path / RESULTS_FILE
