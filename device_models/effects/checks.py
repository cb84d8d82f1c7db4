"""The form in which an effect refuses its options."""

import math

from device_models.errors import DeviceError


def refuse(name: str, *rules: tuple[str, str, float, bool]) -> None:
    """Raise `DeviceError` with every option that is not as it must be.

    Args:
        name: of the effect.
        rules: option, what it must be, what it is, and whether that is good; NaN and infinities
            never are.
    """
    problems = [
        f"effect {name!r} {option} must be {rule}, got {got}; leave it out for no effect"
        for option, rule, got, good in rules
        if not (good and math.isfinite(got))
    ]
    if problems:
        raise DeviceError("\n".join(problems))
