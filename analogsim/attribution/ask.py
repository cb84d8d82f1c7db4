"""What is to be attributed: sources or layers, which layers, how carefully, and to what end."""

import difflib
import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from analogsim.attribution.suggestion import Goal
from analogsim.errors import InputError

Part = Literal["both", "sources", "layers"]
SCREEN_CHIPS = 4
REFINED = 5


@dataclass(frozen=True, kw_only=True)
class Screening:
    """Look at all layers with few images first, then measure the costliest in full.

    Screening has chips of its own, so that the numbers of the layers that it picks are not
    those that picked them.

    Attributes:
        images: the first so many; 1 or more.
        chips: how many, at least 1.
        refined: how many layers are measured in full, at least 1.
    """

    images: int
    chips: int = SCREEN_CHIPS
    refined: int = REFINED

    def __post_init__(self) -> None:
        for what, value in (
            ("images", self.images),
            ("chips", self.chips),
            ("refined layers", self.refined),
        ):
            if value < 1:
                raise InputError(f"screening {what} must be at least 1, got {value}; give more")


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What is to be attributed.

    Attributes:
        part: sources, layers, or both.
        layers: patterns (`fnmatch`) of the layers to look at; none is all.
        goal: what the suggestion is to reach.
        screening: how layers are screened; None measures all in full.
    """

    part: Part = "both"
    layers: tuple[str, ...] = ()
    goal: Goal = Goal()
    screening: Screening | None = None

    def __post_init__(self) -> None:
        if self.part not in get_args(Part):
            raise InputError(
                f"part must be one of {', '.join(get_args(Part))}, got {self.part!r}; choose one"
            )

    def choose_layers(self, names: Sequence[str]) -> tuple[str, ...]:
        """The layers that the patterns match, in the order of `names`.

        Raises InputError for a pattern that matches none.
        """
        for pattern in self.layers:
            if not fnmatch.filter(names, pattern):
                near = difflib.get_close_matches(pattern, names, 1)
                hint = f"nearest: {near[0]}" if near else f"layers: {', '.join(names[:5])}"
                raise InputError(
                    f"layers pattern must match an analog layer's name, got {pattern!r}; {hint}"
                )
        patterns = self.layers or ("*",)
        return tuple(n for n in names if any(fnmatch.fnmatchcase(n, p) for p in patterns))
