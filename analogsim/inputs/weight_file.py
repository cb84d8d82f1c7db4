"""Read a file of weights into a plain dictionary of tensors, without running anything in it."""

import re
import warnings
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from analogsim.errors import InputError
from analogsim.inputs.archive import refuse_bomb
from analogsim.inputs.spec import few

WRAPPERS = ("state_dict", "model_state_dict", "model", "net")
TORCH_ENDINGS = (".pt", ".pth", ".th", ".bin")
SAFE_ENDINGS = (".safetensors",)
_MEND = "save it with safetensors, or as a plain state_dict with torch.save"


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a `.safetensors`, `.pt`, `.pth`, `.th` or `.bin` file, on the CPU.

    A torch file is loaded with `weights_only=True`, so no code in it runs. A wrapper such as
    `{"state_dict": ..., "epoch": 3}` is opened.

    Raises:
        InputError: the file is missing, damaged, of another kind, would need to run code, or
            holds something else than named tensors.
    """
    where = f"weights file {path}"
    if path.is_dir():
        raise InputError(f"{where} must be a file, got a folder; name the file inside it")
    if not path.is_file():
        raise InputError(f"{where} must exist, got no such file; check the path")
    ending = path.suffix.lower()
    if ending not in SAFE_ENDINGS + TORCH_ENDINGS:
        raise InputError(
            f"{where} ending must be one of {', '.join(SAFE_ENDINGS + TORCH_ENDINGS)}, "
            f"got {ending!r}; {_MEND}"
        )
    try:
        _refuse_text(path, where)
    except OSError as err:
        raise InputError(f"{where} must be readable, got {err}; check it") from err
    try:
        refuse_bomb(path, where=where, mend=_MEND)
        content = _read_safetensors(path, where) if ending in SAFE_ENDINGS else _read_torch(path)
    except InputError:
        raise
    # What a damaged pickle raises depends on where it is damaged: AssertionError and OSError, too.
    except Exception as err:
        raise _torch_in_words(err, where) from err
    return _tensors(_unwrap(content), where)


def _refuse_text(path: Path, where: str) -> None:
    with path.open("rb") as file:
        head = file.read(256)
    text = head.lstrip().lower()
    if not head:
        raise InputError(f"{where} must hold weights, got an empty file; fetch or save it again")
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise InputError(
            f"{where} must hold weights, got a web page ({head[:15]!r}); download the file itself"
        )
    if text.startswith(b"version https://git-lfs"):
        raise InputError(
            f"{where} must hold weights, got a Git LFS pointer ({head[:15]!r}); run git lfs pull"
        )


def _read_safetensors(path: Path, where: str) -> object:
    try:
        if str(path).isprintable():
            return safetensors.torch.load_file(path, device="cpu")
        # It takes no path that is not UTF-8.
        return safetensors.torch.load(path.read_bytes())
    # Also an error of the system, where the file is larger than the memory.
    except (safetensors.SafetensorError, OSError, RuntimeError, MemoryError) as err:
        raise InputError(
            f"{where} must be a whole safetensors file, got a damaged one ({err})"
            "; fetch or save it again"
        ) from err


def _read_torch(path: Path) -> object:
    # torch warns of formats that the caller refuses in words (TorchScript, sparse tensors, ...).
    with warnings.catch_warnings(action="ignore"):
        return torch.load(path, map_location="cpu", weights_only=True)


def _torch_in_words(err: BaseException, where: str) -> InputError:
    text = str(err)
    if "TorchScript" in text:
        return InputError(f"{where} must hold only weights, got a TorchScript program; {_MEND}")
    # The wording of torch's restricted unpickler for a name that is not a weight.
    code = re.search(r"GLOBAL ([\w.]+)", text)
    if code is not None:
        return InputError(
            f"{where} must hold only weights, got a pickle that needs to run {code[1]}; {_MEND}"
        )
    return InputError(
        f"{where} must be a whole file of torch.save, got a damaged or foreign one "
        f"({_reason(text) or type(err).__name__}); fetch it again, or {_MEND}"
    )


def _reason(text: str) -> str:
    """What torch says in the middle; around it, it advises to allow code execution."""
    _, _, after = text.partition("WeightsUnpickler error:")
    if after:
        text = after
    elif "weights_only" in text:
        return ""
    return re.split(r"\.\s", text.strip().partition("\n")[0])[0][:200]


def _unwrap(content: object) -> object:
    # {"state_dict": {"model": {...}}} happens; deeper nesting does not.
    for _ in range(3):
        if not isinstance(content, Mapping):
            break
        inner = next((key for key in WRAPPERS if isinstance(content.get(key), Mapping)), None)
        if inner is None:
            break
        content = content[inner]
    return content


def _tensors(content: object, where: str) -> dict[str, Tensor]:
    if not isinstance(content, Mapping):
        raise InputError(
            f"{where} must hold a dictionary of tensors, got {type(content).__name__}; {_MEND}"
        )
    strangers = [f"{k} ({type(v).__name__})" for k, v in content.items() if not _is_entry(k, v)]
    if strangers or not content:
        raise InputError(
            f"{where} must hold only named tensors, got {few(strangers) or 'none'}; {_MEND}"
            f" (wrappers understood: {', '.join(WRAPPERS)})"
        )
    return dict(content)


def _is_entry(key: object, value: object) -> bool:
    return isinstance(key, str) and isinstance(value, Tensor) and value.layout == torch.strided
