"""One file of a run's records: those on the disk by key, and more of them as they come."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic

from analogsim.errors import InputError
from analogsim.experiment.records import R, RecordWriter, read_lines
from analogsim.experiment.trial import Key
from analogsim.own_files import own_folder


@dataclass(eq=False, kw_only=True)
class RecordFile(Generic[R]):
    """The `records.jsonl` of a run's folder, or of one inside of it.

    Attributes:
        kind: what a line is.
        beside: the folder inside of the run's; empty is the run's own.
        done: the records on the disk, while it is `opened`.
    """

    kind: type[R]
    beside: str = ""
    done: dict[Key, R] = field(default_factory=dict)

    @contextmanager
    def opened(self, folder: Path, digest: str) -> Iterator[None]:
        """Read what is there, and hold the file for more.

        Raises:
            InputError: a record of another study than `digest`, or one twice.
            OutputError: it cannot be written.
        """
        for part in Path(self.beside).parts:
            folder = own_folder(folder / part)
        for record in read_lines(folder, self.kind):
            if record.spec_digest != digest:
                raise InputError(
                    f"run folder {folder} trials must have the digest {digest}, got "
                    f"{record.spec_digest} ({record.what}); keep experiments in separate folders"
                )
            if record.key in self.done:
                raise InputError(
                    f"run folder {folder} must hold each trial once, got {record.key} twice; "
                    "delete one of the two lines"
                )
            self.done[record.key] = record
        with RecordWriter(folder) as self._writer:
            yield

    def add(self, record: R) -> bool:
        """Keep a record, on the disk at once; False if it was there. Raises OutputError."""
        if record.key in self.done:
            return False
        self._writer.write(record)
        self.done[record.key] = record
        return True
