"""The one base class of every error that a user can cause and mend."""

_LONGEST = 1000
_END = 300


class AnalogsimError(Exception):
    """A user's input cannot be used; the message says what, where and what to do.

    Values of strangers' files stand in it: what cannot be printed is escaped, and a line that
    nobody would read to its end is cut in its middle.
    """

    def __init__(self, text: str) -> None:
        super().__init__("\n".join(map(_printable, text.split("\n"))))


def _printable(line: str) -> str:
    if not line.isprintable():
        line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - _END - 3]}...{line[-_END:]}"


class DeviceError(AnalogsimError):
    """A device was asked for something outside what its law covers."""
