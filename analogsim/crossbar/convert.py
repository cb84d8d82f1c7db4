"""Conversion: a copy of the network whose linear layers and convolutions lie on tiles."""

import copy
import dataclasses
import itertools
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from analogsim.batchnorm.fold import fold_batchnorm
from analogsim.crossbar import periphery as peripheries
from analogsim.crossbar.calibrate import calibrate_
from analogsim.crossbar.layer import AbsorbedBatchNorm, CrossbarLayer, Engine
from analogsim.crossbar.native import PerfectEngine, StaticEngine
from analogsim.crossbar.periphery import Periphery, TileKind
from analogsim.crossbar.plan import (
    WHOLE_MODEL,
    LayerReport,
    called_layers,
    disable_fast_paths_,
    plan_layers,
)
from analogsim.crossbar.tiles import TileEngine
from analogsim.errors import CalibrationWarning, InputError
from device_models.contract import Device
from device_models.registry import parse as parse_device

BatchNormPolicy = Literal["digital", "fold"]
Forward = Literal["auto", "native", "native-bf16", "tile"]
How = Literal["native", "native-bf16", "tile"]
Calibration = Tensor | Iterable[Tensor] | tuple[int, ...]

_SYNTHETIC_BATCHES, _SYNTHETIC_SIZE = 4, 16


@dataclass(frozen=True, kw_only=True)
class AnalogModel:
    """A converted network, not yet programmed: `program` makes chips of it."""

    module: nn.Module
    """The copy with crossbar layers that hold their targets."""
    source: nn.Module
    """The digital network that was given, in eval mode (a copy)."""
    device: Device
    periphery: Periphery
    bn: BatchNormPolicy
    tile: TileKind
    forward: How
    forward_reason: str
    keep_digital: tuple[str, ...]
    folded: tuple[tuple[str, str], ...]
    """(layer, BatchNorm) names of those folded into the analog weights."""
    merged: tuple[tuple[str, str], ...]
    """(layer, BatchNorm) names of those that a native chip computes with its layer's factors."""
    absorbed: tuple[AbsorbedBatchNorm, ...]
    """What takes the place of those BatchNorms on a chip, in the same order."""
    report: tuple[LayerReport, ...]
    notes: tuple[str, ...]

    @property
    def layers(self) -> dict[str, CrossbarLayer]:
        """The crossbar layers by name, in registration order."""
        return crossbar_layers(self.module)


def crossbar_layers(module: nn.Module) -> dict[str, CrossbarLayer]:
    """The crossbar layers of a network by name."""
    return {m.name: m for m in module.modules() if isinstance(m, CrossbarLayer)}


def convert(
    model: nn.Module,
    preset: str | Device = "pcm",
    periphery: str | Periphery = "standard",
    bn: BatchNormPolicy = "digital",
    tile: TileKind = "torch",
    keep_digital: Sequence[str] = (),
    calibrate: Calibration | None = None,
    *,
    forward: Forward = "auto",
) -> AnalogModel:
    """Convert a trained network; the network given is never changed.

    Args:
        model: a trained network; its weights are taken as float32.
        preset: a device, or its name (`pcm`, `rram?interpolate=true`; see `device_models`).
        periphery: `standard`, `ideal`, the path of a TOML file, or a `Periphery`.
        bn: `digital` leaves BatchNorm in digital periphery, `fold` folds it into the weights.
        tile: aihwkit's `torch` tile or its C++ (`cpp`) tile.
        keep_digital: name patterns (`fnmatch`) of layers that stay digital.
        calibrate: input batches for the DAC ranges: one tensor, an iterable of tensors, or the
            shape of one input for synthetic normal inputs (with a warning).
        forward: `native` (the network's own convolutions), `tile` (aihwkit's modules), or `auto`:
            native wherever it computes the same. `native-bf16` rounds weights and activations to
            bfloat16 (ideal periphery only; about 1 % of the logits' norm).

    Raises:
        InputError: an option, pattern, weight or calibration batch cannot be used.
        DeviceError: an unknown preset.
    """
    _check_choice("bn", bn, get_args(BatchNormPolicy))
    _check_choice("tile", tile, get_args(TileKind))
    device = parse_device(preset) if isinstance(preset, str) else preset
    edge = peripheries.parse(periphery) if isinstance(periphery, str) else periphery
    how, reason = choose_forward(edge, tile, forward)
    _refuse_lazy(model)
    source = copy.deepcopy(model).eval().requires_grad_(False).cpu().float()
    batches: Iterator[Tensor] | None = None
    example: Tensor | None = None
    notes: list[str] = []
    if calibrate is not None or edge.needs_input_ranges or bn == "fold":
        batches, note = _calibration_batches(source, calibrate)
        notes += [note] if note else []
        example = next(batches, None)
        if example is None:
            raise InputError("calibration data must hold at least one batch, got none; give some")
        batches = itertools.chain([example], batches)
    module = copy.deepcopy(source)
    folded: tuple[tuple[str, str], ...] = ()
    if bn == "fold":
        assert example is not None
        result = fold_batchnorm(module, example)
        module, folded = result.module, result.folded
        notes += [f"BatchNorm {name} stays digital: {why}" for name, why in result.kept]
    disable_fast_paths_(module)
    called = None if example is None else called_layers(module, example)
    report = _explain(plan_layers(module, keep_digital, called), reason, dict(folded))
    merged: tuple[tuple[str, str], ...] = ()
    if bn == "digital" and example is not None and how != "tile":
        analog_names = {line.name for line in report if line.where == "analog"}
        pairs = fold_batchnorm(module, example).folded
        merged = tuple(pair for pair in pairs if pair[0] in analog_names)
        report = _name_merged(report, merged)
    module, report = place_layers(module, report, edge)
    if edge.needs_input_ranges:
        assert batches is not None
        notes += calibrate_(module, batches)
    return AnalogModel(
        module=module,
        source=source,
        device=device,
        periphery=edge,
        bn=bn,
        tile=tile,
        forward=how,
        forward_reason=reason,
        keep_digital=tuple(keep_digital),
        folded=folded,
        merged=merged,
        absorbed=absorb(module, merged),
        report=tuple(report),
        notes=tuple(notes),
    )


def absorb(module: nn.Module, merged: Sequence[tuple[str, str]]) -> tuple[AbsorbedBatchNorm, ...]:
    """What takes the BatchNorms' place where their layers compute them."""
    return tuple(AbsorbedBatchNorm(module.get_submodule(norm)) for _, norm in merged)


def choose_forward(periphery: Periphery, tile: TileKind, asked: Forward) -> tuple[How, str]:
    """How the products are computed, and why; `native` only where it computes the same.

    Raises:
        InputError: `native` was asked for where it would not compute the same.
    """
    _check_choice("forward", asked, get_args(Forward))
    if asked == "tile":
        return "tile", f"aihwkit's {tile} tile by choice"
    if asked == "native-bf16":
        if not periphery.perfect:
            raise InputError(
                f"forward 'native-bf16' must have an ideal periphery, got {periphery.name!r}; "
                "the converters' steps are finer than bfloat16"
            )
        return "native-bf16", "ideal periphery, rounded to bfloat16 (about 1 % of the logits)"
    if periphery.perfect:
        if tile == "cpp" and asked == "auto":
            return "tile", "aihwkit's C++ tile by choice"
        return "native", "ideal periphery: products of the tiles' weights, exact"
    if tile == "cpp":
        why = "only aihwkit's C++ tile has IR drop and read noise per product"
    elif periphery.input_scaling == "dynamic":
        why = "dynamic input scaling depends on the patch"
    else:
        return "native", "static input ranges: exact up to ties of the converters"
    if asked == "native":
        raise InputError(
            f"forward must be 'tile' or 'auto' for tile {tile!r} with periphery "
            f"{periphery.name!r}, got 'native'; {why}"
        )
    return "tile", why


def new_engine(analog: AnalogModel, layer: CrossbarLayer) -> Engine:
    """A fresh engine for one layer of a chip."""
    if analog.forward == "tile":
        return TileEngine(layer, analog.tile)
    if analog.periphery.perfect:
        return PerfectEngine()
    return StaticEngine()


def _refuse_lazy(model: nn.Module) -> None:
    lazy = [
        name
        for name, value in itertools.chain(model.named_parameters(), model.named_buffers())
        if nn.parameter.is_lazy(value)
    ]
    if lazy:
        raise InputError(
            f"network must have weights, got {len(lazy)} lazy ones ({lazy[0]}); run one batch first"
        )


def _explain(report: list[LayerReport], reason: str, folded: dict[str, str]) -> list[LayerReport]:
    """The analog lines say how their products are computed and what was folded in."""
    lines = []
    for line in report:
        if line.where == "analog":
            parts = [f"matrix product; {reason}", line.why]
            parts += [f"{folded[line.name]} folded in"] if line.name in folded else []
            line = dataclasses.replace(line, why="; ".join(p for p in parts if p))
        lines.append(line)
    return lines


def _name_merged(report: list[LayerReport], merged: Sequence[tuple[str, str]]) -> list[LayerReport]:
    """Those BatchNorms say with which layer's digital factors they are computed."""
    layer_of = {norm: layer for layer, norm in merged}
    return [
        dataclasses.replace(line, why=f"{line.why}, with the factors of {layer_of[line.name]}")
        if line.name in layer_of
        else line
        for line in report
    ]


def place_layers(
    module: nn.Module, report: Sequence[LayerReport], periphery: Periphery
) -> tuple[nn.Module, list[LayerReport]]:
    """Replace, in `module`, the layers that the report calls analog; count their tiles."""
    modules = dict(module.named_modules())
    lines: list[LayerReport] = []
    replacement: dict[int, CrossbarLayer] = {}
    for line in report:
        if line.where == "analog":
            old = modules["" if line.name == WHOLE_MODEL else line.name]
            layer = CrossbarLayer(line.name, old, periphery).use_(PerfectEngine())
            replacement[id(old)] = layer
            line = dataclasses.replace(line, tiles=len(layer.tiles))
        lines.append(line)
    if id(module) in replacement:
        return replacement[id(module)], lines
    for parent in list(module.modules()):
        for name, child in list(parent._modules.items()):
            if child is not None and id(child) in replacement:
                parent._modules[name] = replacement[id(child)]
    return module, lines


def _calibration_batches(
    model: nn.Module, calibrate: Calibration | None
) -> tuple[Iterator[Tensor], str | None]:
    """Input batches and, for synthetic ones, a note that says so (also warned)."""
    if isinstance(calibrate, Tensor):
        return iter([calibrate.float()]), None
    shape: tuple[int, ...]
    if calibrate is None:
        shape = _guess_input_shape(model)
    elif isinstance(calibrate, tuple) and all(isinstance(n, int) for n in calibrate):
        shape = calibrate
    else:
        return (_images_of(batch) for batch in calibrate), None
    note = (
        f"input ranges are calibrated on synthetic normal inputs of shape {shape}: "
        "give real inputs before believing an accuracy"
    )
    warnings.warn(note, CalibrationWarning, stacklevel=3)
    generator = torch.Generator().manual_seed(0)
    synthetic = (
        torch.randn(_SYNTHETIC_SIZE, *shape, generator=generator) for _ in range(_SYNTHETIC_BATCHES)
    )
    return synthetic, note


def _images_of(batch: object) -> Tensor:
    images = batch[0] if isinstance(batch, tuple | list) else batch
    if not isinstance(images, Tensor):
        raise InputError(
            f"calibration batch must be a tensor or (images, labels), got {type(images).__name__}; "
            "give tensors"
        )
    return images.float()


def _guess_input_shape(model: nn.Module) -> tuple[int, ...]:
    """The first usual input shape that the network accepts, by its first layer."""
    candidates: list[tuple[int, ...]] = []
    for m in model.modules():
        if isinstance(m, nn.Conv2d):
            candidates = [(m.in_channels, n, n) for n in (32, 224, 28, 64, 8)]
        elif isinstance(m, nn.Conv1d):
            candidates = [(m.in_channels, n) for n in (64, 256, 1024)]
        elif isinstance(m, nn.Linear):
            candidates = [(m.in_features,), (16, m.in_features)]
        if candidates:
            break
    for shape in candidates:
        try:
            with torch.no_grad():
                model(torch.zeros(2, *shape))
        except (RuntimeError, ValueError, AssertionError, IndexError, TypeError):
            continue
        return shape
    raise InputError(
        f"calibration data must be given: no usual input shape fits {type(model).__name__}; "
        "pass calibrate=batches or calibrate=(channels, height, width)"
    )


def _check_choice(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"{what} must be one of {', '.join(choices)}, got {value!r}; choose one")
