"""Conversion: a copy of the network whose linear layers and convolutions lie on tiles."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import get_args

import torch
from torch import Tensor, nn

from analogsim.batchnorm.fold import fold_batchnorm
from analogsim.batchnorm.policy import RECALIBRATING, BatchNormPolicy, check_policy
from analogsim.batchnorm.recalibrate import Recalibration, batchnorms
from analogsim.call import Inputs
from analogsim.copying import copy_network
from analogsim.crossbar.conversion.calibrate import calibrate_, set_input_ranges_
from analogsim.crossbar.conversion.calibrate_outputs import calibrate_outputs_
from analogsim.crossbar.conversion.calibration_inputs import (
    Batch,
    Calibration,
    calibration_batches,
    first_inputs,
)
from analogsim.crossbar.conversion.checking import check_
from analogsim.crossbar.conversion.form import absorb, digital_form, place_layers
from analogsim.crossbar.conversion.trying import MOST_ROWS, Tried, try_forward
from analogsim.crossbar.forward.engines import check_choice, choose_forward, joins
from analogsim.crossbar.forward.freed import give_back
from analogsim.crossbar.forward.native import PerfectEngine
from analogsim.crossbar.mapping import periphery_text
from analogsim.crossbar.mapping.analog_model import AnalogModel, Checked, Forward
from analogsim.crossbar.mapping.bypassed import guard_bypassed_
from analogsim.crossbar.mapping.effect_words import check_effects, effect_notes, left_to_wires
from analogsim.crossbar.mapping.layer import crossbar_layers
from analogsim.crossbar.mapping.periphery import DEFAULT_TILE, Periphery, TileKind
from analogsim.crossbar.mapping.plan import Grouped, LayerReport, plan_layers
from analogsim.crossbar.mapping.size import is_large
from analogsim.crossbar.mapping.streams import StreamName, check_cells, check_stream
from analogsim.crossbar.mapping.table_words import (
    explain,
    name_merged,
    name_own,
    name_unused,
    warn_of_scaling,
)
from analogsim.errors import InputError
from device_models.contract import Device
from device_models.effects.contract import Effect
from device_models.effects.registry import parse_effect
from device_models.registry import parse as parse_device


def convert(
    model: nn.Module,
    preset: str | Device = "pcm",
    periphery: str | Periphery = "standard",
    bn: BatchNormPolicy = "digital",
    tile: TileKind = DEFAULT_TILE,
    keep_digital: Sequence[str] = (),
    calibrate: Calibration | None = None,
    *,
    forward: Forward = "auto",
    recalibrate: Batch | Iterable[Batch] | None = None,
    recalibration: Recalibration | None = None,
    stream: StreamName = "aihwkit",
    grouped: Grouped = "digital",
    effects: Sequence[str | Effect] = (),
    input_ranges: Mapping[str, float] | None = None,
    verify: bool = True,
) -> AnalogModel:
    """Convert a trained network; the network given is never changed.

    With an example (`calibrate`, or `recalibrate`) the converted network is compared with the one
    given, and the multiply-adds of its tiles are counted. Without one the first forward pass of a
    chip does that.

    Args:
        model: a trained network; its weights are taken as float32.
        preset: a device, or its name (`pcm`, `rram?interpolate=true`; see `device_models`).
        periphery: `standard`, `ideal`, the path of a TOML file, any of these with fields set
            (`standard?adc_bits=4`), or a `Periphery`.
        bn: `digital` leaves BatchNorm in digital periphery, `fold` folds it into the weights,
            `recalibrate` and `recalibrate-once` estimate its statistics anew on each chip (at
            each time; once after programming), `none` says that the network has none.
        tile: the law of a product. `native`: the whole periphery, IR drop and read noise of
            each product included. `torch`: that of aihwkit's torch tile, which has neither.
            `cpp`: the whole one, on aihwkit's C++ tile, whose noise has no seed.
        keep_digital: name patterns (`fnmatch`) of layers that stay digital.
        calibrate: input batches for the DAC ranges: what the network is called with (one tensor,
            a tuple, a dictionary or an `Inputs`), an iterable of such or of (inputs, labels), or
            the shape of one input for synthetic normal inputs (with a warning).
        forward: who computes a product by that law: `native` (the network's own convolutions),
            `tile` (aihwkit's modules, for its two tiles), or `auto`: native wherever it can.
            `native-bf16` rounds weights and activations to bfloat16 (ideal periphery only;
            about 1 % of the logits' norm). `native-compiled` goes through torch's compiler
            (ideal periphery only; needs a C++ compiler).
        recalibrate: training images for the statistics, as `calibrate`: needed by `recalibrate`
            and `recalibrate-once`, and not looked at otherwise.
        recalibration: how they are estimated and from how many of these images.
        stream: where the normals of programming and drift come from: `aihwkit` gives its weights
            bit for bit; `philox` is several times faster (PCM, needs numba), see `streams.py`.
        grouped: `digital` keeps depthwise convolutions and those of many groups digital; `blocks`
            puts as many of their groups on a tile as fit, along its diagonal.
        effects: what acts on the cells beside the device's law, in the order in which current
            meets it: `"stuck?rate_off=0.01"`, or effects themselves; see `device_models.effects`.
            Not with `stream="philox"`, whose compiled law knows none.
        input_ranges: full scale of the DAC of some layers, by their names, in place of the
            calibrated one; layers that are not on tiles have none.
        verify: whether to compare the converted network with the one given.

    Raises:
        InputError: an option, pattern, weight, calibration batch or policy cannot be used, the
            converted network computes something else, or nothing would be computed on tiles.
        DeviceError: an unknown preset or effect.
    """
    check_choice("tile", tile, get_args(TileKind))
    check_choice("grouped", grouped, get_args(Grouped))
    device = parse_device(preset) if isinstance(preset, str) else preset
    acting = tuple(parse_effect(one) if isinstance(one, str) else one for one in effects)
    check_effects(acting, device)
    asked = periphery_text.parse(periphery) if isinstance(periphery, str) else periphery
    edge = left_to_wires(asked, acting)
    check_stream(stream, device, acting, edge)
    check_cells(edge, device, acting)
    how, reason = choose_forward(edge, tile, forward)
    source, copy_notes = copy_network(model)
    notes = [*check_policy(bn, source), *copy_notes, *effect_notes(acting, device)]
    if edge != asked and not edge.perfect:
        notes.append(
            f"IR drop of periphery {edge.name} (ir_drop = {asked.ir_drop:g}) is left to the wires, "
            "which have it exactly: it would count twice."
        )
    own_types = _float32_(source)
    batches: Iterator[Inputs] | None = None
    example: Inputs | None = None
    rule, images = None, None
    if bn in RECALIBRATING:
        rule = recalibration or Recalibration()
        images = _recalibration_images(bn, recalibrate, rule, source)
        example = Inputs.of(images).rows(0, MOST_ROWS)
        when = "at each time" if bn == "recalibrate" else "once, right after programming"
        n = Inputs.of(images).n
        notes.append(f"BatchNorm {bn}: {rule.describe(n)}, on each chip {when}.")
    if calibrate is not None or edge.needs_input_ranges or bn == "fold":
        batches, note = calibration_batches(source, calibrate)
        notes += [note] if note else []
        example = next(batches, None)
        if example is None:
            raise InputError("calibration data must hold at least one batch, got none; give some")
        batches = itertools.chain([example], batches)
    tried: Tried | None = None
    if example is not None:
        source, tried, note = _tried(source, own_types, model, example)
        notes += [*tried.notes, *([note] if note else [])]
        if not note and batches is not None:
            batches = (inputs.float32() for inputs in batches)
    plain = digital_form(source, keep_digital)
    module = plain.module
    notes += plain.notes
    folded: tuple[tuple[str, str], ...] = ()
    few = None if tried is None else tried.few
    if bn == "fold":
        assert few is not None
        result = fold_batchnorm(module, few)
        module, folded = result.module, result.folded
        notes += [f"BatchNorm {name} stays digital: {why}" for name, why in result.kept]
        notes += warn_of_scaling(edge, len(folded))
    hooked = {name for name, m in module.named_modules() if m._forward_pre_hooks}
    changing = frozenset[str]() if tried is None else tried.changing & hooked
    lines = plan_layers(
        module, keep_digital, grouped=grouped, changing=changing, digital=plain.digital
    )
    _refuse_all_digital(lines)
    report = explain(lines, reason, dict(folded))
    merged: tuple[tuple[str, str], ...] = ()
    if bn != "fold" and few is not None and joins(how):
        analog_names = {line.name for line in report if line.where == "analog"}
        merged = tuple(pair for pair in _follow(module, few) if pair[0] in analog_names)
    module, report = place_layers(module, report, edge, source, grouped=grouped)
    analog = AnalogModel(
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
        notes=(),
        recalibration=rule,
        recalibration_images=images,
        stream=stream,
        grouped=grouped,
        effects=acting,
        input_ranges=dict(input_ranges or {}),
        rewrites=plain.rewrites,
        checked=Checked(
            done=not verify,
            separable=tried is None or tried.separable,
            changes_input=tried is not None and tried.changes_input,
        ),
    )
    if verify and tried is not None:
        parted = check_(analog, tried, given=model)
        analog = _as_found(analog, parted)
        notes += [note for note in analog.checked.notes if note not in tried.notes]
    report = name_merged(list(analog.report), analog.merged)
    if bn in RECALIBRATING:
        report = name_own(report, batchnorms(module, tracking=True))
    for layer in analog.layers.values():
        layer.free_order = analog.checked.free_order
    if edge.needs_input_ranges:
        assert batches is not None
        if edge.needs_output_ranges:
            # They are looked at twice.
            batches = iter(kept := list(batches))
        notes += calibrate_(module, batches)
        notes += set_input_ranges_(module, input_ranges or {})
        if edge.needs_output_ranges:
            notes += calibrate_outputs_(module, kept)
        for layer in crossbar_layers(module).values():
            # Without the weights that calibration needed.
            layer.lend_(PerfectEngine())
    if is_large(crossbar_layers(module).values()):
        give_back()
    return dataclasses.replace(analog, report=tuple(report), notes=tuple(notes))


def _float32_(source: nn.Module) -> bool:
    """Bring a network to float32; whether it was of other types."""
    tensors = itertools.chain(source.parameters(), source.buffers())
    own = any(t.is_floating_point() and t.dtype != torch.float32 for t in tensors)
    source.float()
    return own


def _tried(
    source: nn.Module, own_types: bool, model: nn.Module, example: Inputs
) -> tuple[nn.Module, Tried, str | None]:
    """The network, tried; in its own types, with a note, where it takes the example so."""
    if own_types:
        own, _ = copy_network(model)
        with suppress(InputError):
            return (
                own,
                try_forward(own, example),
                "The network is of other types than float32: its digital parts stay so, and tiles "
                "take float32.",
            )
    return source, try_forward(source, example.float32()), None


def _follow(module: nn.Module, few: Inputs) -> tuple[tuple[str, str], ...]:
    """(layer, BatchNorm) names of those that directly follow a layer; none if that is not seen."""
    try:
        return fold_batchnorm(module, few, verify=False).folded
    except Exception:  # noqa: BLE001 - a transform of a stranger's may not like to be watched
        return ()


def _as_found(analog: AnalogModel, parted: Sequence[str]) -> AnalogModel:
    """Without merged BatchNorms that must compute themselves, and with bypassed layers digital."""
    kept = [i for i, (_, norm) in enumerate(analog.merged) if norm not in parted]
    assert analog.checked.coverage is not None, "check_ comes first"
    report = name_unused(list(analog.report), analog.checked.coverage)
    guard_bypassed_(analog.module, report)
    return dataclasses.replace(
        analog,
        merged=tuple(analog.merged[i] for i in kept),
        absorbed=tuple(analog.absorbed[i] for i in kept),
        report=tuple(report),
    )


def _refuse_all_digital(lines: Sequence[LayerReport]) -> None:
    if any(line.where == "analog" for line in lines):
        return
    reasons = dict.fromkeys(f"{line.name}: {line.why}" for line in lines if line.why)
    shown = "; ".join(list(reasons)[:3]) or "it has no layer with weights"
    raise InputError(
        f"network must have a layer on tiles, got 0 of {len(lines)} ({shown}); nothing would be "
        "simulated: keep fewer layers digital, or write it with nn.Linear, nn.Conv1d or nn.Conv2d"
    )


def _recalibration_images(
    bn: BatchNormPolicy,
    given: Batch | Iterable[Batch] | None,
    rule: Recalibration,
    source: nn.Module,
) -> Tensor | Inputs:
    images = None if given is None else first_inputs(given, rule.images, source)
    n = 0 if images is None else Inputs.of(images).n
    if images is None or n < 2:
        got = "none" if images is None else n
        raise InputError(
            f"bn {bn!r} must have at least 2 training images, got {got}; pass recalibrate=batches"
        )
    return images
