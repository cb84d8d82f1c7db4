"""Mutants of pickles, opcode by opcode, and of the archives that hold them."""

import io
import pickletools
import zipfile
from collections.abc import Callable, Sequence
from random import Random

from tests.fuzz.mutate import mutated

NAMES = (
    "os system", "builtins eval", "builtins getattr", "builtins bytearray", "numpy dtype",
    "numpy ndarray", "numpy.core.multiarray _reconstruct", "_codecs encode", "torch Size",
    "collections OrderedDict", "collections defaultdict", "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter", "torch FloatStorage", "torch DoubleStorage", "x y",
    "torch._utils _rebuild_sparse_tensor", "torch._utils _rebuild_meta_tensor_no_storage",
    "torch.serialization _get_layout", "pathlib PosixPath", "argparse Namespace", "torch int8",
    "torch._tensor _rebuild_from_type_v2", "torch device", "torch.nn.modules.linear Linear",
    "torch._utils _rebuild_qtensor", "torch per_tensor_affine", "builtins set", "torch Tensor",
    "torch._utils _rebuild_wrapper_subclass", "torch._utils _rebuild_device_tensor_from_numpy",
)  # fmt: skip
TOKENS = tuple(b"c%s\n%s\n" % tuple(name.encode().split()) for name in NAMES)
TOKENS += tuple(op.code.encode("latin1") for op in pickletools.opcodes if op.arg is None)
TOKENS += (
    b"K\x00", b"K\xff", b"J\xff\xff\xff\xff", b"M\xff\xff", b"\x8a\x09" + b"\xff" * 8 + b"\x7f",
    b"\x8b\xff\xff\xff\x7f", b"B\xff\xff\xff\x7f", b"X\xff\xff\xff\x7f", b"X\x01\x00\x00\x00a",
    b"\x8e" + b"\xff" * 7 + b"\x7f", b"\x96" + b"\xff" * 7 + b"\x0f", b"r\xff\xff\xff\x0f",
    b"G\x7f\xf8" + bytes(6), b"G\x7f\xf0" + bytes(6), b"q\x00", b"q\xff", b"h\x00", b"h\xff", b"(",
    b"t", b"\x85R", b"\x86R", b"\x87R", b"\x85" * 90, b"\x85" * 9000, b"]" * 3, b"}s", b"\x80\x05",
    b"\x80\x02", b"I9" + b"9" * 5000 + b"\n", b"I01\n", b"L1L\n", b"F1e999\n", b"Q", b"\x82\x01",
    b"P1\n", b"i%s\n%s\n" % (b"os", b"system"), b"ios\nsystem\n", b"V\\ud800\n",
)  # fmt: skip


def mutated_pickle(content: bytes, draw: Random) -> bytes:
    """Opcodes taken out, repeated, moved, and others put between them; sometimes bytes."""
    if draw.random() < 0.3:
        return mutated(content, draw, TOKENS)
    parts = opcodes(content)
    for _ in range(draw.choice((1, 1, 2, 4, 12))):
        at = draw.randrange(len(parts) + 1)
        what = draw.randrange(5)
        span = draw.choice((1, 1, 3, 30))
        if what == 0:
            del parts[at : at + span]
        elif what == 1:
            parts[at:at] = parts[at : at + span] * draw.choice((1, 2, 300))
        elif what == 2:
            other = draw.randrange(len(parts) + 1)
            parts[at:at] = parts[other : other + span]
        elif what == 3 and at < len(parts):
            parts[at] = mutated(parts[at], draw, TOKENS)
        else:
            parts[at:at] = draw.choices(TOKENS, k=draw.choice((1, 1, 2, 5)))
    return b"".join(parts)


def programs(draw: Random) -> bytes:
    """A pickle of opcodes that were drawn one by one."""
    count = draw.choice((3, 10, 40, 200))
    return b"\x80\x02" + b"".join(draw.choices(TOKENS, k=count)) + b"."


def opcodes(content: bytes) -> list[bytes]:
    """A pickle's opcodes with their arguments; of several pickles, the first ones too."""
    file, parts = io.BytesIO(content), []
    while file.tell() < len(content):
        start = file.tell()
        try:
            places = [at for _, _, at in pickletools.genops(file)]
        except ValueError:
            return [*parts, content[start:]]
        ends = [*places[1:], file.tell()]
        parts += [content[a:b] for a, b in zip(places, ends, strict=True)]
    return parts


def members(content: bytes) -> list[tuple[str, bytes]]:
    """The members of a zip archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def zipped(parts: Sequence[tuple[str, bytes]], draw: Random | None = None) -> bytes:
    """An archive of these members, with checksums that are right."""
    packed = draw is not None and draw.random() < 0.1
    kind = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    content = io.BytesIO()
    # It warns of names that stand twice.
    with zipfile.ZipFile(content, "w", kind) as archive:
        for name, part in parts:
            info = zipfile.ZipInfo(name)
            info.compress_type = kind
            archive.NameToInfo.pop(name, None)
            archive.writestr(info, part)
    return content.getvalue()


def mutated_zip(
    content: bytes, draw: Random, edit: Callable[[list[tuple[str, bytes]]], list[tuple[str, bytes]]]
) -> bytes:
    """An archive whose bytes are changed, whose members are shuffled, or edited."""
    what = draw.random()
    if what < 0.3:
        return mutated(content, draw, (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"))
    parts = members(content)
    return zipped(shuffled(parts, draw) if what < 0.5 else edit(parts), draw)


def shuffled(parts: list[tuple[str, bytes]], draw: Random) -> list[tuple[str, bytes]]:
    """Members swapped, renamed, doubled or left out."""
    parts = list(parts)
    for _ in range(draw.choice((1, 1, 2, 4))):
        if not parts:
            return parts
        a, b = draw.randrange(len(parts)), draw.randrange(len(parts))
        (name, one), (other, two) = parts[a], parts[b]
        what = draw.randrange(5)
        if what == 0:
            parts[a], parts[b] = (name, two), (other, one)
        elif what == 1:
            del parts[a]
        elif what == 2:
            parts.append((name, two))
        elif what == 3:
            home = name.rpartition("/")[0]
            new = (
                "constants.pkl",
                "code/a.py",
                "byteorder",
                ".format_version",
                "data/999",
                "\x1b[2J",
            )
            parts[a] = (draw.choice((*new, f"{home}/../x", "../x.npy", "x", "y.npy", "")), one)
        else:
            parts[a] = (name, mutated(one, draw))
    return parts
