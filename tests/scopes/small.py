"""A small noise study on the shipped network, and a network whose variances are near zero."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from analogsim.experiment.local import Local
from analogsim.experiment.place import Place
from analogsim.inputs import load_model
from analogsim.scopes.drive import run_noise
from analogsim.scopes.noisy import NoisyNetwork, make_noisy
from analogsim.scopes.study import NoiseStudy
from tests.experiment.small import data, records

__all__ = ["Flat", "data", "network", "noisy", "records", "run", "study"]


@lru_cache(maxsize=2)
def network(spec: str = "zoo:digits_cnn") -> nn.Module:
    return load_model(spec).module


def noisy(module: nn.Module | None = None, **options: Any) -> NoisyNetwork:
    given: dict[str, Any] = {"batch_size": 40, "device": "cpu"} | options
    return make_noisy(module or network(), data(), **given)


def study(**changes: Any) -> NoiseStudy:
    fields: dict[str, Any] = {
        "question": "?",
        "command": "analogsim noise zoo:digits_cnn --data digits -o out",
        "model": "zoo:digits_cnn",
        "data": "digits",
        "normalisation": "",
        "scopes": ("weights", "variance", "folded"),
        "references": ("std", "max"),
        "etas": (0.05, 0.2),
        "draws": 2,
        "seed": 0,
        "batch_size": 48,
    }
    return NoiseStudy(**(fields | changes))


def run(
    folder: Path,
    asked: NoiseStudy | None = None,
    place: Place | None = None,
    module: nn.Module | None = None,
    **options: Any,
) -> None:
    """Run the study in `folder`, by default in this process."""
    run_noise(
        asked or study(),
        module or network(),
        data(),
        folder,
        place or Local(1),
        lambda done, total, what: None,
        **options,
    )


class Flat(nn.Module):
    """Pixels through BatchNorm and a linear layer; `view` refuses channels_last maps."""

    def __init__(self, *variances: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.bn = nn.BatchNorm2d(2)
        self.linear = nn.Linear(128, 10)
        with torch.no_grad():
            for place, parameter in enumerate(self.parameters()):
                parameter.copy_(
                    torch.sin(torch.arange(parameter.numel()) + place).view_as(parameter)
                )
            assert self.bn.running_var is not None
            self.bn.running_var.copy_(torch.tensor(variances or (1.0, 2.0)))
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        # Of one channel, maps count as channels_last anyway.
        maps = self.bn(self.conv(images.repeat(1, 2, 1, 1)))
        logits: Tensor = self.linear(maps.view(len(maps), -1))
        return logits
