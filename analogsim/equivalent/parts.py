"""What of a device makes the difference to matched Gaussian noise, property by property.

Between the matched Gaussian and the device stand controls of the same weight error that each keep
one property more of the device's errors. The difference from one to the next is that property's
part; all parts together are the whole difference, exactly. At one time the spread of drift
exponents between cells is part of the spread: it is no property of its own here.

The last control is the device itself, with its compensation in front of the ADC: its weights have
the same errors, and output noise and ADC steps are not amplified.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from analogsim.crossbar.chip.compensation import BEHIND_ADC, Compensation
from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.equivalent.matching import WeightErrors
from device_models.contract import Device

REST, WEIGHTS, AMPLIFIED = "rest", "weights", "amplified"
_OF_CELLS = " (their mean and spread by state, too: these are of each of a weight's cells)"
PROPERTIES: Mapping[str, str] = {
    "by-column": "that the spread follows each column's range",
    "by-state": "that the spread depends on the weight",
    "by-state-mean": "the mean of the errors (gain, or drift that compensation leaves)",
    WEIGHTS: "what else the weights have (the shape of the errors, what weights share)",
    # A drifted chip's signal is weaker; compensation lifts it, and the periphery's noise with it.
    AMPLIFIED: "output noise and ADC steps that drift compensation amplifies",
    REST: "the rest (the shape of the errors, what weights share, and what a digital compensation "
    "amplifies)",
}


def meaning(prop: str, *, whole: bool) -> str:
    """A property in words; `whole` where weights are whole, in one pair of cells."""
    said = PROPERTIES[prop]
    return said if whole or prop not in {REST, WEIGHTS} else said + _OF_CELLS


@dataclass(frozen=True, kw_only=True)
class Control:
    """A control and what it has that the one before it has not."""

    prop: str
    name: str
    device: Device


def controls(errors: WeightErrors, *, whole: bool) -> tuple[Control, ...]:
    """The controls between the matched Gaussian and the device, in their order.

    A state is that of a cell: of weights in several cells (not `whole`) it is none of the weight's.
    """
    made: dict[str, Device] = {"by-column": errors.by_column()}
    if whole:
        made |= {"by-state": errors.by_state(), "by-state-mean": errors.by_state_and_mean()}
    return tuple(
        Control(prop=prop, name=f"gaussian-{prop}({errors.to})", device=device)
        for prop, device in made.items()
    )


def before_adc(compensation: Compensation, periphery: Periphery) -> Compensation | None:
    """The compensation with the same factor in front of the ADC; None where there is none."""
    if periphery.perfect:
        return None
    moved = (kind for kind, behind in BEHIND_ADC.items() if behind == compensation)
    return next(moved, None)
