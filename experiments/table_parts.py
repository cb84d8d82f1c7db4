"""What the tables of experiments/README.md are made of."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from urllib.parse import parse_qs

from analogsim.experiment.statistics import Interval
from analogsim.scopes.result import NoiseResult
from analogsim.suites.crossbar import CrossbarResult
from analogsim.suites.entry import Entry
from analogsim.suites.kept import Kept, read_kept

HERE = Path(__file__).parent
NORMS = {"batch": "yes", "none": "no", "l1": "L1", "topk": "TopK"}
DEVICES = {"pcm": "PCM", "rram": "RRAM"}
OVER = (
    "95 % intervals over {of} of one training, or over trainings where there are several: (on "
    "these images) and, where answers were kept, [for new images]"
)


def network_cells(entry: Entry, results: Sequence[NoiseResult | CrossbarResult]) -> list[str]:
    """What all rows open with."""
    first = results[0]
    name, _, options = first.model.removeprefix("zoo:").partition("?")
    known = {key: value[0] for key, value in parse_qs(options).items()}
    name = re.sub("^resnet", "ResNet", name).replace("vgg", "VGG")
    if known.get("classes") == "100":
        name += ", CIFAR-100"
    if len(results) > 1:
        name += f", {len(results)} trainings"
    bn = NORMS[known["norm"]]
    if "stages" in known:
        bn = "first stage" if known["stages"] == "1" else f"first {known['stages']} stages"
    clean = fmean(one.clean for one in results)
    return [name, bn, str(first.n_images), f"{100 * clean:.1f}"]


def cell(found: Interval | None, *, signed: bool = False) -> str:
    if found is None:
        return ""
    sign = "+" if signed else ""
    text = f"{100 * found.mean:{sign}.1f}"
    if found.low is not None and found.high is not None:
        text += f" ({100 * found.low:{sign}.1f} to {100 * found.high:{sign}.1f})"
    if found.new_images is not None:
        low, high = found.new_images
        text += f" [{100 * low:{sign}.1f} to {100 * high:{sign}.1f}]"
    return text


def table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def read(name: str) -> Kept:
    return read_kept(HERE / "results" / f"{name}.json")
