"""`layers.json`: the weight errors of one chip, layer by layer, and a few maps of conductances.

Made for the report, of chip 0 alone, so that pages can show what the noise does to weights without
torch. It decides no accuracy, and a folder without it is whole.
"""

import base64
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from analogsim import schema, seal
from analogsim.errors import InputError
from analogsim.experiment.folder import write_bytes_atomic
from analogsim.experiment.sealed import read_sealed
from device_models import behaviour
from device_models.behaviour import Behaviour

LAYERS_FILE = "layers.json"
FORMAT, VERSION = "analogsim-layers", 1

# Maps are kept in hundredths, as signed bytes.
_STEP = 100.0


class State(TypedDict):
    """When and how weights are looked at; `t_s` None is right after programming."""

    t_s: float | None
    compensation: str


class Errors(TypedDict):
    """The weight errors of a layer in one state, the digital factors included.

    `error` is |w' - w| / |w| (Frobenius norms). `mean`, `rms` and the histogram are of
    (w' - w) / std(w), std(w) that of the layer's weights. `counts` are the histogram's; `below`
    and `above` count what lies outside it. `factor` is what drift compensation multiplies the
    layer's signal with, and `needed` what its cells need: their mean conductance after programming
    over the present one. Both are None in files of before they were kept.
    """

    error: float
    mean: float
    rms: float
    below: int
    above: int
    counts: list[int]
    factor: float | None
    needed: float | None


class LayerErrors(TypedDict):
    """A layer: how many weights it has, their standard deviation, and its errors by state."""

    name: str
    weights: int
    std: float
    states: list[Errors]


class Map(TypedDict):
    """A tile's signed conductances, G+ less G-, in units of the largest (g_max).

    Every `step`-th output (row) and input (column) of a tile of `shape` is kept: `rows` x
    `columns` single devices, no means. Values are packed (see `unpack`). `last` is at `t_s`
    seconds.
    """

    layer: str
    tile: int
    shape: list[int]
    step: list[int]
    rows: int
    columns: int
    t_s: float
    target: str
    programmed: str
    last: str


class DeviceLayers(TypedDict):
    """One preset's chip 0. `g_max_us` is in microsiemens, None for a device without one.

    `behaviour` is of the device alone; it is left out in files of before it was kept, and where a
    law cannot be simulated.
    """

    preset: str
    g_max_us: float | None
    states: list[State]
    layers: list[LayerErrors]
    maps: list[Map]
    behaviour: NotRequired[Behaviour]


class Asked(TypedDict):
    """What the file was made for; another study makes it anew."""

    presets: list[str]
    times_s: list[float]
    compensations: list[str]


class LayersFile(TypedDict):
    """The content of `layers.json`. `edges` bound the bins, in std(w)."""

    format: str
    version: int
    seed: int
    chip: int
    bn: str
    asked: Asked
    edges: list[float]
    presets: list[DeviceLayers]


def write_layers(folder: Path, content: LayersFile) -> None:
    """Write `layers.json` (strict JSON, one line), whole or not at all. Raises OutputError."""
    text = schema.dumps(seal.sealed(dict(content)))
    write_bytes_atomic(folder / LAYERS_FILE, (text + "\n").encode())


def read_layers(folder: Path) -> LayersFile | None:
    """Read `layers.json`; None where there is none.

    Raises:
        InputError: it cannot be read, or is something else; every problem is named.
    """
    path = folder / LAYERS_FILE
    if not path.exists():
        return None
    todo = "delete it and run the command again"
    content = _with_factors(read_sealed(path, name=FORMAT, version=VERSION, todo=todo))
    found = [*schema.problems(content, LayersFile, "content")]
    found = found or list(_problems(content))
    if found:
        raise InputError(f"{path} {'; '.join(found)}; delete it and run the command again")
    layers: LayersFile = content
    return layers


def _with_factors(content: Any) -> Any:
    """Files of before factors were kept do not speak of them."""
    with suppress(AttributeError, KeyError, TypeError):  # `schema.problems` says what is wrong
        for device in content["presets"]:
            for state in (one for layer in device["layers"] for one in layer["states"]):
                state.setdefault("factor", None)
                state.setdefault("needed", None)
    return content


def _problems(content: Any) -> list[str]:
    """Sizes that do not agree."""
    bins = len(content["edges"]) - 1
    found = []
    for device in content["presets"]:
        if "behaviour" in device:
            found += behaviour.problems(device["behaviour"])
        for layer in device["layers"]:
            if len(layer["states"]) != len(device["states"]):
                found.append(
                    f"layer {layer['name']} must have {len(device['states'])} states, got "
                    f"{len(layer['states'])}"
                )
            for state in layer["states"]:
                if len(state["counts"]) != bins:
                    found.append(
                        f"layer {layer['name']} counts must be {bins}, got {len(state['counts'])}"
                    )
        for one in device["maps"]:
            for what in ("target", "programmed", "last"):
                try:
                    unpack(one[what], one["rows"], one["columns"])
                except ValueError as error:
                    found.append(f"map of {one['layer']} {what} must be whole, got '{error}'")
    return found


def pack(values: NDArray[Any]) -> str:
    """Values of about -1 to 1 as base64 of signed bytes, in hundredths, row by row."""
    hundredths = np.clip(np.rint(np.asarray(values, dtype=np.float64) * _STEP), -127, 127)
    return base64.b64encode(hundredths.astype(np.int8).tobytes()).decode()


def unpack(text: str, rows: int, columns: int) -> NDArray[np.float64]:
    """What `pack` packed, (rows, columns). Raises ValueError if it is something else."""
    values = np.frombuffer(base64.b64decode(text, validate=True), dtype=np.int8)
    return values.reshape(rows, columns).astype(np.float64) / _STEP


def behaviours(content: LayersFile | None) -> dict[str, Behaviour]:
    """How each device behaves, by preset, where it was kept."""
    presets = [] if content is None else content["presets"]
    return {one["preset"]: one["behaviour"] for one in presets if "behaviour" in one}


def pooled(device: DeviceLayers, state: int) -> tuple[list[int], int, int]:
    """Histogram over all layers in a state: counts, and how many lie below and above."""
    found = [layer["states"][state] for layer in device["layers"]]
    counts = [sum(bins) for bins in zip(*(one["counts"] for one in found), strict=True)]
    return counts, sum(one["below"] for one in found), sum(one["above"] for one in found)


def coarser(counts: Sequence[int]) -> list[int]:
    """Neighbouring bins in pairs; their number must be even."""
    return [a + b for a, b in zip(counts[::2], counts[1::2], strict=True)]
