"""What a network is in a suite's tables."""

from dataclasses import dataclass
from typing import Literal

Arm = Literal["with", "without"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A network's place in a suite.

    Attributes:
        label: its name, and that of its folder.
        pair, arm: the pair of networks that it is one arm of, with or without BatchNorm.
        published: the published pair that it is compared with.
        growth: the group in which accuracy is set against the number of BatchNorm layers.
        training_seed: of its training.
        against: the label of another network, with whose chips of the same numbers its own are
            compared: what a change of the network has gained.
    """

    label: str
    pair: str | None = None
    arm: Arm | None = None
    published: str | None = None
    growth: str | None = None
    training_seed: int | None = None
    against: str | None = None
