"""A converted network under another periphery: what that does not change is shared."""

import dataclasses
from collections.abc import Callable

from torch import nn

from analogsim.crossbar.conversion.calibration_inputs import Calibration
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.forward.engines import choose_forward
from analogsim.crossbar.forward.instance import instantiate
from analogsim.crossbar.forward.native import PerfectEngine
from analogsim.crossbar.mapping.analog_model import AnalogModel, Forward
from analogsim.crossbar.mapping.layer import crossbar_of
from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.crossbar.mapping.plan import MAPPED, WHOLE_MODEL
from analogsim.errors import InputError

ConvertAgain = Callable[[AnalogModel, Periphery], AnalogModel]
"""Converts the network of an `AnalogModel` anew; see `converted_again`."""

# What decides which weights lie on which tile, in which units, and whether inputs have ranges.
_OF_CONVERSION = (
    "perfect",
    "input_scaling",
    "max_input_size",
    "max_output_size",
    "weight_scaling",
    "weight_encoding",
    "bits_per_cell",
    "weight_bits",
    "output_range",
)
# What decides the outputs that a calibrated range of the ADC is taken from.
_OF_RANGES = (
    "output_share",
    "dac_bits",
    "input_bound",
    "bits_per_input",
    "adc_reads",
    "subtraction",
    "adc_bits",
)


def same_tiles(a: Periphery, b: Periphery) -> bool:
    """Whether a network converted for one is converted for the other, but for `with_periphery`."""
    return all(getattr(a, field) == getattr(b, field) for field in _fields(a))


def _fields(periphery: Periphery) -> tuple[str, ...]:
    return _OF_CONVERSION + (_OF_RANGES if periphery.needs_output_ranges else ())


def with_periphery(
    analog: AnalogModel, periphery: Periphery, convert_again: ConvertAgain | None = None
) -> AnalogModel:
    """The network under another periphery, as if it had been converted for it.

    Where only converters, bounds or noise differ, tiles, scales and input ranges are shared.

    Args:
        analog: a converted network; it is not changed.
        periphery: the other one.
        convert_again: for another tile size, scaling, or kind of input range.

    Raises:
        InputError: it must be converted anew and `convert_again` is None, or the chosen products
            cannot have this periphery.
    """
    if periphery == analog.periphery:
        return analog
    for field in _fields(analog.periphery):
        asked, there = getattr(periphery, field), getattr(analog.periphery, field)
        if asked == there:
            continue
        if convert_again is None:
            raise InputError(
                f"periphery {field} must be the {there!r} that the network was converted with, got "
                f"{asked!r}; give the network itself and not a converted one"
            )
        return convert_again(analog, periphery)
    # Raises where aihwkit's tiles cannot do it.
    choose_forward(periphery, analog.tile, analog.forward)
    # What chips compute together is theirs.
    bare = dataclasses.replace(analog, merged=(), absorbed=(), folded=())
    made = instantiate(bare, lambda _: PerfectEngine())
    for layer in made.layers.values():
        layer.periphery = periphery
    return dataclasses.replace(analog, module=made.module, periphery=periphery)


def converted_again(
    analog: AnalogModel,
    periphery: Periphery,
    calibrate: Calibration | None,
    forward: Forward = "auto",
) -> AnalogModel:
    """The digital network of `analog`, converted anew; it shares the digital network's weights.

    Args:
        analog: a converted network; it is not changed.
        periphery: the other one.
        calibrate, forward: as for `convert`.

    Raises:
        InputError: as `convert`.
    """
    made = convert(
        analog.source,
        preset=analog.device,
        periphery=periphery,
        bn=analog.bn,
        tile=analog.tile,
        keep_digital=analog.keep_digital,
        calibrate=calibrate,
        input_ranges=analog.input_ranges,
        forward=forward,
        recalibrate=analog.recalibration_images,
        recalibration=analog.recalibration,
        stream=analog.stream,
        grouped=analog.grouped,
        effects=analog.effects,
    )
    # Those that a rewrite has made have none.
    twins = {name: m for name, m in analog.source.named_modules() if isinstance(m, MAPPED)}
    for digital in made.module.modules():
        layer = crossbar_of(digital)
        if layer is None:
            continue
        twin = twins.get("" if layer.name == WHOLE_MODEL else layer.name)
        if twin is None:
            continue
        layer.share_(twin)
        weight = twin._parameters.get("weight")
        if weight is not None and layer.holds(weight):
            digital.weight = nn.Parameter(weight.detach(), requires_grad=False)
    return dataclasses.replace(
        made, source=analog.source, recalibration_images=analog.recalibration_images
    )
