"""`--layers auto`: which layers are hardened, as an attribution names them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch

from analogsim.draws.addresses import seed_of
from analogsim.errors import InputError
from analogsim.experiment.folder import prepare_folder
from analogsim.experiment.sealed import read_sealed
from analogsim.hardening.method import AUTO, Hardening
from analogsim.inputs.data import Data
from analogsim.inputs.memory import data_in_memory
from analogsim.own_files import own_folder
from analogsim.report.attribution import ATTRIBUTION_FILE, FORMAT, VERSION, Attribution
from analogsim.spec.attribution import AttributionSpec
from analogsim.spec.file import spec_of_content
from analogsim.studies.attribution import compute_attribution
from analogsim.studies.given import Given
from analogsim.studies.where import Where
from analogsim.training.plan import PLAN_FILE
from analogsim.training.task import Training, images_in_memory

LAYERS_FOLDER = "layers"
_CHIPS = 4
_RECOVER = 0.8


def with_named_layers(training: Training, given: Given, where: Where) -> Training:
    """The training with the layers by name, where its method asks for `auto`.

    The attribution lies in `layers/`. It is made on the training images that are held out, so that
    neither the images of the study nor its chips choose, at the last of the times.

    Raises:
        InputError: no layer is named; or as `compute_attribution`.
    """
    method = training.method
    if not isinstance(method, Hardening) or method.layers != (AUTO,):
        return training
    if not (where.output / PLAN_FILE).is_file():
        prepare_folder(where.output, (LAYERS_FOLDER,))
    folder = own_folder(where.output / LAYERS_FOLDER)
    held = _held(training)
    spec = _spec(training, method, held)
    inside = dataclasses.replace(where, output=folder)
    compute_attribution(spec, inside, Given(model=given.model, data=held, train=training.train))
    found: Any = read_sealed(folder / ATTRIBUTION_FILE, name=FORMAT, version=VERSION, todo="")
    names, why = _named(found)
    where.tell(f"harden: {why}")
    method = dataclasses.replace(method, layers=names, why_layers=why)
    return dataclasses.replace(training, method=method)


def _held(training: Training) -> Data:
    recipe = training.recipe
    images = images_in_memory(training.train, recipe, torch.device("cpu"))
    _, held = images.without(training.method.held_out, seed=recipe.seed)
    return data_in_memory((held.normalise(held.images).float(), held.labels))


def _spec(training: Training, method: Hardening, held: Data) -> AttributionSpec:
    injection = method.injection
    content: dict[str, Any] = {
        "kind": "attribution",
        "question": f"Which layers of {training.model} does {method.preset} cost accuracy?",
        "model": training.model,
        "data": held.name,
        "presets": [method.preset],
        "times": [max(injection.times_s)],
        "compensation": [injection.compensation],
        "periphery": method.periphery,
        # Other chips than the study's.
        "seed": seed_of(injection.seed, "hardening layers") % 2**31,
        "design": {"chips": _CHIPS},
        "only": "layers",
        "recover": _RECOVER,
        **({} if training.weights is None else {"weights": str(training.weights)}),
        **({"effects": list(method.effects)} if method.effects else {}),
        **({"keep_digital": list(method.keep_digital)} if method.keep_digital else {}),
    }
    found = spec_of_content(content, "the attribution before hardening")
    assert isinstance(found, AttributionSpec)
    return found


def _named(found: Attribution) -> tuple[tuple[str, ...], str]:
    """The layers, and in words why these."""
    suggestion = found["suggestion"]
    if suggestion is None:
        raise InputError(
            f"layers auto must find layers that cost accuracy, got none: {found['no_suggestion']}; "
            "name them, or leave --layers out to harden all"
        )
    names = tuple(suggestion["keep_digital"])
    gains: Mapping[str, float] = {
        row["name"]: row["loss"] or 0.0
        for row in found["rows"]
        if row["kind"] == "layer" and row["mode"] == "without"
    }
    short = "" if suggestion["reached"] else " (all that gain, which falls short of it)"
    each = ", ".join(f"{name} ({100 * gains[name]:.1f} points)" for name in names)
    return names, (
        f"layers {each} are hardened: {suggestion['asked']}{short}, by what each gains when it "
        f"alone is digital, on {found['n_images']} held-out training images and "
        f"{found['chips']} chips of their own"
    )
