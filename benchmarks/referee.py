"""aihwkit's own tiles judge weights: programmed, drifted and compensated by aihwkit alone.

    python benchmarks/referee.py --model 'zoo:resnet20?norm=batch' --data cifar10 \
        --weights direct=W.safetensors --weights hardened=out/h1/weights.safetensors --json

Nothing of analogsim's chips takes part: `convert_to_analog`, `program_analog_weights` and
`drift_analog_weights` with aihwkit's PCM model and its global drift compensation. Chip k has the
same torch seed for all weights, so that differences are paired.

`--periphery ideal` is its torch tile without converters: what each tile makes of unit vectors are
its weights at that time, compensation included, and the images are multiplied with these by torch,
which is much faster. `standard` is its C++ tile with
`StandardHWATrainingPreset` as it ships: DAC, IR drop, read noise, output noise, ADC. What its
forward pass draws cannot be seeded. Its input ranges are those that lie beside the weights
(`weights.json` of `harden`); layers without one have what analogsim calibrates on training images.
The C++ tile is slow: `seconds` says for how many images and chips there is time.

`--recalibrate` judges the network with BatchNorm's statistics estimated anew on each chip at each
time, too (`recalibrated`), by the formula that was published for AdaBS.
"""

import copy
import statistics
from collections.abc import Mapping
from pathlib import Path
from time import process_time
from typing import Any

import torch
from aihwkit.inference.noise.pcm import PCMLikeNoiseModel
from aihwkit.nn.conversion import convert_to_analog
from aihwkit.nn.modules.base import AnalogLayerBase
from aihwkit.simulator.presets import StandardHWATrainingPreset
from common import arguments, emit, machine
from torch import Tensor, nn

import analogsim
from analogsim.crossbar.forward.rpu_config import build_rpu_config
from analogsim.crossbar.mapping.periphery import IDEAL
from analogsim.durations import parse_duration
from analogsim.inputs.batching import batches
from analogsim.inputs.data import load_data
from analogsim.inputs.models import load_model
from analogsim.inputs.trained_folder import is_trained_folder, read_trained

BATCH = 250
CALIBRATION = 256


@torch.no_grad()
def accuracy(network: nn.Module, images: list[tuple[Tensor, Tensor]]) -> float:
    """Share of the images whose largest output is that of their label."""
    right = sum(int((network(x).argmax(1) == labels).sum()) for x, labels in images)
    return right / sum(len(labels) for _, labels in images)


def on_tiles(network: nn.Module) -> nn.Module:
    """The network on aihwkit's torch tiles, with PCM and without converters."""
    config = build_rpu_config(IDEAL, "torch")
    config.noise_model = PCMLikeNoiseModel(g_max=25.0)
    return convert_to_analog(copy.deepcopy(network), config).eval()


@torch.no_grad()
def read_out(network: nn.Module, analog: nn.Module) -> nn.Module:
    """The digital network with the weights that tiles without converters multiply with now."""
    read = copy.deepcopy(network)
    for name, layer in analog.named_modules():
        # Containers are of its kind, too.
        if isinstance(layer, AnalogLayerBase) and hasattr(layer, "analog_module"):
            weight = read.get_submodule(name).weight
            unit = torch.eye(weight[0].numel())
            products = layer.analog_module(unit) - layer.analog_module(torch.zeros_like(unit))
            weight.copy_(products.T.reshape(weight.shape))
    return read


def in_standard_setting(
    network: nn.Module, images: Tensor, learned: Mapping[str, float]
) -> nn.Module:
    """The network on aihwkit's C++ tiles as its preset has them, with input ranges.

    Args:
        network: in digital.
        images: for the ranges of layers that are not among `learned`.
        learned: full scale of DACs, by the layers' names.
    """
    config = StandardHWATrainingPreset()
    config.pre_post.input_range.init_from_data = 0
    analog = convert_to_analog(copy.deepcopy(network), config).eval()
    ranges = ranges_of(network, images, learned)
    for name, tile in analog.named_analog_tiles():
        layer, _, place = name.partition(".analog_module")
        # `.array.I.J`: I counts the splits of a layer's inputs.
        split = int(place.split(".")[2]) if place else 0
        with torch.no_grad():
            tile.input_range.fill_(ranges[layer][split])
    return analog


def ranges_of(
    network: nn.Module, images: Tensor, learned: Mapping[str, float]
) -> dict[str, list[float]]:
    """Full scale of the DACs of each layer, split after split of its inputs."""
    made = analogsim.convert(
        network, "pcm", "standard", calibrate=images, input_ranges=learned, verify=False
    )
    found = {}
    for name, layer in made.layers.items():
        own = {tile.slot.inputs.start: tile.input_range for tile in layer.tiles}
        found[name] = [own[start] for start in sorted(own)]
    return found


@torch.no_grad()
def adabs_(analog: nn.Module, batches_of: list[Tensor]) -> None:
    """Adaptive BatchNorm statistics (Joshi et al., Nat. Commun. 11:2473, 2020, Methods).

    Running = p running + (1 - p) batch, p = 0.015^(1/n) for n batches. All BatchNorms are
    estimated in the same passes; nothing else is in train mode.
    """
    norms = [m for m in analog.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.train()
        norm.momentum = 1 - 0.015 ** (1 / len(batches_of))
    for batch in batches_of:
        analog(batch)
    for norm in norms:
        norm.eval()


def judged(
    network: nn.Module,
    analog: nn.Module,
    images: list[tuple[Tensor, Tensor]],
    times_s: list[float],
    chips: int,
    recalibration: list[Tensor],
    *,
    read: bool,
) -> dict[str, Any]:
    """Accuracy in digital, and of each chip at each time; processor time of one such evaluation.

    With `read` it is that of the weights that are read out, else of the tiles themselves.
    """
    found: dict[str, list[float]] = {str(t_s): [] for t_s in times_s}
    again = copy.deepcopy(found)
    trained = copy.deepcopy(network.state_dict())
    spent = 0.0
    for chip in range(chips):
        torch.manual_seed(chip)
        analog.program_analog_weights()
        for t_s in times_s:
            begin = process_time()
            analog.drift_analog_weights(t_s)
            now = read_out(network, analog) if read else analog
            found[str(t_s)].append(accuracy(now, images))
            spent += process_time() - begin
            if recalibration:
                adabs_(now, recalibration)
                again[str(t_s)].append(accuracy(now, images))
                restore_statistics_(now, trained)
    digital = accuracy(network, images)
    result = {"digital": digital, **summary(found, digital)}
    if recalibration:
        result["recalibrated"] = summary(again, digital)
    return result | {"seconds": spent / (chips * len(times_s))}


def summary(found: Mapping[str, list[float]], digital: float) -> dict[str, Any]:
    """Accuracies by time and chip, their means, and these as shares of the digital one."""
    mean = {t_s: statistics.fmean(values) for t_s, values in found.items()}
    share = {t_s: value / digital for t_s, value in mean.items()}
    return {"chips": dict(found), "mean": mean, "share_of_digital": share}


def restore_statistics_(analog: nn.Module, trained: Mapping[str, Tensor]) -> None:
    """Give each BatchNorm the statistics it was trained with."""
    for name, norm in analog.named_modules():
        if isinstance(norm, nn.BatchNorm2d):
            for key, value in norm.named_buffers():
                value.copy_(trained[f"{name}.{key}"])


def learned_beside(file: str, model: str) -> Mapping[str, float]:
    """The input ranges that `harden` kept beside weights."""
    folder = Path(file).parent
    return read_trained(folder, model).input_ranges if is_trained_folder(folder) else {}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--weights", action="append", required=True, metavar="NAME=FILE")
    parser.add_argument("--times", default="1s,1d,1y")
    parser.add_argument("--periphery", choices=("ideal", "standard"), default="ideal")
    parser.add_argument("--chips", type=int, default=6)
    parser.add_argument("--limit", type=int, default=2000)
    parser.add_argument("--recalibrate", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    data = load_data(given.data)
    images = list(batches(data, BATCH, given.limit))
    times_s = [parse_duration(text, where="--times") for text in given.times.split(",")]
    train = load_data(given.data, split="train")
    calibration = next(iter(batches(train, CALIBRATION, CALIBRATION)))[0]
    recalibration = [x for x, _ in batches(train, 200, 2600)] if given.recalibrate else []
    results = {}
    for name, _, file in (one.partition("=") for one in given.weights):
        network = load_model(given.model, weights=file).module.eval()
        if given.periphery == "standard":
            learned = learned_beside(file, given.model)
            analog = in_standard_setting(network, calibration, learned)
        else:
            analog = on_tiles(network)
        read = given.periphery == "ideal"
        results[name] = judged(
            network, analog, images, times_s, given.chips, recalibration, read=read
        )
    emit(
        {
            **machine(),
            "images": given.limit,
            "model": given.model,
            "periphery": given.periphery,
            "results": results,
        },
        as_json=given.json,
    )


if __name__ == "__main__":
    main()
