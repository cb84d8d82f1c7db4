"""Files of weights: archives and pickles of torch.save, safetensors, and indices of several."""

import io
import json
import struct
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import safetensors.torch
import torch

from analogsim.inputs.models import load_model
from tests.fuzz.guard import Target
from tests.fuzz.mutate import NUMBERS, edited, mutated, written
from tests.fuzz.pickles import mutated_pickle, mutated_zip, programs

MODEL = "zoo:digits_cnn"
DTYPES = ("F16", "BF16", "F64", "I64", "U8", "BOOL", "F8_E4M3", "C64", "F4", "X", "", "F32")


@lru_cache(maxsize=1)
def state() -> dict[str, Any]:
    return dict(load_model(MODEL).module.state_dict())


@lru_cache(maxsize=2)
def saved(zipped: bool) -> tuple[bytes, ...]:
    """Plain weights, and a training's checkpoint with other things beside them."""
    optimiser = torch.optim.SGD(load_model(MODEL).module.parameters(), lr=0.1, momentum=0.9)
    checkpoint = {
        "state_dict": state(),
        "epoch": 3,
        "optimizer": optimiser.state_dict(),
        "best": 0.9,
    }
    found = []
    for content in (state(), checkpoint):
        file = io.BytesIO()
        torch.save(content, file, _use_new_zipfile_serialization=zipped)
        found.append(file.getvalue())
    return tuple(found)


def _archive(folder: Path, draw: Random | None) -> None:
    content = saved(True)[0] if draw is None else draw.choice(saved(True))
    if draw is not None:

        def edit(parts: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
            return [
                (name, _other_pickle(part, draw) if name.endswith("data.pkl") else part)
                for name, part in parts
            ]

        content = mutated_zip(content, draw, edit)
    (folder / "w.pt").write_bytes(content)


def _other_pickle(content: bytes, draw: Random) -> bytes:
    return programs(draw) if draw.random() < 0.15 else mutated_pickle(content, draw)


def _legacy(folder: Path, draw: Random | None) -> None:
    content = saved(False)[0] if draw is None else draw.choice(saved(False))
    if draw is not None:
        head = content[:15]
        if draw.random() < 0.5:
            content = mutated(content, draw)
        else:
            content = mutated_pickle(content, draw)
        if draw.random() < 0.7:
            content = head + content[15:]
    (folder / "w.pt").write_bytes(content)


@lru_cache(maxsize=1)
def safe() -> bytes:
    return safetensors.torch.save(state())


def mutated_safetensors(content: bytes, draw: Random) -> bytes:
    """Bytes changed, or the header's entries, with a length that is right."""
    if draw.random() < 0.4:
        return mutated(content, draw)
    size = struct.unpack_from("<Q", content)[0]
    values = (*NUMBERS, *DTYPES, [], [0], [-1], [1 << 40] * 3, [0, 1 << 62], {}, None, "\x1b[2J")
    try:
        head = edited(json.loads(content[8 : 8 + size]), draw, values)
    except ValueError:  # a mutant of a mutant
        return mutated(content, draw)
    text = written(head)
    if draw.random() < 0.1:
        text = mutated(text, draw, (b"{", b'"dtype"', b'"F32"', b"[", b"\xff", b"NaN"))
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + content[8 + size :]


def _safetensors(folder: Path, draw: Random | None) -> None:
    content = safe() if draw is None else mutated_safetensors(safe(), draw)
    (folder / "w.safetensors").write_bytes(content)


def _index(folder: Path, draw: Random | None) -> None:
    names = list(state())
    parts = {"a.safetensors": names[:5], "b.pt": names[5:]}
    index: Any = {
        "metadata": {"total_size": 1},
        "weight_map": {name: file for file, of in parts.items() for name in of},
    }
    text = written(index)
    if draw is not None:
        odd = (
            "a.safetensors",
            "w.index.json",
            "../a.pt",
            "/etc/passwd",
            "a\x00",
            "\x1b[2J",
            "a" * 999,
        )
        text = written(edited(index, draw, (*odd, *odd, *NUMBERS, None, [], {})))
        if draw.random() < 0.3:
            text = mutated(text, draw, (b'"', b"{", b"NaN", b"\xff"))
    (folder / "w.index.json").write_bytes(text)
    safetensors.torch.save_file(
        {n: state()[n] for n in parts["a.safetensors"]}, folder / "a.safetensors"
    )
    torch.save({n: state()[n] for n in parts["b.pt"]}, folder / "b.pt")


def _read(name: str) -> Any:
    return lambda folder: load_model(MODEL, weights=folder / name)


TARGETS = {
    "weights: archive of torch.save": Target(make=_archive, read=_read("w.pt")),
    "weights: pickles of torch.save": Target(make=_legacy, read=_read("w.pt")),
    "weights: safetensors": Target(make=_safetensors, read=_read("w.safetensors")),
    "weights: index of several files": Target(make=_index, read=_read("w.index.json")),
}
