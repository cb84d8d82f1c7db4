"""Text from a file on its way to a terminal: without what would steer the terminal."""

import re

# Control characters but tab and line end, ends of lines and turns of direction of Unicode's own,
# and the halves of characters that are such bytes or that no output can take.
_STEERING = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udc9f\udd00-\udfff]"
)


def printable(text: str) -> str:
    r"""`text` with such characters written out, as JSON does: `\u001b`."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
