"""Where a study is computed and who is told of it; no part of what is asked."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from analogsim.errors import InputError
from analogsim.experiment.local import Local
from analogsim.experiment.on_ray import OnRay
from analogsim.experiment.place import Place

Progress = Callable[[int, int, str], None]
Say = Callable[[str], None]


def unsaid(text: str) -> None:
    """Say it to nobody."""


@contextmanager
def unwatched() -> Iterator[Progress]:
    """Show progress to nobody."""
    yield lambda done, total, what: None


@dataclass(frozen=True, kw_only=True)
class Where:
    """In which folder, on which machines, and who is told.

    Attributes:
        output: the folder of the study.
        command: what remakes it, for the record.
        on, address, workers: as the options of the command line.
        extend: allow a study that only adds to the folder's.
        watch: shows progress while its block runs; gives what is called with (done, total, what).
        tell, warn: take a note or a warning in words.
        detail: takes what is read from where, and which layer lies where.
    """

    output: Path
    command: str
    on: str = "local"
    address: str | None = None
    workers: int | None = None
    extend: bool = False
    watch: Callable[[], AbstractContextManager[Progress]] = unwatched
    tell: Say = unsaid
    warn: Say = unsaid
    detail: Say = unsaid

    def place(self) -> Place:
        """Where trials are computed. Raises InputError for options that do not go together."""
        if self.on == "local":
            if self.address is not None:
                raise InputError(
                    f"--address must go with --on ray, got {self.address!r} without it; add "
                    "--on ray"
                )
            return Local(self.workers, self.warn)
        return OnRay(self.address, self.workers, self.tell)

    def check_device(self, device: str, tile: str | None = None) -> None:
        """Raise `InputError` unless `device` is there, and is one for the tile."""
        if device == "cuda" and tile == "cpp":
            raise InputError(
                "device must be cpu with the C++ tile, got 'cuda'; use --device cpu, or "
                "--tile native"
            )
        if device == "cuda" and self.on == "local" and not torch.cuda.is_available():
            raise InputError(
                "device must be one that this machine has, got 'cuda', which torch does not find; "
                "use --device cpu"
            )
