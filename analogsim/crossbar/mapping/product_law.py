"""What each product suffers in the array: IR drop along its columns, read noise of its cells.

With tile weights w, and inputs x after the DAC, both in units of full scale, a column of n rows
gives

    y = sum_j w_j x_j - s c(a) sum_j w_j x_j (1 - (1 - j/n)^2) + N(0, sum_j sigma_j^2 x_j^2)
    c(a) = a (a (0.05 a - 0.2) + 0.5),  a = n / r sum_j |w_j| |x_j|

The first row lies farthest from the ADC; r is the conductance of a wire between two cells over that
of a cell at full weight. The sum over cells of independent normals is one normal: nothing is left
out by drawing it once an output. This is the law of aihwkit's C++ tile (`applyIrDrop` and
`applyOutputWeightNoise` in `rpu_forward_backward_pass.cpp`, 1.1.0), in which the evaluation of
Rasch et al., Nat. Commun. 14:5282 (2023), was made.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from analogsim.crossbar.mapping.periphery import Periphery, TileKind
from device_models.contract import Device, ProductNoise

WIRE_RATIO = 1.0 / 0.35 / 5e-6
"""Conductance of a wire from cell to cell over that of a full cell: 0.35 ohm, 5 uS (aihwkit)."""


@dataclass(frozen=True, kw_only=True)
class ProductLaw:
    """IR drop's scale (0 is none), and the read noise of each product."""

    ir_drop: float = 0.0
    read: ProductNoise | None = None

    def __bool__(self) -> bool:
        return self.ir_drop > 0 or self.read is not None


NOTHING = ProductLaw()


def product_law(periphery: Periphery, tile: TileKind, device: Device) -> ProductLaw:
    """The law of the products that analogsim computes; nothing where a tile of aihwkit does.

    A device that states the read noise of its products has that one, and the periphery's is then
    not added; every other device has the periphery's, which is PCM's.
    """
    if periphery.perfect or tile != "native":
        return NOTHING
    read = device.product_noise()
    if read is None:
        read = ProductNoise(sigma=periphery.read_noise, law="root", source=periphery.name)
    return ProductLaw(ir_drop=periphery.ir_drop, read=read if read.sigma > 0 else None)


def places(rows: int) -> Tensor:
    """(rows,): how much of its current's drop each row of a column sees, 0 to nearly 1."""
    return 1 - (1 - torch.arange(rows, dtype=torch.float32) / rows) ** 2


def drop_of(current: Tensor) -> Tensor:
    """c(a)."""
    return current * (current * (0.05 * current - 0.2) + 0.5)


def slope_of(current: Tensor) -> Tensor:
    """The derivative of c(a)."""
    return current * (0.15 * current - 0.4) + 0.5
