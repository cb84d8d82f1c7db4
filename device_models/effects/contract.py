"""What an effect on the cells of an array is: something beside the device's own law.

This module never imports torch at run time, so that effects can be listed without it.
"""

from __future__ import annotations

from dataclasses import Field, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from device_models.contract import Device
    from device_models.effects.layout import Layout

Moment = Literal["target", "programmed", "present"]
WHEN: dict[Moment, str] = {
    "target": "before programming, and from then on",
    "programmed": "from programming on",
    "present": "whenever cells are read",
}


@dataclass(frozen=True, kw_only=True)
class EffectInfo:
    """What an effect is, in words. Every field is one or two sentences of plain text."""

    name: str
    title: str
    models: str
    not_modelled: str
    law: str
    citation: str
    domain: str


@dataclass(frozen=True, kw_only=True)
class Cells:
    """What a tile physically holds: two cells a weight, (out, in) each, in units of g_max.

    A signed weight is such a pair with one of the two at zero; weight = g_plus - g_minus. Where
    cells stand `alone`, as encodings with an offset have them, a weight is its g_plus, and what an
    effect does to g_minus is nowhere. A device whose weights are not such pairs says so
    (`Device.cells_a_weight`). `g_max_us` is what the device states, `layout` says where the lines
    lie, where that is not in this order; an effect that leaves these three out of what it returns
    changes nothing for the next.
    """

    g_plus: Tensor
    g_minus: Tensor
    g_max_us: float | None = None
    layout: Layout | None = None
    alone: bool = False

    @classmethod
    def of(cls, weights: Tensor, g_max_us: float | None = None, *, alone: bool = False) -> Self:
        """The cells of tile weights, idle ones at zero. `weights` gives them back."""
        if alone:
            none = weights.new_zeros(weights.shape)
            return cls(g_plus=weights, g_minus=none, g_max_us=g_max_us, alone=True)
        plus, minus = weights.clamp(min=0), (-weights).clamp(min=0)
        return cls(g_plus=plus, g_minus=minus, g_max_us=g_max_us)

    @property
    def weights(self) -> Tensor:
        """The tile weights that these cells stand for, (out, in)."""
        return self.g_plus if self.alone else self.g_plus - self.g_minus


class Draws(Protocol):
    """The address of an effect's random draws on one tile of one chip: seed, effect, layer, tile.

    The same address gives the same numbers at every call, at every time since programming.
    """

    @property
    def array(self) -> str:
        """The tile's name, the same on every chip: LAYER/TILE."""
        ...

    def generator(self, what: str) -> Generator:
        """A CPU generator of its own for each of the effect's draws, named by `what`."""
        ...


class Acts(Protocol):
    """What changes the cells of a tile."""

    def apply(self, cells: Cells, draws: Draws) -> Cells:
        """Return the cells as the array shows them; `cells` itself stays as it is."""
        ...


class Effect(Acts, Protocol):
    """A frozen dataclass of options: exactly nothing while they are at their defaults.

    Attributes:
        info: what it models, what not, its law and its source.
        moment: `programmed` acts on what programming leaves in the cells, and ever after; it counts
            as an error of programming. `present` acts on what the cells hold whenever they are
            read. `target` acts as `programmed`, and decides before that what is programmed: such an
            effect is an `AimedEffect`.

    It may have `notes`, sentences for whoever reads a run's numbers, `arrays`, names of tiles that
    there must be, and `only_pairs`: which of its options cells that stand alone cannot have.
    """

    info: ClassVar[EffectInfo]
    moment: ClassVar[Moment]
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


class AimedEffect(Effect, Protocol):
    """An effect whose moment is `target`: whoever programs knows of it."""

    def settle(self, target: Tensor, draws: Draws) -> tuple[Tensor, Acts]:
        """What is programmed in place of `target`, and what then acts on this tile in its place.

        Both are (out, in) weights of the tile, whose sign says which cell of a pair is programmed:
        the device's law is of that cell.
        """
        ...


@runtime_checkable
class AimedAtCells(Protocol):
    """What an `AimedEffect` is, too, to which it makes a difference that cells stand alone."""

    def settle_cells(self, target: Tensor, draws: Draws) -> tuple[Tensor, Acts]:
        """As `settle`, where (out, in) are what single cells are to hold, in units of g_max."""
        ...


@runtime_checkable
class Choosy(Protocol):
    """What an effect that not every device can have is, too."""

    def check_device(self, device: Device) -> None:
        """Raise `DeviceError` for a device that cannot have it."""
        ...
