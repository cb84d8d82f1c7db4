"""IR drop and read noise of each product, as products of their own with the inputs' DAC codes."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analogsim.crossbar.forward.packed import Product, channels_last
from analogsim.crossbar.mapping.geometry import Geometry
from analogsim.crossbar.mapping.product_law import WIRE_RATIO, ProductLaw, drop_of, places


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What comes to a product's outputs beside their sums; all in steps of the ADC.

    Attributes:
        current, dropped: sum |w| |x| in its own unit, and what a full drop would take away.
        moment: sum of the cells' variances times x^2, in its own unit; as the outputs in shape.
    """

    current: Tensor | None = None
    dropped: Tensor | None = None
    moment: Tensor | None = None


class ArrayTerms(nn.Module):
    """The terms of the tiles of one split; inputs come as codes of the DAC.

    Attributes:
        unit: c(a)'s argument is `unit` times `Terms.current`.
        spread: (channels,): what `Terms.moment` is multiplied with, in squared steps of the ADC.
    """

    spread: Tensor

    def __init__(
        self,
        law: ProductLaw,
        geometry: Geometry,
        cells: Tensor,
        gain: Tensor,
        *,
        rows: slice,
        dac: float,
        adc: float,
        of_half: bool = False,
    ) -> None:
        """Take over what the tiles hold.

        Args:
            law: not empty.
            geometry: of the layer.
            cells: (groups, out, columns): without gain, 0 where no row of these tiles is.
            gain: (groups, out): of a compensation in front of the ADC.
            rows: which columns of `cells` are rows of the tiles.
            dac, adc: the converters' steps.
            of_half: whether `cells` are one half of pairs, of which the other is at zero.
        """
        super().__init__()
        outputs = cells.shape[1]
        shape = (geometry.groups * outputs, -1, *geometry.kernel)
        n = rows.stop - rows.start
        self.unit = dac * n / WIRE_RATIO
        self.dropped = self.sizes = self.ones = None
        if law.ir_drop > 0:
            share = torch.zeros(cells.shape[-1])
            share[rows] = places(n) * (law.ir_drop * dac / adc)
            self.dropped = _product((cells * gain[..., None] * share).reshape(shape))
        read = law.read
        if law.ir_drop > 0 or (read is not None and read.law == "root"):
            self.sizes = _product(cells.abs().reshape(shape))
        if read is not None and read.law == "constant":
            # One cell a weight is programmed, whichever of a pair.
            ones = torch.zeros(geometry.groups, 1, cells.shape[-1])
            ones[..., rows] = 1.0
            ones = (cells != 0).to(cells.dtype) if of_half else ones
            self.ones = _product(ones.reshape(geometry.groups * ones.shape[1], *shape[1:]))
        sigma = 0.0 if read is None else read.sigma
        self.noisy = sigma > 0
        self.drops = law.ir_drop > 0
        # How often the product of ones stands for an output.
        self._outputs = 1 if of_half else outputs
        spread = (gain.reshape(-1) * (sigma * dac / adc)).square()
        self.register_buffer("spread", spread, persistent=False)

    def forward(self, geometry: Geometry, x: Tensor) -> Terms:
        """The terms for the codes `x`, shaped as the layer's input."""
        current = dropped = moment = None
        if self.dropped is not None and self.sizes is not None:
            dropped = self.dropped.forward(geometry, x, None)
            current = self.sizes.forward(geometry, x.abs(), None)
        if self.ones is not None:
            axis = -1 if geometry.kind == "linear" else -1 - len(geometry.kernel)
            moment = self.ones.forward(geometry, x.square(), None)
            moment = moment.repeat_interleave(self._outputs, dim=axis)
        elif self.noisy and self.sizes is not None:
            moment = self.sizes.forward(geometry, x.square(), None)
        return Terms(current=current, dropped=dropped, moment=moment)

    def drop(self, terms: Terms) -> Tensor | None:
        """What the outputs lose, in steps of the ADC; shaped as the outputs."""
        if terms.current is None or terms.dropped is None:
            return None
        return drop_of(terms.current * self.unit) * terms.dropped


def _product(weight: Tensor) -> Product:
    return Product().take_(channels_last(weight))
