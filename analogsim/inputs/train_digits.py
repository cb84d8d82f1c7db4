"""Train the shipped digits_cnn weights: `python -m analogsim.inputs.train_digits`."""

import argparse
import datetime
import hashlib
import json
import platform
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional

from analogsim.inputs.batching import batches
from analogsim.inputs.data import Data, load_data
from analogsim.inputs.known import SHIPPED
from analogsim.inputs.zoo import ZooChoice


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How digits_cnn is trained: AdamW, a cosine schedule, images shifted by up to a pixel."""

    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    shift_pixels: int = 1
    seed: int = 0


def train_digits(norm: str, recipe: Recipe) -> nn.Module:
    """Train `zoo:digits_cnn?norm=NORM` on the training split; return it in eval mode.

    Torch's global random state is the same afterwards as before.
    """
    images, labels = next(batches(load_data("digits", split="train"), 10_000))
    # The value of an empty pixel after normalisation.
    empty = float(images.min())
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(recipe.seed)
        network = ZooChoice(name="digits_cnn", norm=norm, classes=10).build()
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        n_batches = len(labels) // recipe.batch_size
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.epochs * n_batches)
        network.train()
        for _ in range(recipe.epochs):
            order = torch.randperm(len(labels))
            for index in range(n_batches):
                chosen = order[index * recipe.batch_size : (index + 1) * recipe.batch_size]
                shifted = _shift(images[chosen], recipe.shift_pixels, empty)
                loss = functional.cross_entropy(network(shifted), labels[chosen])
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
                optimiser.step()
                schedule.step()
    return network.eval()


@torch.no_grad()
def accuracy(network: nn.Module, data: Data) -> float:
    """The fraction of images whose largest logit is at their label, in [0, 1]."""
    right, total = 0, 0
    for images, labels in batches(data, 1000):
        right += int((network(images).argmax(1) == labels).sum())
        total += len(labels)
    return right / total


def _shift(images: Tensor, pixels: int, empty: float) -> Tensor:
    """Each image moved by its own -pixels..pixels along both axes."""
    n, _, height, width = images.shape
    padded = functional.pad(images, (pixels,) * 4, value=empty)
    down, right = torch.randint(2 * pixels + 1, (2, n, 1))
    rows = (down + torch.arange(height)).view(n, 1, height, 1)
    columns = (right + torch.arange(width)).view(n, 1, 1, width)
    return padded[torch.arange(n).view(n, 1, 1, 1), 0, rows, columns]


def save(network: nn.Module, norm: str, recipe: Recipe, folder: Path) -> dict[str, object]:
    """Write the weights and their provenance; return the provenance."""
    test = load_data("digits", split="test")
    path = folder / f"digits_cnn-{norm}.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    # save_file would make the file readable for its owner only.
    path.write_bytes(safetensors.torch.save(network.state_dict()))
    provenance: dict[str, object] = {
        "model": f"zoo:digits_cnn?norm={norm}",
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "n_parameters": sum(p.numel() for p in network.parameters()),
        "data": "scikit-learn digits; train 1437 images, test 360 images, fixed split",
        "normalisation": test.normalisation,
        "test_accuracy": accuracy(network, test),
        "train_accuracy": accuracy(network, load_data("digits", split="train")),
        "recipe": asdict(recipe),
        "command": "python -m analogsim.inputs.train_digits",
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "scikit-learn": version("scikit-learn"),
        },
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    path.with_suffix(".json").write_text(json.dumps(provenance, indent=2) + "\n")
    return provenance


def main(arguments: list[str] | None = None) -> None:
    """Train with and without BatchNorm, and write both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=SHIPPED, help="folder for the weights")
    parser.add_argument("--epochs", type=int, default=Recipe.epochs)
    given = parser.parse_args(arguments)
    for norm in ("batch", "none"):
        recipe = Recipe(epochs=given.epochs)
        provenance = save(train_digits(norm, recipe), norm, recipe, given.out)
        sys.stdout.write(f"{provenance['file']}: test accuracy {provenance['test_accuracy']}\n")


if __name__ == "__main__":
    main()
