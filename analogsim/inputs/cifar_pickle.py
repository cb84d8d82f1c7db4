"""Read a CIFAR batch without executing its pickle.

The unpickler knows the five names with which numpy writes an array and nothing else. It does
not even call numpy's own: stand-ins collect the bytes, the shape and the type, so a damaged
or malicious file cannot build anything but lists, numbers, text and arrays.
"""

import io
import pickle
from collections.abc import Callable
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analogsim.errors import InputError, first_line
from analogsim.inputs.pickle_cost import refuse_costly

_FETCH = "fetch the original file"
_MOST_SIDES = 4
_TYPES = {"u1": np.uint8, "i4": np.int32, "i8": np.int64}


class _Type:
    """Stands in for numpy.dtype; the types of pixels and labels only."""

    def __init__(self, name: str | bytes, align: object = None, copy: object = None) -> None:
        text = name.decode("ascii") if isinstance(name, bytes) else name
        if text not in _TYPES:
            raise pickle.UnpicklingError(f"array type {text!r}")
        self.scalar = np.dtype(_TYPES[text])

    def __setstate__(self, state: tuple[object, ...]) -> None:
        if state[1] in {">", b">"}:
            self.scalar = self.scalar.newbyteorder(">")


class _Array:
    """Stands in for numpy.ndarray."""

    values: NDArray[np.integer]

    def __setstate__(self, state: tuple[object, ...]) -> None:
        _, shape, dtype, fortran, raw = state
        self.values = _array(raw, dtype, shape, "F" if fortran else "C")


def _array(raw: object, dtype: object, shape: object, order: object) -> NDArray[np.integer]:
    if not (
        isinstance(raw, bytes | bytearray)
        and isinstance(dtype, _Type)
        and isinstance(shape, tuple)
        and len(shape) <= _MOST_SIDES
        and all(isinstance(n, int) and n >= 0 for n in shape)
        and len(raw) == prod(shape) * dtype.scalar.itemsize
    ):
        raise pickle.UnpicklingError("an array with the wrong number of bytes")
    flat: NDArray[np.integer] = np.frombuffer(bytes(raw), dtype=dtype.scalar)
    return flat.reshape(shape, order="F" if order == "F" else "C")


def _reconstruct(subtype: object, shape: object, typecode: object) -> _Array:
    return _Array()


def _from_buffer(raw: object, dtype: object, shape: object, order: object) -> _Array:
    array = _Array()
    array.values = _array(raw, dtype, shape, order)
    return array


def _latin1(text: str, encoding: str = "latin1") -> bytes:
    # Python 3 writes bytes this way in protocol 2.
    return text.encode("latin1")


_ALLOWED: dict[tuple[str, str], Callable[..., object]] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _latin1,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _from_buffer for core in ("core", "_core")},
}


class _Refused(pickle.UnpicklingError):
    """The pickle asks for a name that no CIFAR batch needs."""


class _CifarUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Callable[..., object]:
        found = _ALLOWED.get((module, name))
        if found is None:
            raise _Refused(f"{module}.{name}")
        return found


def read_batch(path: Path, content: bytes, *, known: bool = False) -> dict[str, object]:
    """The dictionary of a CIFAR batch; arrays as numpy arrays, keys as text.

    Args:
        path: where the content comes from, for the errors.
        content: the file's bytes (pickle protocols 0 to 5).
        known: it is the authors' own, byte for byte, and needs no look at what reading it costs.

    Raises:
        InputError: the file is damaged, is no such pickle, asks to run code, or costs far more
            than its size.
    """
    if not known:
        refuse_costly(content, where=f"data file {path}", mend=_FETCH)
    try:
        batch = _CifarUnpickler(io.BytesIO(content), encoding="bytes").load()
    except _Refused as err:
        raise InputError(
            f"data file {path} must hold only numbers and names, got a pickle that needs to run "
            f"{err}; fetch the original file"
        ) from err
    except Exception as err:
        # What a damaged pickle raises depends on where it is damaged.
        raise InputError(
            f"data file {path} must be a whole CIFAR batch, got a damaged one "
            f"({type(err).__name__}: {first_line(err)}); fetch it again"
        ) from err
    if not isinstance(batch, dict):
        raise InputError(
            f"data file {path} must hold a dictionary, got {type(batch).__name__}"
            "; fetch the original file"
        )
    named: dict[str, object] = {}
    for key, value in batch.items():
        if not isinstance(key, str | bytes):
            raise InputError(
                f"data file {path} names must be text, got {type(key).__name__}; {_FETCH}"
            )
        if isinstance(value, _Array):
            value = getattr(value, "values", None)
        named[key.decode("latin1") if isinstance(key, bytes) else key] = value
    return named
