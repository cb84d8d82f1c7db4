"""`spec.toml` in the folder of a run."""

import dataclasses
from pathlib import Path

from analogsim.experiment.folder import write_bytes_atomic
from analogsim.report.extras import SPEC_FILE
from analogsim.spec.device import seen_from
from analogsim.spec.file import as_toml
from analogsim.spec.study import Spec


def write_spec(spec: Spec, folder: Path) -> None:
    """Into the run's folder, for the report and for whoever runs it again. Raises OutputError."""
    # A spec's presets are relative to it.
    here = dataclasses.replace(spec, presets=seen_from(spec.presets, folder))
    write_bytes_atomic(folder / SPEC_FILE, as_toml(here).encode(errors="replace"))
