"""Result files that are read again: sealed when they are written, checked when they are read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analogsim import seal
from analogsim.errors import InputError
from analogsim.experiment.folder import write_json_atomic


def write_sealed(path: Path, content: Mapping[str, Any]) -> None:
    """Write strict JSON with a checksum, whole or not at all. Raises OutputError."""
    write_json_atomic(path, seal.sealed(dict(content)))


def opened(content: dict[str, Any], *, where: str, todo: str) -> Any:
    """The content without its checksum; files of before there was one are taken as they are.

    Raises:
        InputError: it is not what was sealed; `todo` says what to do.
    """
    try:
        return seal.unsealed(content)
    except ValueError as error:
        raise InputError(f"{where} must be as it was written, got {error}; {todo}") from error
