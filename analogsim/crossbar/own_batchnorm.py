"""BatchNorm layers that belong to one chip, with statistics of its own.

A native chip computes a BatchNorm with its layer's factors. Its statistics can only be estimated
from what the layer gives without it, so the two are parted for that time and joined afterwards.
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, nn

from analogsim.batchnorm.recalibrate import batchnorms
from analogsim.crossbar.layer import AbsorbedBatchNorm, CrossbarLayer


class OwnBatchNorm(AbsorbedBatchNorm):
    """As `AbsorbedBatchNorm`, for one chip: holds the BatchNorm, and can compute it itself."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__(norm)
        self.norm = copy.deepcopy(norm)

    def part_(self) -> "OwnBatchNorm":
        """Compute the BatchNorm here from now on; its layer must be refreshed."""
        self.affine = None
        return self

    def join_(self) -> "OwnBatchNorm":
        """Leave it to the layer again, with the present statistics; it must be refreshed."""
        self.affine = self.affine_of(self.norm)
        return self

    def forward(self, x: Tensor) -> Tensor:
        """`x` itself while the layer computes the BatchNorm; otherwise the BatchNorm of `x`."""
        if self.affine is not None:
            return x
        output: Tensor = self.norm(x)
        return output


def own_batchnorms(module: nn.Module, template: nn.Module) -> dict[str, nn.Module]:
    """A chip's BatchNorm layers with running statistics, by their names in the network.

    Args:
        module: the chip's network.
        template: the converted network that it is a copy of.
    """
    found = {}
    for name in batchnorms(template, tracking=True):
        here = module.get_submodule(name)
        found[name] = here.norm if isinstance(here, OwnBatchNorm) else here
    return found


@contextmanager
def parted(module: nn.Module, layers: Mapping[str, CrossbarLayer]) -> Iterator[None]:
    """Compute the chip's own BatchNorm layers by themselves; joined and refreshed afterwards."""
    stands = [m for m in module.modules() if isinstance(m, OwnBatchNorm)]
    try:
        for stand in stands:
            stand.part_()
        _refresh_(layers)
        yield
    finally:
        for stand in stands:
            stand.join_()
        _refresh_(layers)


def _refresh_(layers: Mapping[str, CrossbarLayer]) -> None:
    for layer in layers.values():
        assert layer.engine is not None, "a chip's layers have engines"
        layer.engine.forget_()
        layer.refresh_()
