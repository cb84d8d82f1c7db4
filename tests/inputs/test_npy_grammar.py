"""`.npz` files whose headers are drawn by their grammar: refused, or read as numpy reads them."""

import io
import tempfile
import warnings
import zipfile
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import event, given, settings
from hypothesis import strategies as st

from analogsim.inputs.npz import Arrays, read_npz
from tests.fuzz.guard import faults_here

_ORDERS, _KINDS, _SIZES = "<>|=", "biufcSUVOMm?", ["", "0", "1", "2", "4", "8", "16", "99999999999"]
SCALARS = st.tuples(st.sampled_from(_ORDERS), st.sampled_from(_KINDS), st.sampled_from(_SIZES))
USUAL = st.sampled_from(["|u1", "|u1", "<f4", ">f8", "<f2", "<i8"])
DESCR = st.one_of(
    SCALARS.map("".join),
    st.lists(st.tuples(st.sampled_from(["a", "b", ""]), SCALARS.map("".join)), max_size=2),
    st.sampled_from([None, 0, (), ("<f4", (2, 2)), ["<f4"], "<f4,<f4", "float32", "\x00"]),
)
SIDES = st.sampled_from([0, 1, 2, 3, 8, -1, 1 << 31, (1 << 63) - 1, 1 << 64, True, 2.0, None, "3"])
SHAPES = st.one_of(
    st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4)),
    st.tuples(st.integers(1, 3), st.sampled_from([1, 3]), st.integers(1, 4), st.integers(1, 4)),
    st.lists(SIDES, max_size=5).map(tuple),
    st.sampled_from([None, [], [2, 2, 2], 8, (2,) * 70, ((2,), 2)]),
)
ENDS = st.sampled_from(["\n", " \n", " " * 60 + "\n", "", "#\n", ")", " or 1", "\x00", "\n{}"])


@st.composite
def members(draw: Any, shapes: Any = SHAPES) -> bytes:
    """A `.npy` file: mostly of the size that its header says, and mostly of a plain header."""
    kinds = ["", "", "", "descr", "descr", "keys", "end", "length", "version", "body"]
    odd = draw(st.sampled_from(kinds))
    descr, shape = draw(DESCR if odd == "descr" else USUAL), draw(shapes)
    head = {"descr": descr, "fortran_order": draw(st.booleans()), "shape": shape}
    if odd == "keys":
        head = draw(
            st.sampled_from([
                {k: v for k, v in head.items() if k != "shape"},
                {**head, "x": 1},
                {**head, "fortran_order": 1},
                list(head.items()),
                {},
            ])
        )  # fmt: skip
    text = repr(head) + (draw(ENDS) if odd == "end" else "\n")
    major = draw(st.sampled_from([1, 1, 2, 3] if odd != "version" else [0, 4, 255]))
    body = text.encode("utf-8" if major == 3 else "latin1")
    size = len(body) + (draw(st.sampled_from([-5, 3, 30000])) if odd == "length" else 0)
    length = size.to_bytes(2 if major == 1 else 4, "little")
    content = bytes(_bytes_of(descr, shape))
    if odd == "body":
        content = draw(st.sampled_from([content[:-1], content + b"\x00", b"", bytes(9)]))
    return b"\x93NUMPY" + bytes([major, 0]) + length + body + content


def _bytes_of(descr: object, shape: object) -> int:
    """What the header announces, where it is sound and little."""
    sound = isinstance(shape, tuple) and all(isinstance(n, int) and n >= 0 for n in shape)
    if not (sound and isinstance(descr, str) and len(descr) == 3 and descr[2].isdigit()):
        return 8
    count = prod(shape) * int(descr[2])  # type: ignore[arg-type]
    return count if count < 1 << 16 else 8


@st.composite
def archives(draw: Any) -> bytes:
    """Images and labels, as many of one as of the other in most."""
    count = draw(st.integers(1, 3))
    labels = io.BytesIO()
    np.save(labels, np.zeros(count, draw(st.sampled_from(["u1", "i8", "f4"]))))
    plain = st.sampled_from([(count, 2, 2), (count, 1, 3, 3), (count, 4, 4, 3)])
    parts = {
        "x": draw(members(plain) | members()),
        "y": labels.getvalue() if draw(st.integers(0, 3)) else draw(members()),
    }
    made = io.BytesIO()
    packed = draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    with zipfile.ZipFile(made, "w", packed) as archive:
        for name, part in parts.items():
            archive.writestr(f"{name}.npy", part)
    return made.getvalue()


def by_numpy(path: Path) -> Any:
    with warnings.catch_warnings(action="ignore"), np.load(path, allow_pickle=False) as archive:
        return archive["x"], archive["y"]


@settings(max_examples=150)
@given(archives())
def test_an_archive_is_refused_or_read_as_numpy_reads_it(content: bytes) -> None:
    taken: list[Arrays] = []
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "d.npz"
        path.write_bytes(content)
        faults, refused = faults_here(lambda _: taken.append(read_npz(path, "test")), Path(name))
        assert not faults
        event("refused" if refused else "taken")
        if refused:
            return
        x, y = by_numpy(path)
    (found,) = taken
    channels_last = x.ndim == 4 and x.shape[1] not in {1, 3}
    images = x[:, None] if x.ndim == 3 else x.transpose(0, 3, 1, 2) if channels_last else x
    np.testing.assert_array_equal(found.images.numpy(), images)
    np.testing.assert_array_equal(found.labels.numpy(), y)
