"""Makes crosssim.json: python crosssim_vectors.py FOLDER_OF_CROSSSIM (its repository, with numpy).

CrossSim 3.2.0 puts the resistance of a row's terminal into every segment of the first input's row,
and not in front of each row (`Rp_in_mat[:, 0]` where rows lie along axis 0): no vector has one.
"""

import json
import sys
from pathlib import Path

import numpy as np

G_MAX = 25e-6
SHAPE = (48, 32)
SEED = 20261129
CASES = [
    {"r_row": 0.0, "r_col": 1.0, "r_sense": 0.0},
    {"r_row": 3.0, "r_col": 0.0, "r_sense": 0.0},
    {"r_row": 1.0, "r_col": 2.0, "r_sense": 0.0},
    {"r_row": 5.0, "r_col": 3.0, "r_sense": 50.0},
]


def inputs():
    """Cells of two polarities in units of `G_MAX`, and voltages."""
    rng = np.random.default_rng(SEED)
    plus, minus = rng.uniform(0, 1, (2, *SHAPE))
    return plus, minus, rng.uniform(-1, 1, SHAPE[0])


def main(folder: str) -> None:
    sys.path.insert(0, folder)
    from simulator import CrossSimParameters
    from simulator.backend import ComputeBackend
    from simulator.circuits import array

    ComputeBackend(use_gpu=False)
    plus, minus, volts = inputs()
    made = []
    for case in CASES:
        params = CrossSimParameters()
        params.xbar.device.Rmin = 1 / G_MAX
        params.simulation.Verr_th_mvm = 1e-12
        params.simulation.Niters_max_parasitics = 5000
        wires = params.xbar.array.parasitics
        wires.enable = True
        wires.Rp_row, wires.Rp_col = case["r_row"], case["r_col"]
        wires.Rp_col_terminal = case["r_sense"]
        alone = array.NoninterleavedInputSourceArray(params)
        alone.interleaved = False
        pairs = array.InterleavedInputSourceArray(params)
        made.append(
            {
                **case,
                "separate": alone.iterative_solve(plus.T.copy(), volts).tolist(),
                "interleaved": pairs.iterative_solve(
                    plus.T.copy(), volts, matrix_neg=minus.T.copy()
                ).tolist(),
            }
        )
    result = {
        "source": "CrossSim 3.2.0 (github.com/sandialabs/cross-sim, commit "
        "0a2eb1eda183326ef4d98d792995c721105d3726), NoninterleavedInputSourceArray of the plus "
        "cells and InterleavedInputSourceArray of both, voltage errors below 1e-12",
        "licence": "BSD-3-Clause, Copyright 2017 Sandia Corporation",
        "units": "ohm; currents in units of 25 uS times 1 V; cells and voltages by the seed in "
        "crosssim_vectors.py",
        "cases": made,
    }
    Path(__file__).with_name("crosssim.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
