"""Refuse a pickle that costs far more than its size, before any unpickler sees it.

An unpickler that calls nothing still fails on tuples nested a million deep (hashing them ends the
process), on tuples that hold each other twice (their hash takes for ever), and on a few bytes
that ask for gigabytes. So the opcodes are followed here without making anything of them.
"""

import mmap
import pickletools
from collections.abc import Iterable
from typing import TypeAlias

from analogsim.errors import InputError

DEPTH = 100
"""So deep values may lie in each other; weights lie 4 deep, and settings beside them 10."""
OPCODES = 1 << 22
"""So many steps a pickle may have; a tensor takes about 40, a number in a list one or two."""
WORK = 1 << 23
"""So many values may be hashed as parts of keys and arguments."""
ROOM = 1 << 26
"""So many bytes may be announced beyond a pickle's end, as where it is cut off."""
NAME = 1000
"""So long the name of a class may be: torch searches what it says of another one in square time."""

_Bytes: TypeAlias = bytes | mmap.mmap
# How deep a value is, how many it holds counted as often as they stand in it, and what it is.
_Value: TypeAlias = list[int]
_OTHER, _INTEGER, _INTEGER_FIRST, _BYTEARRAY = range(4)
# None is a mark.
_Stack: TypeAlias = list[_Value | None]

_BY_NAME = {opcode.name: ord(opcode.code) for opcode in pickletools.opcodes}
# Bytes of the argument that follows each; below 0 a line, or the size is read first.
_ARGUMENT = {ord(op.code): (0 if op.arg is None else op.arg.n) for op in pickletools.opcodes}
_SIZES = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}


def _codes(*names: str) -> frozenset[int]:
    return frozenset(_BY_NAME[name] for name in names)


_INTEGERS = _codes("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4")
_EMPTY = _codes("EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET", "EMPTY_TUPLE")
_TUPLES = {_BY_NAME["TUPLE1"]: 1, _BY_NAME["TUPLE2"]: 2, _BY_NAME["TUPLE3"]: 3}
_CALLS = {_BY_NAME["REDUCE"]: 2, _BY_NAME["NEWOBJ"]: 2, _BY_NAME["NEWOBJ_EX"]: 3}
_FROM_MARK = _codes("TUPLE", "LIST", "DICT", "FROZENSET", "INST", "OBJ")
_HASHING_FROM_MARK = _codes("DICT", "FROZENSET", "INST", "OBJ")
_INTO = {_BY_NAME["APPEND"]: 1, _BY_NAME["SETITEM"]: 2, _BY_NAME["BUILD"]: 1}
_INTO_FROM_MARK = _codes("APPENDS", "SETITEMS", "ADDITEMS")
_HASHING = _codes("SETITEM", "SETITEMS", "ADDITEMS")
_ADDITEMS = _BY_NAME["ADDITEMS"]
_PUT = _codes("PUT", "BINPUT", "LONG_BINPUT")
_GET = _codes("GET", "BINGET", "LONG_BINGET")
_TO_NAME = {_BY_NAME["STACK_GLOBAL"]: 2, _BY_NAME["BINPERSID"]: 1}
_NOTHING = _codes("PROTO", "FRAME")
_TWO_LINES = _codes("GLOBAL", "INST")
_GLOBAL, _MARK, _STOP, _TUPLE = (_BY_NAME[n] for n in ("GLOBAL", "MARK", "STOP", "TUPLE"))
_MEMOIZE, _POP, _POP_MARK, _DUP = (_BY_NAME[n] for n in ("MEMOIZE", "POP", "POP_MARK", "DUP"))
_BINGET, _BINPUT = _BY_NAME["BINGET"], _BY_NAME["BINPUT"]


class _Broken(Exception):
    """No unpickler reads on from here."""


def refuse_costly(content: _Bytes, *, count: int = 1, where: str, mend: str) -> None:
    """Raise InputError where reading a pickle would cost far more than its size.

    A pickle that is broken passes up to there: its reader refuses it, in its own words.

    Args:
        content: the pickles, one after the other; what follows them is not looked at.
        count: how many there are.
        where: how an error names the file.
        mend: what to do, at the end of the sentence.
    """
    start = 0
    try:
        for _ in range(count):
            start = _follow(content, start)
    except _Broken:
        return
    except _Costly as err:
        raise InputError(f"{where} {err}; {mend}") from err


class _Costly(Exception):
    """What must be so, and what was found."""


def _follow(content: _Bytes, at: int) -> int:
    """Follow one pickle; returns where it ends."""
    size, steps, work = len(content), 0, 0
    stack: _Stack = []
    memo: dict[int, _Value] = {}
    leaf, whole = [0, 1, _OTHER], [0, 1, _INTEGER]
    try:
        while True:
            code = content[at]
            begin = at + 1
            long = _ARGUMENT[code]
            at = begin + long
            if long < 0:
                begin, at = _argument(content, code, begin, size)
            elif at > size:
                raise _Broken
            steps += 1
            if steps > OPCODES:
                raise _Costly(f"must have at most {OPCODES} steps in its pickle, got more")
            # The two that are half of every pickle, first.
            if code == _BINGET:
                stack.append(memo[content[begin]])
            elif code == _BINPUT:
                if (top := stack[-1]) is None:
                    raise _Broken
                memo[content[begin]] = top
            elif code in _INTEGERS:
                stack.append(whole)
            elif code in _PUT:
                place = _number(content, code, begin, at)
                # A reader in C makes room for all places before it.
                if place > size:
                    raise _Costly(f"must number what it repeats from 0, got {place}")
                memo[place] = _top(stack)
            elif code in _GET:
                stack.append(memo[_number(content, code, begin, at)])
            elif code == _MEMOIZE:
                memo[len(memo)] = _top(stack)
            elif code == _MARK:
                stack.append(None)
            elif code in _TUPLES or code == _TUPLE:
                items = _popped(stack, _TUPLES[code]) if code != _TUPLE else _to_mark(stack)
                first = bool(items) and items[0][2] == _INTEGER
                stack.append(_holding(items, _INTEGER_FIRST if first else _OTHER))
            elif code in _CALLS:
                items = _popped(stack, _CALLS[code])
                # It makes as many bytes as the number says.
                if items[0][2] == _BYTEARRAY and any(i[2] == _INTEGER_FIRST for i in items[1:]):
                    raise _Costly("must hold the bytes of a bytearray, got a number of them")
                stack.append(made := _holding(items))
                work = _spent(work + made[1])
            elif code in _FROM_MARK:
                items = _to_mark(stack)
                stack.append(made := _holding(items))
                if code in _HASHING_FROM_MARK:
                    work = _spent(work + made[1])
            elif code in _INTO or code in _INTO_FROM_MARK:
                items = _popped(stack, _INTO[code]) if code in _INTO else _to_mark(stack)
                holder, held = _top(stack), _holding(items)
                if code in _HASHING:
                    keys = items if code == _ADDITEMS else items[::2]
                    work = _spent(work + sum(key[1] for key in keys))
                if holder is not leaf and holder is not whole:
                    holder[0] = max(holder[0], held[0])
                    holder[1] += held[1]
            elif code in _EMPTY:
                stack.append([0, 1, _OTHER])
            elif code == _STOP:
                _top(stack)
                return at
            elif code == _POP:
                stack.pop()
            elif code == _POP_MARK:
                _to_mark(stack)
            elif code == _DUP:
                stack.append(_top(stack))
            elif code not in _NOTHING:
                _popped(stack, _TO_NAME.get(code, 0))
                named = code == _GLOBAL and content[begin:at].endswith(b"bytearray\n")
                stack.append([0, 1, _BYTEARRAY] if named else leaf)
    # What it takes from a stack, a memo or a file that is at its end; a number that is none.
    except (IndexError, KeyError, ValueError) as err:
        raise _Broken from err


def _spent(work: int) -> int:
    if work > WORK:
        raise _Costly(f"must hash at most {WORK} values when it is read, got more")
    return work


def _argument(content: _Bytes, code: int, at: int, size: int) -> tuple[int, int]:
    """Where an argument begins and ends that is a line, or says itself how long it is."""
    long = _ARGUMENT[code]
    if long == pickletools.UP_TO_NEWLINE:
        if code not in _TWO_LINES:
            return at, _line(content, at)
        lines = content[at : at + NAME + 2].split(b"\n", 2)
        # Torch takes what is left for a line that has no end.
        if len(lines) < 3 and size - at > NAME:
            raise _Costly(f"must name classes in at most {NAME} bytes, got more")
        if len(lines) < 3:
            raise _Broken
        return at, at + len(lines[0]) + len(lines[1]) + 2
    begin = at + _SIZES[long]
    if begin > size:
        raise _Broken
    announced = int.from_bytes(content[at:begin], "little")
    if announced > size - begin + ROOM:
        raise _Costly(
            f"must be whole, got a pickle that announces {announced} bytes where {size - begin} "
            "are left"
        )
    if announced > size - begin:
        raise _Broken
    return begin, begin + announced


def _line(content: _Bytes, at: int) -> int:
    end = content.find(b"\n", at)
    if end < 0:
        raise _Broken
    return end + 1


def _number(content: _Bytes, code: int, begin: int, end: int) -> int:
    text = content[begin:end]
    return int(text) if _ARGUMENT[code] < 0 else int.from_bytes(text, "little")


def _top(stack: _Stack) -> _Value:
    top = stack[-1]
    if top is None:
        raise _Broken
    return top


def _popped(stack: _Stack, count: int) -> list[_Value]:
    if not count:
        return []
    items = stack[-count:]
    found = [item for item in items if item is not None]
    if len(found) < count:
        raise _Broken
    del stack[-count:]
    return found


def _to_mark(stack: _Stack) -> list[_Value]:
    found = []
    while (top := stack.pop()) is not None:
        found.append(top)
    return found[::-1]


def _holding(items: Iterable[_Value], kind: int = _OTHER) -> _Value:
    depth, held = 0, 1
    for item in items:
        if item[0] >= depth:
            depth = item[0] + 1
        held += item[1]
    if depth > DEPTH:
        raise _Costly(f"must hold values at most {DEPTH} deep in each other, got deeper ones")
    return [depth, held, kind]
