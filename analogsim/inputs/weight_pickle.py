"""Load a file of torch.save without running anything in it.

torch's restricted unpickler knows tensors, numbers, text and containers. Training scripts put
more beside the weights: options, paths, numpy's numbers. Those names get stand-ins here, which
forget whatever they are given. So not even numpy's or argparse's own code runs, and a file can
do nothing with them.
"""

import mmap
import re
import tarfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch.serialization import (
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
    get_unsafe_globals_in_checkpoint,
)

from analogsim.errors import InputError
from analogsim.inputs.pickle_cost import refuse_costly
from analogsim.inputs.weight_kind import MEND


class Forgotten:
    """Stands for a value beside the weights; it keeps nothing of what it is made from."""

    def __new__(cls, *_parts: object) -> "Forgotten":
        return super().__new__(cls)

    def __init__(self, *_parts: object) -> None:
        pass

    def __setstate__(self, _state: object) -> None:
        pass


def _number_type(name: object, *_flags: object) -> Forgotten:
    """Stands for numpy.dtype; only the types of plain numbers, text and times."""
    if not (isinstance(name, str) and re.fullmatch(r"[biufcSUmM]\d{1,4}", name)):
        raise UnpicklingError(f"NUMPY type {name!r}")
    return Forgotten()


def _dictionary(_factory: object = None) -> dict[object, object]:
    """Stands for collections.defaultdict."""
    return {}


_PICKLE_BYTES = 1 << 23
_ZIP = b"PK\x03\x04"
# The magic number, the version, the system's sizes, the content and the names of its storages.
_LEGACY_PICKLES = 5
_NUMBERS = "Bool Int8 UInt8 Int16 UInt16 Int32 UInt32 Int64 UInt64 Float16 Float32 Float64"
_PATHS = ("PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath")
ALLOWED: dict[str, Any] = {
    "argparse.Namespace": Forgotten,
    "types.SimpleNamespace": Forgotten,
    # Python 3.13 moved the classes.
    **{f"{home}.{name}": Forgotten for home in ("pathlib", "pathlib._local") for name in _PATHS},
    **{f"numpy.{core}.multiarray.scalar": Forgotten for core in ("core", "_core")},
    **{f"numpy.dtypes.{name}DType": Forgotten for name in _NUMBERS.split()},
    "numpy.dtype": _number_type,
    "collections.defaultdict": _dictionary,
    # What a defaultdict makes.
    **{f"builtins.{name}": Forgotten for name in ("dict", "list", "int", "float")},
}
"""The names that a file may use beside those of torch's restricted unpickler. No other, ever."""


def load_torch(path: Path, *, where: str, mend: str = MEND) -> object:
    """What torch.save put into a file, on the CPU; values beside the weights are `Forgotten`.

    What another module of this process has allowed torch to unpickle is not allowed here. `mend`
    is what an error says to do.

    Raises:
        InputError: the file is damaged, costs far more than its size, or would need to run code.
    """
    _refuse_costly(path, where, mend)
    # torch warns of formats that the caller refuses in words.
    with warnings.catch_warnings(action="ignore"), _only_allowed():
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        # What a damaged pickle raises depends on where it is damaged: AssertionError, OSError, too.
        except Exception as err:
            raise _in_words(err, path, where, mend) from err


def _refuse_costly(path: Path, where: str, mend: str) -> None:
    """As `refuse_costly`, of the pickles that torch will read."""
    with path.open("rb") as file:
        head = file.read(tarfile.BLOCKSIZE)
        if head.startswith(_ZIP):
            # It takes where the file stands for its beginning.
            file.seek(0)
            try:
                # Torch's own reader: another one may see another member under the name.
                content: bytes = torch._C.PyTorchFileReader(file).get_record("data.pkl")
            # A damaged archive; torch.load says so.
            except Exception:
                return
            refuse_costly(content, where=where, mend=mend)
            return
        _refuse_tar(head, where, mend)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            refuse_costly(mapped, count=_LEGACY_PICKLES, where=where, mend=mend)


def _refuse_tar(head: bytes, where: str, mend: str) -> None:
    """torch.load opens whatever begins as a tar archive does, even with a pickle in its name."""
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return
    raise InputError(f"{where} must be a file of torch.save, got a tar archive; {mend}")


@contextmanager
def _only_allowed() -> Iterator[None]:
    before = get_safe_globals()
    clear_safe_globals()
    try:
        add_safe_globals([(stand_in, name) for name, stand_in in ALLOWED.items()])
        yield
    finally:
        clear_safe_globals()
        add_safe_globals(before)


def _in_words(err: Exception, path: Path, where: str, mend: str) -> InputError:
    text = str(err)
    numpy_type = re.search(r"NUMPY type (.{1,40})", text)
    if numpy_type is not None:
        return InputError(
            f"{where} must hold only weights and plain numbers, got a numpy value of type "
            f"{numpy_type[1]}; {mend}"
        )
    if "DTensor" in text:
        return InputError(
            f"{where} must hold whole tensors, got DTensors, which lie in pieces on several "
            "devices; gather each with full_tensor() before torch.save"
        )
    # The wording of torch's restricted unpickler for a name that is not a weight.
    code = re.search(r"GLOBAL ([\w.]+)", text)
    if code is not None:
        layer = _layer_inside(path, code[1])
        if layer is not None:
            return InputError(
                f"{where} must hold only weights, got a whole pickled network, which needs to run "
                f"{layer}; save it with torch.save(model.state_dict(), FILE)"
            )
        return InputError(
            f"{where} must hold only weights, got a pickle that needs to run {code[1]}; {mend}"
        )
    return InputError(
        f"{where} must be a whole file of torch.save, got a damaged or foreign one "
        f"({_reason(text) or type(err).__name__}); fetch it again, or {mend}"
    )


def _layer_inside(path: Path, first: str) -> str | None:
    """A layer of torch that the pickle asks for, if it does; `first` is the name met first."""
    try:
        names = sorted(get_unsafe_globals_in_checkpoint(path))
    # It reads zip archives only, and only sound ones; before these, the pickle came first.
    except Exception:
        with path.open("rb") as file:
            found = re.findall(rb"c(torch\.nn\.modules\.[\w.]+)\n(\w+)\n", file.read(_PICKLE_BYTES))
        names = [f"{home.decode()}.{name.decode()}" for home, name in found]
    return next((n for n in (first, *names) if n.startswith("torch.nn.modules.")), None)


def _reason(text: str) -> str:
    """What torch says in the middle; around it, it advises to allow code execution."""
    _, _, after = text.partition("WeightsUnpickler error:")
    if after:
        text = after
    elif "weights_only" in text:
        return ""
    return re.split(r"\.\s", text.strip().partition("\n")[0])[0][:200]
