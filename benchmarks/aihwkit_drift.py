"""The same network on PCM after a day, in aihwkit and here: the same chips, accuracy and time.

    python benchmarks/aihwkit_drift.py --model 'zoo:resnet20?norm=batch' \\
        --weights experiments/checkpoints/resnet20_cifar10_batch_s0.safetensors \\
        --data cifar10 --threads 1 --json

1. aihwkit's `StandardHWATrainingPreset` as it is (PCM, global drift compensation, IR drop, read
   noise of each product, C++ tile), with our calibrated input ranges, beside `preset="pcm"` with
   the standard periphery. The draws of programming and drift are those of the same addresses, so
   that the cells hold the same bits, which is counted; the compensation's reading and the noise of
   products cannot be seeded there. Accuracy of each chip, and seconds of a batch and of another
   chip (program and drift).
2. aihwkit's time-sliced IR drop (`TorchInferenceRPUConfigIRDropT`), which has linear layers alone:
   one of 512 x 128, beside `--wires irdrop_t` here; no ADC, no noise. Seconds of a batch, what
   the drop takes from the outputs, and what lies between the two. Wires here are solved when a
   chip is made, which is in `with the chip`.

Seconds are of this process alone, interleaved round by round; ratios are (their time) / (ours).
"""

import copy
from time import process_time
from typing import Any

import torch
from aihwkit.nn.conversion import convert_to_analog
from aihwkit.simulator.configs import TorchInferenceRPUConfigIRDropT
from aihwkit.simulator.parameters.mapping import MappingParameter
from aihwkit.simulator.presets import StandardHWATrainingPreset
from common import arguments, emit, interleave, machine, ratios, seconds, start
from torch import Tensor, nn

import analogsim
from analogsim.draws.addresses import seeded
from analogsim.inputs import batches, load_data, load_model

DAY_S, BATCH, SEED = 86400.0, 16, 0
INPUTS, OUTPUTS, VECTORS = 512, 128, 16
WIRES = "wires?r_col=0.15&pairs=rows&sensed=both&g_max_us=25"
"""`irdrop_t` for cells of aihwkit's default, 25 uS."""


def upstream(net: nn.Module, analog: Any) -> nn.Module:
    """Converted by aihwkit, with the input ranges that analogsim has calibrated."""
    model = convert_to_analog(copy.deepcopy(net), StandardHWATrainingPreset()).eval()
    for name, layer in analog.layers.items():
        tiles = list(model.get_submodule(name).analog_tiles())
        for tile, ours in zip(tiles, layer.tiles, strict=True):
            tile.input_range.data.fill_(ours.input_range)
    return model


def make_chip(model: nn.Module, names: list[str], number: int) -> None:
    """Program and drift, each tile under the address that analogsim draws it at."""
    for name in names:
        for index, tile in enumerate(model.get_submodule(name).analog_tiles()):
            with seeded(SEED, "program", name, index, number):
                tile.program_weights()
            with seeded(SEED, "drift", name, index, number, DAY_S):
                tile.drift_weights(DAY_S)


@torch.inference_mode()
def right(model: nn.Module, images: Tensor, labels: Tensor) -> int:
    """How many answers are right, batch by batch."""
    found = [model(x).argmax(1) == y for x, y in zip(images.split(BATCH), labels.split(BATCH),
                                                       strict=True)]  # fmt: skip
    return int(torch.cat(found).sum())


@torch.inference_mode()
def same_bits(model: nn.Module, chip: Any) -> bool:
    """Whether all cells hold the same."""
    return all(
        torch.equal(their.tile.get_weights(), ours.cells)
        for name, layer in chip.layers.items()
        for their, ours in zip(model.get_submodule(name).analog_tiles(), layer.tiles, strict=True)
    )


def whole_setting(given: Any) -> dict[str, Any]:
    net = load_model(given.model, weights=given.weights).module.eval()
    images, labels = next(batches(load_data(given.data), given.limit, given.limit))
    calibration, _ = next(batches(load_data(given.data, split="train"), 128, 128))
    analog = analogsim.convert(net, "pcm", "standard", calibrate=calibration)
    theirs, names = upstream(net, analog), list(analog.layers)
    counts: dict[str, list[int]] = {"ours": [], "theirs": []}
    bits = []
    for number in range(given.chips):
        chip = analogsim.program(analog, seed=SEED, chip=number).drift_(DAY_S, "global")
        make_chip(theirs, names, number)
        bits.append(same_bits(theirs, chip))
        counts["ours"].append(right(chip, images, labels))
        counts["theirs"].append(right(theirs, images, labels))
    x = images[:BATCH]

    @torch.inference_mode()
    def call(model: nn.Module) -> None:
        model(x)

    forward = interleave(
        {"ours": lambda: call(chip), "theirs": lambda: call(theirs)}, given.repeats, process_time
    )

    def another() -> None:
        analogsim.program(analog, seed=SEED, chip=1).drift_(DAY_S, "global")

    made = interleave(
        {"ours": another, "theirs": lambda: make_chip(theirs, names, 1)},
        given.repeats,
        process_time,
    )
    return {
        "images": given.limit,
        "right, digital": right(net, images, labels),
        "right, chip by chip": counts,
        "cells equal bit for bit": bits,
        "seconds": {
            f"{what}, {side}": seconds(values)
            for what, times in (("a batch", forward), ("another chip", made))
            for side, values in times.items()
        },
        "ratios": {
            "a batch": ratios(forward, "ours", "theirs"),
            "another chip": ratios(made, "ours", "theirs"),
        },
    }


def time_sliced(repeats: int) -> dict[str, Any]:
    torch.manual_seed(0)
    layer = nn.Sequential(nn.Linear(INPUTS, OUTPUTS, bias=False)).eval()
    x = torch.rand(VECTORS, INPUTS) * 2 - 1
    config = TorchInferenceRPUConfigIRDropT(
        mapping=MappingParameter(
            weight_scaling_omega=1.0, weight_scaling_columnwise=True, max_input_size=INPUTS
        )
    )
    config.forward.out_noise = 0.0
    config.forward.out_res = -1
    config.forward.out_bound = 1e6
    theirs = convert_to_analog(copy.deepcopy(layer), config).eval()

    def make() -> nn.Module:
        return analogsim.program(analogsim.convert(layer, "ideal", "ideal", effects=[WIRES]))

    chip = make()

    @torch.inference_mode()
    def call(model: nn.Module) -> Tensor:
        found: Tensor = model(x)
        return found

    exact = call(layer)
    times = interleave(
        {
            "ours": lambda: call(chip),
            "ours, with the chip": lambda: call(make()),
            "theirs": lambda: call(theirs),
        },
        repeats,
        process_time,
    )
    return {
        "lost of the outputs' norm": {
            side: float((call(model) - exact).norm() / exact.norm())
            for side, model in (("ours", chip), ("theirs", theirs))
        },
        "between the two": float((call(chip) - call(theirs)).norm() / exact.norm()),
        "seconds": {side: seconds(values) for side, values in times.items()},
        "ratios": {
            f"{VECTORS} products": ratios(times, "ours", "theirs"),
            f"{VECTORS} products, with the chip": ratios(times, "ours, with the chip", "theirs"),
        },
    }


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--model", required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--limit", type=int, default=200, help="images (default 200)")
    parser.add_argument("--chips", type=int, default=3, help="chips of each (default 3)")
    given = parser.parse_args()
    kept = start(given.threads)
    setting, sliced = whole_setting(given), time_sliced(given.repeats)
    ratio = {f"StandardHWATrainingPreset: {k}": v for k, v in setting.pop("ratios").items()}
    ratio |= {f"IRDropT: {k}": v for k, v in sliced.pop("ratios").items()}
    result = {
        "benchmark": "aihwkit_drift",
        "machine": machine(),
        "mallopt": kept,
        "model": given.model,
        "batch": BATCH,
        "StandardHWATrainingPreset": setting,
        "IRDropT": sliced,
        "ratios": ratio,
    }
    emit(result, as_json=given.json)


if __name__ == "__main__":
    main()
