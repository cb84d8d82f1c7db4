"""Files and lines that are read again: sealed when they are written, checked when they are read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from analogsim import own_files, schema, seal
from analogsim.errors import InputError, shown
from analogsim.experiment.folder import write_json_atomic


class Head(TypedDict):
    """How every document that is made of a run begins."""

    format: str
    version: int
    question: str
    command: str
    model: str
    data: str


def check_format(content: object, *, name: str, version: int | tuple[int, ...], where: str) -> None:
    """Raises InputError unless `content` is an object of that format and one of the versions."""
    versions = (version,) if isinstance(version, int) else version
    if not isinstance(content, dict) or content.get("format") != name:
        got = content.get("format") if isinstance(content, dict) else content
        raise InputError(
            f"{where} format must be {name!r}, got {shown(got)}; check that this is a run's folder"
        )
    if content.get("version") not in versions:
        raise InputError(
            f"{where} version must be {' or '.join(map(str, versions))}, got "
            f"{shown(content.get('version'))}; "
            "read it with the analogsim that wrote it"
        )


def write_sealed(path: Path, content: Mapping[str, Any]) -> None:
    """Write strict JSON with a checksum, whole or not at all. Raises OutputError."""
    write_json_atomic(path, seal.sealed(dict(content)))


def read_sealed(path: Path, *, name: str, version: int, todo: str) -> Any:
    """The content of a JSON file of this format without its checksum.

    Raises:
        InputError: it cannot be read, or is something else; `todo` says what to do.
    """
    try:
        content = schema.loads(own_files.read_text(path))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} must be readable JSON, got '{reason}'; {todo}") from error
    check_format(content, name=name, version=version, where=str(path))
    return opened(content, where=str(path), todo=todo)


def write_line(fields: Mapping[str, Any], *, name: str, version: int) -> str:
    """One line of strict JSON, without its line end, sealed with a checksum."""
    return schema.dumps(seal.sealed({"format": name, "version": version, **fields}))


def read_line(
    line: str, *, name: str, version: int | tuple[int, ...], where: str
) -> dict[str, Any]:
    """The fields of such a line.

    Raises:
        InputError: it is something else, or not what was sealed.
    """
    todo = "restore the line or delete it"
    try:
        content = schema.loads(line)
    except ValueError as error:
        raise InputError(f"{where} must be JSON, got '{error}'; {todo}") from error
    check_format(content, name=name, version=version, where=where)
    fields = opened(content, where=where, todo=todo)
    return {key: value for key, value in fields.items() if key not in {"format", "version"}}


def opened(content: dict[str, Any], *, where: str, todo: str) -> Any:
    """The content without its checksum; files of before there was one are taken as they are.

    Raises:
        InputError: it is not what was sealed; `todo` says what to do.
    """
    try:
        return seal.unsealed(content)
    except ValueError as error:
        raise InputError(f"{where} must be as it was written, got {error}; {todo}") from error
