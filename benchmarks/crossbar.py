"""A crossbar's wires: what they cost at a forward pass, to build, and beside CrossSim's solver.

    python benchmarks/crossbar.py --json [--crosssim FOLDER]

Ratios are round by round in one process. `forward`: time with wires over time without, a chip each
of ResNet20 with the standard periphery; a third chip without wires says how far equal chips lie
apart here (aimed at: 1.05). `products`: processor time of a pass with slices, single cells and ADCs
with errors over that of the plain converters (uniform ADC, output noise, neither IR drop nor read
noise), each without and with IR drop and read noise of its arrays and drives (tables of ADCs were
aimed at 1.2). `build`: seconds to solve all arrays of ResNet20, both polarities, at
most 128 rows (2 s; columns alone 0.05 s); `processor` are seconds of this process alone, which a
busy machine does not stretch. CrossSim (its repository, at --crosssim) solves its circuit for every
product, to 1e-3 of the voltages by default: a balanced pair of 128 x 128 arrays, 1 ohm a segment,
25 uS (aimed at: 1,000 times a product, 10 times for 256 products with our build).
"""

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch
from common import arguments, emit, interleave, machine, ratios, seconds, start
from forward import BATCH, network
from threadpoolctl import threadpool_limits

import analogsim
from analogsim.crossbar.mapping.periphery import STANDARD
from device_models.effects import Cells, Wires
from device_models.effects.wires import TOLERANCE

G_MAX = 25e-6
SIZE, PRODUCTS = 128, 256
QUIET = {"ir_drop": 0.0, "read_noise": 0.0}
MISMATCH = {"adc_gain_db": 60.0, "adc_sigma_capacitor": 0.02, "adc_sigma_comparator": 0.002}
SLICES = {"bits_per_cell": 4, "weight_bits": 9}
PRODUCTS_OF: dict[str, dict[str, Any]] = {
    "plain": {},
    "calibrated range": {"output_range": "layer"},
    "ramp ADC": {"adc_kind": "ramp", **MISMATCH},
    "SAR ADC": {"adc_kind": "sar", **MISMATCH},
    "pipeline ADC": {"adc_kind": "pipeline", **MISMATCH},
    "two-sided pairs": {"weight_encoding": "pair-two-sided"},
    "offset column": {"weight_encoding": "offset-column"},
    "two slices": SLICES,
    "two slices, one reading": {**SLICES, "adc_reads": "product"},
}
"""Fields of the standard periphery."""
WIRES = {
    "rows and columns": Wires(r_row=1.0, r_col=1.0, rows=SIZE),
    "columns alone": Wires(r_col=1.0, rows=SIZE),
    "pairs on one column": Wires(r_row=1.0, r_col=1.0, rows=2 * SIZE, pairs="rows"),
}


def forward(repeats: int) -> dict[str, Any]:
    net = network("resnet20")
    x = torch.randn(BATCH["resnet20"], 3, 32, 32)

    def caller(*effects: Wires) -> Callable[[], None]:
        analog = analogsim.convert(net, "pcm", "standard", calibrate=x, effects=effects)
        chip = analogsim.program(analog).drift_(86400.0)

        def call() -> None:
            with torch.inference_mode():
                chip(x)

        return call

    wires = WIRES["rows and columns"]
    sides = {"with": caller(wires), "without": caller(), "without, again": caller()}
    times = interleave(sides, repeats)
    return {
        "seconds": {name: seconds(values) for name, values in times.items()},
        "forward with wires / without": ratios(times, "without", "with"),
        "forward without / without": ratios(times, "without", "without, again"),
    }


def products(repeats: int) -> dict[str, Any]:
    """Passes of one chip each, all in turn."""
    net = network("resnet20")
    x = torch.randn(BATCH["resnet20"], 3, 32, 32)

    def caller(fields: dict[str, Any]) -> Callable[[], None]:
        edge = dataclasses.replace(STANDARD, name="own", **fields)
        chip = analogsim.program(analogsim.convert(net, "pcm", edge, calibrate=x, verify=False))

        def call() -> None:
            with torch.inference_mode():
                chip(x)

        return call

    sides = {
        f"{name}{', IR drop and read noise' if law else ''}": caller(
            fields if law else {**fields, **QUIET}
        )
        for name, fields in PRODUCTS_OF.items()
        for law in (False, True)
    }
    times = interleave(sides, repeats, process_time)
    return {name: ratios(times, "plain", name) for name in sides if name != "plain"}


def build(repeats: int) -> dict[str, Any]:
    """Seconds of the effect on all tiles of a network; and of a whole drift with and without."""
    net = network("resnet20")
    chips = {
        name: analogsim.program(analogsim.convert(net, "pcm", "ideal", effects=effects))
        for name, effects in (("without", ()), ("with", (WIRES["rows and columns"],)))
    }
    tiles = [tile for layer in chips["without"].layers.values() for tile in layer.tiles]
    cells = [Cells.of(tile.weights, G_MAX * 1e6) for tile in tiles]

    def caller(wires: Wires) -> Callable[[], None]:
        def call() -> None:
            for pair in cells:
                wires.apply(pair, None)  # type: ignore[arg-type]  # wires draw nothing

        return call

    sides = {name: caller(wires) for name, wires in WIRES.items()}
    sides |= {
        f"drift {name} wires": lambda chip=chip: chip.drift_(86400.0)
        for name, chip in chips.items()
    }
    times = interleave(sides, repeats)
    processor = {}
    for name in WIRES:
        begin = process_time()
        sides[name]()
        processor[name] = process_time() - begin
    weights = sum(tile.numel for tile in tiles)
    return {
        "cells": 2 * weights,
        "processor": processor,
        **{name: seconds(values) for name, values in times.items()},
    }


def beside_crosssim(folder: Path, repeats: int) -> dict[str, Any]:
    """Products of one balanced pair of arrays, theirs solved for each, ours solved once."""
    sys.path.insert(0, str(folder))
    from simulator import CrossSimParameters
    from simulator.backend import ComputeBackend
    from simulator.circuits.array import NoninterleavedInputSourceArray

    ComputeBackend(use_gpu=False)
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 0.25, (SIZE, SIZE)).clip(-1, 1)
    plus, minus = weights.clip(0), (-weights).clip(0)
    volts = rng.uniform(-1, 1, (PRODUCTS, SIZE))
    found: dict[str, Any] = {}
    for tolerance in (1e-3, 1e-8):
        params = CrossSimParameters()
        params.xbar.device.Rmin = 1 / G_MAX
        params.simulation.Verr_th_mvm = tolerance
        params.simulation.Niters_max_parasitics = 1000
        parasitics = params.xbar.array.parasitics
        parasitics.enable = True
        parasitics.Rp_row = parasitics.Rp_col = 1.0
        array = NoninterleavedInputSourceArray(params)
        array.interleaved = False
        transposed = plus.T.copy(), minus.T.copy()

        def theirs(array: Any = array, transposed: Any = transposed) -> Any:
            first, second = transposed
            return np.stack(
                [array.iterative_solve(first, v) - array.iterative_solve(second, v) for v in volts]
            )

        def ours_built() -> Any:
            cells = Cells(
                g_plus=torch.from_numpy(plus.T), g_minus=torch.from_numpy(minus.T), g_max_us=25.0
            )
            shown = Wires(r_row=1.0, r_col=1.0).apply(cells, None)  # type: ignore[arg-type]
            return volts @ shown.weights.numpy().T

        effective = [
            analogsim.effective_conductance(g * G_MAX, r_row=1.0, r_col=1.0) / G_MAX
            for g in (plus, minus)
        ]
        matrix = np.ascontiguousarray(effective[0] - effective[1])

        def ours(matrix: Any = matrix) -> Any:
            # As many products, one by one, many times over: one round takes too short a time.
            for _ in range(_MANY):
                for v in volts:
                    v @ matrix

        def at_once(matrix: Any = matrix) -> Any:
            for _ in range(_MANY):
                volts @ matrix

        sides = {
            "theirs": theirs,
            "ours": ours,
            "ours at once": at_once,
            "ours with build": ours_built,
        }
        times = interleave(sides, repeats)
        for name in ("ours", "ours at once"):
            times[name] = [one / _MANY for one in times[name]]
        exact = volts @ matrix
        norm = np.linalg.norm(exact)
        found[f"CrossSim at {tolerance:g}"] = {
            "seconds": {name: seconds(values) for name, values in times.items()},
            "per product, one by one": ratios(times, "ours", "theirs"),
            "per product, at once": ratios(times, "ours at once", "theirs"),
            f"{PRODUCTS} products with build": ratios(times, "ours with build", "theirs"),
            "difference of theirs": float(np.linalg.norm(theirs() - exact) / norm),
            "difference of ours with build": float(np.linalg.norm(ours_built() - exact) / norm),
            "of no wires": float(np.linalg.norm(volts @ weights - exact) / norm),
        }
    return found


_MANY = 20


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--crosssim", type=Path, help="CrossSim's repository")
    given = parser.parse_args()
    start(given.threads)
    # numpy's products of such matrices wait for threads longer than they compute.
    threadpool_limits(1)
    begin = perf_counter()
    result: dict[str, Any] = {
        "benchmark": "crossbar",
        "machine": machine(),
        "tolerance": TOLERANCE,
        **forward(given.repeats),
        "products": products(given.repeats),
        "build": build(given.repeats),
    }
    if given.crosssim is not None:
        result |= beside_crosssim(given.crosssim, max(2, given.repeats // 3))
    result["all_s"] = perf_counter() - begin
    parts = {name: value for name, value in result.items() if name.startswith("forward ")}
    parts |= {f"products, {name} / plain": value for name, value in result["products"].items()}
    for name, value in result.items():
        if name.startswith("CrossSim"):
            parts |= {
                f"{name}, {k}": v for k, v in value.items() if isinstance(v, dict) and "n" in v
            }
    emit({**result, "ratios": parts}, as_json=given.json)


if __name__ == "__main__":
    main()
