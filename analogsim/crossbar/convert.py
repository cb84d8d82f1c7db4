"""Conversion: a copy of the network whose linear layers and convolutions lie on tiles."""

import copy
import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor, nn

from analogsim.batchnorm.fold import fold_batchnorm
from analogsim.batchnorm.policy import RECALIBRATING, BatchNormPolicy, check_policy
from analogsim.batchnorm.recalibrate import Recalibration, batchnorms
from analogsim.crossbar import periphery as peripheries
from analogsim.crossbar.blocks import is_large
from analogsim.crossbar.calibrate import calibrate_
from analogsim.crossbar.calibration_inputs import (
    Calibration,
    calibration_batches,
    first_images,
)
from analogsim.crossbar.compiled import check_compiler
from analogsim.crossbar.freed import give_back
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
from analogsim.crossbar.streams import StreamName, check_stream
from analogsim.crossbar.table_words import explain, name_merged, name_own, warn_of_scaling
from analogsim.crossbar.tiles import TileEngine
from analogsim.errors import InputError
from device_models.contract import Device
from device_models.registry import parse as parse_device

__all__ = [
    "AnalogModel",
    "BatchNormPolicy",
    "Forward",
    "absorb",
    "choose_forward",
    "convert",
    "crossbar_layers",
    "new_engine",
    "place_layers",
]

Forward = Literal["auto", "native", "native-bf16", "native-compiled", "tile"]
How = Literal["native", "native-bf16", "native-compiled", "tile"]


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
    recalibration: Recalibration | None = None
    """How chips estimate BatchNorm statistics, where their policy is to do so."""
    recalibration_images: Tensor | None = None
    """The training images for that, shared by all chips; a chip's folder does not hold them."""
    stream: StreamName = "aihwkit"
    """Where the normals of programming and drift come from."""

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
    recalibrate: Tensor | Iterable[Tensor] | None = None,
    recalibration: Recalibration | None = None,
    stream: StreamName = "aihwkit",
) -> AnalogModel:
    """Convert a trained network; the network given is never changed.

    Args:
        model: a trained network; its weights are taken as float32.
        preset: a device, or its name (`pcm`, `rram?interpolate=true`; see `device_models`).
        periphery: `standard`, `ideal`, the path of a TOML file, or a `Periphery`.
        bn: `digital` leaves BatchNorm in digital periphery, `fold` folds it into the weights,
            `recalibrate` and `recalibrate-once` estimate its statistics anew on each chip (at
            each time; once after programming), `none` says that the network has none.
        tile: aihwkit's `torch` tile or its C++ (`cpp`) tile.
        keep_digital: name patterns (`fnmatch`) of layers that stay digital.
        calibrate: input batches for the DAC ranges: one tensor, an iterable of tensors, or the
            shape of one input for synthetic normal inputs (with a warning).
        forward: `native` (the network's own convolutions), `tile` (aihwkit's modules), or `auto`:
            native wherever it computes the same. `native-bf16` rounds weights and activations to
            bfloat16 (ideal periphery only; about 1 % of the logits' norm). `native-compiled`
            goes through torch's compiler (ideal periphery only; needs a C++ compiler).
        recalibrate: training images for the statistics, one tensor or an iterable of batches:
            needed by `recalibrate` and `recalibrate-once`, and not looked at otherwise.
        recalibration: how they are estimated and from how many of these images.
        stream: where the normals of programming and drift come from: `aihwkit` gives its weights
            bit for bit; `philox` is several times faster (PCM, needs numba), see `streams.py`.

    Raises:
        InputError: an option, pattern, weight, calibration batch or policy cannot be used.
        DeviceError: an unknown preset.
    """
    notes = list(check_policy(bn, model))
    _check_choice("tile", tile, get_args(TileKind))
    device = parse_device(preset) if isinstance(preset, str) else preset
    check_stream(stream, device)
    edge = peripheries.parse(periphery) if isinstance(periphery, str) else periphery
    how, reason = choose_forward(edge, tile, forward)
    _refuse_lazy(model)
    source = copy.deepcopy(model).eval().requires_grad_(False).cpu().float()
    batches: Iterator[Tensor] | None = None
    example: Tensor | None = None
    rule, images = None, None
    if bn in RECALIBRATING:
        rule = recalibration or Recalibration()
        images = _recalibration_images(bn, recalibrate, rule)
        example = images[:2]
        when = "at each time" if bn == "recalibrate" else "once, right after programming"
        notes.append(f"BatchNorm {bn}: {rule.describe(len(images))}, on each chip {when}.")
    if calibrate is not None or edge.needs_input_ranges or bn == "fold":
        batches, note = calibration_batches(source, calibrate)
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
        notes += warn_of_scaling(edge, len(folded))
    disable_fast_paths_(module)
    called = None if example is None else called_layers(module, example)
    report = explain(plan_layers(module, keep_digital, called), reason, dict(folded))
    merged: tuple[tuple[str, str], ...] = ()
    if bn != "fold" and example is not None and how != "tile":
        analog_names = {line.name for line in report if line.where == "analog"}
        pairs = fold_batchnorm(module, example).folded
        merged = tuple(pair for pair in pairs if pair[0] in analog_names)
        report = name_merged(report, merged)
    if bn in RECALIBRATING:
        report = name_own(report, batchnorms(module, tracking=True))
    module, report = place_layers(module, report, edge, source)
    if edge.needs_input_ranges:
        assert batches is not None
        notes += calibrate_(module, batches)
        for layer in crossbar_layers(module).values():
            # Without the weights that calibration needed.
            layer.lend_(PerfectEngine())
    if is_large(crossbar_layers(module).values()):
        give_back()
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
        recalibration=rule,
        recalibration_images=images,
        stream=stream,
    )


def _recalibration_images(
    bn: BatchNormPolicy, given: Tensor | Iterable[Tensor] | None, rule: Recalibration
) -> Tensor:
    images = None if given is None else first_images(given, rule.images)
    if images is None or len(images) < 2:
        got = "none" if images is None else len(images)
        raise InputError(
            f"bn {bn!r} must have at least 2 training images, got {got}; pass recalibrate=batches"
        )
    return images


def absorb(module: nn.Module, merged: Sequence[tuple[str, str]]) -> tuple[AbsorbedBatchNorm, ...]:
    """What takes the BatchNorms' place where their layers compute them."""
    return tuple(AbsorbedBatchNorm(module.get_submodule(norm)) for _, norm in merged)


def choose_forward(periphery: Periphery, tile: TileKind, asked: Forward) -> tuple[How, str]:
    """How the products are computed, and why; `native` only where it computes the same.

    Raises:
        InputError: `native` was asked for where it would not compute the same.
    """
    _check_choice("forward", asked, get_args(Forward))
    bound, static = periphery.input_bound, periphery.input_scaling == "static"
    native = asked in {"auto", "native"} and tile == "torch" and static
    if bound != 1 and not native and not periphery.perfect:
        raise InputError(
            f"periphery {periphery.name} input_bound must be 1 for aihwkit's tiles and for dynamic "
            f"input scaling, got {bound}; use --tile torch, --forward auto and static input ranges"
        )
    if asked == "tile":
        return "tile", f"aihwkit's {tile} tile by choice"
    if asked == "native-bf16":
        if not periphery.perfect:
            raise InputError(
                f"forward 'native-bf16' must have an ideal periphery, got {periphery.name!r}; "
                "the converters' steps are finer than bfloat16"
            )
        return "native-bf16", "ideal periphery, rounded to bfloat16 (about 1 % of the logits)"
    if asked == "native-compiled":
        if not periphery.perfect:
            raise InputError(
                f"forward 'native-compiled' must have an ideal periphery, got {periphery.name!r}; "
                "use --periphery ideal, or leave --forward out"
            )
        check_compiler()
        return "native-compiled", "ideal periphery, in one pass of torch's compiler"
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


def place_layers(
    module: nn.Module, report: Sequence[LayerReport], periphery: Periphery, source: nn.Module
) -> tuple[nn.Module, list[LayerReport]]:
    """Replace, in `module`, the layers that the report calls analog; count their tiles.

    The layers share their weights with `source`, the digital network, where they are the same.
    """
    modules = dict(module.named_modules())
    lines: list[LayerReport] = []
    replacement: dict[int, CrossbarLayer] = {}
    for line in report:
        if line.where == "analog":
            name = "" if line.name == WHOLE_MODEL else line.name
            old = modules[name]
            layer = CrossbarLayer(line.name, old, periphery).lend_(PerfectEngine())
            layer.share_(source.get_submodule(name))
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


def _check_choice(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"{what} must be one of {', '.join(choices)}, got {value!r}; choose one")
