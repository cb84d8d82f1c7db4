"""What every device model offers, and what it may know of the tile that it acts on.

This module never imports torch at run time, so that devices can be listed without it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from device_models.constants import Constant, problems_of
from device_models.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class DeviceInfo:
    """What a device is, in words. Every field is one or two sentences of plain text."""

    name: str
    title: str
    models: str
    not_modelled: str
    law: str
    citation: str
    valid_times: str
    bibtex: str = ""
    """How to cite it: entries in BibTeX."""


@dataclass(frozen=True, kw_only=True)
class Switch:
    """A part of a device's error that can be switched off alone.

    Attributes:
        option: the field of the device that multiplies this part; 0 is exactly without it.
        name, title: for files, and in words.
        part_of: name of the switch that switches this part off as well, if there is one.
    """

    option: str
    name: str
    title: str
    part_of: str = ""


PROGRAMMING = Switch(option="programming_scale", name="programming", title="programming noise")
DRIFT = Switch(
    option="drift_scale", name="drift", title="drift (its mean and its spread between cells)"
)
READ_NOISE = Switch(option="read_scale", name="read-noise", title="read noise")
USUAL_SWITCHES = (PROGRAMMING, DRIFT, READ_NOISE)
"""What every device is asked for, and says if it cannot."""


@dataclass(frozen=True, kw_only=True)
class ProductNoise:
    """Read noise that every product draws anew: cell j adds N(0, sigma_j^2) times its input.

    Not the read noise that a law draws at a time and then keeps.

    Attributes:
        sigma: in units of a cell at full weight; 0 is none.
        law: `root`: sigma_j = sigma sqrt(|w_j|), as PCM has it; `constant`: sigma_j = sigma.
        source: who measured or stated it.
    """

    sigma: float
    law: Literal["root", "constant"]
    source: str


@dataclass(frozen=True, kw_only=True)
class TileContext:
    """What a law may need to know of the layer's whole tensor, of which a tile holds a part.

    `weight_std` (unbiased) and `weight_abs_max` are of the logical weights of the whole layer.
    `column_scale` has shape (out, 1) for the tile's own outputs, and
    logical weight = tile weight * column_scale. `layer` is the layer's name in the network, for a
    law that differs from layer to layer; empty where there is no network. `cell_share` is the
    spread of each cell's own error that makes a spread of 1 in tile weights, where a weight has
    several cells that share it alike: 1 for one pair, 0 for a column that all outputs share.
    """

    weight_std: float
    weight_abs_max: float
    column_scale: Tensor
    layer: str = ""
    cell_share: float = 1.0

    @classmethod
    def of(cls, layer_weight: Tensor, column_scale: Tensor) -> TileContext:
        """Measure `layer_weight`, the layer's whole logical tensor (any shape, not empty).

        A single weight has no spread: its `weight_std` is 0 (torch.std would give NaN).
        """
        return cls(
            weight_std=float(layer_weight.std()) if layer_weight.numel() > 1 else 0.0,
            weight_abs_max=float(layer_weight.abs().max()),
            column_scale=column_scale,
        )


class NoiseLaw(Protocol):
    """The two methods of aihwkit's `BaseNoiseModel` that we use.

    Weights are tile weights of shape (out, in), float32, in [-1, 1] before programming. Draws
    come from torch's global generator, which the caller seeds.
    """

    def apply_programming_noise(self, weights: Tensor) -> tuple[Tensor, list[Tensor | None]]:
        """Return the programmed weights and what the chip must remember in order to drift."""
        ...

    def apply_drift_noise(
        self, weights: Tensor, drift_noise_parameters: list[Tensor | None], t_inference: float
    ) -> Tensor:
        """Return the weights `t_inference` seconds after programming.

        `weights` and `drift_noise_parameters` are what programming returned: drift always
        starts from the programmed state, it is not cumulative.
        """
        ...


class FusedLaw(Protocol):
    """A faster form of a `NoiseLaw` for many tiles, with normals from outside; the same bits.

    Tensors are flat, tile after tile, and `sizes` says how many weights each tile has. `normals`
    are what the `NoiseLaw` would draw for each tile, in its order; they may be overwritten.
    """

    @property
    def programming_draws(self) -> int:
        """How many normals a weight takes at programming."""
        ...

    @property
    def drift_draws(self) -> int:
        """How many normals a weight takes at each drift."""
        ...

    def program(
        self, target: Tensor, sizes: Sequence[int], normals: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Programmed weights (n,), and one drift parameter a weight (n,)."""
        ...

    def prepare(self, programmed: Tensor, sizes: Sequence[int]) -> tuple[Tensor, ...]:
        """What drifts to any time have in common; may be kept or made again."""
        ...

    def drift(
        self,
        programmed: Tensor,
        nu: Tensor,
        prepared: tuple[Tensor, ...],
        sizes: Sequence[int],
        t_s: float,
        normals: Tensor,
    ) -> Tensor:
        """As `NoiseLaw.apply_drift_noise`: weights (n,) at `t_s`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Device(ABC):
    """A device with the user's parameters. `noise_scale=0` is exactly ideal.

    `noise_scale` multiplies every deviation from the ideal: programming, drift and read noise.
    Raises `DeviceError` at construction, with every problem of the parameters in one message.
    """

    info: ClassVar[DeviceInfo]
    switches: ClassVar[tuple[Switch, ...]] = USUAL_SWITCHES
    """What can be switched off alone; of the usual ones, those that the device has a field for.

    With all that are part of no other at 0, the device must be exactly ideal.
    """
    source_files: ClassVar[dict[str, str]] = {}
    """Files of a user's own device: name and sha256 of the text. Set by who loads them."""

    cells_a_weight: ClassVar[int] = 2
    """2 where a signed weight is a pair of cells whose idle one is at zero, as effects take it; 1
    where it is one cell that conducts at weight 0 too."""

    knows_cells: ClassVar[bool] = False
    """Whether `cell_law` gives a law."""

    noise_scale: float = 1.0

    def __post_init__(self) -> None:
        if found := self.problems():
            raise DeviceError("\n".join(found))

    def problems(self) -> list[str]:
        """Say what is wrong with the parameters; a subclass adds to what this one finds."""
        # By name, so that a device cannot add a scale and forget to check it.
        names = [field.name for field in fields(self)]
        scales = [name for name in names if name.endswith("_scale")]
        unknown = [
            switch.option
            for switch in self.switches
            if switch not in USUAL_SWITCHES and switch.option not in names
        ]
        found = [
            f"preset {self.info.name!r} switches must be fields of the device, got {option!r}; add "
            "a field of that name"
            for option in unknown
        ]
        found += [
            f"preset {self.info.name!r} {name} must be finite and >= 0, got {value}; "
            "0 switches the noise off, 1 is the device as measured"
            for name in scales
            if not (math.isfinite(value := getattr(self, name)) and value >= 0)
        ]
        return found + problems_of(self)

    def own_switches(self) -> tuple[Switch, ...]:
        """The switches that the device has a field for."""
        names = {field.name for field in fields(self)}
        return tuple(switch for switch in self.switches if switch.option in names)

    @property
    def largest_us(self) -> float | None:
        """What the cell of the largest weight conducts, by `constants`; None where none says so."""
        stated = [c.value for c in self.constants() if (c.symbol, c.unit) == ("g_max", "uS")]
        return float(stated[0]) if stated else None

    def check_time(self, t_s: float) -> None:
        """Raise `DeviceError` if the law does not cover `t_s` seconds after programming."""
        if not (math.isfinite(t_s) and t_s >= 0):
            raise DeviceError(
                f"preset {self.info.name!r} time must be finite and >= 0 s, got {t_s} s; "
                "count the time from the end of programming"
            )

    @abstractmethod
    def constants(self) -> tuple[Constant, ...]:
        """List the numbers of the law, each with its unit and source."""

    @abstractmethod
    def noise_law(self, context: TileContext) -> NoiseLaw:
        """Return the law for one tile. Imports torch."""

    def programming_spread(self, x: float, context: TileContext) -> float | None:
        """Standard deviation of tile weights `x` that were just programmed; None states nothing.

        x is in (0, 1], on a tile whose weights reach from -1 to 1. `presets NAME --check` holds the
        law to it.
        """
        return None

    def product_noise(self) -> ProductNoise | None:
        """The read noise of each product, where the device states one; None leaves it open.

        Where a device states one, it takes the place of the periphery's.
        """
        return None

    def cell_law(self, context: TileContext) -> NoiseLaw:
        """Return the law for a tile of single cells, whose weights are g / g_max, in [0, 1].

        There is no second cell: neither its noise nor its drift. Imports torch.

        Raises:
            DeviceError: the law is that of a pair alone.
        """
        raise DeviceError(
            f"preset {self.info.name!r} law must be known for one cell alone, got one of pairs; "
            "use weight_encoding 'pair'"
        )

    def fused_law(self) -> FusedLaw | None:
        """Return a faster form of the law, if there is one. Imports torch."""
        return None
