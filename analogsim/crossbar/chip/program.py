"""Programming makes a chip of a converted network."""

from collections.abc import Sequence

import torch

from analogsim.batchnorm.policy import RECALIBRATING
from analogsim.batchnorm.recalibrate import batchnorms, copy_statistics_
from analogsim.crossbar.chip.chip import Chip, recalibration_images
from analogsim.crossbar.chip.own_statistics import own_batchnorms, parted
from analogsim.crossbar.chip.weights import program_weights_
from analogsim.crossbar.forward.engines import new_engine
from analogsim.crossbar.forward.freed import give_back
from analogsim.crossbar.forward.instance import instantiate, to_bfloat16_
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.streams import check_stream
from analogsim.draws.seed import MOST_SEED
from analogsim.errors import InputError


def program(analog: AnalogModel, seed: int = 0, chip: int = 0, *, recalibrate: bool = True) -> Chip:
    """Program one chip: the draws depend on (seed, chip) alone.

    Args:
        analog: a converted network; it is not changed.
        seed: root seed of a study, at least 0.
        chip: number of the chip within the study, at least 0.
        recalibrate: False leaves it to the caller to call `recalibrate_`, where the policy asks
            for that, when the chip lies on its device or has drifted.

    Raises:
        InputError: a negative seed or chip number, a network that is not converted, or there are
            no images to recalibrate with.
    """
    if not isinstance(analog, AnalogModel):
        raise InputError(
            f"network must be converted before it is programmed, got {type(analog).__name__}; "
            "write program(convert(network, preset='pcm', calibrate=images))"
        )
    check_numbers(seed=seed, chip=chip)
    check_stream(analog.stream, analog.device, analog.effects, analog.periphery)
    now = recalibrate and analog.bn in RECALIBRATING
    if now:
        recalibration_images(analog)
    made = new_chip(analog, seed=seed, chip=chip)
    layers = list(made.layers.values())
    program_weights_(made.parts, analog.device, made.effects)
    _put_off_(layers)
    if made.large:
        give_back()
    return made.recalibrate_() if now else made


def reprogram_(chip: Chip, number: int, *, recalibrate: bool = True) -> Chip:
    """Program `chip` anew as another chip of its study; as `program`, without a new network.

    Args:
        chip: any chip; whatever it was is lost.
        number: the number that it takes.
        recalibrate: as for `program`.

    Raises:
        InputError: a negative number, or there are no images to recalibrate with.
    """
    check_numbers(seed=chip.seed, chip=number)
    own = chip.analog.bn in RECALIBRATING
    if own and recalibrate:
        recalibration_images(chip.analog)
    layers = list(chip.layers.values())
    chip.chip, chip.t_s, chip.compensation = number, None, "none"
    for layer in layers:
        layer.chip = (chip.seed, number)
    program_weights_(chip.parts, chip.analog.device, chip.effects)
    if not own:
        _put_off_(layers)
        return chip
    if recalibrate:
        return chip.recalibrate_()
    with parted(chip.joined, chip.layers):
        norms = own_batchnorms(chip.module, chip.analog.module)
        copy_statistics_(norms, batchnorms(chip.analog.module))
    return chip


def check_numbers(*, seed: int, chip: int) -> None:
    """Refuse a root seed or chip number that is negative or has more than 64 bits.

    Raises:
        InputError: one of them is.
    """
    for what, value in (("seed", seed), ("chip", chip)):
        if value < 0:
            raise InputError(f"{what} must be at least 0, got {value}; choose another")
        if value > MOST_SEED:
            raise InputError(f"{what} must be at most {MOST_SEED}, got {value}; choose another")


def _put_off_(layers: Sequence[CrossbarLayer]) -> None:
    """As `refresh_`, where engines can at their next forward pass: most chips drift before it."""
    with torch.no_grad():
        for layer in layers:
            assert layer.engine is not None, "a chip's layers have engines"
            layer.engine.put_off_(layer)


def new_chip(analog: AnalogModel, *, seed: int, chip: int) -> Chip:
    """A chip whose tiles still hold their targets, with its own engines; `program` fills it."""
    made = instantiate(analog, lambda layer: new_engine(analog, layer))
    for layer in made.layers.values():
        layer.chip = (seed, chip)
    if analog.forward == "native-bf16":
        to_bfloat16_(made)
        if analog.bn in RECALIBRATING:
            # Statistics in bfloat16 would stop moving before they have converged.
            for own in own_batchnorms(made.module, analog.module).values():
                own.float()
    return Chip(analog, made, seed=seed, chip=chip)
