"""The unpickler that reads CIFAR batches and runs nothing."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from analogsim.errors import InputError
from analogsim.inputs.cifar_pickle import read_batch

PLACE = Path("data_batch_1")


class Call:
    """Its pickle calls a function when it is executed."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[object, ...]:
        return self.call


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, ">i4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_come_back_as_they_were(protocol: int, dtype: str, order: str) -> None:
    values = np.asarray(np.arange(24).reshape(4, 6), dtype=dtype, order=order)  # type: ignore[call-overload]
    content = pickle.dumps({"data": values, b"labels": [1, 2], "names": [b"a"]}, protocol)
    batch = read_batch(PLACE, content)
    assert list(batch) == ["data", "labels", "names"]
    np.testing.assert_array_equal(batch["data"], values)
    assert batch["data"].dtype == np.dtype(dtype)  # type: ignore[attr-defined]
    assert batch["labels"] == [1, 2]


def test_python_2_pickles_are_read() -> None:
    # What numpy under Python 2 wrote: byte strings, protocol 2, the module numpy.core.
    content = (
        b"\x80\x02}(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85"
        b"U\x01b\x87R(K\x01K\x02K\x03\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNN"
        b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x06\x00\x01\x02\x03\x04\xfftb"
        b"U\x06labels](K\x03K\x04eu."
    )
    batch = read_batch(PLACE, content)
    np.testing.assert_array_equal(batch["data"], [[0, 1, 2], [3, 4, 255]])
    assert batch["labels"] == [3, 4]


@pytest.mark.parametrize("protocol", range(6))
def test_a_malicious_batch_is_refused_and_not_executed(tmp_path: Path, protocol: int) -> None:
    sentinel = tmp_path / "sentinel"
    content = pickle.dumps({b"data": Call(Path.touch, sentinel)}, protocol)
    message = r"data file data_batch_1 must hold only numbers and names, got a pickle that needs"
    with pytest.raises(InputError, match=message):
        read_batch(PLACE, content)
    assert not sentinel.exists()
    pickle.loads(content)
    assert sentinel.exists(), "negative control: the pickle does act when it is executed"


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (eval, r"(builtins|__builtin__)\.eval"),
        (getattr, r"(builtins|__builtin__)\.getattr"),
        (np.load, r"numpy\.load"),
        (np.zeros, r"numpy\.zeros"),
        (np.float64, r"numpy\.float64"),
    ],
    ids=["eval", "getattr", "np.load", "np.zeros", "scalar"],
)
def test_no_other_name_is_found(function: object, name: str) -> None:
    content = pickle.dumps({"data": Call(function, "1")}, 2)
    with pytest.raises(InputError, match=rf"needs to run {name}; fetch the original file"):
        read_batch(PLACE, content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"data_batch_1 must be a whole CIFAR batch, got a damaged one \(EOFError"),
        (b"<html>", r"data_batch_1 must be a whole CIFAR batch, got a damaged one \("),
        (pickle.dumps([1]), r"data_batch_1 must hold a dictionary, got list; fetch"),
        (
            pickle.dumps({"data": np.zeros(3)}),
            r"got a damaged one \(UnpicklingError: array type 'f8'\)",
        ),
        (
            pickle.dumps({"data": np.array(["x"], dtype=object)}),
            r"got a damaged one \(UnpicklingError: array type 'O8'\)",
        ),
        (
            pickle.dumps({"data": np.zeros((4, 4), np.uint8)}, 2).replace(
                b"K\x04K\x04\x86", b"K\x04K\x7f\x86"
            ),
            r"\(UnpicklingError: an array with the wrong number of bytes\)",
        ),
        (pickle.dumps({(1, 2): 3}), "data_batch_1 names must be text, got tuple; fetch the orig"),
        (b"\x80\x02}X\x04\x00\x00\x00datacnumpy\nndarray\n)\x81}b.", r"got a damaged one \("),
    ],
    ids=["empty", "web page", "list", "floats", "objects", "shape", "names", "no array"],
)
def test_what_is_no_batch_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_batch(PLACE, content)


def test_an_array_that_was_never_filled_has_no_values() -> None:
    content = b"\x80\x02}X\x04\x00\x00\x00datacnumpy\nndarray\n)\x81s."
    assert read_batch(PLACE, content) == {"data": None}


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.99])
def test_a_truncated_batch_is_refused(keep: float) -> None:
    content = pickle.dumps({"data": np.zeros((10, 3072), np.uint8), "labels": [0] * 10}, 2)
    with pytest.raises(InputError, match=r"data_batch_1 must be a whole CIFAR batch, got a damag"):
        read_batch(PLACE, content[: int(keep * len(content))])
