"""The tensors of a saved chip: what each tile holds, and BatchNorm statistics of its own."""

from pathlib import Path

import torch
from torch import Tensor

from analogsim.batchnorm.policy import RECALIBRATING
from analogsim.crossbar.chip.chip import Chip
from analogsim.crossbar.chip.own_statistics import own_batchnorms
from analogsim.crossbar.forward.conversions import conversions_of
from analogsim.crossbar.forward.engines import new_engine
from analogsim.crossbar.forward.native import PerfectEngine
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.tile import TileState
from analogsim.errors import InputError

_AT_LEAST_ZERO = ("running_var", "num_batches_tracked")
# Both readings of a compensation have a bound below and above.
_SMALLEST_FACTOR = 1e-30
SMALLEST_BOUND = 1e-30
# A law of aihwkit remembers two tensors or none.
_MOST_PARAMETERS = 16


def tensors_of(chip: Chip) -> dict[str, Tensor]:
    """All that makes the chip what it is, by name; copies on the CPU."""
    tensors: dict[str, Tensor] = {}
    for name, layer in chip.layers.items():
        tensors[f"{name}/std_and_max"] = torch.tensor(
            [layer.weight_std, layer.weight_abs_max], dtype=torch.float64
        )
        if layer.bias is not None:
            tensors[f"{name}/bias"] = layer.bias
        if layer.output_bounds is not None:
            tensors[f"{name}/output_bounds"] = layer.output_bounds
    for layer, tile, key in _tiles(chip.layers):
        assert tile.origin is not None, f"program() fills layer {layer.name}"
        tensors[f"{key}.target"] = tile.target
        tensors[f"{key}.scale"] = tile.scale
        tensors[f"{key}.input_range"] = torch.tensor(tile.input_range, dtype=torch.float64)
        # What effects did to it is drawn again.
        tensors[f"{key}.programmed"] = tile.origin
        # A gain in front of the ADC amplifies what the array gives, IR drop and noise included.
        amplified = bool((tile.gain != 1).any())
        tensors[f"{key}.weights"] = tile.cells if amplified else tile.weights
        tensors[f"{key}.alpha"] = tile.alpha
        if amplified:
            tensors[f"{key}.gain"] = tile.gain
        present = [p is not None for p in tile.drift_parameters]
        tensors[f"{key}.drift"] = torch.tensor(present, dtype=torch.uint8)
        for i, parameter in enumerate(tile.drift_parameters):
            if parameter is not None:
                tensors[f"{key}.drift.{i}"] = parameter
    for key, value in _statistics(chip).items():
        tensors[key] = value
    return own(tensors)


class _Kept:
    """The tensors of a file, each of which is taken once and checked as a weight file's are."""

    def __init__(self, tensors: dict[str, Tensor], folder: Path) -> None:
        self.rest = dict(tensors)
        self.folder = folder

    def take(self, key: str, like: Tensor | None = None, *, least: float | None = None) -> Tensor:
        """The tensor of a name, of the type and shape of `like`; finite, and not below `least`.

        Raises:
            InputError: it is missing, or is none such.
        """
        value = self.rest.pop(key, None)
        where = f"folder {self.folder}: tensor {key}"
        if value is None:
            raise InputError(f"{where} is missing; convert again")
        if like is None and value.dtype not in {torch.float32, torch.float64, torch.uint8}:
            raise InputError(f"{where} must be {torch.float32}, got {value.dtype}; convert again")
        if like is not None and (value.shape != like.shape or value.dtype != like.dtype):
            raise InputError(
                f"{where} must be {like.dtype} of shape {tuple(like.shape)}, got {value.dtype} of "
                f"{tuple(value.shape)}; the files do not belong together"
            )
        refuse_values(value, where, least=least)
        return value

    def factor(self, key: str, outputs: int) -> Tensor:
        """One float32, or one for each output; above 0."""
        found = self.rest.get(key)
        wide = found is not None and found.shape == (outputs,)
        return self.take(key, torch.ones(outputs if wide else 1), least=_SMALLEST_FACTOR)

    def drift(self, key: str, tile: TileState, *, both: bool) -> list[Tensor | None]:
        """What the law remembers of a tile; with `both`, an exponent for each cell of its pairs."""
        present = self.take(key)
        if present.dim() != 1 or len(present) > _MOST_PARAMETERS or (both and len(present) != 2):
            rule = "2 numbers" if both else f"at most {_MOST_PARAMETERS} numbers"
            raise InputError(
                f"folder {self.folder}: tensor {key} must be {rule}, got the shape "
                f"{tuple(present.shape)}; the files do not belong together"
            )
        like = tile.target if both else None
        return [
            self.take(f"{key}.{i}", like) if held or both else None
            for i, held in enumerate(present.tolist())
        ]


def refuse_values(value: Tensor, where: str, *, least: float | None = None) -> None:
    """Raise InputError for NaN, for infinity, and for values below `least`."""
    if value.is_floating_point() and value.itemsize == 1:
        # torch adds none of these.
        value = value.float()
    # The sum of what is not finite is not finite, and takes a pass without a copy.
    if value.is_floating_point() and not bool(torch.isfinite(value.sum())):
        bad = int((~torch.isfinite(value)).sum())
        if bad:
            raise InputError(
                f"{where} values must be finite, got NaN or infinity in {bad} of {value.numel()}; "
                "convert again"
            )
    if least is not None and value.numel() and (low := float(value.min())) < least:
        raise InputError(f"{where} values must be at least {least:g}, got {low:g}; convert again")


def restore_(analog: AnalogModel, chip: Chip, tensors: dict[str, Tensor], folder: Path) -> None:
    """Fill the tiles of the converted network and of its chip; every tensor must be used.

    Raises:
        InputError: a tensor is missing, does not fit, has values that none has, or belongs to
            nothing.
    """
    kept = _Kept(tensors, folder)
    for key, value in _statistics(chip).items():
        least = 0.0 if key.endswith(_AT_LEAST_ZERO) else None
        value.copy_(kept.take(key, value, least=least))
    for joined in chip.joined:
        # Their layers take them over with their tiles, below.
        joined.join_()
    pairs = analog.device.fused_law() is not None and analog.periphery.pairs
    for name, layer in analog.layers.items():
        made = chip.layers[name]
        like = torch.zeros(2, dtype=torch.float64)
        stats = kept.take(f"{name}/std_and_max", like, least=0.0).tolist()
        bias = _bias(kept, layer, name)
        if analog.periphery.needs_output_ranges:
            count = len(layer.places), len(conversions_of(analog.periphery))
            bounds = kept.take(f"{name}/output_bounds", torch.empty(count), least=SMALLEST_BOUND)
            layer.output_bounds = made.output_bounds = bounds
        for each in (layer, made):
            each.weight_std, each.weight_abs_max = stats
            each.bias = bias
        for tile, state in zip(layer.tiles, made.tiles, strict=True):
            key = f"{name}/{tile.slot.index}"
            target = kept.take(f"{key}.target", tile.target)
            tile.scale = state.scale = kept.take(f"{key}.scale", tile.scale, least=0.0)
            tile.target = state.target = target
            one = torch.zeros((), dtype=torch.float64)
            reach = float(kept.take(f"{key}.input_range", one, least=0.0))
            tile.input_range = state.input_range = reach
            state.origin = kept.take(f"{key}.programmed", tile.target)
            state.programmed = chip.effects.programmed(made, state, state.origin)
            weights = kept.take(f"{key}.weights", tile.target)
            # A unit column has a factor for each output of its place.
            outputs = tile.slot.outputs.stop - tile.slot.outputs.start
            factor = kept.factor(f"{key}.alpha", outputs)
            # Folders of before kept the amplified weights alone.
            gained = f"{key}.gain" in kept.rest
            if gained:
                factor = kept.factor(f"{key}.gain", outputs)
            state.hold_(weights, factor=factor, before_adc=gained)
            state.drift_parameters = kept.drift(f"{key}.drift", tile, both=pairs)
        layer.lend_(PerfectEngine())
        # The tiles of aihwkit keep their targets and scales from when they were made.
        made.use_(new_engine(analog, made))
    if kept.rest:
        raise InputError(
            f"folder {folder}: tensor {min(kept.rest)} belongs to no tile of the network "
            f"({len(kept.rest)} such tensors); the files do not belong together"
        )


def _bias(kept: _Kept, layer: CrossbarLayer, name: str) -> Tensor | None:
    key = f"{name}/bias"
    # A layer without one has one where a BatchNorm was folded into it.
    if layer.bias is None and key not in kept.rest:
        return None
    outputs = layer.geometry.out_features * layer.geometry.groups
    return kept.take(key, torch.zeros(outputs) if layer.bias is None else layer.bias)


def _statistics(chip: Chip) -> dict[str, Tensor]:
    """The BatchNorm statistics that belong to the chip; none unless its policy is to recalibrate.

    The tensors are the chip's own, not copies.
    """
    if chip.analog.bn not in RECALIBRATING:
        return {}
    return {
        f"{name}/statistics.{key}": value
        for name, norm in own_batchnorms(chip.module, chip.analog.module).items()
        for key, value in norm.named_buffers(recurse=False)
    }


def _tiles(layers: dict[str, CrossbarLayer]) -> list[tuple[CrossbarLayer, TileState, str]]:
    return [
        (layer, tile, f"{name}/{tile.slot.index}")
        for name, layer in layers.items()
        for tile in layer.tiles
    ]


def own(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copies that share no memory, as safetensors requires."""
    return {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
