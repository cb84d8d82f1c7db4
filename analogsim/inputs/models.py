"""Load the network that a command was asked to work on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from analogsim.centring import centre_for_
from analogsim.errors import InputError
from analogsim.inputs.names import ZOO_PREFIX, check_model
from analogsim.inputs.spec import few
from analogsim.inputs.state import load_state_with_notes_, refuse_non_finite
from analogsim.inputs.trained_folder import WEIGHTS_FILE, is_trained_folder, read_trained
from analogsim.inputs.user_file import load_object
from analogsim.inputs.weight_file import read_weight_file
from analogsim.inputs.zoo import parse_zoo
from analogsim.lowrank import adapt_for_

# The start of an untrained network is drawn from this seed, so that a spec always names the
# same network.
START_SEED = 0


@dataclass(frozen=True, kw_only=True)
class Model:
    """A network to convert.

    Attributes:
        module: the network in eval mode, on the device where it was made.
        spec: the text that named it.
        input_shape: (channels, height, width) of one image, where known.
        n_classes: how many outputs it has, where known.
        trained: False where its weights are known to be a random start.
        note: one line on where its weights come from, and on what was chosen or left out there.
        files: the user's code that made it, name and sha256.
        input_ranges: full scale of the DAC of layers by name, where these were learned.
    """

    module: nn.Module
    spec: str
    input_shape: tuple[int, ...] | None
    n_classes: int | None
    trained: bool
    note: str
    files: Mapping[str, str] = field(default_factory=dict)
    input_ranges: Mapping[str, float] = field(default_factory=dict)


def load_model(
    spec: str, *, weights: Path | str | None = None, network: str | None = None
) -> Model:
    """Load `zoo:NAME?norm=...&classes=...`, `path/to/file.py:factory` or a training's folder.

    Torch's global random state is the same afterwards as before. What the network draws at
    its start is drawn from a fixed seed.

    Args:
        spec: a zoo network, or a callable in a file, called without arguments, that returns
            an `nn.Module`. The file runs with the rights of the user who names it. Or a folder
            that `train` or `harden` wrote, with its weights.
        weights: safetensors, a file of torch.save (loaded with `weights_only=True`; no pickle
            is executed), or the index of several; the content says which. Without it, a zoo
            network takes the weights shipped with analogsim where there are some, and a
            factory's network stays as the factory made it.
        network: the file's callable, for a folder that was trained from one.

    Raises:
        InputError: the spec, the user's file or the weights cannot be used as given.
    """
    weights = None if weights is None else Path(weights)
    if spec.startswith(ZOO_PREFIX):
        return _zoo_model(spec, weights)
    folder = Path(spec)
    if is_trained_folder(folder):
        if weights is not None:
            raise InputError(f"folder {folder} holds its weights, got --weights too; leave it out")
        trained = read_trained(folder, network)
        made = load_model(trained.model, weights=folder / WEIGHTS_FILE)
        return replace(made, spec=spec, input_ranges=trained.input_ranges)
    if folder.is_dir():
        raise InputError(
            f"model {spec!r} must be a zoo name, FILE.py:FACTORY or a folder written by train or "
            "harden here, got another folder; load one written by convert with analogsim.load"
        )
    check_model(spec)
    return _user_model(spec, weights)


@contextmanager
def _fixed_start() -> Iterator[None]:
    # torch.manual_seed would also seed the GPUs, whose state is not restored here.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(START_SEED)
        yield


def _zoo_model(spec: str, weights: Path | None) -> Model:
    choice = parse_zoo(spec)
    with _fixed_start():
        module = choice.build()
    source = weights if weights is not None else choice.shipped_weights
    if source is None:
        note = "untrained: random start, no weights shipped for this network; give --weights"
    else:
        shipped = f"weights shipped with analogsim ({source.name})"
        origin = shipped if weights is None else f"weights from {source}"
        note = _load_(module, source, origin)
    return Model(
        module=module.eval(),
        spec=spec,
        input_shape=choice.network.input_shape,
        n_classes=choice.classes,
        trained=source is not None,
        note=note,
    )


def _load_(module: nn.Module, source: Path, origin: str) -> str:
    """Load a file's weights into a network; return the note on them."""
    read = read_weight_file(source)
    beside = [centre_for_(module, read.tensors), adapt_for_(module, read.tensors)]
    notes = load_state_with_notes_(module, read.tensors, where=f"weights file {source}")
    return "; ".join([origin, *filter(None, beside), *read.notes, *notes])


def _user_model(spec: str, weights: Path | None) -> Model:
    with _fixed_start():
        made = load_object(spec, what="model")
    module = made.value
    if not isinstance(module, nn.Module):
        raise InputError(
            f"model factory {spec} must return an nn.Module, got {type(module).__name__}"
            "; return the network itself"
        )
    tensors = module.state_dict(keep_vars=True)
    lazy = [key for key, tensor in tensors.items() if is_lazy(tensor)]
    if lazy:
        raise InputError(
            f"model factory {spec} parameters must have shapes, got lazy ones in {few(lazy)}"
            "; run one image through the network before returning it"
        )
    if weights is None:
        note = "weights as the factory made them"
        refuse_non_finite(
            {k: t for k, t in tensors.items() if isinstance(t, torch.Tensor)},
            where=f"model factory {spec}",
        )
    else:
        note = _load_(module, weights, f"weights from {weights}")
    return Model(
        module=module.eval(),
        spec=spec,
        input_shape=None,
        n_classes=None,
        trained=True,
        note=note,
        files=made.files,
    )
