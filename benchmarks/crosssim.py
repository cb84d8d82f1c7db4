"""The same network in CrossSim and here: the same answers, the same law, and the time.

    python benchmarks/crosssim.py --crosssim FOLDER --model 'zoo:resnet20?norm=batch' \\
        --weights experiments/checkpoints/resnet20_cifar10_batch_s0.safetensors \\
        --data cifar10 --json

FOLDER is CrossSim's repository (github.com/sandialabs/cross-sim, 3.2.0). BatchNorm is folded on
both sides, each by its own code; ranges of inputs are those that analogsim calibrates; one scale of
the weights for a layer, layers whole.

1. Converters of 8 bits, no noise: the outputs and the answers of the two, image by image.
2. Programming noise of PCM after Joshi et al., with CrossSim's coefficients on both sides: accuracy
   over chips of each. Draws differ, so that only distributions can agree.
3. Seconds: to program a chip, and to pass a batch through it, with the converters of 1.
"""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import arguments, emit, interleave, machine, ratios, seconds, start
from scipy import stats
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

import analogsim
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.periphery import STANDARD, Periphery
from analogsim.inputs import batches, load_data, load_model

BITS, BOUND, BATCH = 8, 10.0, 16
# CrossSim's `PCMJoshi`: microsiemens, powers of g in microsiemens, largest 25; here of g / g_max.
JOSHI = (0.28638599, 0.07585724 * 25, -0.00178767 * 25**2)
PCM = "pcm?drift_scale=0&read_scale=0&" + "&".join(
    f"c_{i}_us={value!r}" for i, value in enumerate(JOSHI)
)


def edge(*, converters: bool) -> Periphery:
    """The converters of 1, or none; one scale of the weights for a layer, layers whole."""
    bits = BITS if converters else 0
    return dataclasses.replace(
        STANDARD,
        name="crosssim",
        perfect=not converters,
        dac_bits=bits,
        adc_bits=bits,
        output_bound=BOUND,
        output_noise=0.0,
        read_noise=0.0,
        ir_drop=0.0,
        max_input_size=0,
        weight_scaling="tile",
    )


def theirs_of(net: nn.Module, ranges: list[float], *, converters: bool, noisy: bool) -> nn.Module:
    """CrossSim's network; input ranges in the order of its layers."""
    from simulator import CrossSimParameters
    from simulator.algorithms.dnn.torch.convert import from_torch

    found = []
    for limit in ranges:
        params = CrossSimParameters()
        core = params.core
        core.style, core.balanced.style = "BALANCED", "ONE_SIDED"
        core.rows_max = core.cols_max = 4096
        device = params.xbar.device
        device.infinite_on_off_ratio, device.Rmin = True, 1 / 25e-6
        if noisy:
            device.programming_error.enable, device.programming_error.model = True, "PCMJoshi"
        if converters:
            core.mapping.inputs.mvm.min, core.mapping.inputs.mvm.max = -limit, limit
            dac, adc = params.xbar.dac.mvm, params.xbar.adc.mvm
            dac.model, dac.bits = "SignMagnitudeDAC", BITS
            adc.model = "SignMagnitudeADC"
            adc = params.xbar.adc.mvm
            adc.bits, adc.adc_range_option = BITS, "CALIBRATED"
            adc.calibrated_range = [-BOUND, BOUND]
        found.append(params)
    network = from_torch(net, found, fuse_batchnorm=True).eval()
    left = [name for name, one in network.named_modules() if isinstance(one, _NormBase)]
    if left:
        raise SystemExit(f"CrossSim left BatchNorm in {', '.join(left)}")
    return network


@torch.no_grad()
def answers(network: nn.Module, images: Tensor) -> Tensor:
    """(n, classes): outputs, batch by batch."""
    return torch.cat([network(x) for x in images.split(BATCH)])


def spread(shares: list[float]) -> dict[str, Any]:
    """Accuracy over chips in %, with a 95 % interval of its mean."""
    values = 100 * np.asarray(shares)
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return {"chips": shares, "mean": float(values.mean()), "half_interval": float(half)}


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--crosssim", type=Path, required=True, help="CrossSim's repository")
    parser.add_argument("--model", required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--limit", type=int, default=500, help="images (default 500)")
    parser.add_argument("--chips", type=int, default=5, help="chips of each (default 5)")
    given = parser.parse_args()
    kept = start(given.threads)
    sys.path.insert(0, str(given.crosssim))
    from simulator.algorithms.dnn.torch.convert import reinitialize

    net = load_model(given.model, weights=given.weights).module.eval()
    images, labels = next(batches(load_data(given.data), given.limit, given.limit))
    calibration, _ = next(batches(load_data(given.data, split="train"), 256, 256))

    def ours_of(preset: str, *, converters: bool) -> AnalogModel:
        return analogsim.convert(
            net, preset, edge(converters=converters), bn="fold", calibrate=calibration
        )

    quiet = ours_of("ideal", converters=True)
    order = [name for name, one in net.named_modules() if name in quiet.layers]
    ranges = [float(quiet.layers[name].places[0][0].input_range) for name in order]
    chip = analogsim.program(quiet)
    theirs = theirs_of(net, ranges, converters=True, noisy=False)
    one, other = answers(chip, images), answers(theirs, images)
    clean = answers(net, images)

    noisy = ours_of(PCM, converters=False)
    noisy_theirs = theirs_of(net, ranges, converters=False, noisy=True)
    found: dict[str, list[float]] = {"ours": [], "theirs": []}
    for number in range(given.chips):
        np.random.seed(number)  # noqa: NPY002  CrossSim draws from it.
        reinitialize(noisy_theirs)
        programmed = analogsim.program(noisy, chip=number)
        programmed.drift_(1.0, compensation="none")
        for name, network in (("ours", programmed), ("theirs", noisy_theirs)):
            right = answers(network, images).argmax(1) == labels
            found[name].append(float(right.float().mean()))

    x = images[:BATCH]
    with torch.no_grad():
        times = interleave({"ours": lambda: chip(x), "theirs": lambda: theirs(x)}, given.repeats)
        program = interleave(
            {
                "ours": lambda: analogsim.program(noisy, chip=1),
                "theirs": lambda: reinitialize(noisy_theirs),
            },
            given.repeats,
        )
    apart = (one - other).abs()
    emit(
        {
            "benchmark": "crosssim",
            "machine": machine(),
            "mallopt": kept,
            "model": given.model,
            "images": given.limit,
            "batch": BATCH,
            "converters, no noise": {
                "same answer": int((one.argmax(1) == other.argmax(1)).sum()),
                "largest difference over largest output": float(apart.max() / one.abs().max()),
                "median difference over largest output": float(apart.median() / one.abs().max()),
                "outputs equal to 1e-6 of the largest": float(
                    (apart <= 1e-6 * one.abs().max()).double().mean()
                ),
                "right": {
                    name: int((y.argmax(1) == labels).sum())
                    for name, y in (("digital", clean), ("ours", one), ("theirs", other))
                },
            },
            "programming noise": {
                **{name: spread(values) for name, values in found.items()},
                "p of the same mean (Welch)": float(
                    stats.ttest_ind(found["ours"], found["theirs"], equal_var=False).pvalue
                ),
            },
            "forward": {name: seconds(values) for name, values in times.items()},
            "program": {name: seconds(values) for name, values in program.items()},
            "ratios": {
                "forward pass, CrossSim against ours": ratios(times, "ours", "theirs"),
                "programming, CrossSim against ours": ratios(program, "ours", "theirs"),
            },
        },
        as_json=given.json,
    )


if __name__ == "__main__":
    main()
