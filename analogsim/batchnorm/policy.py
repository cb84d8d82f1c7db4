"""What becomes of a network's BatchNorm on a chip: one word, the same everywhere."""

from collections.abc import Mapping
from typing import Literal, get_args

from torch import nn

from analogsim.batchnorm.recalibrate import batchnorms
from analogsim.errors import InputError

BatchNormPolicy = Literal["digital", "fold", "recalibrate", "recalibrate-once", "none"]
"""`digital`: computed in digital periphery with the network's statistics. `fold`: in the analog
weights. `recalibrate`: in digital, with statistics estimated anew on each chip at each time.
`recalibrate-once`: the same, once, right after programming. `none`: the network has none."""

POLICIES: tuple[BatchNormPolicy, ...] = get_args(BatchNormPolicy)
RECALIBRATING: tuple[BatchNormPolicy, ...] = ("recalibrate", "recalibrate-once")

_SHOWN = 3


def check_policy(policy: BatchNormPolicy, network: nn.Module) -> tuple[str, ...]:
    """Notes on what the policy cannot do for `network`.

    Raises:
        InputError: no such policy, or one that does not fit the network's BatchNorm layers.
    """
    if policy not in POLICIES:
        raise InputError(f"bn must be one of {', '.join(POLICIES)}, got {policy!r}; choose one")
    every = batchnorms(network)
    tracking = batchnorms(network, tracking=True)
    if policy == "none" and every:
        raise InputError(
            f"bn 'none' must go with a network without BatchNorm, got one with {len(every)} "
            f"({_few(every)}); choose digital, fold or recalibrate"
        )
    if policy in RECALIBRATING and not tracking:
        kind = "without running statistics" if every else "none"
        raise InputError(
            f"bn {policy!r} must go with a network that has BatchNorm with running statistics, "
            f"got {len(every) or 'a network with'} {kind}; choose digital or none"
        )
    batchwise = {name: norm for name, norm in every.items() if name not in tracking}
    if not batchwise:
        return ()
    return (
        f"BatchNorm without running statistics takes those of each batch, under every policy: "
        f"{len(batchwise)} ({_few(batchwise)}).",
    )


def _few(norms: Mapping[str, nn.Module]) -> str:
    names = list(norms)
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
