"""The end of a training: its weights, and where they come from."""

import hashlib
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import nn

from analogsim._version import __version__
from analogsim.experiment.folder import write_bytes_atomic, write_json_atomic
from analogsim.inputs.models import load_model
from analogsim.training.log import read_log
from analogsim.training.plan import PROVENANCE_FILE, WEIGHTS_FILE
from analogsim.training.task import Training, measure


def write_weights(training: Training, network: nn.Module, folder: Path) -> dict[str, Any]:
    """Write the weights, measure them from the file, and write and return their provenance."""
    path = folder / WEIGHTS_FILE
    weights = {name: t.cpu().contiguous() for name, t in network.state_dict().items()}
    content = safetensors.torch.save(weights)
    write_bytes_atomic(path, content)
    # Measured as a user will measure it: from the file, on the CPU.
    test = measure(load_model(training.model, weights=path), training.test)
    curve = read_log(folder)
    provenance: dict[str, Any] = {
        "model": training.model,
        "file": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "n_parameters": sum(p.numel() for p in network.parameters()),
        "data": training.train.name,
        "train_images": training.train.note,
        "test_images": training.test.note,
        "normalisation": training.train.normalisation,
        "test_accuracy": test.accuracy,
        "test_nan": test.n_nan,
        "train_accuracy": curve[-1]["train_accuracy"],
        "epochs": training.recipe.epochs,
        "recipe": training.recipe.to_json(),
        "chosen": "the last epoch's weights; the test images chose nothing",
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
