"""What is checked of a sweep before torch is there."""

from pathlib import Path
from typing import cast

from analogsim.crossbar.mapping import periphery_text
from analogsim.crossbar.mapping.periphery import DEFAULT_TILE, TileKind
from analogsim.errors import InputError
from analogsim.experiment.axes import points_of
from analogsim.experiment.setting import check_axes
from analogsim.spec.device import devices_of_presets
from analogsim.spec.study import POINTS_WITHIN, Spec
from device_models.effects.registry import parse_effect


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
    periphery = None if Path(spec.model).is_dir() else periphery_text.parse(spec.periphery)
    check_axes(
        spec.sweep,
        periphery,
        devices_of_presets(spec.presets),
        cast(TileKind, spec.tile or DEFAULT_TILE),
        tuple(map(parse_effect, spec.effects)),
    )
