"""Whatever a stranger's value holds, an error can be printed, and read to its end."""

import copy
import pickle

import numpy as np
import pytest

from analogsim.errors import DeviceError, InputError, OutputError, plain, shown

TEXTS = {
    "escape": ("x must be y, got \x1b[2J\x07; mend it", r"x must be y, got \x1b[2J\x07; mend it"),
    "zero": ("got a\x00b; mend it", r"got a\x00b; mend it"),
    "right to left": ("got \u202egnp.exe; mend it", r"got \u202egnp.exe; mend it"),
    "half a character": ("got caf\udce9; mend it", r"got caf\udce9; mend it"),
    "carriage return": ("got a\rb\tc; mend it", r"got a\rb\tc; mend it"),
    "letters": ("got é 日本 🙂; mend it", "got é 日本 🙂; mend it"),
    "lines": ("problems:\n  a\n  b\x1b\nmend these", "problems:\n  a\n  b\\x1b\nmend these"),
    "long": ("a" * 5000 + "; mend it", "a" * 697 + "..." + "a" * 291 + "; mend it"),
    "as long as may be": ("a" * 1000, "a" * 1000),
}


@pytest.mark.parametrize("kind", [InputError, OutputError, DeviceError], ids=lambda k: k.__name__)
@pytest.mark.parametrize(("text", "said"), TEXTS.values(), ids=TEXTS)
def test_an_error_is_printable_and_bounded(kind: type[Exception], text: str, said: str) -> None:
    error = kind(text)
    assert str(error) == said
    # As from another process: said once, it stays as it is.
    assert str(pickle.loads(pickle.dumps(error))) == said
    assert str(copy.copy(error)) == said


def test_a_value_in_an_error_takes_one_line() -> None:
    assert shown(np.zeros((2, 2))) == "array([[0., 0.], [0., 0.]])"
    assert shown("a  b") == "'a  b'"
    assert plain("a b") == "a b"
    assert plain("a\nb") == "'a\\nb'"
