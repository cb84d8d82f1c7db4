"""The tensors of a saved chip: what each tile holds, and BatchNorm statistics of its own."""

from pathlib import Path

import torch
from torch import Tensor

from analogsim.batchnorm.policy import RECALIBRATING
from analogsim.crossbar.analog_model import AnalogModel
from analogsim.crossbar.chip import Chip
from analogsim.crossbar.engines import new_engine
from analogsim.crossbar.layer import CrossbarLayer, TileState
from analogsim.crossbar.native import PerfectEngine
from analogsim.crossbar.own_statistics import own_batchnorms
from analogsim.errors import InputError


def tensors_of(chip: Chip) -> dict[str, Tensor]:
    """All that makes the chip what it is, by name; copies on the CPU."""
    tensors: dict[str, Tensor] = {}
    for name, layer in chip.layers.items():
        tensors[f"{name}/std_and_max"] = torch.tensor(
            [layer.weight_std, layer.weight_abs_max], dtype=torch.float64
        )
        if layer.bias is not None:
            tensors[f"{name}/bias"] = layer.bias
    for layer, tile, key in _tiles(chip.layers):
        assert tile.programmed is not None, f"program() fills layer {layer.name}"
        tensors[f"{key}.target"] = tile.target
        tensors[f"{key}.scale"] = tile.scale
        tensors[f"{key}.input_range"] = torch.tensor(tile.input_range, dtype=torch.float64)
        tensors[f"{key}.programmed"] = tile.programmed
        tensors[f"{key}.weights"] = tile.weights
        tensors[f"{key}.alpha"] = tile.alpha
        present = [p is not None for p in tile.drift_parameters]
        tensors[f"{key}.drift"] = torch.tensor(present, dtype=torch.uint8)
        for i, parameter in enumerate(tile.drift_parameters):
            if parameter is not None:
                tensors[f"{key}.drift.{i}"] = parameter
    for key, value in _statistics(chip).items():
        tensors[key] = value
    return own(tensors)


def restore_(analog: AnalogModel, chip: Chip, tensors: dict[str, Tensor], folder: Path) -> None:
    """Fill the tiles of the converted network and of its chip; every tensor must be used.

    Raises:
        InputError: a tensor is missing, does not fit, or belongs to nothing.
    """
    rest = dict(tensors)

    def take(key: str, like: Tensor | None = None) -> Tensor:
        value = rest.pop(key, None)
        if value is None:
            raise InputError(f"folder {folder}: tensor {key} is missing; convert again")
        if like is not None and (value.shape != like.shape or value.dtype != like.dtype):
            raise InputError(
                f"folder {folder}: tensor {key} must be {like.dtype} of shape "
                f"{tuple(like.shape)}, got {value.dtype} of {tuple(value.shape)}; "
                "the files do not belong together"
            )
        return value

    for key, value in _statistics(chip).items():
        value.copy_(take(key, value))
    for joined in chip.joined:
        # Their layers take them over with their tiles, below.
        joined.join_()
    for name, layer in analog.layers.items():
        made = chip.layers[name]
        stats = take(f"{name}/std_and_max", torch.zeros(2, dtype=torch.float64)).tolist()
        bias = rest.pop(f"{name}/bias", None)
        for each in (layer, made):
            each.weight_std, each.weight_abs_max = stats
            each.bias = bias
        for tile, state in zip(layer.tiles, made.tiles, strict=True):
            key = f"{name}/{tile.slot.index}"
            target = take(f"{key}.target", tile.target)
            tile.scale = state.scale = take(f"{key}.scale", tile.scale)
            tile.target = state.target = target
            one = torch.zeros((), dtype=torch.float64)
            tile.input_range = state.input_range = float(take(f"{key}.input_range", one))
            state.programmed = take(f"{key}.programmed", tile.target)
            state.weights = take(f"{key}.weights", tile.target)
            state.alpha = take(f"{key}.alpha")
            state.drift_parameters = [
                take(f"{key}.drift.{i}") if present else None
                for i, present in enumerate(take(f"{key}.drift").tolist())
            ]
        layer.lend_(PerfectEngine())
        # The tiles of aihwkit keep their targets and scales from when they were made.
        made.use_(new_engine(analog, made))
    if rest:
        raise InputError(
            f"folder {folder}: tensor {min(rest)} belongs to no tile of the network "
            f"({len(rest)} such tensors); the files do not belong together"
        )


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
