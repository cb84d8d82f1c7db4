"""From options to a converted network and its images; the part that all studies share."""

import dataclasses
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from analogsim.batchnorm.policy import RECALIBRATING, BatchNormPolicy
from analogsim.batchnorm.recalibrate import Method, Recalibration, recalibration_of
from analogsim.call import Inputs
from analogsim.crossbar.chip.chip import Chip
from analogsim.crossbar.conversion.checking import check_
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.conversion.overview import plan_lines
from analogsim.crossbar.conversion.trying import MOST_ROWS, try_forward
from analogsim.crossbar.folder.checkpoint import ModelNote, load_with_note
from analogsim.crossbar.folder.chip_settings import FILE, is_chip_folder, preset_of_folder
from analogsim.crossbar.mapping.analog_model import AnalogModel, Forward
from analogsim.crossbar.mapping.effect_words import effects_entry
from analogsim.crossbar.mapping.periphery import DEFAULT_TILE, TileKind
from analogsim.crossbar.mapping.plan import Grouped
from analogsim.crossbar.mapping.streams import StreamName
from analogsim.errors import InputError
from analogsim.inputs.batching import batches, refuse_random
from analogsim.inputs.data import Data, load_data, place_of
from analogsim.inputs.fingerprint import code_fingerprints, tensor_digest
from analogsim.inputs.fit import check_fit, check_shape
from analogsim.inputs.models import Model, load_model
from analogsim.inputs.names import ZOO_PREFIX
from analogsim.inputs.user_file import file_digests
from analogsim.processor import has_bfloat16
from analogsim.spec.device import device_of
from analogsim.spec.options import DataOptions, NetworkOptions
from analogsim.studies.given import NOTHING, Given
from analogsim.studies.where import Say, unsaid
from device_models.contract import Device
from device_models.effects.registry import parse_effect
from device_models.registry import DEVICES

CALIBRATION_IMAGES = 512
_CALIBRATION_BATCH = 128
_RECALIBRATION_NOTE = (
    "BatchNorm statistics are estimated from the first images of the training split (of all "
    "images where there is no such split)."
)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A converted network, where it comes from, and the chip if MODEL was a chip's folder.

    `inputs` are fingerprints of what it was made of beside its weights, each under what it is.
    """

    analog: AnalogModel
    note: ModelNote
    name: str
    notes: tuple[str, ...]
    inputs: Mapping[str, str]
    chip: Chip | None = None


def prepare(
    network: NetworkOptions,
    data_options: DataOptions,
    preset: str,
    data: Data | None,
    input_shape: tuple[int, ...] | None = None,
    *,
    need_weights: bool = True,
    given: Given = NOTHING,
    warn: Say = unsaid,
    detail: Say = unsaid,
) -> Prepared:
    """Load and convert the network; `warn` gets what is to be doubted, `detail` where all lies.

    Raises:
        InputError, DeviceError: any option that cannot be used.
    """
    device = device_of(preset)
    if is_chip_folder(Path(network.model)):
        detail(f"read: chip and network from {network.model}")
        made = _from_folder(network, data_options, data, device, given, warn)
        say_plan(made.analog, detail)
        return made
    model = given.model or load_model(
        network.model, weights=network.weights, network=network.network
    )
    if not model.trained and not network.untrained:
        hint = f"model {network.model} must have trained weights, got {model.note}"
        if need_weights:
            raise InputError(f"{hint}, or allow it with --untrained")
        warn(hint)
    say_network(model, detail)
    notes = [f"Network: {model.note}."]
    if data is not None:
        notes += check_fit(model, data).notes
    elif input_shape is not None:
        check_shape(model, input_shape)
    inputs = {**code_fingerprints("network", model.files), **given.fingerprints()}
    calibration: Any = input_shape or model.input_shape
    if data is not None:
        calibration = list(calibration_images(data_options, given))
        count = sum(len(b) for b in calibration)
        notes.append(
            f"Input ranges: the {count} first images of the training split (of all images where "
            "there is no such split)."
        )
        inputs["images for input ranges"] = f"{tensor_digest(*calibration)} of {count} images"
    bn = cast(BatchNormPolicy, network.one_bn)
    recalibration = _rule(network) if bn in RECALIBRATING else None
    recalibrate = None
    if recalibration is not None:
        recalibrate = _recalibration_images(data_options, recalibration, given)
        notes.append(_RECALIBRATION_NOTE)
    analog = convert(
        model.module,
        preset=device,
        periphery=given.periphery or network.periphery,
        bn=bn,
        tile=cast(TileKind, network.tile or DEFAULT_TILE),
        keep_digital=network.keep_digital,
        calibrate=calibration,
        forward=cast(Forward, network.forward),
        stream=cast(StreamName, network.stream),
        grouped=cast(Grouped, network.grouped),
        effects=network.effects,
        recalibrate=recalibrate,
        recalibration=recalibration,
        input_ranges=model.input_ranges,
    )
    if model.input_ranges:
        inputs["input ranges"] = ", ".join(f"{k}={v!r}" for k, v in model.input_ranges.items())
    _warn_if_emulated(analog, warn)
    say_plan(analog, detail)
    shape = model.input_shape or input_shape or (data.input_shape if data else None)
    note = ModelNote(spec=network.model, input_shape=shape, n_classes=model.n_classes)
    return Prepared(analog=analog, note=note, name=network.model, notes=tuple(notes), inputs=inputs)


def preset_of_model(model: str) -> str | None:
    """The preset of a folder that convert wrote; None for any other MODEL."""
    folder = Path(model)
    if not is_chip_folder(folder):
        return None
    preset = preset_of_folder(folder)
    _check_known(folder, preset, DEVICES)
    return preset


def say_network(model: Model, detail: Say) -> None:
    """Where a network is read from."""
    code = f", code from {', '.join(model.files)}" if model.files else ""
    detail(f"read: network {model.spec}{code}; {model.note}")


def say_plan(analog: AnalogModel, detail: Say) -> None:
    """Which layer lies where, and where compiled products are kept."""
    for line in plan_lines(analog):
        detail(line)
    if find_spec("numba") is not None:
        named = os.environ.get("NUMBA_CACHE_DIR")
        detail(
            f"compiled code: kept in {named}"
            if named
            else "compiled code: kept beside analogsim's own, or in the user's cache folder where "
            "that cannot be written; NUMBA_CACHE_DIR names another"
        )


def open_data(
    options: DataOptions, given: Given = NOTHING, tell: Say = unsaid, detail: Say = unsaid
) -> Data:
    """The test images; `tell` gets the data set's notes, `detail` where they are read from.

    Raises:
        InputError: no such data, or they are others each time they are read.
    """
    data = _load(options, "test") if given.data is None else given.data
    tell(f"data: {data.name}: {data.note}; normalised {data.normalisation}")
    if given.data is None:
        detail(f"read: data from {place_of(data.name, options.data_dir)}")
    refuse_random(data)
    return data


def _warn_if_emulated(analog: AnalogModel, warn: Say) -> None:
    if analog.forward == "native-bf16" and not has_bfloat16():
        warn(
            "this processor has no bfloat16 instructions, so products in bfloat16 take several "
            "times as long as in float32; leave --dtype out, and use --forward auto"
        )


def calibration_images(options: DataOptions, given: Given) -> Iterator[Tensor]:
    """Batches of training images for the input ranges."""
    for images, _ in batches(_train(options, given), _CALIBRATION_BATCH, CALIBRATION_IMAGES):
        yield images


def _train(options: DataOptions, given: Given) -> Data:
    """The images for input ranges and BatchNorm: those given, or the training split."""
    return given.train or given.data or _load(options, "train")


def _load(options: DataOptions, split: Literal["train", "test"]) -> Data:
    assert options.data is not None
    return load_data(
        options.data,
        split=split,
        data_dir=options.data_dir,
        download=options.download,
        normalise=options.normalise,
    )


def _rule(network: NetworkOptions) -> Recalibration:
    return recalibration_of(cast(Method, network.recalibration), network.recalibration_images)


def _recalibration_images(options: DataOptions, rule: Recalibration, given: Given) -> Tensor:
    if options.data is None:
        raise InputError(
            "--bn recalibrate and recalibrate-once must have training images, got no --data; "
            "add --data DATA"
        )
    read = batches(_train(options, given), rule.batch_size, rule.images)
    return torch.cat([images for images, _ in read])


def _check_known(folder: Path, preset: str, known: Collection[str]) -> None:
    # A folder may come from anybody: it names a device, but never brings its code.
    if preset.partition("?")[0] not in known:
        raise InputError(
            f"folder {folder} must be opened together with its device's code, which it does not "
            f"hold, got {preset!r}; give --preset FILE.py:NAME (with compare, first in --presets)"
        )


def _from_folder(
    network: NetworkOptions,
    data_options: DataOptions,
    data: Data | None,
    device: Device,
    given: Given,
    warn: Say,
) -> Prepared:
    folder = Path(network.model)
    if network.weights is not None:
        raise InputError(f"folder {folder} holds its weights, got --weights too; leave it out")
    more = {device.info.name: type(device)}
    _check_known(folder, preset_of_folder(folder), DEVICES | more)
    made: list[Model] = []

    def build(note: ModelNote) -> nn.Module:
        made.append(_bare_network(folder, note, network.network))
        return made[-1].module

    loaded = load_with_note(folder, build, more=more)
    analog = loaded.chip.analog
    for what, asked, there, usual in (
        ("bn", network.one_bn, analog.bn, "digital"),
        ("stream", network.stream, analog.stream, "aihwkit"),
        ("grouped", network.grouped, analog.grouped, "digital"),
    ):
        if asked not in (usual, there):
            raise InputError(
                f"folder {folder} was converted with {what} {there}, got --{what} {asked}; leave "
                f"--{what} out, or convert the network anew"
            )
    effects = effects_entry(analog.effects).get("effects", [])
    if network.effects and effects_entry(tuple(map(parse_effect, network.effects))) != {
        "effects": effects
    }:
        raise InputError(
            f"folder {folder} was converted with effects {', '.join(effects) or 'none'}, got "
            f"--effect {', '.join(network.effects)}; leave --effect out, or convert the network "
            "anew"
        )
    notes = []
    if analog.recalibration is not None:
        images = _recalibration_images(data_options, analog.recalibration, given)
        analog = dataclasses.replace(analog, recalibration_images=images)
        loaded.chip.analog = analog
        notes.append(_RECALIBRATION_NOTE)
    if data is not None:
        model = Model(
            module=analog.source,
            spec=network.model,
            input_shape=loaded.model.input_shape,
            n_classes=loaded.model.n_classes,
            trained=True,
            note="",
        )
        notes += check_fit(model, data).notes
        images, _ = next(batches(data, MOST_ROWS, MOST_ROWS))
        # Else its first forward pass does this, in each process, and no table says the result.
        tried = try_forward(analog.source, Inputs.of(images))
        check_(analog, tried)
        notes += analog.checked.notes
    _warn_if_emulated(analog, warn)
    name = f"{loaded.model.spec} ({folder})"
    # It holds the digests of the tensor files.
    files = code_fingerprints("chip", file_digests([folder / FILE], folder))
    return Prepared(
        analog=analog,
        note=loaded.model,
        name=name,
        notes=tuple(notes),
        inputs={**code_fingerprints("network", made[-1].files), **files},
        chip=loaded.chip,
    )


def _bare_network(folder: Path, note: ModelNote, code: str | None) -> Model:
    if note.spec.startswith(ZOO_PREFIX):
        return load_model(note.spec)
    if code is None:
        # A folder may come from anybody: it names code, but never runs it.
        raise InputError(
            f"folder {folder} must be opened together with its network's code, which it does "
            f"not hold; give --network {note.spec or 'FILE.py:FACTORY'}"
        )
    return load_model(code)
