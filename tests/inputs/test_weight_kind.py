"""The content of a weight file says what it is, not its ending."""

import bz2
import gzip
import io
import lzma
import pickle
import tarfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from analogsim.errors import InputError
from analogsim.inputs.weight_file import read_weight_file
from analogsim.inputs.weight_kind import Kind, kind_of

WEIGHTS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.tensor([1.0, 2.0])}


def as_safetensors() -> bytes:
    return safetensors.torch.save(WEIGHTS)


def as_torch(*, zipped: bool = True) -> bytes:
    file = io.BytesIO()
    torch.save(WEIGHTS, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def as_tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo("net.pt")
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"abc"))
    return file.getvalue()


def as_zip(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    return file.getvalue()


def as_npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "kind", "note"),
    [
        ("a.safetensors", as_safetensors(), Kind.SAFETENSORS, None),
        ("a.pt", as_safetensors(), Kind.SAFETENSORS, "by its content, a.pt is safetensors"),
        ("a.pth.tar", as_torch(), Kind.TORCH, None),
        ("a.ckpt", as_torch(zipped=False), Kind.TORCH, None),
        ("a.BIN", as_torch(), Kind.TORCH, None),
        ("a.safetensors", as_torch(), Kind.TORCH, "a.safetensors is a file of torch.save"),
        ("a.h5", as_torch(), Kind.TORCH, "by its content, a.h5 is a file of torch.save"),
        ("a", as_torch(zipped=False), Kind.TORCH, "by its content, a is a file of torch.save"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_content_decides_and_is_said_where_the_ending_says_else(
    tmp_path: Path, name: str, content: bytes, kind: Kind, note: str | None
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert kind_of(path, where="f").kind is kind
    read = read_weight_file(path)
    assert {key: tensor.tolist() for key, tensor in read.tensors.items()} == {
        key: tensor.tolist() for key, tensor in WEIGHTS.items()
    }
    assert len(read.notes) == (note is not None)
    assert note is None or note in read.notes[0]


def test_a_safetensors_header_whose_length_looks_like_text_is_no_json(tmp_path: Path) -> None:
    """0x7b20 bytes of header: the file begins with a blank and an opening brace."""
    whole = as_safetensors()
    header = whole[8 : 8 + int.from_bytes(whole[:8], "little")].ljust(0x7B20)
    body = whole[8 + int.from_bytes(whole[:8], "little") :]
    path = tmp_path / "a.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + body)
    assert path.read_bytes().startswith(b" {")
    assert kind_of(path, where="f").kind is Kind.SAFETENSORS
    assert torch.equal(read_weight_file(path).tensors["a.bias"], WEIGHTS["a.bias"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><html>sign in</html>", r"got a web page \(b'<!DOCTYPE html>'\); down"),
        (b"\n <html>", r"must hold weights, got a web page \(b'\\n <html>'\)"),
        (b"version https://git-lfs.github.com/spec/v1\n", r"got a Git LFS pointer \(b'version htt"),
        (b"", r"net\.pt must hold weights, got an empty file; fetch or save it again"),
        (b"PK\x03\x04rest", r"net\.pt must be a whole file of torch\.save, got a damaged or"),
        (b"plain text", r"whole file of torch\.save, got a .*\(it starts with b'plain text'\)"),
        (b"\x89HDF\r\n\x1a\n...", r"got an HDF5 file, as Keras writes; load it in the library"),
        (b"GGUF\x03\x00", r"got a GGUF file of quantised weights; name the weights before"),
        (gzip.compress(as_torch()), r"got a compressed file \(gzip\); unpack it and name the file"),
        (bz2.compress(as_torch()), r"got a compressed file \(bzip2\); unpack it and name the fi"),
        (lzma.compress(as_torch()), r"got a compressed file \(xz\); unpack it and name the file"),
        (as_tar(), r"net\.pt must hold weights of torch, got a tar archive; unpack it and name"),
        (as_npy(), r"must hold weights of torch, got a numpy array; save it with safetensors"),
        (as_zip("x.npy", "y.npy"), r"got an archive of x\.npy, y\.npy; unpack it and name the f"),
        (as_zip(), r"must be a file of torch\.save, got an archive of nothing; unpack it"),
        (as_zip("net.pth", "readme"), r"got an archive of net\.pth, readme; unpack it and name"),
        (
            as_zip("net/constants.pkl", "net/code/net.py", "net/data.pkl", "net/version"),
            r"only weights, got a TorchScript program; .*torch\.save\(model\.state_dict\(\), FILE",
        ),
        (
            as_zip("net/archive_format", "net/models/model.json"),
            r"got a program of torch\.export; .*torch\.save\(model\.state_dict\(\), FILE\)",
        ),
        (
            pickle.dumps({"a": 1}, 4),
            r"got a plain pickle \(protocol 4\); write it with torch\.save\(model\.state_dict",
        ),
    ],
    ids=[
        *("web page", "web page after blanks", "lfs", "empty", "zip head", "text", "hdf5", "gguf"),
        *("gzip", "bzip2", "xz", "tar", "npy", "npz", "empty zip", "zip of a file", "torchscript"),
        *("torch export", "plain pickle"),
    ],
)
def test_what_is_no_weight_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_weight_file(path)


def test_a_real_torchscript_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    with warnings.catch_warnings(action="ignore"):  # torch calls it deprecated
        torch.jit.script(torch.nn.Linear(2, 2)).save(str(path))
    with pytest.raises(InputError, match=r"net\.pt must hold only weights, got a TorchScript prog"):
        read_weight_file(path)


def test_a_safetensors_header_has_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    content = as_safetensors()
    long = int.from_bytes(content[:8], "little")
    bound = 16 << 20

    def written(announced: int) -> Path:
        header = content[8 : 8 + long].ljust(announced)
        path.write_bytes(announced.to_bytes(8, "little") + header + content[8 + long :])
        return path

    assert read_weight_file(written(bound)).tensors.keys() == WEIGHTS.keys()
    message = rf"net\.safetensors header must have at most {bound} bytes, got {bound + 8}, as of"
    with pytest.raises(InputError, match=message):
        read_weight_file(written(bound + 8))


@pytest.mark.parametrize(
    "announced", [1, 1 << 20, (1 << 63) - 1, (1 << 64) - 1], ids=["1", "1 MB", "2^63", "2^64"]
)
def test_a_header_that_is_longer_than_the_file_is_refused(tmp_path: Path, announced: int) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(announced.to_bytes(8, "little") + as_safetensors()[8:])
    with pytest.raises(
        InputError, match=r"net\.safetensors must be a whole safetensors file, got "
    ):
        read_weight_file(path)
