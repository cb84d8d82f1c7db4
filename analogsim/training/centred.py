"""A network with centred inputs, in a folder that every command takes as its MODEL."""

import hashlib
from importlib.metadata import version
from pathlib import Path

import safetensors.torch
import torch

from analogsim import own_files
from analogsim._version import __version__
from analogsim.centring import centre
from analogsim.errors import InputError, OutputError
from analogsim.experiment.folder import unwritable
from analogsim.inputs.batching import batches
from analogsim.inputs.data import Data
from analogsim.inputs.fit import as_network, check_fit
from analogsim.inputs.models import Model
from analogsim.inputs.trained_folder import PROVENANCE_FILE, WEIGHTS_FILE
from analogsim.schema import dumps

_BATCH = 100


def write_centred(model: Model, train: Data, folder: Path, *, images: int) -> int:
    """Centre the inputs of a network's layers, and write its weights and what they are.

    Args:
        model: trained, by its name or from the user's code.
        train: training images.
        folder: new, empty, or with the same in it.
        images: over how many the means are taken, the first ones.

    Returns:
        How many layers have centred inputs.

    Raises:
        InputError: the network cannot be centred (see `centre`), or is not trained.
        OutputError: the folder holds something else, or cannot be written.
    """
    if not model.trained or Path(model.spec).is_dir():
        got = f"folder {model.spec}" if model.trained else model.note
        raise InputError(
            f"model to centre must be zoo:NAME or FILE.py:FACTORY with trained weights, got {got}; "
            "name its network, and its weights with --weights"
        )
    check_fit(model, train)
    taken = [as_network(model.module, x) for x, _ in batches(train, _BATCH, images)]
    made = centre(model.module, taken)
    weights = {name: t.detach().clone().contiguous() for name, t in made.state_dict().items()}
    content = safetensors.torch.save(weights)
    layers = sum(name.endswith(".centre.mean") for name in weights)
    provenance = {
        "model": model.spec,
        "file": WEIGHTS_FILE,
        "sha256": hashlib.sha256(content).hexdigest(),
        "n_parameters": sum(p.numel() for p in made.parameters()),
        "centred": {"layers": layers, "images": sum(map(len, taken)), "of": model.note},
        "data": train.name,
        "train_images": train.note,
        "normalisation": train.normalisation,
        "versions": {
            "analogsim": __version__,
            "torch": torch.__version__,
            "safetensors": version("safetensors"),
        },
    }
    try:
        with own_files.arriving(folder, (WEIGHTS_FILE, PROVENANCE_FILE)) as draft:
            (draft / WEIGHTS_FILE).write_bytes(content)
            (draft / PROVENANCE_FILE).write_text(dumps(provenance, indent=2) + "\n")
    except OSError as error:
        raise OutputError(unwritable(folder, error)) from error
    return layers
