"""A chip in a folder: safetensors files and one JSON file, no pickle, no code.

`chip.json` names the settings and the digests of the tensor files; `model.safetensors` holds the
digital network, `chip.safetensors` what each tile holds, `example.safetensors` a few inputs and
what the digital network gives for them. Loading rebuilds the network from its
`zoo:` name, or takes the network from the caller: a folder never brings code with it.
"""

import dataclasses
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save_file
from torch import Tensor, nn

from analogsim import own_files, schema, seal
from analogsim._version import __version__
from analogsim.batchnorm.recalibrate import Recalibration
from analogsim.centring import centre_for_
from analogsim.copying import copy_network
from analogsim.crossbar.chip.chip import Chip
from analogsim.crossbar.chip.program import new_chip
from analogsim.crossbar.conversion.checking import differs_on
from analogsim.crossbar.conversion.form import DigitalForm, absorb, digital_form, place_layers
from analogsim.crossbar.conversion.trying import LOW_PRECISION_TOLERANCE
from analogsim.crossbar.folder.chip_settings import (
    FILE,
    FORMAT,
    VERSION,
    ChipSettings,
    read_settings,
)
from analogsim.crossbar.folder.chip_tensors import own, refuse_values, restore_, tensors_of
from analogsim.crossbar.forward.engines import choose_forward
from analogsim.crossbar.mapping import periphery_text
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.effect_words import effects_entry
from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.crossbar.mapping.plan import MAPPED, WHOLE_MODEL, LayerReport
from analogsim.errors import InputError, OutputError, first_line, plain
from analogsim.lowrank import adapt_for_
from analogsim.own_files import arriving, write_whole
from device_models.contract import Device
from device_models.effects.registry import parse_effect
from device_models.registry import parse as parse_device
from device_models.registry import spec_of

_MODEL, _CHIP, _EXAMPLE = "model.safetensors", "chip.safetensors", "example.safetensors"
FILES = (_MODEL, _CHIP, _EXAMPLE, FILE)
"""Of a folder. The last one makes it a chip's, and is written when the others are there."""
# A chip of 10^9 weights takes less; a larger file is a mistake, and would fill the memory.
_MOST = 32 << 30


@dataclass(frozen=True, kw_only=True)
class ModelNote:
    """What a folder remembers of the network's origin."""

    spec: str = ""
    """`zoo:NAME...`, rebuilt on loading, or `FILE.py:FACTORY`, which the user must name again."""
    input_shape: tuple[int, ...] | None = None
    n_classes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A chip from a folder, and what the folder remembers of its network."""

    chip: Chip
    model: ModelNote


def save(chip: Chip, folder: Path | str, *, model: ModelNote | None = None) -> Path:
    """Write a chip to a new or empty folder, whole or not at all.

    Args:
        chip: a programmed chip, drifted or not.
        folder: created where it is missing; one that holds this very chip stays as it is.
        model: where the network comes from, so that `load` can rebuild it.

    Raises:
        InputError: the network has weights that are no parameters, which a folder cannot hold,
            and no example shows whether another network has the same.
        OutputError: the folder holds something else or cannot be written.
    """
    folder = Path(folder)
    note = model or ModelNote()
    coverage, example = chip.analog.coverage, chip.analog.checked.example
    loose = [] if coverage is None else [p.name for p in coverage.digital if not p.registered]
    # With an example, `load` sees whether the network given has the same ones.
    if loose and not example:
        raise InputError(
            f"chip must have no weights that its network does not register, got some in {loose[0]} "
            "(a layer in a plain list or closure, a quantised one): a folder would not hold them; "
            "register them, for example in nn.ModuleList"
        )
    state = chip.analog.source.state_dict()
    odd = [name for name, value in state.items() if not isinstance(value, Tensor)]
    if odd:
        raise InputError(
            f"chip state must be tensors alone, got something else in {odd[0]} (get_extra_state?), "
            "which a folder would not hold; make it a buffer"
        )
    try:
        with arriving(folder, FILES) as draft:
            save_file(own(state), draft / _MODEL)
            save_file(tensors_of(chip), draft / _CHIP)
            if example:
                save_file(own({str(i): one for i, one in enumerate(example)}), draft / _EXAMPLE)
            text = schema.dumps(seal.sealed(_settings(chip, draft, note)), indent=2)
            write_whole(draft / FILE, (text + "\n").encode())
    # safetensors has an error of its own for a full disk.
    except (OSError, SafetensorError) as err:
        reason = err.strerror if isinstance(err, OSError) else err
        # It was empty, and must be so again for the same command.
        for name in (_MODEL, _CHIP, _EXAMPLE, FILE):
            with suppress(OSError):
                (folder / name).unlink()
        raise OutputError(
            f"folder {folder} must be writable, got '{reason}'; choose another place or make room"
        ) from err
    return folder


def load(
    folder: Path | str, model: nn.Module | None = None, *, recalibrate: Tensor | None = None
) -> Chip:
    """Read a chip that `save` wrote; nothing in the folder is executed.

    Args:
        folder: written by `save` or `analogsim convert`.
        model: a network of the same class, for chips whose network is not in the zoo. Its
            weights are replaced; the given module is not changed.
        recalibrate: the training images that the chip was recalibrated with (the folder does not
            hold them): needed to drift a chip that recalibrates on, or to program others.

    Raises:
        InputError: missing, damaged or foreign files, or a network that does not fit.
    """
    return load_with_note(
        folder, lambda note: _require(model, note, Path(folder)), recalibrate
    ).chip


def load_with_note(
    folder: Path | str,
    build: Callable[[ModelNote], nn.Module],
    recalibrate: Tensor | None = None,
    more: Mapping[str, type[Device]] | None = None,
) -> Loaded:
    """As `load`; `build` makes the bare network from what the folder remembers of it.

    `more` are devices by name beside the built-in ones.
    """
    folder = Path(folder)
    settings = read_settings(folder)
    shape = settings["model"]["input_shape"]
    note = ModelNote(
        spec=settings["model"]["spec"],
        input_shape=None if shape is None else tuple(shape),
        n_classes=settings["model"]["n_classes"],
    )
    edge = periphery_text.from_dict(settings["periphery"], where=str(folder / FILE))
    device = parse_device(settings["preset"], more)
    if dict(device.source_files) != settings["device_files"]:
        raise InputError(
            f"folder {folder} device must be of the code that the chip was programmed with, got "
            f"{_files(device.source_files)} in place of {_files(settings['device_files'])}; "
            "restore the file or convert again"
        )
    if settings["t_s"] is not None:
        device.check_time(settings["t_s"])
    state = _read_tensors(folder, _MODEL, settings)
    _refuse_state(state, folder)
    tensors = _read_tensors(folder, _CHIP, settings)
    source, _ = copy_network(build(note))
    if not any(t.dtype in {torch.float64, torch.float16, torch.bfloat16} for t in state.values()):
        source.float()
    _load_state_(source, state, folder)
    if _EXAMPLE in settings["sha256"]:
        _compare(source, _read_tensors(folder, _EXAMPLE, settings), folder)
    on_tiles = {line["name"] for line in settings["layers"] if line["where"] == "analog"}
    form = digital_form(source, analog=on_tiles)
    _refuse_other_tiles(form.module, edge, on_tiles, tensors, folder)
    analog = _rebuild(source, form, device, edge, settings, folder)
    if analog.recalibration is not None and recalibrate is not None:
        images = recalibrate[: analog.recalibration.images].float()
        analog = dataclasses.replace(analog, recalibration_images=images)
    chip = new_chip(analog, seed=settings["seed"], chip=settings["chip"])
    restore_(analog, chip, tensors, folder)
    chip.t_s = settings["t_s"]
    chip.compensation = settings["compensation"]
    return Loaded(chip=chip, model=note)


def _settings(chip: Chip, folder: Path, note: ModelNote) -> dict[str, Any]:
    analog = chip.analog
    return {
        "format": FORMAT,
        "version": VERSION,
        "analogsim": __version__,
        "model": dataclasses.asdict(note),
        "preset": spec_of(analog.device),
        "device_files": dict(analog.device.source_files),
        "periphery": analog.periphery.as_dict(),
        "bn": analog.bn,
        "recalibration": _rule(analog),
        "tile": analog.tile,
        "forward": analog.forward,
        "keep_digital": list(analog.keep_digital),
        "folded": [list(pair) for pair in analog.folded],
        "merged": [list(pair) for pair in analog.merged],
        "seed": chip.seed,
        "chip": chip.chip,
        "t_s": chip.t_s,
        "compensation": chip.compensation,
        "stream": analog.stream,
        "grouped": analog.grouped,
        **effects_entry(analog.effects),
        "notes": list(analog.notes),
        "layers": [dataclasses.asdict(line) for line in chip.report],
        "sha256": {
            name: _digest(folder / name)
            for name in (_MODEL, _CHIP, _EXAMPLE)
            if (folder / name).exists()
        },
    }


def _files(digests: Mapping[str, str]) -> str:
    named = [f"{name} (sha256 {digest[:16]})" for name, digest in digests.items()]
    return ", ".join(named) or "no file"


def _rule(analog: AnalogModel) -> dict[str, Any] | None:
    return None if analog.recalibration is None else dataclasses.asdict(analog.recalibration)


def _rebuild(
    source: nn.Module,
    form: DigitalForm,
    device: Device,
    edge: Periphery,
    settings: ChipSettings,
    folder: Path,
) -> AnalogModel:
    """The converted network as it was planned then; its tiles are filled from the files."""
    how, reason = choose_forward(edge, settings["tile"], settings["forward"])
    lines = [
        LayerReport(
            name=line["name"],
            kind=line["kind"],
            shape=tuple(line["shape"]),
            where=line["where"],
            why=line["why"],
        )
        for line in settings["layers"]
    ]
    module = form.module
    found = {name or WHOLE_MODEL: one for name, one in module.named_modules()}
    pairs = [name for pair in settings["folded"] + settings["merged"] for name in pair]
    analog = {line.name for line in lines if line.where == "analog"}
    unknown = analog.union(pairs) - found.keys()
    unknown |= {layer for layer, _ in settings["merged"]} - analog
    unknown |= {name for name in analog & found.keys() if not isinstance(found[name], MAPPED)}
    if unknown:
        layers = ", ".join(map(plain, sorted(unknown)))
        raise InputError(
            f"folder {folder}: the network given must have the layers {layers}; give "
            "the network that was converted"
        )
    for _, bn in settings["folded"]:
        parent, _, name = bn.rpartition(".")
        setattr(module.get_submodule(parent), name, nn.Identity())
    module, lines = place_layers(module, lines, edge, source, grouped=settings["grouped"])
    rule = settings["recalibration"]
    return AnalogModel(
        module=module,
        source=source,
        device=device,
        periphery=edge,
        bn=settings["bn"],
        tile=settings["tile"],
        forward=how,
        forward_reason=reason,
        keep_digital=tuple(settings["keep_digital"]),
        folded=tuple((layer, bn) for layer, bn in settings["folded"]),
        merged=tuple((layer, bn) for layer, bn in settings["merged"]),
        absorbed=absorb(module, settings["merged"]),  # type: ignore[arg-type]
        report=tuple(lines),
        notes=tuple(settings["notes"]),
        recalibration=None if rule is None else Recalibration(**rule),
        stream=settings["stream"],
        grouped=settings["grouped"],
        effects=tuple(map(parse_effect, settings["effects"])),
        rewrites=form.rewrites,
    )


def _refuse_state(state: dict[str, Tensor], folder: Path) -> None:
    """Raise InputError for values that no trained network has."""
    for name, value in state.items():
        least = 0.0 if name.endswith("running_var") else None
        # A buffer may hold infinities: a mask.
        if name.endswith(("weight", "bias", "running_mean", "running_var")):
            refuse_values(value, f"folder {folder}: tensor {name} of {_MODEL}", least=least)


def _refuse_other_tiles(
    module: nn.Module,
    edge: Periphery,
    on_tiles: Collection[str],
    tensors: dict[str, Tensor],
    folder: Path,
) -> None:
    """Raise InputError where the periphery cuts the layers into more tiles than the file holds.

    Making them takes memory: with tiles of one cell, a hundred bytes for each weight.
    """
    count = 0
    for name, layer in module.named_modules():
        weight = getattr(layer, "weight", None)
        if (name or WHOLE_MODEL) in on_tiles and isinstance(weight, Tensor) and weight.numel():
            # Groups are cut into as many, or more.
            cells = weight.numel()
            most = (edge.max_input_size or cells) * (edge.max_output_size or cells)
            count += -(-cells // most) * len(edge.parts)
    held = sum(name.endswith(".target") for name in tensors)
    if count > held:
        raise InputError(
            f"folder {folder}: the periphery must cut the network into the {held} tiles that "
            f"{_CHIP} holds, got {count} or more; the files do not belong together"
        )


def _read_tensors(folder: Path, name: str, settings: ChipSettings) -> dict[str, Tensor]:
    path = folder / name
    if path.exists() and not path.is_file():
        raise InputError(f"file {path} must be a file, got a pipe, device or folder; convert again")
    try:
        # Read once: what is checked is used, and safetensors takes no path that is not UTF-8.
        content = own_files.read_bytes(path, _MOST)
        if hashlib.sha256(content).hexdigest() != settings["sha256"].get(name):
            raise InputError(
                f"file {path} must be the one that {FILE} was written with, got another digest; "
                "it is damaged or from another folder"
            )
        return parse_tensors(content)
    # A type of numbers that torch lacks is a KeyError.
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as err:
        raise InputError(f"file {path} cannot be read: {err}; convert again") from err


def _load_state_(source: nn.Module, state: dict[str, Tensor], folder: Path) -> None:
    # The network's code knows of neither.
    centre_for_(source, state)
    adapt_for_(source, state)
    named = OrderedDict(state)
    # Versions of modules, which tensors alone do not tell.
    named._metadata = getattr(source.state_dict(), "_metadata", None)  # type: ignore[attr-defined]
    try:
        source.load_state_dict(named)
    except RuntimeError as err:
        first = str(err).splitlines()[-1].strip()
        raise InputError(
            f"folder {folder}: the network given does not fit the stored weights: {first}; "
            "give the network that was converted"
        ) from err


def _compare(source: nn.Module, kept: dict[str, Tensor], folder: Path) -> None:
    """Hold the network given to what the converted one gave for a few inputs."""
    try:
        example = tuple(kept[str(i)] for i in range(len(kept)))
        apart = differs_on(example, source)
    # The network is a stranger's, and so may be the file.
    except Exception as err:
        raise InputError(
            f"folder {folder}: the network given must take the example that is stored, got "
            f"{type(err).__name__}: {first_line(err)}; give the network that was converted"
        ) from err
    # NaN is not within, either.
    if not apart <= LOW_PRECISION_TOLERANCE:
        raise InputError(
            f"folder {folder}: the network given must compute what the converted one did, got a "
            f"relative difference of {apart:.2g} on the example that is stored; values outside its "
            "state dict (attributes, buffers that are not persistent) are others"
        )


def _require(model: nn.Module | None, note: ModelNote, folder: Path) -> nn.Module:
    if model is not None:
        return model
    raise InputError(
        f"folder {folder} must be loaded together with its network "
        f"({note.spec or 'of unknown origin'}); pass model="
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
