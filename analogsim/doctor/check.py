"""One finding of the doctor."""

import shlex
import sys
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "info", "warning", "problem"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """What was looked at, how it is, and the command that mends it."""

    name: str
    status: Status
    """`problem`: the main job cannot run. `warning`: a part of it cannot, or it may go wrong."""
    detail: str
    mend: str = ""
    """A command to run, or empty where nothing needs mending or no command does it."""


def pip_install(*requirements: str) -> str:
    """The command that installs `requirements` into the Python that is running."""
    return shlex.join([sys.executable or "python", "-m", "pip", "install", *requirements])
