"""What of a device makes the difference to matched Gaussian noise, property by property.

Between the matched Gaussian and the device stand controls of the same weight error that each keep
one property more of the device's errors. The difference from one to the next is that property's
part; all parts together are the whole difference, exactly. At one time the spread of drift
exponents between cells is part of the spread: it is no property of its own here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from analogsim.equivalent.matching import WeightErrors
from device_models.contract import Device

REST = "rest"
PROPERTIES: Mapping[str, str] = {
    "by-column": "that the spread follows each column's range",
    "by-state": "that the spread depends on the weight",
    "by-state-mean": "the mean of the errors (gain, or drift that compensation leaves)",
    # A drifted chip's signal is weaker; compensation lifts it, and the periphery's noise with it.
    REST: "the rest (the shape of the errors, what weights share, and output noise and ADC steps "
    "that drift compensation amplifies)",
}


@dataclass(frozen=True, kw_only=True)
class Control:
    """A control and what it has that the one before it has not."""

    prop: str
    name: str
    device: Device


def controls(errors: WeightErrors) -> tuple[Control, ...]:
    """The controls between the matched Gaussian and the device, in their order."""
    made = {
        "by-column": errors.by_column(),
        "by-state": errors.by_state(),
        "by-state-mean": errors.by_state_and_mean(),
    }
    return tuple(
        Control(prop=prop, name=f"gaussian-{prop}({errors.to})", device=device)
        for prop, device in made.items()
    )
