"""A converted network, and what was found when its conversion was checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor, nn

from analogsim.batchnorm.policy import BatchNormPolicy
from analogsim.batchnorm.recalibrate import Recalibration
from analogsim.call import Inputs
from analogsim.crossbar.mapping.coverage import Coverage
from analogsim.crossbar.mapping.layer import CrossbarLayer, crossbar_layers
from analogsim.crossbar.mapping.layer_table import layer_table
from analogsim.crossbar.mapping.periphery import Periphery, TileKind
from analogsim.crossbar.mapping.plan import Grouped, LayerReport
from analogsim.crossbar.mapping.streams import StreamName
from device_models.contract import Device
from device_models.effects.contract import Effect
from device_models.registry import spec_of

Forward = Literal["auto", "native", "native-bf16", "native-compiled", "tile"]
How = Literal["native", "native-bf16", "native-compiled", "tile"]


@dataclass(kw_only=True)
class Checked:
    """What a check of the conversion has found; shared by all chips.

    Attributes:
        done: whether there was one; otherwise the first forward pass of a chip makes it.
        coverage: who computes the multiply-adds of the pass.
        free_order: whether a native chip may compute in the memory order that is fast.
        separable: whether the network treats each row of a batch by itself.
        changes_input: whether it writes into what it is called with.
        notes: what the user should know.
        example: a few rows of the only input, where there is one, and the digital network's output.
        late: whether that was after the conversion, so that its report does not know of it.
    """

    done: bool = False
    coverage: Coverage | None = None
    free_order: bool = True
    separable: bool = True
    changes_input: bool = False
    notes: tuple[str, ...] = ()
    example: tuple[Tensor, ...] = ()
    late: bool = False


@dataclass(frozen=True, kw_only=True)
class AnalogModel:
    """A converted network, not yet programmed: `program` makes chips of it."""

    module: nn.Module
    """The copy whose layers compute with crossbar layers that hold their targets."""
    source: nn.Module
    """The digital network that was given, in eval mode (a copy)."""
    device: Device
    periphery: Periphery
    bn: BatchNormPolicy
    tile: TileKind
    forward: How
    forward_reason: str
    keep_digital: tuple[str, ...]
    folded: tuple[tuple[str, str], ...]
    """(layer, BatchNorm) names of those folded into the analog weights."""
    merged: tuple[tuple[str, str], ...]
    """(layer, BatchNorm) names of those that a native chip computes with its layer's factors."""
    absorbed: tuple[tuple[Tensor, Tensor], ...]
    """Gain and offset of those BatchNorms with the network's statistics, in the same order."""
    report: tuple[LayerReport, ...]
    notes: tuple[str, ...]
    recalibration: Recalibration | None = None
    """How chips estimate BatchNorm statistics, where their policy is to do so."""
    recalibration_images: Tensor | Inputs | None = None
    """The training inputs for that, shared by all chips; a chip's folder does not hold them."""
    stream: StreamName = "aihwkit"
    """Where the normals of programming and drift come from."""
    grouped: Grouped = "digital"
    """What becomes of depthwise convolutions."""
    effects: tuple[Effect, ...] = ()
    """What acts on the cells beside the device's law, in the order in which current meets it."""
    input_ranges: Mapping[str, float] = field(default_factory=dict)
    """Full scale of the DAC of layers, where it was given and not calibrated."""
    rewrites: tuple[str, ...] = ()
    """Kinds of modules that were written with linear layers."""
    checked: Checked = field(default_factory=Checked)
    """What was found when the conversion was checked."""

    def __repr__(self) -> str:
        """What it is in five lines, then the table of its layers."""
        kept = ", ".join(self.keep_digital) or "no layer by name"
        return "\n".join(
            [
                f"AnalogModel of {type(self.source).__name__} on {spec_of(self.device)}",
                f"periphery: {self.periphery.name}, {self.tile} tile",
                f"products: {self.forward} ({self.forward_reason})",
                f"BatchNorm: {self.bn}; kept digital: {kept}",
                f"coverage: {self.coverage or 'not counted before a forward pass'}",
                "",
                layer_table(self.report),
            ]
        )

    @property
    def layers(self) -> dict[str, CrossbarLayer]:
        """The crossbar layers by name, in registration order."""
        return crossbar_layers(self.module)

    @property
    def coverage(self) -> Coverage | None:
        """Who computes the multiply-adds; None until a forward pass was looked at."""
        return self.checked.coverage
