"""Which part of a data set a name says: that of a folder, or of an array in a file."""

import re
from typing import Literal

Part = Literal["train", "test", "validation"]

_WORDS: dict[str, Part] = {
    **dict.fromkeys(("train", "training", "trainset", "trainingset"), "train"),
    **dict.fromkeys(("test", "testing", "testset"), "test"),
    **dict.fromkeys(("val", "valid", "validation", "valset", "validationset"), "validation"),
    **dict.fromkeys(("dev", "eval", "evaluation", "holdout"), "validation"),
}
_BESIDE = {"set", "data", "images", "split"}


def part_and_rest(name: str) -> tuple[Part | None, frozenset[str]]:
    """The part that one word of a name says, and its other words; None where none or two do."""
    words = [word for word in re.split(r"[\W_]+", name.lower()) if word]
    said = [_WORDS[word] for word in words if word in _WORDS]
    if len(said) != 1:
        return None, frozenset(words)
    return said[0], frozenset(word for word in words if word not in _WORDS)


def part_of(name: str) -> Part | None:
    """The part that a folder's name says, alone or as in `test_set`; None for any other name."""
    part, rest = part_and_rest(name)
    return part if rest <= _BESIDE else None
