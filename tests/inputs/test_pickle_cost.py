"""A pickle that costs far more than its size is refused before any unpickler sees it."""

import io
import pickle
import random
import tarfile
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from analogsim.errors import InputError
from analogsim.inputs import pickle_cost
from analogsim.inputs.cifar_pickle import read_batch
from analogsim.inputs.pickle_cost import DEPTH, refuse_costly
from tests.damage import outcome
from tests.inputs.weight_nets import read_weights

PLACE = Path("test_batch")


def deep_key(depth: int) -> bytes:
    """{((((...)),),): 1}"""
    return b"\x80\x02})" + b"\x85" * depth + b"K\x01s."


def doubled_key(times: int) -> bytes:
    """A key of 2 ** times values, in a few bytes: each tuple holds the one before it twice."""
    return b"\x80\x02})" + b"2\x86" * times + b"K\x01s."


def hostile(content: bytes, announced: int = 8) -> bytes:
    return b"\x80\x04" + content + (announced << 30).to_bytes(8, "little") + b"abc"


ATTACKS = {
    "key 3 million deep": (deep_key(3_000_000), "at most 100 deep"),
    "key 5000 deep": (deep_key(5000), "at most 100 deep"),
    "key 101 deep": (deep_key(101), "at most 100 deep"),
    "lists deep": (b"\x80\x02" + b"]" * 500 + b"a" * 499 + b".", "at most 100 deep"),
    "dictionaries deep": (b"\x80\x02}" + b"K\x00}" * 500 + b"s" * 500 + b".", "at most 100 deep"),
    "deep after MARK": (b"\x80\x02}" + b"(" * 500 + b")" + b"t" * 500 + b"K\x01s.", "at most 100"),
    "deep through the memo": (
        b"\x80\x02})" + b"".join(b"\x85q%c0h%c" % (n, n) for n in range(1, 200)) + b"K\x01s.",
        "at most 100 deep",
    ),
    "a key of 2 ** 90 values": (doubled_key(90), "hash at most 8388608 values"),
    "a set of 2 ** 90 values": (
        b"\x80\x04\x8f()" + b"2\x86" * 90 + b"\x90.",
        "hash at most 8388608 values",
    ),
    "a frozenset of 2 ** 90 values": (
        b"\x80\x04()" + b"2\x86" * 90 + b"\x91.",
        "hash at most 8388608 values",
    ),
    "an argument of 2 ** 90 values": (
        b"\x80\x02cbuiltins\nset\n)" + b"2\x86" * 90 + b"\x85R.",
        "hash at most 8388608 values",
    ),
    "a key of many values, many times": (
        b"\x80\x02}" + b")" + b"2\x86" * 20 + b"q\x000" + b"(" + b"h\x00N" * 100 + b"u.",
        "hash at most 8388608 values",
    ),
    "memo": (b"\x80\x02Nr\xff\xff\xff\x0f.", "number what it repeats from 0, got 268435455"),
    "memo as text": (b"\x80\x02Np268435455\n.", "number what it repeats from 0, got 268435455"),
    "a class of a long name": (
        b"\x80\x02c" + b"to\x00" * 100_000 + b"\nx\n.",
        "name classes in at most 1000 bytes, got more",
    ),
    "a class of a name without end": (
        b"\x80\x02c" + b"to\x00" * 100_000,
        "name classes in at most 1000 bytes, got more",
    ),
    "bytes": (hostile(b"\x8e"), "announces 8589934592 bytes where 3 are left"),
    "bytearray": (hostile(b"\x96"), "announces 8589934592 bytes where 3 are left"),
    "text": (hostile(b"\x8d"), "announces 8589934592 bytes where 3 are left"),
    "text of 4 GB": (b"\x80\x02X\xff\xff\xff\xffabc", "announces 4294967295 bytes where 3"),
    "a bytearray by its length": (
        b"\x80\x02}X\x01\x00\x00\x00acbuiltins\nbytearray\nJ\x00\x00\x00\x7f\x85Rs.",
        "hold the bytes of a bytearray, got a number of them",
    ),
    "a bytearray of Python 2": (
        b"\x80\x02}X\x01\x00\x00\x00ac__builtin__\nbytearray\nJ\x00\x00\x00\x7f\x85Rs.",
        "hold the bytes of a bytearray, got a number of them",
    ),
}
CASES = pytest.mark.parametrize(("content", "rule"), ATTACKS.values(), ids=ATTACKS)


@CASES
def test_an_attack_is_refused(content: bytes, rule: str) -> None:
    with pytest.raises(InputError, match=rf"^file f must .*{rule}.*; fetch it$"):
        refuse_costly(content, where="file f", mend="fetch it")


@CASES
def test_a_cifar_batch_is_refused(content: bytes, rule: str) -> None:
    with pytest.raises(InputError, match=rf"^data file test_batch must .*{rule}.*; fetch the "):
        read_batch(PLACE, content)


@CASES
def test_a_weight_file_is_refused(tmp_path: Path, content: bytes, rule: str) -> None:
    path = tmp_path / "net.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", content)
        archive.writestr("net/version", b"3\n")
    with pytest.raises(InputError, match=rf"^weights file .*net\.pt must .*{rule}.*; save it with"):
        read_weights(path)


@CASES
def test_a_legacy_weight_file_is_refused(tmp_path: Path, content: bytes, rule: str) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(
        pickle.dumps(0x1950A86A20F9469CFC6C, 2)
        + pickle.dumps(1001, 2)
        + pickle.dumps({"little_endian": True}, 2)
        + content
    )
    with pytest.raises(InputError, match=rf"^weights file .*net\.pt must .*{rule}.*; save it with"):
        read_weights(path)


def test_too_many_steps_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = pickle.dumps(list(range(100)), 2)
    refuse_costly(content, where="x", mend="y")
    monkeypatch.setattr(pickle_cost, "OPCODES", 100)
    with pytest.raises(InputError, match="x must have at most 100 steps in its pickle, got more"):
        refuse_costly(content, where="x", mend="y")


def test_the_depth_that_is_allowed_passes() -> None:
    refuse_costly(deep_key(DEPTH - 1), where="x", mend="y")


def training_file() -> dict[str, object]:
    """What training scripts keep beside their weights."""
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    sgd = torch.optim.SGD(net.parameters(), momentum=0.9)
    net(torch.ones(2, 3)).sum().backward()
    sgd.step()
    return {
        "state_dict": net.state_dict(),
        "optimizer": sgd.state_dict(),
        "history": [float(n) for n in range(100_000)],
        "classes": tuple(str(n) for n in range(1000)),
        "python_rng": random.Random(0).getstate(),
        "seen": {(1, 2), (3, 4)},
        "counts": {n: n * n for n in range(50_000)},
        "blob": bytearray(b"abc"),
        "raw": b"\x00" * 100_000,
        "nested": OrderedDict(a={"b": {"c": [{"d": (1, (2, (3, [4])))}]}}),
    }


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "value",
    [
        {b"data": np.zeros((10, 3072), np.uint8), b"labels": [0] * 10, b"filenames": [b"a"] * 10},
        {"a": [1, -1, 2**70, 1.5, None, True, "text", b"bytes", (), (1,), (1, 2), (1, 2, 3, 4)]},
        {"same": [(1, 2)] * 300, frozenset({1, 2}): {3, 4}, "bytes": bytearray(b"abc")},
        {number: str(number) for number in range(1000)},
    ],
    ids=["batch", "values", "repeated", "many"],
)
def test_sound_pickles_pass_in_every_protocol(value: object, protocol: int) -> None:
    refuse_costly(pickle.dumps(value, protocol), where="x", mend="y")
    refuse_costly(pickle._dumps(value, protocol), where="x", mend="y")  # type: ignore[attr-defined]


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_training_scripts_file_is_read(tmp_path: Path, zipped: bool) -> None:
    content = training_file()
    torch.save(content, tmp_path / "net.pt", _use_new_zipfile_serialization=zipped)
    read = read_weights(tmp_path / "net.pt")
    assert list(read) == list(content["state_dict"])  # type: ignore[call-overload]


PARTS = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.tuples(st.integers()), inner, max_size=3)
    ),
    max_leaves=20,
)


@given(PARTS, st.integers(0, 5))
def test_whatever_pickle_writes_passes(value: object, protocol: int) -> None:
    refuse_costly(pickle.dumps(value, protocol), where="x", mend="y")


@given(st.binary(max_size=200))
def test_any_bytes_are_followed_or_refused(content: bytes) -> None:
    said = outcome(lambda: refuse_costly(b"\x80\x02" + content, where="file f", mend="fetch it"))
    assert said is None or said.startswith("file f must ")


def test_a_tar_archive_in_a_pickles_clothes_is_refused(tmp_path: Path) -> None:
    """torch.load opens it as tar, and would unpickle a member that nobody looked at."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name in ("storages", "tensors", "pickle"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    content = bytearray(made.getvalue())
    magic = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
    content[: len(magic)] = magic
    content[148:156] = b" " * 8
    content[148:156] = b"%06o\x00 " % sum(content[:512])
    (tmp_path / "net.pt").write_bytes(content)
    with pytest.raises(InputError, match=r"must be a file of torch\.save, got a tar archive; save"):
        read_weights(tmp_path / "net.pt")
