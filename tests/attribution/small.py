"""A small network, its forms, and a study, for the tests of attribution."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from analogsim.attribution import Ask, Attribution, attribute
from analogsim.attribution.networks import Forms
from analogsim.attribution.treatment import Plan
from analogsim.crossbar.conversion.convert import AnalogModel, convert
from analogsim.experiment.deal import all_images
from analogsim.experiment.local import Local
from analogsim.experiment.place import Place
from analogsim.experiment.score import select
from analogsim.experiment.statistics import ByChip
from analogsim.experiment.study import Study
from analogsim.inputs import Data, load_data
from device_models.registry import parse
from tests.crossbar.nets import small_inputs, small_net
from tests.experiment import small

DAY = 86400.0


@lru_cache(maxsize=8)
def analog(preset: str = "pcm", **options: Any) -> AnalogModel:
    """A net with a grouped, a dilated and a split layer."""
    return convert(small_net(), preset=preset, calibrate=small_inputs(), **options)


@lru_cache(maxsize=8)
def plan(preset: str = "pcm", **options: Any) -> Plan:
    full = analog(preset, **options)
    return Plan(forms=Forms(full, small_inputs(2)), device=full.device)


def contrast(made: Plan, name: str, mode: str) -> Any:
    (found,) = [c for c in made.by_source() if (c.name, c.mode) == (name, mode)]
    return found


def logits(chip: Any, x: Tensor | None = None) -> Tensor:
    """Without seeding: of chips whose products have no noise."""
    with torch.inference_mode():
        found: Tensor = chip(small_inputs(4) if x is None else x)
    return found


@lru_cache(maxsize=1)
def digits() -> Data:
    return select(load_data("digits"), {**all_images(60), "total": 360})


def study(**changes: Any) -> Study:
    fields: dict[str, Any] = {"command": "analogsim attribute", "compensations": ("global",)}
    fields |= {"devices": (parse("pcm?noise_scale=6"),), "times_s": (DAY,)}
    return small.study(**(fields | changes))


def run(
    folder: Path, ask: Ask | None = None, place: Place | None = None, **changes: Any
) -> Attribution:
    """Run in this process."""
    return attribute(
        study(**changes),
        small.analog(),
        digits(),
        ask or Ask(),
        folder,
        place or Local(1),
        lambda done, total, what: None,
    )


def accuracies_only(by_chip: dict[int, float], n_images: int = 1000) -> ByChip:
    """As of records without single answers."""
    values = {chip: np.array([value]) for chip, value in by_chip.items()}
    return ByChip(values=values, n_images=n_images)
