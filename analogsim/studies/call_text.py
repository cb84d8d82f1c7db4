"""A call of a public function as text: for the record, and what questions call a network."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from analogsim.studies.options import PLACE


def name_in_question(model: object) -> str:
    """What a question calls a network: its text, or its class."""
    return os.fspath(model) if isinstance(model, str | os.PathLike) else type(model).__name__


def call_text(function: str, args: Sequence[object], keys: Mapping[str, Any]) -> str:
    """The call as it can be written again, for the record; what is in memory by its class."""
    shown = [_shown(value) for value in args]
    said = {key: value for key, value in keys.items() if value is not None and key not in PLACE}
    shown += [f"{key}={_shown(value)}" for key, value in said.items()]
    return f"analogsim.{function}({', '.join(shown)})"


def _shown(value: object) -> str:
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if value is None or isinstance(value, str | int | float | range):
        return repr(value)
    if isinstance(value, tuple | list) and all(isinstance(v, str | int | float) for v in value):
        return repr(value)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key!r}: {_shown(one)}' for key, one in value.items())}}}"
    return f"<{type(value).__name__}>"
