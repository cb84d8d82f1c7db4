"""A command's usual options, some of them replaced: one given twice is refused."""

from collections.abc import Sequence


def replaced(usual: Sequence[str], *others: str) -> list[str]:
    """`usual` with `others` behind it, without the options (and values) that these give."""
    given = {word for word in others if word.startswith("--")}
    skip = [place + by for place, word in enumerate(usual) if word in given for by in (0, 1)]
    return [*(word for place, word in enumerate(usual) if place not in skip), *others]
