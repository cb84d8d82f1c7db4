"""A run's folder with everything in it that a report can show, without running a network."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np

from analogsim.experiment.layers_file import (
    FORMAT,
    VERSION,
    DeviceLayers,
    Errors,
    LayersFile,
    State,
    pack,
    write_layers,
)
from device_models.behaviour import Band, Behaviour
from tests.report.run_folder import DAY, drifting, write_run

EDGES = [-2.0, -1.0, 0.0, 1.0, 2.0]
LONG = "rram?interpolate=true&gain=aihwkit"
STATES: list[State] = [
    {"t_s": None, "compensation": "none"},
    {"t_s": 1.0, "compensation": "none"},
    {"t_s": 1.0, "compensation": "global"},
    {"t_s": DAY, "compensation": "none"},
    {"t_s": DAY, "compensation": "global"},
]
SPEC = 'question = "Why?"\nmodel = "zoo:digits_cnn"\n\n[design]\nchips = 5\n'


def errors(counts: list[int], error: float, factor: float) -> Errors:
    return Errors(
        error=error, mean=-error / 2, rms=error, below=1, above=0, counts=counts, factor=factor,
        needed=1.6,
    )  # fmt: skip


def behaviour(g_max_us: float | None = 25.0, largest: float = 1.0) -> Behaviour:
    """Two levels, two times and one target; half is lost in a day."""
    band = Band(target=1.0, means=[largest, 0.5 * largest], lows=[0.9, 0.4], highs=[1.1, 0.6],
                reads=[0.01, 0.02])  # fmt: skip
    return Behaviour(
        n=100, g_max_us=g_max_us, levels=[0.5, 1.0], spreads=[0.02, 0.04],
        exponents=[[0.06, 0.05, 0.07], [0.05, 0.04, 0.06]], between=[3600.0, DAY],
        times_s=[1.0, DAY], bands=[band],
    )  # fmt: skip


def device(preset: str, factor: float = 1.05) -> DeviceLayers:
    """Two layers of 11 and 21 weights; one map of 2 outputs and 3 inputs, kept whole."""
    values = np.array([[1.0, -0.5, 0.0], [0.25, -1.0, 0.75]])
    return DeviceLayers(
        preset=preset,
        g_max_us=25.0,
        states=copy.deepcopy(STATES),
        layers=[
            {"name": "conv1", "weights": 11, "std": 0.5,
             "states": [errors([1, 4, 4, 1], 0.1 + 0.01 * n, factor) for n in range(5)]},
            {"name": "linear", "weights": 21, "std": 0.1,
             "states": [errors([2, 8, 8, 2], 0.2 + 0.01 * n, factor) for n in range(5)]},
        ],
        maps=[
            {"layer": "conv1", "tile": 0, "shape": [2, 3], "step": [1, 1], "rows": 2, "columns": 3,
             "t_s": DAY, "target": pack(values), "programmed": pack(0.9 * values),
             "last": pack(0.5 * values)}
        ],
        behaviour=behaviour(),
    )  # fmt: skip


def layers_file(*presets: str, factor: float = 1.5) -> LayersFile:
    return LayersFile(
        format=FORMAT,
        version=VERSION,
        seed=0,
        chip=0,
        bn="digital",
        asked={
            "presets": list(presets),
            "times_s": [1.0, DAY],
            "compensations": ["none", "global"],
        },
        edges=list(EDGES),
        presets=[device(preset, factor) for preset in presets],
    )


def point(preset: str, t_s: float) -> dict[str, Any]:
    def of(mean: float) -> dict[str, Any]:
        return {"mean": mean, "ci95": [mean - 0.01, mean + 0.02], "n_chips": 5, "p": 0.2,
                "new_images": [mean - 0.03, mean + 0.04]}  # fmt: skip

    return {
        "preset": preset, "control": f"gaussian-matched({preset})", "t_s": t_s,
        "accuracy": of(0.95), "accuracy_control": of(0.96), "difference": of(-0.01),
        "sigmas": {"conv1": 0.05},
        "equivalent": {"eta": 0.08, "low": 0.05, "high": 0.11, "reached": "inside", "n_levels": 9},
        "parts": [], "causes": [],
    }  # fmt: skip


def comparison(*presets: str) -> dict[str, Any]:
    points = [point(preset, t_s) for preset in presets for t_s in (1.0, DAY)]
    return {
        "format": "analogsim-matched", "version": 1, "question": "Why?", "command": "analogsim",
        "model": "zoo:digits_cnn", "data": "digits", "compensation": "global", "chips": 5,
        "n_images": 360, "digital_accuracy": 0.975, "bracket": [0.0, 1.0], "points": points,
        "sentences": [f"{p['preset']} costs 1.00 points at {p['t_s']:g} s." for p in points],
    }  # fmt: skip


def attribution() -> dict[str, Any]:
    def row(kind: str, name: str, mode: str, loss: float | None) -> dict[str, Any]:
        bounds = (None, None) if loss is None else (loss - 0.004, loss + 0.004)
        return {"kind": kind, "name": name, "title": f"the {name}", "mode": mode, "t_s": DAY,
                "loss": loss, "low": bounds[0], "high": bounds[1], "n_chips": 5,
                "new_images": None if loss is None else [loss - 0.02, loss + 0.02]}  # fmt: skip

    rows = [row("source", "drift", "alone", 0.0123), row("source", "drift", "without", None)]
    rows += [row("layer", "conv1", "alone", 0.0456), row("layer", "conv1", "without", 0.0321)]
    return {"format": "analogsim-attribution", "version": 1, "rows": rows}


def write_full(folder: Path) -> Path:
    """Two presets, two policies, layers, a comparison, losses and a spec."""
    trials = drifting(("pcm", "rram"), ("global",), ("digital", "fold"), (1.0, DAY, 2 * DAY))
    devices = [
        {"preset": preset, "title": "a device", "law": "g", "citation": "c", "valid_times": "all"}
        for preset in ("pcm", "rram")
    ]
    write_run(folder, trials, devices=devices)
    write_layers(folder, layers_file("pcm", "rram"))
    (folder / "matched.json").write_text(json.dumps(comparison("pcm", "rram")))
    (folder / "attribution.json").write_text(json.dumps(attribution()))
    (folder / "spec.toml").write_text(SPEC)
    return folder
