"""A run as a pandas data frame."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analogsim.errors import InputError
from analogsim.report.csv_file import flat
from analogsim.report.summary import read_run

if TYPE_CHECKING:
    import pandas as pd


def read(folder: Path | str) -> "pd.DataFrame":
    """The finished trials of the run in `folder`, a row each, in the order of its spec.

    `attrs` holds the question, the digital accuracy, the spec and the notes.

    Raises:
        InputError: pandas is not installed, or the folder holds no run.
    """
    run = read_run(Path(folder))
    frame = as_frame(map(flat, run.trials))
    frame.attrs = {
        "question": run.header.question,
        "digital_accuracy": run.header.digital["accuracy"],
        "spec": run.header.spec,
        "notes": list(run.notes),
    }
    return frame


def as_frame(rows: Iterable[Mapping[str, Any]]) -> "pd.DataFrame":
    """Rows as a data frame. Raises InputError where pandas is not installed."""
    try:
        import pandas as pd  # an extra
    except ImportError as error:
        raise InputError(
            "data frame must have the package pandas, which is not installed; "
            "pip install 'analogsim-aimc[pandas]', or read the run's CSV files"
        ) from error
    return pd.DataFrame([dict(row) for row in rows])
