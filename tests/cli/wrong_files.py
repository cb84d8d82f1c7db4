"""Files that a user may give by mistake, or that somebody may give on purpose."""

import io
import json
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from analogsim.cli.main import run
from analogsim.inputs.models import load_model

ENORMOUS = 1 << 42
SPEC = (
    'model = "zoo:digits_cnn"\ndata = "digits"\npresets = ["pcm"]\ntimes = ["1s"]\n'
    "[design]\nchips = 1\n"
)
NOT_UTF8 = os.fsdecode(b"caf\xe9")


class Evil:
    """Its pickle makes the file `sentinel` when it is executed."""

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("sentinel").resolve(),))


def make_files() -> None:
    """Fill the working folder."""
    _weights()
    _arrays()
    _images()
    _texts()
    for name in ("dir.pt", "dir.npz", "dir.toml", "dir.py", "empty-folder"):
        Path(name).mkdir()
    for ending in ("pt", "safetensors", "npz", "toml"):
        _sparse(Path(f"enormous.{ending}"))
    _chips()
    _runs()


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        try:
            file.truncate(ENORMOUS)
        except OSError:  # a file system with a lower bound
            file.truncate(1 << 36)


def _weights() -> None:
    good = {k: v.clone() for k, v in load_model("zoo:digits_cnn").module.state_dict().items()}
    torch.save(good, "good.pt")
    save_file(good, "good.safetensors")
    for ending in ("pt", "safetensors"):
        content = Path(f"good.{ending}").read_bytes()
        Path(f"cut.{ending}").write_bytes(content[: len(content) // 2])
    wrong = good | {"conv1.weight": torch.zeros(2, 2)}
    torch.save(wrong, "shape.pt")
    torch.save(good | {"linear.bias": torch.full((10,), torch.nan)}, "nan.pt")
    torch.save(good | {"linear.bias": torch.full((10,), torch.inf)}, "inf.pt")
    torch.save({"state_dict": Evil()}, "evil.pt")
    header = {"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}
    text = json.dumps(header).encode()
    Path("lie.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(4))
    with zipfile.ZipFile("bomb.pt", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        _zeros(archive, "archive/data/0")


def _zeros(archive: zipfile.ZipFile, name: str, head: bytes = b"") -> None:
    """A member of 300 MB that takes about 1 MB."""
    with archive.open(name, "w") as member:
        member.write(head)
        for _ in range(300):
            member.write(bytes(1 << 20))


def _npy_head(shape: tuple[int, ...]) -> bytes:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    return head.getvalue()


def _arrays() -> None:
    x, y = np.zeros((20, 8, 8), np.uint8), np.arange(20) % 10
    np.savez("good.npz", x=x, y=y)
    content = Path("good.npz").read_bytes()
    Path("cut.npz").write_bytes(content[: len(content) // 2])
    np.savez("no-images.npz", x=x[:0], y=y[:0])
    np.savez("labels.npz", x=x, y=y + 1)
    np.savez("colour.npz", x=np.zeros((20, 8, 8, 3), np.uint8), y=y)
    np.savez("nan.npz", x=np.full((20, 1, 8, 8), np.nan), y=y)
    evil = np.empty(20, dtype=object)
    evil[:] = [Evil()] * 20
    np.savez("evil.npz", x=evil, y=y)
    with zipfile.ZipFile("lie.npz", "w") as archive:
        archive.writestr("x.npy", _npy_head((1 << 40, 8, 8, 1)))
        labels = io.BytesIO()
        np.save(labels, y)
        archive.writestr("y.npy", labels.getvalue())
    with zipfile.ZipFile("bomb.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        _zeros(archive, "x.npy", _npy_head((300 << 14, 8, 8, 1)))


def _images() -> None:
    draw = np.random.default_rng(0)
    for label in range(10):
        folder = Path("images") / f"class{label}"
        folder.mkdir(parents=True)
        for number in range(2):
            pixels = draw.integers(0, 256, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    broken = Path("images/class3/1.png")
    broken.write_bytes(broken.read_bytes()[:60])


def _texts() -> None:
    Path("file").write_text("hello\n")
    Path("net.py").write_text("import torch\ndef net():\n    return torch.nn.Linear(3, 2)\n")
    Path("latin.py").write_bytes(b"name = 'caf\xe9'\ndef net(): pass\n")
    Path("good.toml").write_text(SPEC)
    Path("bom-crlf.toml").write_bytes(b"\xef\xbb\xbf" + SPEC.replace("\n", "\r\n").encode())
    Path("latin.toml").write_bytes(b'model = "caf\xe9"\n')
    Path("cut.toml").write_text(SPEC[:30])
    Path("deep.toml").write_text("a = " + "[" * 100_000)
    Path("long.toml").write_text("seed = " + "1" * 5000)


def _chips() -> None:
    command = ["convert", "zoo:digits_cnn", "--data", "digits", "--preset", "ideal", "-o"]
    assert run([*command, "chip"]) == 0
    text = Path("chip/chip.json").read_text()
    for name, content in {
        "chip-edited": text.replace('"seed": 0', '"seed": 1').encode(),
        "chip-not-utf8": b'\xff\xfe{"format": "analogsim-chip"}',
        "chip-deep": b"[" * 100_000,
    }.items():
        Path(name).mkdir()
        (Path(name) / "chip.json").write_bytes(content)
    Path("chip-enormous").mkdir()
    _sparse(Path("chip-enormous/chip.json"))


def _runs() -> None:
    command = ["drift", "zoo:digits_cnn", "--data", "digits", "--preset", "ideal", "--times", "1s"]
    assert run([*command, "--chips", "1", "--limit", "10", "--workers", "1", "-o", "run"]) == 0
    header, record = Path("run/run.json").read_bytes(), Path("run/records.jsonl").read_bytes()
    for name, head, body in (
        ("run-deep", b"[" * 100_000, record),
        ("run-header-only", header, b""),
        ("run-deep-record", header, b"[" * 100_000 + b"\n"),
        ("run-edited", header, record.replace(b'"chip": 0', b'"chip": 1')),
        ("run-twice", header, record + record),
    ):
        Path(name).mkdir()
        (Path(name) / "run.json").write_bytes(head)
        (Path(name) / "records.jsonl").write_bytes(body)
    Path("run-enormous").mkdir()
    Path("run-enormous/run.json").write_bytes(header)
    _sparse(Path("run-enormous/records.jsonl"))
