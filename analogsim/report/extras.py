"""What else lies in a run's folder and is worth showing: each file may be missing or broken."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from analogsim import own_files
from analogsim.errors import InputError
from analogsim.experiment.layers_file import LayersFile, read_layers
from analogsim.report.attribution import Attribution, Loss, read_attribution, read_losses
from analogsim.report.comparison import Comparison, read_comparison

SPEC_FILE = "spec.toml"

Found = TypeVar("Found")


@dataclass(frozen=True, kw_only=True)
class Extras:
    """What a report shows if it is there. `notes` says what could not be read.

    `attribution` is None where `attribution.json` is of before it held all this; `losses` are its
    rows.
    """

    layers: LayersFile | None = None
    comparison: Comparison | None = None
    losses: tuple[Loss, ...] = ()
    attribution: Attribution | None = None
    spec: str | None = None
    notes: tuple[str, ...] = ()


def read_extras(folder: Path) -> Extras:
    """Read what is there. A broken file costs its section and leaves a note, not the report."""
    notes: list[str] = []

    def tried(read: Callable[[Path], Found], otherwise: Found) -> Found:
        try:
            return read(folder)
        except InputError as error:
            notes.append(f"Left out: {error}.")
            return otherwise

    attribution = None
    with suppress(InputError):  # of the same file: said with its losses
        attribution = read_attribution(folder)
    return Extras(
        layers=tried(read_layers, None),
        comparison=tried(read_comparison, None),
        losses=tried(read_losses, ()),
        attribution=attribution,
        spec=tried(_read_spec, None),
        notes=tuple(notes),
    )


def _read_spec(folder: Path) -> str | None:
    path = folder / SPEC_FILE
    if not path.exists():
        return None
    try:
        return own_files.read_text(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} must be readable text, got '{error}'; restore it") from error
