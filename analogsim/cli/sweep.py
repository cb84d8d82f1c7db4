"""Settings that are to have several values: `--set`."""

from collections.abc import Sequence
from typing import Any, cast

import click
from click.core import ParameterSource

from analogsim.errors import InputError, shown
from analogsim.experiment.axes import read_axes
from analogsim.spec.sweep import OWN_KEYS


def sweep_fields(texts: Sequence[str]) -> dict[str, Any]:
    """The fields of a `Spec` that `--set` decides.

    Raises:
        InputError: a text that is no axis, or an axis that has an option of its own, which was
            given too.
    """
    axes = read_axes(texts)
    fields: dict[str, Any] = {}
    for name in OWN_KEYS:
        if name in axes:
            fields[name] = _of_option(name, tuple(map(str, axes.pop(name))))
    return {**fields, "sweep": axes}


def _of_option(name: str, values: tuple[str, ...]) -> tuple[str, ...]:
    context = click.get_current_context()
    if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
        raise InputError(
            f"--set {name} must not stand beside --{name}, got {', '.join(values)}; give all of "
            "them by one of the two"
        )
    (option,) = (one for one in context.command.params if one.name == name)
    known = cast("click.Choice[str]", option.type).choices
    for value in values:
        if value not in known:
            raise InputError(
                f"--set {name} must be one of {', '.join(known)}, got {shown(value)}; choose one"
            )
    return values
