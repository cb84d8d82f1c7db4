"""Settings that are to have several values: `--set`, and what is checked before torch is there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import click
from click.core import ParameterSource

from analogsim.cli.device import devices_of_presets
from analogsim.cli.spec import POINTS_WITHIN, Spec
from analogsim.cli.sweep_toml import OWN_KEYS
from analogsim.crossbar.mapping import periphery as peripheries
from analogsim.crossbar.mapping.periphery import TileKind
from analogsim.errors import InputError, shown
from analogsim.experiment.axes import points_of, read_axes
from analogsim.experiment.setting import check_axes


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


def check_sweep(spec: Spec) -> None:
    """Refuse a sweep that cannot be, before its network is loaded.

    Raises:
        InputError, DeviceError: as `check_axes` and `points_of`; a comparison with Gaussian noise;
            a tolerance without a sweep.
    """
    if not spec.sweep:
        if spec.within != POINTS_WITHIN:
            raise InputError(
                f"within must go with a sweep, got {spec.within:g} points without one; add for "
                "example --set adc_bits=4..8"
            )
        return
    if spec.gaussian is not None:
        raise InputError(
            f"--set must be left out with --gaussian, got {', '.join(spec.sweep)}; its controls "
            "are matched to one setting: run it once for each"
        )
    points_of(spec.sweep)
    # A folder brings its own.
    periphery = None if Path(spec.model).is_dir() else peripheries.parse(spec.periphery)
    check_axes(spec.sweep, periphery, devices_of_presets(spec.presets), cast(TileKind, spec.tile))
