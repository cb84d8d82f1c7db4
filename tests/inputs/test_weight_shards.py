"""Weights that lie in several files, named by one index."""

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch

from analogsim.errors import InputError
from analogsim.inputs.weight_file import read_weight_file
from analogsim.inputs.weight_shards import MOST_PARTS
from tests.inputs.weight_nets import read_weights

FIRST = {"a.weight": torch.arange(6.0).reshape(2, 3)}
SECOND = {"a.bias": torch.tensor([1.0, 2.0])}
BOTH = {"a.weight": "model-00001-of-00002.bin", "a.bias": "model-00002-of-00002.bin"}


def write(folder: Path, index: object, *, kind: str = "bin") -> Path:
    """Two parts and their index in a folder."""
    folder.mkdir(exist_ok=True)
    for number, part in enumerate((FIRST, SECOND), 1):
        path = folder / f"model-0000{number}-of-00002.{kind}"
        if kind == "bin":
            torch.save(part, path)
        else:
            safetensors.torch.save_file(part, path)
    path = folder / f"model.{kind}.index.json"
    path.write_text(index if isinstance(index, str) else json.dumps(index))
    return path


@pytest.mark.parametrize("kind", ["bin", "safetensors"])
def test_all_parts_of_an_index_are_read(tmp_path: Path, kind: str) -> None:
    names = {key: Path(name).stem + f".{kind}" for key, name in BOTH.items()}
    path = write(tmp_path, {"metadata": {"total_size": 32}, "weight_map": names}, kind=kind)
    read = read_weight_file(path)
    assert {key: tensor.tolist() for key, tensor in read.tensors.items()} == {
        "a.weight": [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]],
        "a.bias": [1.0, 2.0],
    }
    assert read.notes == ()


def test_an_index_is_known_by_its_content(tmp_path: Path) -> None:
    path = write(tmp_path, {"weight_map": BOTH}).rename(tmp_path / "index")
    read = read_weight_file(path)
    assert list(read.tensors) == ["a.weight", "a.bias"]
    assert read.notes == ("by its content, index is the index of several files",)


def test_one_part_alone_is_refused_and_the_index_named(tmp_path: Path) -> None:
    write(tmp_path, {"weight_map": BOTH})
    message = (
        r"must hold the whole network, got part 2 of 2; name model\.bin\.index\.json beside it"
    )
    with pytest.raises(InputError, match=message):
        read_weights(tmp_path / "model-00002-of-00002.bin")


def test_the_only_part_is_read(tmp_path: Path) -> None:
    path = tmp_path / "model-00001-of-00001.bin"
    torch.save(FIRST, path)
    assert list(read_weights(path)) == ["a.weight"]


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (
            {"architectures": ["x"]},
            r"must be an index with a weight_map, got 'architectures'; name",
        ),
        ({}, r"must be an index with a weight_map, got nothing; name the weights"),
        ({"weight_map": {}}, r"must be an index with a weight_map, got 'weight_map'; name"),
        ({"weight_map": {"a": 3}}, r"weight_map must give file names, got '3'; fetch the original"),
        ("{" * 3, r"must be a JSON index, got Expecting property name .*; fetch the original"),
        ('{"a":' + "[" * 100_000, r"must be a JSON index, got it is nested too deeply; fetch"),
        ({"weight_map": {"a": "../x.bin"}}, r"must lie beside the index, got '\.\./x\.bin'; put"),
        ({"weight_map": {"a": "/etc/passwd"}}, r"must lie beside the index, got '/etc/passwd'"),
        ({"weight_map": {"a": "sub\\x.bin"}}, r"must lie beside the index, got 'sub\\\\x\.bin'"),
        ({"weight_map": {"a": ".."}}, r"must lie beside the index, got '\.\.'; put them"),
        ({"weight_map": {"a": ""}}, r"must lie beside the index, got ''; put them"),
        ({"weight_map": {"a": "a\nb"}}, r"must lie beside the index, got 'a\\nb'; put them"),
        ({"weight_map": {"a": "none.bin"}}, r"files must exist, got no none\.bin; fetch it into"),
        ({"weight_map": {"a": "link.bin"}}, r"got the link link\.bin to elsewhere; copy the file"),
        ({"weight_map": {"a": "inner.bin"}}, r"files must exist, got no inner\.bin; fetch it into"),
        (
            {"weight_map": {"a": "model.bin.index.json"}},
            r"part model\.bin\.index\.json must hold tensors, got another index; name that one",
        ),
        (
            {"weight_map": BOTH | {"b.bias": "model-00002-of-00002.bin"}},
            r"part model-00002-of-00002\.bin must hold what the index says, got no b\.bias; fetch",
        ),
        (
            {"weight_map": BOTH | {"z": "copy.bin"}},
            r"part copy\.bin tensors must stand in one part only, got a\.weight in a second one",
        ),
        (
            {"weight_map": {"a": "list.bin"}},
            r"list\.bin must hold a dictionary .*, got list; fetch",
        ),
        ({"weight_map": {"a": "text.bin"}}, r"text\.bin must be a whole file of torch\.save, got"),
        (
            {"weight_map": {str(n): f"{n}.bin" for n in range(MOST_PARTS + 1)}},
            rf"must name at most {MOST_PARTS} files, got {MOST_PARTS + 1}; fetch",
        ),
    ],
    ids=[
        *("configuration", "empty", "empty map", "number", "no json", "deep", "parent", "absolute"),
        *("windows", "dots", "no name", "line feed", "missing", "link out", "folder", "itself"),
        *("lacks a tensor", "twice", "list", "text", "too many"),
    ],
)
def test_an_index_that_cannot_be_followed_is_refused(
    tmp_path: Path, index: object, message: str
) -> None:
    outside = tmp_path / "outside.bin"
    torch.save(FIRST, outside)
    path = write(tmp_path / "net", index)
    (path.parent / "link.bin").symlink_to(outside)
    (path.parent / "inner.bin").mkdir()
    torch.save(FIRST, path.parent / "copy.bin")
    torch.save([1], path.parent / "list.bin")
    (path.parent / "text.bin").write_text("text")
    with pytest.raises(InputError, match=message) as caught:
        read_weights(path)
    assert "\n" not in str(caught.value)


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    path = write(tmp_path, {"weight_map": {"a.weight": "link.bin"}})
    (tmp_path / "link.bin").symlink_to("model-00001-of-00002.bin")
    assert list(read_weights(path)) == ["a.weight"]
