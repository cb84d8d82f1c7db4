"""What a network is in a suite's tables."""

from dataclasses import dataclass, field
from typing import Literal

from analogsim.keys import one_of, row, text, whole

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

    label: str = field(
        metadata=row(
            {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$"},
            "a name of letters, digits, dot, - and _: its folder",
        ).row
    )
    pair: str | None = text("text: the pair that it is one arm of").field(None)
    arm: Arm | None = one_of(("with", "without"), says="with or without (BatchNorm)").field(None)
    published: str | None = one_of(
        ("resnet44", "vgg16"), says="resnet44 or vgg16: the published pair to compare with"
    ).field(None)
    growth: str | None = text(
        "text: the group in which accuracy is set against the number of BatchNorm layers"
    ).field(None)
    training_seed: int | None = whole(
        "a whole number, 0 or more: the seed of its training", 0
    ).field(None)
    against: str | None = text(
        "text: the label of another network, chip by chip with which it is compared"
    ).field(None)
