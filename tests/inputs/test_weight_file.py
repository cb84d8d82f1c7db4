"""Weight files: what is opened, what is refused, and that nothing in them runs."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

from analogsim.errors import InputError
from tests.inputs.weight_nets import read_weights

WEIGHTS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.tensor([1.0, 2.0])}


class Sentinel:
    """Its pickle makes a file when it is executed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def assert_same(got: dict[str, Tensor]) -> None:
    assert list(got) == list(WEIGHTS)
    assert all(torch.equal(got[key], WEIGHTS[key]) for key in WEIGHTS)


ENDINGS = [".pt", ".pth", ".th", ".bin", ".PTH", ".ckpt", ".tar", ".pth.tar", ".safetensors", ""]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_torch_files_are_read(tmp_path: Path, ending: str, zipped: bool) -> None:
    path = tmp_path / f"net{ending}"
    torch.save(WEIGHTS, path, _use_new_zipfile_serialization=zipped)
    assert_same(read_weights(path))


def test_safetensors_are_read(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    safetensors.torch.save_file(WEIGHTS, path)
    got = read_weights(path)
    assert_same({key: got[key] for key in WEIGHTS})


@pytest.mark.parametrize("wrap", [False, True], ids=["bare", "in state_dict"])
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_malicious_torch_file_is_refused_and_not_executed(
    tmp_path: Path, wrap: bool, zipped: bool
) -> None:
    sentinel, path = tmp_path / "sentinel", tmp_path / "net.pth"
    evil: object = Sentinel(sentinel)
    torch.save(
        {"state_dict": evil, **WEIGHTS} if wrap else evil,
        path,
        _use_new_zipfile_serialization=zipped,
    )
    with pytest.raises(InputError, match=r"net\.pth must hold only weights, got a pickle that nee"):
        read_weights(path)
    assert not sentinel.exists()


@pytest.mark.parametrize("protocol", range(6))
def test_a_malicious_plain_pickle_is_refused_and_not_executed(
    tmp_path: Path, protocol: int
) -> None:
    sentinel, path = tmp_path / "sentinel", tmp_path / "net.pth"
    path.write_bytes(pickle.dumps(Sentinel(sentinel), protocol))
    with pytest.raises(InputError, match=r"net\.pth must "):
        read_weights(path)
    assert not sentinel.exists()


def test_the_sentinel_would_be_made(tmp_path: Path) -> None:
    """Negative control of the two tests above."""
    sentinel = tmp_path / "sentinel"
    pickle.loads(pickle.dumps(Sentinel(sentinel)))
    assert sentinel.exists()


@pytest.mark.parametrize("keep", [0.0, 0.02, 0.5, 0.97])
@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_a_truncated_file_is_refused_in_one_sentence(
    tmp_path: Path, kind: str, keep: float
) -> None:
    path = tmp_path / ("net.safetensors" if kind == "safetensors" else "net.pt")
    if kind == "safetensors":
        safetensors.torch.save_file(WEIGHTS, path)
    else:
        torch.save(WEIGHTS, path, _use_new_zipfile_serialization=kind == "zip")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(InputError, match=rf"weights file .*{path.name} must ") as caught:
        read_weights(path)
    assert "\n" not in str(caught.value)
    assert "weights_only" not in str(caught.value)


def test_a_damaged_file_never_escapes_as_another_error(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    torch.save(WEIGHTS, path, _use_new_zipfile_serialization=False)
    whole, random, refused = path.read_bytes(), np.random.default_rng(0), 0
    for _ in range(60):
        content = bytearray(whole)
        for place in random.integers(0, len(content) - 40, 4):
            content[place] = random.integers(256)
        path.write_bytes(bytes(content))
        try:
            read_weights(path)
        except InputError:
            refused += 1
    # Seeded: damage to a name or a number cannot be seen here, damage to the structure is.
    assert refused >= 40


def test_a_web_page_named_safetensors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(b"garbage that is no header at all")
    message = r"net\.safetensors must be a whole safetensors file, got a damaged one \(.*\); fetch"
    with pytest.raises(InputError, match=message):
        read_weights(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], r"must hold a dictionary of tensors, got list; save it"),
        (torch.zeros(2), r"must hold a dictionary of tensors, got Tensor; save it"),
        ({}, r"must hold named tensors, got none; save it"),
        ({"a": 1, "b": "x"}, r"must hold named tensors, got a \(int\), b \(str\); save it"),
        ({0: torch.zeros(2)}, r"names of tensors must be words, got '0'; save it"),
        ({"a\nb": torch.zeros(2)}, r"names of tensors must be words, got 'a\\nb'; save it"),
        ({"a" * 301: torch.zeros(2)}, r"names of tensors must be words, got 'a{60}'; save it"),
    ],
    ids=["list", "tensor", "empty", "other values", "number", "line feed", "long name"],
)
def test_a_file_without_plain_tensors_is_refused(
    tmp_path: Path, content: object, message: str
) -> None:
    path = tmp_path / "net.pt"
    torch.save(content, path)
    with pytest.raises(InputError, match=message):
        read_weights(path)


def test_missing_file_folder_and_unknown_content_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.pt must exist, got no such file; check the path"):
        read_weights(tmp_path / "none.pt")
    with pytest.raises(InputError, match=rf"{tmp_path} must be a file, got a folder; name"):
        read_weights(tmp_path)
    (tmp_path / "net.h5").write_bytes(b"x")
    with pytest.raises(
        InputError, match=r"net\.h5 must be safetensors or .*starts with b'x'; save"
    ):
        read_weights(tmp_path / "net.h5")


def test_a_path_that_is_not_utf8_is_read(tmp_path: Path) -> None:
    plain, path = tmp_path / "net.safetensors", tmp_path / os.fsdecode(b"caf\xe9.safetensors")
    safetensors.torch.save_file(WEIGHTS, plain)
    plain.rename(path)
    got = read_weights(path)
    assert_same({key: got[key] for key in WEIGHTS})
