"""A layer whose weight is read past it: digital, and refused if it is called after all.

On the example such a layer is not called, so it lies on no tile. Another input may call it; its
product would then be digital where everybody thinks of tiles.
"""

from collections.abc import Iterable

from torch import Tensor, nn

from analogsim.crossbar.mapping.plan import WHOLE_MODEL, LayerReport
from analogsim.errors import InputError

BYPASSED = (
    "its weight is read without calling the layer, which a tile does not see; call the layer itself"
)


class BypassedLayer:
    """Stands in the forward pass of such a layer."""

    def __init__(self, name: str) -> None:
        self.name = name

    def forward(self, input: Tensor) -> Tensor:
        """There is none. Raises InputError."""
        raise InputError(
            f"layer {self.name} must be called on the example of the conversion, too, got a call "
            "on another input alone; give an example (calibrate=) that calls it"
        )


def guard_bypassed_(module: nn.Module, report: Iterable[LayerReport]) -> nn.Module:
    """Let the layers that the report calls bypassed refuse to be called."""
    for line in report:
        if line.where == "digital" and line.why == BYPASSED:
            layer = module.get_submodule("" if line.name == WHOLE_MODEL else line.name)
            vars(layer)["forward"] = BypassedLayer(line.name).forward
    return module
