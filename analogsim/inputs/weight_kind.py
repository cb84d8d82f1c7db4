"""What kind of weight file lies there: its content decides, not its ending."""

import zipfile
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from analogsim.errors import InputError
from analogsim.inputs.archive import refuse_bomb
from analogsim.inputs.spec import few

MEND = "save it with safetensors, or as a plain state_dict with torch.save"
SAFE_ENDINGS = (".safetensors",)
TORCH_ENDINGS = (".pt", ".pth", ".th", ".bin", ".ckpt", ".tar")

_HEAD = 512
# A tensor takes about 100 bytes there.
_SAFE_HEADER = 16 << 20
_UNPACK = "unpack it and name the file inside"
# What torch.save wrote first in every file before it wrote zip archives.
_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_SAVE_THERE = "load it in the library that wrote it, and save its weights with safetensors"
_FOREIGN = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes", _SAVE_THERE),
    (b"GGUF", "a GGUF file of quantised weights", "name the weights before quantisation"),
    (b"\x93NUMPY", "a numpy array", MEND),
    (b"\x1f\x8b", "a compressed file (gzip)", _UNPACK),
    (b"BZh", "a compressed file (bzip2)", _UNPACK),
    (b"\xfd7zXZ\x00", "a compressed file (xz)", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a compressed file (zstd)", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "an archive (7z)", _UNPACK),
    (b"Rar!", "an archive (rar)", _UNPACK),
)


class Kind(Enum):
    """How a weight file is read; the value is how a note names it."""

    SAFETENSORS = "safetensors"
    TORCH = "a file of torch.save"
    INDEX = "the index of several files"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the first bytes of a file say.

    Attributes:
        kind: how to read it.
        by_content: True where the ending says nothing of the kind, or something else.
    """

    kind: Kind
    by_content: bool


def kind_of(path: Path, *, where: str) -> Seen:
    """Look at the first bytes of a file, and at the table of contents of a zip archive.

    Raises:
        InputError: it is empty, text, or of a kind that holds no weights of a torch network.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD)
    _refuse_text(head, where)
    ending = path.suffix.lower()
    announced = int.from_bytes(head[:8], "little")
    if 2 <= announced <= size - 8 and head[8:9] == b"{":
        if announced > _SAFE_HEADER:
            raise InputError(
                f"{where} header must have at most {_SAFE_HEADER} bytes, got {announced}, as of "
                "hundreds of thousands of tensors; fetch or save it again"
            )
        return Seen(kind=Kind.SAFETENSORS, by_content=ending not in SAFE_ENDINGS)
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        return Seen(kind=Kind.INDEX, by_content=ending != ".json")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        refuse_bomb(path, where=where, mend=MEND)
        _refuse_archive(path, where)
        return Seen(kind=Kind.TORCH, by_content=ending not in TORCH_ENDINGS)
    if head.startswith(_LEGACY):
        return Seen(kind=Kind.TORCH, by_content=ending not in TORCH_ENDINGS)
    _refuse_foreign(head, where)
    if ending in SAFE_ENDINGS:
        raise InputError(
            f"{where} must be a whole safetensors file, got a damaged one (it starts with "
            f"{head[:12]!r}); fetch or save it again"
        )
    if ending in TORCH_ENDINGS:
        raise InputError(
            f"{where} must be a whole file of torch.save, got a damaged or foreign one "
            f"(it starts with {head[:12]!r}); fetch it again, or {MEND}"
        )
    raise InputError(
        f"{where} must be safetensors or a file of torch.save, got one that starts with "
        f"{head[:12]!r}; {MEND}"
    )


def _refuse_text(head: bytes, where: str) -> None:
    text = head.lstrip().lower()
    if not head:
        raise InputError(f"{where} must hold weights, got an empty file; fetch or save it again")
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise InputError(
            f"{where} must hold weights, got a web page ({head[:15]!r}); download the file itself"
        )
    if text.startswith(b"version https://git-lfs"):
        raise InputError(
            f"{where} must hold weights, got a Git LFS pointer ({head[:15]!r}); run git lfs pull"
        )


def _refuse_foreign(head: bytes, where: str) -> None:
    for magic, what, mend in _FOREIGN:
        if head.startswith(magic):
            raise InputError(f"{where} must hold weights of torch, got {what}; {mend}")
    if head[257:262] == b"ustar":
        raise InputError(f"{where} must hold weights of torch, got a tar archive; {_UNPACK}")
    if head[:1] == b"\x80" and 2 <= head[1] <= 5:
        raise InputError(
            f"{where} must be a file of torch.save, got a plain pickle (protocol {head[1]})"
            "; write it with torch.save(model.state_dict(), FILE)"
        )


def _refuse_archive(path: Path, where: str) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    # A damaged table, which raises by where it is damaged; torch says so in its own words.
    except Exception:
        return
    parts = [name.split("/") for name in names]
    if any(part[-1] == "constants.pkl" or "code" in part[:2] for part in parts):
        raise InputError(
            f"{where} must hold only weights, got a TorchScript program; save the weights of the "
            "network it was made from with torch.save(model.state_dict(), FILE)"
        )
    if any(part[-1] == "archive_format" for part in parts):
        raise InputError(
            f"{where} must hold only weights, got a program of torch.export; save the weights of "
            "the network it was made from with torch.save(model.state_dict(), FILE)"
        )
    if not any(part[-1] == "data.pkl" for part in parts):
        raise InputError(
            f"{where} must be a file of torch.save, got an archive of {few(names) or 'nothing'}"
            f"; {_UNPACK}, or {MEND}"
        )
