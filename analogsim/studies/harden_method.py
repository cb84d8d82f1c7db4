"""How a network is hardened where nobody says otherwise: the recipe, and the method of options."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from analogsim.crossbar.chip.compensation import Compensation
from analogsim.hardening.chips import Injection
from analogsim.hardening.law import law_of
from analogsim.hardening.method import Hardening
from analogsim.spec.device import device_of
from analogsim.spec.device_toml import plain_preset
from analogsim.training.recipe import Recipe, default_recipe

USUAL_SCALE = 2.5
"""Of the device's noise. After a year 1 was not told apart on ResNet20 (`experiments/LOG.md`)."""


def default_hardening_recipe(model: str, data: str) -> Recipe:
    """As `default_recipe`, for a network that is trained already: shorter, at a tenth of the rate.

    Args:
        model, data: the texts that name them.
    """
    recipe = default_recipe(model, data)
    return dataclasses.replace(
        recipe, epochs=10, learning_rate=recipe.learning_rate / 10, warmup=0.1
    )


def method_of(
    n_train: int,
    *,
    preset: str,
    noise: str = "device",
    scale: float | None = None,
    times_s: Sequence[float] = (1.0, 3600.0, 86_400.0, 31_536_000.0),
    compensation: Compensation = "global",
    drop: float = 0.0,
    seed: int = 0,
    clip: float | None = None,
    lora: int = 0,
    **fields: Any,
) -> Hardening:
    """The method of hardening that the options of `harden` stand for.

    Args:
        n_train: number of training images, of which a tenth, 2 to 1,000, are held out.
        preset: the device, by name or in a file of the user's.
        noise: `device`, `gaussian:matched` or `gaussian:P%`, see `Law`.
        scale: of the noise; by default `USUAL_SCALE`, and 1 where `noise` states its size.
        times_s, compensation, drop, seed: see `Injection`.
        clip, lora: see `Hardening`; by default 2.5, and 0 with adapters.
        fields: the rest of `Hardening`'s.

    Raises:
        InputError: one cannot be used.
    """
    law, fraction = law_of(noise)
    if scale is None:
        scale = 1.0 if law == "column" else USUAL_SCALE
    injection = Injection(
        law=law,
        fraction=fraction,
        scale=scale,
        times_s=tuple(times_s),
        compensation=compensation,
        drop=drop,
        seed=seed,
    )
    held_out = max(2, min(1000, n_train // 10))
    preset = plain_preset(preset)
    if clip is None:
        clip = 0.0 if lora else Hardening.clip
    return Hardening(
        preset=preset,
        device=device_of(preset),
        injection=injection,
        held_out=held_out,
        clip=clip,
        lora=lora,
        **fields,
    )
