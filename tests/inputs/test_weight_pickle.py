"""Nothing in a file of torch.save runs: values beside the weights are forgotten, or refused."""

import argparse
import collections
import os
import pathlib
import pickle
import types
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.serialization import get_safe_globals, safe_globals

from analogsim.errors import InputError
from analogsim.inputs.weight_pickle import ALLOWED, Forgotten, load_torch
from tests.inputs.weight_nets import read_weights

WEIGHTS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.tensor([1.0, 2.0])}


class Call:
    """Its pickle calls a function."""

    def __init__(self, function: Callable[..., object], *args: object) -> None:
        self.made = (function, args)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.made


class Configuration:
    """A class of a stranger's training script."""


def write_pickle(path: Path, content: bytes) -> None:
    """A file of torch.save around a pickle that is given byte by byte."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", content)
        archive.writestr("net/byteorder", b"little")
        archive.writestr("net/version", b"3\n")


def namespace_with_dunders() -> argparse.Namespace:
    options = argparse.Namespace(lr=0.1)
    options.__dict__ |= {"__class__": "x", "__setstate__": "y", "__dict__": "z", "__init__": 1}
    return options


def defaults() -> collections.defaultdict[str, list[float]]:
    found: collections.defaultdict[str, list[float]] = collections.defaultdict(list)
    found["loss"].append(0.1)
    return found


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize(
    "value",
    [
        np.float64(91.0),
        np.float32(91.0),
        np.int64(3),
        np.bool_(True),
        np.str_("best"),
        np.dtype("float32"),
        argparse.Namespace(lr=0.1, out=Path("x"), inner=argparse.Namespace(a=1)),
        namespace_with_dunders(),
        types.SimpleNamespace(lr=0.1),
        pathlib.PurePosixPath("/a/b"),
        pathlib.PureWindowsPath("a/b"),
        Path("/etc/passwd"),
        torch.Size([1, 2]),
        defaults(),
        collections.OrderedDict(a=1),
        collections.Counter("aab"),
        {"lr": 0.1, "seen": {1, 2}, "raw": b"x", "names": ("a", None)},
    ],
    ids=lambda value: f"{type(value).__name__}",
)
def test_values_beside_the_weights_are_ignored(tmp_path: Path, value: object, zipped: bool) -> None:
    path = tmp_path / "net.ckpt"
    content = {"state_dict": WEIGHTS, "beside": value, "many": [value, {"x": value}]}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    got = read_weights(path)
    assert list(got) == list(WEIGHTS)
    assert all(torch.equal(got[key], WEIGHTS[key]) for key in WEIGHTS)


def test_what_is_beside_the_weights_is_really_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "net.ckpt"
    torch.save([namespace_with_dunders(), Path("x"), np.float64(2.0)], path)
    got = load_torch(path, where="f")
    assert isinstance(got, list)
    assert [type(value) for value in got] == [Forgotten] * 3
    assert [vars(value) for value in got] == [{}] * 3


OBJECT_SCALAR = Call(np.float64(1).__reduce__()[0], np.dtype(object), [1])
HOSTILE = {
    "os.system": (Call(os.system, "touch sentinel"), r"needs to run posix\.system; save"),
    "os.remove": (Call(os.remove, "x"), r"needs to run posix\.remove; save"),
    "builtins.eval": (Call(eval, "1"), r"needs to run eval; save"),
    "builtins.getattr": (Call(getattr, 1, "x"), r"needs to run getattr; save"),
    "builtins.open": (Call(open, "sentinel", "w"), r"needs to run \w*\.?open; save"),
    "Path.touch": (Call(Path.touch, Path("sentinel")), r"needs to run "),
    "numpy.load": (Call(np.load, "x.npy", None, True), r"needs to run numpy\.load; save"),
    "numpy.fromfile": (Call(np.fromfile, "x"), r"needs to run numpy\.fromfile; save"),
    "numpy array": (np.zeros(3), r"needs to run numpy\._core\.\w+\._reconstruct; save"),
    "object scalar": (OBJECT_SCALAR, r"got a numpy value of type 'O8'; save it"),
    "void scalar": (np.zeros(1, "i4,f4")[0], r"got a numpy value of type 'V8'; save it"),
    "a class": (Configuration(), r"needs to run \S*\.Configuration; save"),
    "torch.load": (Call(torch.load, "x"), r"needs to run torch\.serialization\.load; save"),
}


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside weights"])
@pytest.mark.parametrize(("value", "message"), HOSTILE.values(), ids=HOSTILE)
def test_any_other_name_is_refused_by_name_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: object, message: str, beside: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": WEIGHTS, "x": {"y": value}} if beside else value, "net.pt")
    with pytest.raises(InputError, match=message) as caught:
        read_weights(Path("net.pt"))
    assert "weights_only" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["net.pt"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        # BUILD on the class itself: what was `setattr` on a class of everybody's.
        (b"\x80\x02cargparse\nNamespace\n}X\x01\x00\x00\x00ak\x01sb.", r"damaged or foreign one"),
        (b"\x80\x02cnumpy\ndtype\n}X\x01\x00\x00\x00aK\x01sb.", r"damaged or foreign one \(Can on"),
        (b"\x80\x02ccollections\ndefaultdict\n)R(X\x01\x00\x00\x00aK\x01u0.", r"damaged or fore"),
        (b"\x80\x02cargparse\nNamespace\n)R(X\x01\x00\x00\x00aK\x01u.", r"damaged or foreign one"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", r"damaged or foreign one \(Unsupported operan"),
        (b"\x80\x02cos\nsystem\nX\x01\x00\x00\x00a\x85R.", r"needs to run os\.system"),
        (b"\x80\x02cargparse\nos.system\n.", r"needs to run argparse\.os\.system"),
        (b"\x80\x02cnumpy\ndtype\nX\x01\x00\x00\x00O\x85R.", r"a numpy value of type 'O'; save"),
        (
            b"\x80\x02ctorch.distributed.tensor\nDTensor\n)R.",
            r"got DTensors, which lie in pieces .*; gather each with full_tensor\(\)",
        ),
    ],
    ids=[
        *("build on a class", "build on a function", "unknown operation", "items of a stand-in"),
        *("stack global", "os.system", "dotted name", "object type", "dtensor"),
    ],
)
def test_pickles_that_torch_did_not_write_are_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "net.pt"
    write_pickle(path, content)
    with pytest.raises(InputError, match=message):
        read_weights(path)
    assert vars(argparse.Namespace).keys() == NAMESPACE
    assert not hasattr(Forgotten, "a")


NAMESPACE = dict(vars(argparse.Namespace)).keys()


def test_stand_ins_forget_the_state_of_slots(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    state = pickle.dumps((None, {"__class__": 1, "a": 2}), 2)[2:-1]
    # q\x00 puts into the memo, which torch's reader knows, too.
    write_pickle(path, b"\x80\x02cargparse\nNamespace\n)\x81" + state + b"b.")
    got = load_torch(path, where="f")
    assert type(got) is Forgotten
    assert vars(got) == {}


def test_no_allowed_name_is_the_real_one() -> None:
    """Each is ours, so no code of its own can run; containers are the plain ones."""
    assert {getattr(stand_in, "__module__", "") for stand_in in ALLOWED.values()} == {
        "analogsim.inputs.weight_pickle"
    }


def test_what_others_allowed_is_not_allowed_here_and_stays_allowed_there(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    torch.save({"state_dict": WEIGHTS, "beside": Configuration()}, path)
    with safe_globals([Configuration]):
        before = set(get_safe_globals())
        with pytest.raises(InputError, match=r"needs to run \S*\.Configuration; save"):
            read_weights(path)
        assert set(get_safe_globals()) == before
        assert Configuration in before
        assert list(torch.load(path, weights_only=True)) == ["state_dict", "beside"]


class Net(nn.Module):
    """A stranger's network, pickled whole."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize(
    "content",
    [nn.Linear(2, 2), Net(), {"model": Net(), "epoch": 3}, [nn.DataParallel(Net())]],
    ids=["layer", "own class", "in a dictionary", "data parallel"],
)
def test_a_whole_network_is_refused_with_the_line_that_mends_it(
    tmp_path: Path, content: object, zipped: bool
) -> None:
    path = tmp_path / "net.pt"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    message = (
        r"got a whole pickled network, which needs to run torch\.nn\.modules\.\w+\.\w+"
        r"; save it with torch\.save\(model\.state_dict\(\), FILE\)"
    )
    with pytest.raises(InputError, match=message):
        read_weights(path)


def test_attributes_that_hide_a_tensors_methods_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    tensor = torch.ones(2)
    tensor.is_floating_point = 3  # type: ignore[assignment, method-assign]
    torch.save({"a": tensor}, path)
    got = read_weights(path)["a"]
    assert got.is_floating_point()
    assert got.tolist() == [1.0, 1.0]
