"""What programming and drift do to the weights of chip 0, for `layers.json`."""

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from analogsim import schema
from analogsim.batchnorm.policy import RECALIBRATING, BatchNormPolicy
from analogsim.crossbar.chip.chip import Chip
from analogsim.crossbar.chip.compensation import Compensation
from analogsim.crossbar.chip.factors import factors_of
from analogsim.crossbar.chip.program import program
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.tile import TileState
from analogsim.errors import InputError
from analogsim.experiment.layers_file import (
    FORMAT,
    VERSION,
    Asked,
    DeviceLayers,
    Errors,
    LayerErrors,
    LayersFile,
    Map,
    State,
    coarser,
    pack,
    read_layers,
    write_layers,
)
from analogsim.experiment.study import Study
from device_models.behaviour import Behaviour
from device_models.contract import Device
from device_models.simulated import behaviour

LARGEST = 450_000
"""Bytes of the file, at most; histograms become coarser and maps fewer until it fits."""

# (w' - w) / std(w): a weight error of two standard deviations is already a broken weight.
_EDGE, _BINS = 2.0, 160
_LONGEST_SIDE = 64
_MAPS = 3


def write_study_layers(folder: Path, analog: AnalogModel, study: Study) -> None:
    """`write_layer_summary` of the devices of a study without a sweep."""
    devices = dict(zip(study.presets, study.devices, strict=True))
    write_layer_summary(folder, analog, devices, study.times_s, study.compensations, study.seed)


def write_layer_summary(
    folder: Path,
    analog: AnalogModel,
    devices: Mapping[str, Device],
    times_s: Sequence[float],
    compensations: Sequence[Compensation],
    seed: int,
) -> None:
    """Write `layers.json` into a run's folder, unless it lies there for the same question.

    Args:
        folder: of the run.
        analog: the converted network; its device is replaced.
        devices: by preset.
        times_s, compensations: those of the study.
        seed: root seed; the chip is chip 0 of the study, with the same weights.

    Raises:
        OutputError: the folder cannot be written.
    """
    asked = Asked(
        presets=list(devices), times_s=list(times_s), compensations=[str(c) for c in compensations]
    )
    try:
        there = read_layers(folder)
    except InputError:
        there = None  # it is broken, and made anew
    if there is not None and there["asked"] == asked and there["seed"] == seed:
        return
    content = LayersFile(
        format=FORMAT,
        version=VERSION,
        seed=seed,
        chip=0,
        bn=str(analog.bn),
        asked=asked,
        edges=[round(edge, 6) for edge in np.linspace(-_EDGE, _EDGE, _BINS + 1).tolist()],
        presets=[
            summarise_device(_with(analog, device), name, times_s, compensations, seed)
            for name, device in devices.items()
        ],
    )
    write_layers(folder, shrink(content))


def summarise_device(
    analog: AnalogModel,
    name: str,
    times_s: Sequence[float],
    compensations: Sequence[Compensation],
    seed: int,
) -> DeviceLayers:
    """Program chip 0 and look at its weights then and at each time."""
    chip = program(analog, seed=seed, chip=0)
    states = [State(t_s=None, compensation="none")]
    found: dict[str, list[Errors]] = {layer: [_errors(one)] for layer, one in chip.layers.items()}
    for t_s in times_s:
        for compensation in compensations:
            chip.drift_(t_s, compensation)
            states.append(State(t_s=t_s, compensation=str(compensation)))
            for layer, one in chip.layers.items():
                found[layer].append(_errors(one))
    summary = DeviceLayers(
        preset=name,
        g_max_us=analog.device.largest_us,
        states=states,
        layers=[
            LayerErrors(
                name=layer,
                weights=sum(tile.target.numel() for tile in one.tiles),
                std=_short(one.weight_std),
                states=found[layer],
            )
            for layer, one in chip.layers.items()
        ],
        maps=_maps(chip),
    )
    # Whatever a user's code raises on other tiles than the run's: its page does without.
    with suppress(Exception):
        summary["behaviour"] = _shortened(_behaviour(analog.device))
    return summary


# One draw says the same for every network of a suite.
_kept = lru_cache(maxsize=16)(behaviour)


def _behaviour(device: Device) -> Behaviour:
    try:
        return _kept(device)
    except TypeError:
        # A field of a user's device may have no hash.
        return behaviour(device)


def _shortened(found: Any) -> Any:
    """The same with numbers of six digits."""
    if isinstance(found, dict):
        return {key: _shortened(value) for key, value in found.items()}
    if isinstance(found, list):
        return [_shortened(value) for value in found]
    return _short(found) if isinstance(found, float) else found


def shrink(content: LayersFile, largest: int = LARGEST) -> LayersFile:
    """The same with coarser histograms and fewer maps, until it has at most `largest` bytes.

    A network of very many layers keeps its errors and loses its maps; below ten bins nothing is
    left to take, and the file is as large as it is.
    """
    while len(schema.dumps(content)) > largest:
        bins = len(content["edges"]) - 1
        most = max((len(device["maps"]) for device in content["presets"]), default=0)
        if bins > 40 or (bins > 10 and not most):
            content = _coarser(content)
        elif most:
            kept: list[DeviceLayers] = [
                {**device, "maps": device["maps"][: most - 1]} for device in content["presets"]
            ]
            content = {**content, "presets": kept}
        else:
            break
    return content


def _coarser(content: LayersFile) -> LayersFile:
    devices: list[DeviceLayers] = [
        {
            **device,
            "layers": [
                {
                    **layer,
                    "states": [
                        {**one, "counts": coarser(one["counts"])} for one in layer["states"]
                    ],
                }
                for layer in device["layers"]
            ],
        }
        for device in content["presets"]
    ]
    return {**content, "edges": content["edges"][::2], "presets": devices}


def _with(analog: AnalogModel, device: Device) -> AnalogModel:
    # Recalibration moves no weight, and would run images through the chip at each time.
    bn: BatchNormPolicy = "digital" if analog.bn in RECALIBRATING else analog.bn
    return dataclasses.replace(analog, device=device, bn=bn)


def _errors(layer: CrossbarLayer) -> Errors:
    target = _numbers(layer.logical(lambda tile: tile.target))
    found = _numbers(layer.logical(lambda tile: tile.present))
    difference = found - target
    norm = float(np.linalg.norm(target))
    relative = difference / (layer.weight_std or 1.0)
    edges = np.linspace(-_EDGE, _EDGE, _BINS + 1)
    counts, _ = np.histogram(relative, edges)
    factors = factors_of([layer])
    return Errors(
        error=_short(float(np.linalg.norm(difference)) / norm if norm else 0.0),
        mean=_short(float(relative.mean())),
        rms=_short(float(np.sqrt((relative**2).mean()))),
        below=int((relative < -_EDGE).sum()),
        above=int((relative > _EDGE).sum()),
        counts=counts.tolist(),
        factor=_short(factors.found),
        needed=_short(factors.needed),
    )


def _maps(chip: Chip) -> list[Map]:
    """The first tile of the first layer, of the one with most weights, and of the last one."""
    layers = list(chip.layers.values())
    if not layers or chip.t_s is None:
        return []
    largest = max(layers, key=lambda layer: sum(tile.target.numel() for tile in layer.tiles))
    chosen = {layer.name: layer for layer in (layers[0], largest, layers[-1])}
    return [_map(layer, layer.tiles[0], chip.t_s) for layer in list(chosen.values())[:_MAPS]]


def _map(layer: CrossbarLayer, tile: TileState, t_s: float) -> Map:
    rows, columns = tile.target.shape
    down, right = (-(-side // _LONGEST_SIDE) for side in (rows, columns))
    assert tile.programmed is not None, "program() sets it"

    def kept(values: Tensor) -> str:
        return pack(_numbers(values[::down, ::right]))

    return Map(
        layer=layer.name,
        tile=tile.slot.index,
        shape=[rows, columns],
        step=[down, right],
        rows=-(-rows // down),
        columns=-(-columns // right),
        t_s=t_s,
        target=kept(tile.target),
        programmed=kept(tile.programmed),
        last=kept(tile.weights),
    )


def _numbers(values: Tensor) -> NDArray[np.float64]:
    return values.detach().numpy().astype(np.float64)


def _short(value: float) -> float:
    """Six digits: more are not worth their bytes."""
    return float(f"{value:.6g}")
