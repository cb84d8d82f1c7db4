"""Errors that the user can mend; everything else that escapes is a bug of ours."""

import warnings

from device_models.errors import AnalogsimError, DeviceError

__all__ = [
    "AccuracyWarning",
    "AnalogsimError",
    "CalibrationWarning",
    "CoverageWarning",
    "DeviceError",
    "FoldingWarning",
    "InputError",
    "OutputError",
    "ResumeWarning",
    "first_line",
    "plain",
    "shown",
]

_LONGEST = 400


class InputError(AnalogsimError):
    """A model, weight file, data set or option cannot be used as given."""


class OutputError(AnalogsimError):
    """An output folder cannot be written without losing something."""


class AccuracyWarning(UserWarning):
    """A digital network's accuracy is that of one which is not used as it was trained."""


class CalibrationWarning(UserWarning):
    """Input ranges rest on synthetic inputs."""


class CoverageWarning(UserWarning):
    """Tiles compute under half of the multiply-adds."""


class FoldingWarning(UserWarning):
    """BatchNorm is folded where that costs accuracy."""


class ResumeWarning(UserWarning):
    """An old folder goes on, and does not hold what its inputs would be compared with."""


def first_line(err: BaseException) -> str:
    """The first line of what an error says, or its kind where it says nothing."""
    return (str(err).strip().splitlines() or [type(err).__name__])[0][:200]


def plain(text: str) -> str:
    """A text in an error as it is, or, where it would break the line, as its repr."""
    return text if text.isprintable() and len(text) <= _LONGEST else shown(text)


def shown(value: object) -> str:
    """A value in an error: its repr, cut off where nobody would read on."""
    try:
        with warnings.catch_warnings():
            # Torch warns of what it wrote itself in old files.
            warnings.simplefilter("ignore")
            text = repr(value)
    # Deeper than Python counts; a whole number of thousands of digits.
    except (RecursionError, ValueError):
        return f"a {type(value).__name__} that is too large to be shown"
    if "\n" in text:  # a tensor, an array
        text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
