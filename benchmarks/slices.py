"""A chip's forward pass with slices, encodings and tables of ADCs against the plain one.

    python benchmarks/slices.py --json

Each ratio is (time with it) / (time of the standard converters): a folded product is one, a table
costs what its look-up costs, and slices what their conversions cost. CrossSim takes part where it
can be imported (github.com/sandialabs/cross-sim): products of one linear layer, its time over ours.
Weights are random; times do not depend on their values.
"""

import dataclasses
import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import arguments, emit, interleave, machine, ratios, seconds, start
from torch import Tensor, nn

import analogsim
from analogsim.crossbar.forward.reads import reads_entry
from analogsim.crossbar.mapping.periphery import PERIPHERIES, STANDARD, Periphery
from analogsim.inputs import parse_zoo

BATCH = 16
CROSSSIM_VECTORS = 64
QUIET = {"read_noise": 0.0, "ir_drop": 0.0}
MISMATCH = {"adc_gain_db": 60.0, "adc_sigma_capacitor": 0.02, "adc_sigma_comparator": 0.002}
SIDES: dict[str, dict[str, Any]] = {
    "folded": {"bits_per_cell": 2, "bits_per_input": 1, "adc_reads": "product"},
    "output_range": {"output_range": "layer"},
    "ramp": {"adc_kind": "ramp", **MISMATCH},
    "sar": {"adc_kind": "sar", **MISMATCH},
    "pipeline": {"adc_kind": "pipeline", **MISMATCH},
    "two_slices": {"bits_per_cell": 4, "weight_bits": 9},
    "two_slices_bit_serial": {"bits_per_cell": 4, "weight_bits": 9, "bits_per_input": 1},
}


def edge(**fields: Any) -> Periphery:
    return dataclasses.replace(STANDARD, name="own", **{**QUIET, **fields})


def conversions(net: nn.Module, x: Tensor) -> dict[str, Any]:
    found = {}
    for name in ("standard", "isaac", "prime", "sonos", "hermes"):
        entry = reads_entry(analogsim.convert(net, "ideal", PERIPHERIES[name], calibrate=x))
        assert entry is not None
        found[name] = {"adc": entry["adc"], "dac": entry["dac"]}
    return found


def network(repeats: int) -> dict[str, Any]:
    torch.manual_seed(0)
    net = parse_zoo("zoo:resnet20").build().eval()
    x = torch.randn(BATCH, 3, 32, 32)

    def chip(periphery: Periphery) -> nn.Module:
        return analogsim.program(analogsim.convert(net, "pcm", periphery, calibrate=x))

    chips = {name: chip(edge(**fields)) for name, fields in SIDES.items()}
    chips["plain"] = chip(edge())
    with torch.no_grad():
        times = interleave({name: lambda c=c: c(x) for name, c in chips.items()}, repeats)
    return {
        "plain": seconds(times["plain"]),
        "ratios": {f"{name} against plain": ratios(times, "plain", name) for name in SIDES},
        "conversions_an_image": conversions(net, x),
    }


def crosssim(repeats: int) -> dict[str, Any] | None:
    """Bit-serial products of 128 x 64 weights in slices of 4 bits, 8-bit ADC."""
    if importlib.util.find_spec("simulator") is None:
        return None
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from simulator import AnalogCore

    from tests.crossbar.crosssim.run import parameters

    fields = {"weight_bits": 9, "bits_per_cell": 4, "dac_bits": 8, "bits_per_input": 1}
    fields |= {"adc_bits": 8, "output_bound": 10.0}
    rng = np.random.default_rng(0)
    weights = rng.uniform(-1, 1, (64, 128))
    x = rng.uniform(-1, 1, (CROSSSIM_VECTORS, 128))
    layer = nn.Linear(128, 64, bias=False)
    layer.weight = nn.Parameter(torch.tensor(weights, dtype=torch.float32))
    inputs = torch.tensor(x, dtype=torch.float32)
    whole = edge(output_noise=0.0, weight_scaling="tile", **fields)
    ours = analogsim.program(analogsim.convert(layer.eval(), "ideal", whole, calibrate=inputs))
    core = AnalogCore(weights, parameters(fields))
    with torch.no_grad():
        times = interleave(
            {"ours": lambda: ours(inputs), "theirs": lambda: core.matmat(x.T)}, repeats
        )
    return ratios(times, "ours", "theirs")


def main() -> None:
    options = arguments(__doc__ or "").parse_args()
    kept = start(options.threads)
    result = {
        "benchmark": "slices",
        "machine": machine(),
        "threads": options.threads,
        "mallopt": kept,
        "batch": BATCH,
        **network(options.repeats),
    }
    theirs = crosssim(options.repeats)
    if theirs is not None:
        result["ratios"]["CrossSim against ours, bit-serial slices"] = theirs
    emit(result, as_json=options.json)


if __name__ == "__main__":
    main()
