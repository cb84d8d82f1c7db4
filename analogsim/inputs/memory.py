"""Networks and images that a caller in Python holds in memory."""

import hashlib
import inspect
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, RandomSampler, SequentialSampler, TensorDataset
from torch.utils.data.dataloader import default_collate

from analogsim.copying import copy_network
from analogsim.errors import InputError
from analogsim.inputs.data import AS_STORED, Data
from analogsim.inputs.images import MeanStd, TensorImages, make_normalise
from analogsim.inputs.labels import as_tensor, class_numbers, one_hot_width, without_values
from analogsim.inputs.models import Model
from analogsim.inputs.names import MEMORY
from analogsim.inputs.npz import as_images
from analogsim.inputs.user_data import SizedDataset, look_at

# Whose code a version names.
_LIBRARIES = {"torch", "torchvision", "analogsim"}


def network_in_memory(module: object) -> Model:
    """A copy of a network on the CPU and in eval mode, called `memory:CLASS`.

    Raises:
        InputError: it is no digital network, or cannot be copied.
    """
    ours = type(module).__module__.startswith("analogsim.crossbar.")
    if not isinstance(module, nn.Module) or ours:
        raise InputError(
            f"model must be a digital network, got {type(module).__name__}; give an nn.Module, "
            "zoo:NAME, FILE.py:FACTORY or a folder written by convert"
        )
    copied, notes = copy_network(module)
    return Model(
        module=copied,
        spec=f"{MEMORY}{type(copied).__name__}",
        input_shape=None,
        n_classes=None,
        trained=True,
        note="; ".join(["given in Python", *(note.rstrip(".") for note in notes)]),
    )


def structure_fingerprints(module: nn.Module) -> dict[str, str]:
    """What a network in memory computes, as far as it can be read: its parts, and its own code.

    Its weights have a fingerprint of their own. Code that was typed where Python keeps no source
    is not seen.
    """
    found = {"structure of the network": hashlib.sha256(repr(module).encode()).hexdigest()}
    for kind in {type(part): None for part in module.modules()}:
        if kind.__module__.partition(".")[0] in _LIBRARIES:
            continue
        try:
            source = inspect.getsource(kind)
        except (OSError, TypeError):
            continue
        found[f"code of {kind.__qualname__}"] = hashlib.sha256(source.encode()).hexdigest()
    return found


def data_in_memory(given: object, normalise: MeanStd | None = None) -> Data:
    """Images and labels as the studies take them.

    Args:
        given: `(images, labels)`, arrays or tensors; a torch Dataset of such pairs, with a length;
            a plain DataLoader, whose data set is read in its own order; or what `load_data` gave.
            Images are floating point (n, ...), as the network takes them, or bytes as in an npz
            file, which become 0..1. Labels are class numbers or one-hot.
        normalise: mean and std of each channel, for arrays of images.

    Raises:
        InputError: it is something else, or holds what cannot be evaluated.
    """
    if isinstance(given, Data):
        return given
    if isinstance(given, DataLoader):
        given = _behind(given)
    if isinstance(given, TensorDataset) and len(given.tensors) == 2:
        given = given.tensors
    if isinstance(given, tuple | list) and len(given) == 2:
        images, labels = given
        return _of_arrays(images, labels, normalise)
    if normalise is not None:
        raise InputError(
            f"data normalisation must be done by the data set, got mean {normalise[0]} and std "
            f"{normalise[1]}; drop the option"
        )
    if not isinstance(given, SizedDataset):
        raise InputError(
            "data in memory must be (images, labels), a torch Dataset with a length or a "
            f"DataLoader of one, got {type(given).__name__}; give one of these"
        )
    found = look_at(given, "data in memory", sides=0)
    return Data(
        name=f"{MEMORY}{type(given).__name__}",
        dataset=found.dataset,
        n_classes=found.n_classes,
        input_shape=found.shape,
        normalisation="as the data set made it",
        note=f"{found.count} images, given in Python",
    )


def _behind(loader: DataLoader[object]) -> object:
    """The data set of a loader that changes nothing but the order."""
    plain = isinstance(loader.sampler, SequentialSampler | RandomSampler)
    if not plain or loader.collate_fn is not default_collate:
        got = type(loader.sampler).__name__ if not plain else "a collate_fn of its own"
        raise InputError(
            f"data loader must be a plain one, got {got}; give the data set (a Subset of it), or "
            "(images, labels)"
        )
    return loader.dataset


def _of_arrays(images: object, labels: object, asked: MeanStd | None) -> Data:
    where = "data in memory"
    pixels = _numbers(images, where)
    as_bytes = pixels.dtype == torch.uint8
    if as_bytes or asked is not None:
        pixels, _ = as_images(pixels.numpy(), f"{where} images")
    elif not pixels.is_floating_point() or pixels.dim() < 2 or not len(pixels):
        raise InputError(
            f"{where} images must be floating point (n, ...) or bytes, got {pixels.dtype} "
            f"{tuple(pixels.shape)}; convert them"
        )
    rows = as_tensor(labels, where=f"{where} labels").cpu()
    classes = class_numbers(rows, count=len(pixels), where=f"{where} labels")
    dataset: Dataset[Any] = TensorDataset(pixels, classes)
    normalisation = "x (as given)"
    if as_bytes or asked is not None:
        divisor, source = AS_STORED[as_bytes]
        channels = pixels.shape[1]
        how = make_normalise(
            asked, None, channels=channels, divisor=divisor, source=source, where=where
        )
        dataset, normalisation = TensorImages(pixels, classes, how), str(how)
    return Data(
        name=f"{MEMORY}arrays",
        dataset=dataset,
        n_classes=one_hot_width(rows),
        input_shape=tuple(pixels.shape[1:]),
        normalisation=normalisation,
        note=f"{len(pixels)} images, given in Python",
    )


def _numbers(images: object, where: str) -> Tensor:
    """Images as a tensor on the CPU, which nothing that the caller does later reaches."""
    if isinstance(images, Tensor):
        fault = without_values(images)
        if fault is not None:
            raise InputError(f"{where} images must be numbers in memory, got {fault}; load them")
        return images.detach().cpu().clone()
    if isinstance(images, np.ndarray) and images.dtype.kind in "uif":
        return torch.from_numpy(np.array(images, dtype=images.dtype.newbyteorder("=")))
    raise InputError(
        f"{where} images must be an array or a tensor, got {type(images).__name__}; give "
        "(images, labels) or a torch Dataset of such pairs"
    )
