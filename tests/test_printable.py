"""Text of a stranger cannot steer a terminal."""

import json

import pytest

from analogsim.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pcm µS 30 d\n\tß 日本 \U0001f600", None),
        ("\x1b[2Jgone", "\\u001b[2Jgone"),
        ("\x1b]0;title\x07", "\\u001b]0;title\\u0007"),
        ("over\rwritten\x08\x7f", "over\\u000dwritten\\u0008\\u007f"),
        ("\x9b31m\x90", "\\u009b31m\\u0090"),
        ("\u202eevil\u2066\u2028", "\\u202eevil\\u2066\\u2028"),
        ("\udc9b \ud800 \udfff", "\\udc9b \\ud800 \\udfff"),
        # Bytes of a path that is not UTF-8.
        ("caf\udce9", None),
    ],
    ids=["plain", "clear", "title", "back", "C1", "direction", "halves", "path"],
)
def test_what_steers_is_written_out(text: str, shown: str | None) -> None:
    assert printable(text) == (text if shown is None else shown)


def test_json_stays_what_it_says() -> None:
    text = '{"name": "\x9bK\u202e"}'
    assert json.loads(printable(text)) == json.loads(text)
