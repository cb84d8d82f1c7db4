"""Saved chips, and trainings that were broken off."""

import hashlib
import json
import tempfile
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from random import Random

import torch

import analogsim
from analogsim.crossbar.folder.checkpoint import ModelNote
from analogsim.experiment.deal import all_images
from analogsim.experiment.score import select
from analogsim.inputs import batches, load_data, load_model
from analogsim.training.recipe import default_recipe
from analogsim.training.run import train
from analogsim.training.state import State, write_state
from analogsim.training.task import Training
from tests.fuzz.guard import Target
from tests.fuzz.mutate import edited, mutated, written
from tests.fuzz.pickles import members, mutated_pickle, shuffled, zipped
from tests.fuzz.runs import in_folder, kept_of, unsealed
from tests.fuzz.weights import MODEL, mutated_safetensors

PRESETS = ("pcm", "rram", "gaussian")


@lru_cache(maxsize=1)
def images() -> torch.Tensor:
    return next(batches(load_data("digits"), 4))[0]


@lru_cache(maxsize=3)
def chip(preset: str) -> dict[str, bytes]:
    """The files of a saved chip."""
    with tempfile.TemporaryDirectory() as name:
        analog = analogsim.convert(load_model(MODEL).module, preset, calibrate=images())
        made = analogsim.program(analog, seed=1)
        analogsim.save(made, Path(name) / "c", model=ModelNote(spec=MODEL, input_shape=(1, 8, 8)))
        return {path.name: path.read_bytes() for path in sorted((Path(name) / "c").iterdir())}


def _chip(folder: Path, draw: Random | None) -> None:
    files = dict(chip(PRESETS[0] if draw is None else draw.choice(PRESETS)))
    if draw is not None:
        for _ in range(draw.choice((1, 1, 2))):
            name = draw.choice(("chip.json", "chip.json", *sorted(files)))
            content = files[name]
            if name.endswith(".safetensors"):
                files[name] = mutated_safetensors(content, draw)
            elif draw.random() < 0.2:
                files[name] = mutated(content, draw)
            else:
                try:
                    files[name] = written(unsealed(edited(json.loads(content), draw)))
                except (ValueError, RecursionError):
                    continue
        if draw.random() < 0.9:
            files["chip.json"] = _with_digests(files)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _with_digests(files: dict[str, bytes]) -> bytes:
    """As whoever makes such a folder puts them right."""
    try:
        content = json.loads(files["chip.json"])
        for name in content["sha256"]:
            content["sha256"][name] = hashlib.sha256(files[name]).hexdigest()
    except (ValueError, KeyError, TypeError, RecursionError):
        return files["chip.json"]
    return written(unsealed(content))


def _read_chip(folder: Path) -> None:
    loaded = analogsim.load(folder, model=load_model(MODEL).module)
    with torch.inference_mode():
        loaded(images())
    if loaded.t_s is None:
        loaded.drift_(86400.0)


@lru_cache(maxsize=1)
def training() -> Training:
    recipe = replace(default_recipe(MODEL, "digits"), epochs=1, ema_decay=0.9, batch_size=32)
    few = select(load_data("digits", split="train"), {**all_images(64), "total": 1437})
    return Training(model=MODEL, train=few, test=few, recipe=recipe, command="analogsim train ...")


def _training(folder: Path) -> None:
    """As it lies between its last epoch and its end."""
    kept: list[State] = []
    module = "analogsim.training.run.write_state"
    from unittest.mock import patch

    with patch(module, lambda where, state: (kept.append(state), write_state(where, state))):
        train(training(), folder)
    write_state(folder, kept[-1])
    for name in ("weights.safetensors", "weights.json"):
        (folder / name).unlink()


_broken_off = kept_of(_training)


def _resumed(folder: Path, draw: Random | None) -> None:
    files = dict(_broken_off())
    if draw is not None and draw.random() < 0.7:
        parts = members(files["state.pt"])
        if draw.random() < 0.3:
            parts = shuffled(parts, draw)
        else:
            parts = [
                (n, mutated_pickle(part, draw) if n.endswith("data.pkl") else part)
                for n, part in parts
            ]
        files["state.pt"] = zipped(parts, draw)
        draw = None
    in_folder(lambda: files)(folder, draw)


TARGETS = {
    "folder: saved chip": Target(make=_chip, read=_read_chip),
    "folder: training": Target(
        make=_resumed, read=lambda folder: train(training(), folder), writes=True
    ),
}
