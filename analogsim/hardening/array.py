"""IR drop and read noise of each product in a training step: the law of `product_law`.

As in `ArrayTerms` of the static path, these are products of their own with the inputs' codes; here
they are taken with weights that change, and have gradients.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from analogsim.crossbar.mapping.geometry import Geometry
from analogsim.crossbar.mapping.product_law import WIRE_RATIO, ProductLaw, places
from analogsim.hardening.weight import Weight

Array = Literal["forward", "whole", "none"]
"""IR drop and read noise of each product, as the periphery has them: `forward`, in what a step
computes, while its gradient passes straight through them, as it does through the chip's other
noise; `whole`, in its gradient, too, which takes three times as many products; or `none`."""


@dataclass(frozen=True, kw_only=True)
class Suffered:
    """What comes to the outputs of one split beside their sums, each as the outputs in shape.

    Attributes:
        dropped: what a full IR drop takes away, in logical units, or None.
        current: sum |w| |x|; c(a) of the drop has a = `amount` (channels,) times it.
        moment: sum |w| x^2, or of x^2, or None; the read noise's variance is `spread` (channels,)
            times it, in squared tile units.
    """

    dropped: Tensor | None = None
    current: Tensor | None = None
    amount: Tensor | None = None
    moment: Tensor | None = None
    spread: Tensor | None = None


class ArrayProducts(nn.Module):
    """The products beside that of the tiles of one split."""

    share: Tensor | None
    ones: Tensor | None

    def __init__(self, law: ProductLaw, geometry: Geometry, rows: slice, channels: int) -> None:
        """
        Args:
            law: not empty.
            geometry: of the layer.
            rows: of the split's columns of the matrix that lie on its tiles.
            channels: of its inputs, of each group.
        """
        super().__init__()
        columns, self._read = channels * geometry.kernel_size, law.read
        self._rows, self._outputs = rows.stop - rows.start, geometry.out_features
        share = ones = None
        if law.ir_drop > 0:
            share = torch.zeros(1, columns)
            share[:, rows] = places(self._rows) * law.ir_drop
            share = share.reshape(1, channels, *geometry.kernel)
        if law.read is not None and law.read.law == "constant":
            ones = torch.zeros(geometry.groups, columns)
            ones[:, rows] = 1.0
            ones = ones.reshape(geometry.groups, channels, *geometry.kernel)
        self.register_buffer("share", share, persistent=False)
        self.register_buffer("ones", ones, persistent=False)

    def forward(
        self, geometry: Geometry, codes: tuple[Tensor, Tensor, Tensor], weight: Weight, *,
        unit: Tensor, gain: Tensor, dac: float,
    ) -> Suffered:  # fmt: skip
        """What the products of `codes` with `weight` suffer.

        Args:
            geometry: of the layer.
            codes: the split's inputs in steps of the DAC, their sizes and squares, of a type; the
                products are taken in this type.
            weight: of the split, in logical units a step.
            unit: (outputs,), the logical value of a full cell at a full input, behind the ADC.
            gain: (outputs,), what `weight` holds of a compensation in front of the ADC.
            dac: its step.
        """
        dropped = current = moment = spread = None
        x, size, square = codes
        sizes = weight.map(lambda w: w.abs().to(x.dtype))
        if self.share is not None:
            share = self.share
            dropped = weight.map(lambda w: (w * share).to(x.dtype)).product(geometry, x)
            current = sizes.product(geometry, size)
        read = self._read
        if read is not None and self.ones is not None:
            moment = geometry.product(square, self.ones.to(square), None)
            moment = moment.repeat_interleave(self._outputs, dim=geometry.channel_axis)
            spread = (read.sigma * dac * gain).square()
        elif read is not None:
            moment = sizes.product(geometry, square)
            spread = read.sigma**2 * dac * gain / unit
        return Suffered(
            dropped=dropped,
            current=current,
            amount=self._rows / WIRE_RATIO / (unit * gain),
            moment=moment,
            spread=spread,
        )
