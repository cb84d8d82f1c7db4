"""A chip's BatchNorm layers, joined to the layers before them, or apart while they are estimated.

A native chip computes a BatchNorm with its layer's factors. Its statistics can only be estimated
from what the layer gives without it, so the two are parted for that time and joined afterwards.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from torch import nn

from analogsim.batchnorm.recalibrate import batchnorms
from analogsim.crossbar.mapping.joined import JoinedBatchNorm
from analogsim.crossbar.mapping.layer import CrossbarLayer


def own_batchnorms(module: nn.Module, template: nn.Module) -> dict[str, nn.Module]:
    """A chip's BatchNorm layers with running statistics, by their names in the network.

    Args:
        module: the chip's network.
        template: the converted network that it is a copy of.
    """
    return {name: module.get_submodule(name) for name in batchnorms(template, tracking=True)}


@contextmanager
def parted(
    joined: Iterable[JoinedBatchNorm], layers: Mapping[str, CrossbarLayer]
) -> Iterator[None]:
    """Compute the chip's BatchNorm layers by themselves; joined and refreshed afterwards."""
    inside = [one for one in joined if one.affine is not None]
    try:
        for one in inside:
            one.part_()
        refresh_factors_(layers)
        yield
    finally:
        for one in inside:
            one.join_()
        refresh_factors_(layers)


def refresh_factors_(layers: Mapping[str, CrossbarLayer]) -> None:
    """Let the engines take the layers' gains and offsets anew."""
    for layer in layers.values():
        assert layer.engine is not None, "a chip's layers have engines"
        layer.engine.forget_()
        layer.refresh_()
