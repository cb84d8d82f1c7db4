"""Pickles drawn by the grammar of their opcodes: each is taken or refused, and calls nothing."""

import io
import pickle
import pickletools
import tempfile
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from analogsim.inputs.cifar_pickle import read_batch
from analogsim.inputs.pickle_cost import _follow, refuse_costly
from analogsim.inputs.weight_pickle import ALLOWED
from tests.damage import outcome
from tests.fuzz.guard import faults_here
from tests.fuzz.pickles import NAMES, zipped
from tests.inputs.weight_nets import read_weights

CALLED: list[tuple[object, ...]] = []


def planted(*parts: object) -> dict[object, object]:
    """What no pickle may reach; it has a name like any other."""
    CALLED.append(parts)
    return {}


PLANTED = f"{__name__} planted"
NAMED = (*NAMES, *(" ".join(name.rsplit(".", 1)) for name in ALLOWED))
Step = tuple[bytes, tuple[str, ...], tuple[str, ...]]
"""An opcode, what lies on the stack before it (the top last), and what lies there afterwards."""


def name_steps(name: str) -> list[Step]:
    """GLOBAL, and STACK_GLOBAL."""
    home, own = (part.encode() for part in name.split())
    on_stack = b"\x8c%c%s\x8c%c%s\x93" % (len(home), home, len(own), own)
    return [(code, (), ("name",)) for code in (b"c%s\n%s\n" % (home, own), on_stack)]


NUMBERS = (b"N", b"\x88", b"K\x07", b"M\x01\x02", b"J" + b"\xff" * 4, b"\x8a\x01\x80", b"I5\n")
NUMBERS += (b"F1.5\n", b"G\x7f\xf8" + bytes(6))
TEXTS = (b"X\x01\x00\x00\x00a", b"X\x04\x00\x00\x00data", b"U\x02hi", b"C\x03abc", b"S'x'\n")
# Of one number, `data/0` of the archive, as torch.save writes it.
TENSOR = (
    b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
    b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQK\x00K\x01\x85K\x01\x85\x89"
    b"ccollections\nOrderedDict\n)RtR"
)
GROUPS: list[list[Step]] = [
    [(code, (), ("any",)) for code in (*NUMBERS, *TEXTS)],
    [(b"]", (), ("list",)), (b"}", (), ("dict",)), (b")", (), ("tuple",)), (b"\x8f", (), ("set",))],
    [(TENSOR, (), ("any",)), (b"}" + TEXTS[0] + TENSOR + b"s", (), ("dict",))],
    name_steps(PLANTED),
    [*chain(*map(name_steps, NAMED))],
    [(b"(", (), ("mark",))],
    [(b"\x85", ("any",), ("tuple",)), (b"\x86", ("any", "any"), ("tuple",))],
    [(b"0", ("any",), ()), (b"2", ("any",), ("any", "any")), (b"b", ("made", "any"), ("made",))],
    [(b"a", ("list", "any"), ("list",)), (b"s", ("dict", "any", "any"), ("dict",))],
    [(b"R", ("name", "tuple"), ("made",)), (b"\x81", ("name", "tuple"), ("made",))],
    [(b"t", ("mark",), ("tuple",)), (b"l", ("mark",), ("list",)), (b"d", ("mark",), ("dict",))],
    [(b"e", ("list", "mark"), ("list",)), (b"u", ("dict", "mark"), ("dict",))],
    [(b"\x90", ("set", "mark"), ("set",)), (b"1", ("mark",), ())],
]
FROM_MARK = b"tlde\x90u1"


def applied(step: Step, stack: list[str]) -> list[str] | None:
    """The stack after a step; None where it does not find what it takes."""
    code, takes, gives = step
    rest, above = stack, 0
    if code in FROM_MARK:
        if "mark" not in stack:
            return None
        above = stack[::-1].index("mark")
        rest = stack[: len(stack) - above]
        if code in b"du" and above % 2:
            return None
    found = rest[len(rest) - len(takes) :]
    sound = len(found) == len(takes) and all(
        want == got or (want == "any" and got != "mark")
        for want, got in zip(takes, found, strict=True)
    )
    return [*rest[: len(rest) - len(takes)], *gives] if sound else None


@st.composite
def programs(draw: Any) -> bytes:
    """A whole pickle of up to 40 steps, of which each finds on the stack what it takes."""
    first = [b"}", b"}" + TEXTS[0] + TENSOR + b"s"]
    # Few readers go on behind a name.
    names = draw(st.booleans())
    groups = [group for group in GROUPS if names or ("name",) not in [step[2] for step in group]]
    out, stack = [b"\x80\x04" + draw(st.sampled_from(first))], ["dict"]
    for _ in range(draw(st.sampled_from([0, 1, 2, 4, 8, 20, 40]))):
        may = [[step for step in group if applied(step, stack) is not None] for group in groups]
        step = draw(st.sampled_from(draw(st.sampled_from([group for group in may if group]))))
        after = applied(step, stack)
        assert after is not None
        out.append(step[0])
        stack = after
        if stack and stack[-1] != "mark" and draw(st.integers(0, 9)) == 0:
            # Kept, and taken from there once more.
            out.append(b"\x94h%c" % sum(one.startswith(b"\x94") for one in out))
            stack.append(stack[-1])
    for _ in range(stack.count("mark")):
        above = stack[::-1].index("mark")
        out.append(b"t")
        stack = [*stack[: len(stack) - above - 1], "tuple"]
    # The first value is what it gives.
    return b"".join([*out, b"0" * (len(stack) - 1) if stack else b"}", b"."])


def in_zip(content: bytes) -> bytes:
    members = {"data.pkl": content, "data/0": bytes(4), "byteorder": b"little", "version": b"3\n"}
    return zipped([(f"net/{name}", part) for name, part in members.items()])


def in_legacy(content: bytes) -> bytes:
    heads = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})
    return b"".join([*(pickle.dumps(head, 2) for head in heads), content, pickle.dumps([], 2)])


def batch(path: Path) -> object:
    return read_batch(path, path.read_bytes())


READERS = {
    "batch of CIFAR": (bytes, batch),
    "archive of weights": (in_zip, read_weights),
    "pickles of weights": (in_legacy, read_weights),
}
EACH = pytest.mark.parametrize(("packed", "read"), READERS.values(), ids=READERS)
CALL = b"\x80\x02}X\x01\x00\x00\x00a" + name_steps(PLANTED)[0][0] + b")Rs."


def looked_at(content: bytes, read: Callable[[Path], object]) -> tuple[list[str], bool]:
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "net.pt").write_bytes(content)
        CALLED.clear()
        found = faults_here(lambda folder: read(folder / "net.pt"), Path(name))
    assert not CALLED
    return found


@given(programs())
def test_the_grammar_makes_whole_pickles(program: bytes) -> None:
    """So says Python's own disassembler, which follows the stack and the memo."""
    said = io.StringIO()
    pickletools.dis(program, said)
    assert said.getvalue().splitlines()[-2].endswith("STOP")
    # What is whole may cost too much; it is never taken for broken.
    if outcome(lambda: refuse_costly(program, where="file f", mend="fetch it")) is None:
        assert _follow(program, 0) == len(program)


@EACH
@settings(max_examples=50)
@given(program=programs())
def test_a_pickle_is_taken_or_refused_and_calls_nothing(
    program: bytes, packed: Callable[[bytes], bytes], read: Callable[[Path], object]
) -> None:
    faults, refused = looked_at(packed(program), read)
    assert not faults
    event("refused" if refused else "taken")


@EACH
def test_a_planted_name_is_called_by_pickle_and_by_no_reader(
    packed: Callable[[bytes], bytes], read: Callable[[Path], object]
) -> None:
    CALLED.clear()
    assert pickle.loads(CALL) == {"a": {}}
    assert CALLED == [()]
    assert looked_at(packed(CALL), read) == ([], True)
