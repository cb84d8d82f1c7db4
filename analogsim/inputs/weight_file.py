"""Read a file of weights into a plain dictionary of tensors, without running anything in it."""

import re
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from analogsim.errors import InputError
from analogsim.inputs.weight_choice import Weights, choose_weights
from analogsim.inputs.weight_kind import Kind, kind_of
from analogsim.inputs.weight_pickle import load_torch
from analogsim.inputs.weight_shards import read_index

_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})(\.\w+)")


def read_weight_file(path: Path) -> Weights:
    """The tensors of a weight file on the CPU, and what was chosen in it.

    The content says how it is read: safetensors, a file of torch.save (`weights_only=True`, so
    no code in it runs), or the JSON index of several such files in the same folder. A wrapper
    such as `{"state_dict": ..., "epoch": 3}` is opened.

    Raises:
        InputError: the file is missing, damaged, of another kind, would need to run code, or
            holds something else than named tensors.
    """
    where = f"weights file {path}"
    if path.is_dir():
        raise InputError(f"{where} must be a file, got a folder; name the file inside it")
    if not path.is_file():
        raise InputError(f"{where} must exist, got no such file; check the path")
    _refuse_shard(path, where)
    try:
        seen = kind_of(path, where=where)
        if seen.kind is Kind.INDEX:
            content: object = _read_shards(path, where)
        else:
            content = _read_one(path, seen.kind, where)
    except OSError as err:
        raise InputError(f"{where} must be readable, got {err}; check it") from err
    chosen = choose_weights(content, where=where)
    if not seen.by_content:
        return chosen
    note = f"by its content, {path.name} is {seen.kind.value}"
    return Weights(tensors=chosen.tensors, notes=(note, *chosen.notes))


def _refuse_shard(path: Path, where: str) -> None:
    shard = _SHARD.fullmatch(path.name)
    if shard is not None and int(shard[3]) > 1:
        raise InputError(
            f"{where} must hold the whole network, got part {int(shard[2])} of {int(shard[3])}"
            f"; name {shard[1]}{shard[4]}.index.json beside it"
        )


def _read_one(path: Path, kind: Kind, where: str) -> object:
    return load_torch(path, where=where) if kind is Kind.TORCH else _read_safetensors(path, where)


def _read_shards(path: Path, where: str) -> dict[object, object]:
    found: dict[object, object] = {}
    for member, names in read_index(path, where=where).items():
        part = f"{where} part {member.name}"
        kind = kind_of(member, where=part).kind
        if kind is Kind.INDEX:
            raise InputError(f"{part} must hold tensors, got another index; name that one itself")
        content = _read_one(member, kind, part)
        if not isinstance(content, dict):
            raise InputError(
                f"{part} must hold a dictionary of tensors, got {type(content).__name__}"
                "; fetch the original file"
            )
        twice = [str(key) for key in content if key in found]
        if twice:
            raise InputError(
                f"{part} tensors must stand in one part only, got {twice[0]} in a second one"
                "; fetch the original files"
            )
        found |= content
        lacks = [key for key in names if key not in content]
        if lacks:
            raise InputError(
                f"{part} must hold what the index says, got no {lacks[0]}; fetch the original files"
            )
    return found


def _read_safetensors(path: Path, where: str) -> dict[str, Tensor]:
    try:
        if str(path).isprintable():
            return safetensors.torch.load_file(path, device="cpu")
        # It takes no path that is not UTF-8.
        return safetensors.torch.load(path.read_bytes())
    # Also an error of the system, where the file is larger than the memory. A type of numbers
    # that torch lacks is a KeyError.
    except (safetensors.SafetensorError, OSError, RuntimeError, MemoryError, KeyError) as err:
        raise InputError(
            f"{where} must be a whole safetensors file, got a damaged one ({err})"
            "; fetch or save it again"
        ) from err
