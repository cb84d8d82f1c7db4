"""The end of a training: its weights, and where they come from."""

import hashlib
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import nn

from analogsim import own_files
from analogsim._version import __version__
from analogsim.errors import InputError, shown
from analogsim.experiment.folder import write_bytes_atomic, write_json_atomic
from analogsim.inputs.trained_folder import PROVENANCE_FILE, WEIGHTS_FILE
from analogsim.schema import field_problems, loads
from analogsim.training.log import read_log
from analogsim.training.method import SCORE, kept_epoch
from analogsim.training.task import Training, measure, model_with

# What a command says of a finished training.
_HINTS: dict[str, Any] = {
    "file": str,
    "stored": str,
    "sha256": str,
    "test_accuracy": float,
    "train_accuracy": float,
    "test_nan": int,
    "n_parameters": int,
    "epochs": int,
    "seconds": float,
}
UNCHANGED = 3e-4
"""How far half precision may move the test accuracy: 3 of 10,000 images, at a class's border."""


def read_provenance(folder: Path) -> dict[str, Any]:
    """What was written of a finished training.

    Raises:
        InputError: it cannot be read, or is something else.
    """
    path = folder / PROVENANCE_FILE
    try:
        found = loads(own_files.read_text(path))
    except (OSError, ValueError) as err:
        found = str(err)
    wrong = [] if isinstance(found, dict) else [f"content must be an object, got {shown(found)}"]
    if not wrong:
        known = {key: value for key, value in found.items() if key in _HINTS}
        wrong = list(field_problems(known, _HINTS))
    if wrong:
        raise InputError(
            f"training result {path} {'; '.join(wrong)}; restore it, or train again in another "
            "folder"
        )
    finished: dict[str, Any] = found
    return finished


def write_weights(
    training: Training, network: nn.Module, folder: Path, learned: Mapping[str, Any]
) -> dict[str, Any]:
    """Write the weights, measure them from the file, and write and return their provenance.

    `learned` is what it says of more than weights.

    In half precision, if that was asked for and moves the accuracy by no more than `UNCHANGED`.
    """
    curve = read_log(folder)
    kept, chosen = _kept(curve)
    file = _store(training, network, folder, kept["test_accuracy"])
    provenance: dict[str, Any] = {
        "model": training.model,
        **file,
        "n_parameters": sum(p.numel() for p in network.parameters()),
        "data": training.train.name,
        "train_images": training.train.note,
        "test_images": training.test.note,
        "normalisation": training.train.normalisation,
        "train_accuracy": kept["train_accuracy"],
        "epochs": training.recipe.epochs,
        "recipe": training.recipe.to_json() | dict(training.method.to_json()),
        "chosen": chosen,
        **learned,
        "command": training.command,
        "seconds": round(sum(entry["seconds"] for entry in curve), 1),
        "device": training.device,
        "threads": torch.get_num_threads(),
        "versions": {
            "analogsim": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": version("numpy"),
            "safetensors": version("safetensors"),
        },
        "date": datetime.now(UTC).date().isoformat(),
        "curve": curve,
    }
    write_json_atomic(folder / PROVENANCE_FILE, provenance)
    return provenance


def write_half(training: Training, folder: Path, finished: dict[str, Any]) -> dict[str, Any]:
    """Do to a finished training what it would have done with `half`; return its provenance."""
    made = model_with(training, folder / WEIGHTS_FILE)
    kept, _ = _kept(read_log(folder))
    file = _store(training, made.module, folder, kept["test_accuracy"])
    # What is said of the file comes first, as in `write_weights`, and replaces what was said.
    provenance = {"model": training.model, **file, **finished, **file, "command": training.command}
    write_json_atomic(folder / PROVENANCE_FILE, provenance)
    return provenance


def _kept(curve: list[dict[str, Any]]) -> tuple[dict[str, Any], str]:
    """The epoch whose weights are kept, and why."""
    if SCORE not in curve[-1]:
        return curve[-1], "the last epoch's weights; the test images chose nothing"
    kept = curve[kept_epoch(curve)]
    return kept, (
        f"the weights after epoch {kept['epoch']:g}, the last that is not told apart as worse than "
        "the best, on chips of its own with training images that were not trained on; the test "
        "images chose nothing"
    )


def _store(training: Training, network: nn.Module, folder: Path, accuracy: float) -> dict[str, Any]:
    """Write the weights; what the provenance says of the file. `accuracy` is in full precision."""
    file = _write(training, network, folder, half=training.half)
    if training.half and abs(file["test_accuracy"] - accuracy) > UNCHANGED:
        file = _write(training, network, folder, half=False)
    return file


def _write(training: Training, network: nn.Module, folder: Path, *, half: bool) -> dict[str, Any]:
    weights = {name: t.detach().cpu().contiguous() for name, t in network.state_dict().items()}
    if half:
        # Vectors are small, and a running variance may be smaller than float16 resolves.
        weights = {name: t.half() if t.dim() > 1 else t for name, t in weights.items()}
    content = safetensors.torch.save(weights)
    path = folder / WEIGHTS_FILE
    write_bytes_atomic(path, content)
    # Measured as a user will measure it: from the file, on the CPU.
    test = measure(model_with(training, path), training.test)
    return {
        "file": path.name,
        "stored": "float16" if half else "float32",
        "sha256": hashlib.sha256(content).hexdigest(),
        "test_accuracy": test.accuracy,
        "test_nan": test.n_nan,
    }
