"""IR drop and read noise of each product in a training step: the law of `product_law`.

As in `ArrayTerms` of the static path, these are products of their own with the inputs' codes; here
they are taken with weights that change, and have gradients. Or they are estimated, at a small part
of the cost of one product.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from analogsim.crossbar.mapping.geometry import Geometry
from analogsim.crossbar.mapping.product_law import WIRE_RATIO, ProductLaw, drop_of, places
from analogsim.hardening.currents import currents
from analogsim.hardening.weight import Weight

Array = Literal["estimated", "whole", "none"]
"""IR drop and read noise of each product, as the periphery has them: `estimated`, in what a step
computes, from the current of a mean output, while its gradient passes straight through all but a
part of the drop, as it does through the chip's other noise; `whole`, to the last digit and in the
gradient, too, which takes three times as many products; or `none`."""


@dataclass(frozen=True, kw_only=True)
class Suffered:
    """What comes to the outputs of one split beside their sums, each as the outputs in shape.

    Attributes:
        dropped: what a full IR drop takes away, in logical units, or None.
        fraction: (channels,), what a full drop takes away of each output, where `dropped` is None.
        current: sum |w| |x|; c(a) of the drop has a = `amount` (channels,) times it.
        moment: sum |w| x^2, or of x^2, or None; the read noise's variance is `spread` (channels,)
            times it, in squared tile units. It and `current` may have one channel for all outputs
            of a group.
    """

    dropped: Tensor | None = None
    fraction: Tensor | None = None
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

    def exact(
        self, geometry: Geometry, x: Tensor, weight: Weight, *,
        unit: Tensor, gain: Tensor, dac: float,
    ) -> tuple[Weight, Suffered]:  # fmt: skip
        """`weight`, and what its products with `x` suffer.

        Args:
            geometry: of the layer.
            x: the split's inputs in steps of the DAC; the products are taken in their type.
            weight: of the split, in logical units a step.
            unit: (outputs,), the logical value of a full cell at a full input, behind the ADC.
            gain: (outputs,), what `weight` holds of a compensation in front of the ADC.
            dac: its step.
        """
        dropped = current = moment = spread = None
        size, square = x.abs(), x.square()
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
        amount = self._rows / WIRE_RATIO / (unit * gain)
        return weight, Suffered(
            dropped=dropped, current=current, amount=amount, moment=moment, spread=spread
        )

    def estimated(
        self, geometry: Geometry, x: Tensor, weight: Weight, *,
        unit: Tensor, gain: Tensor, dac: float,
    ) -> tuple[Weight, Suffered]:  # fmt: skip
        """An estimate of the same; `weight` comes back with a part of the drop.

        Of all outputs of a group the mean one's current is computed, sum m |x|, where m are the
        means of its outputs' |w| over their own sums; each output has its own sum of |w| times it.
        The full drop is taken for a share of the output itself, which falls with this current, and
        a rest, which is linear at the mean current: so it joins the weight.

        On ResNet20 (CIFAR-10, PCM, standard periphery) the drop is off by at most 0.003 standard
        deviations of the output noise, and single sums |w| x^2 by 13 to 40 % (root mean square,
        layer by layer): the read noise's variance is 3 to 29 % of the output noise's.

        Args:
            geometry, x, weight, unit, gain, dac: as for `exact`. A gradient reaches the weight that
                is returned, and nothing else.
        """
        groups, read = geometry.groups, self._read
        held = weight.held.detach().to(unit.dtype).reshape(groups, geometry.out_features, -1)
        least = torch.finfo(unit.dtype).tiny
        sums = held.abs().sum(2).clamp_min(least)
        mean = (held.abs() / sums[..., None]).mean(1)
        noisy = mean if self.ones is None else self.ones.flatten(1)
        current, moment = currents(geometry, x, mean, noisy)
        sums = sums.flatten()
        amount = self._rows / WIRE_RATIO / (unit * gain) * sums
        fraction = None
        if self.share is not None:
            share, power = self.share.reshape(-1), held.square()
            fraction = power @ share / power.sum(2).clamp_min(least)
            others = [d for d in range(current.dim()) if d != geometry.channel_axis % current.dim()]
            usual = current.mean(others).repeat_interleave(geometry.out_features)
            drop = drop_of(amount * usual).view(groups, -1, 1)
            left = 1 - drop * (share - fraction[..., None])
            weight = weight.map(lambda w: w * left.reshape(w.shape))
            fraction = fraction.flatten()
        spread = None
        if read is not None and self.ones is not None:
            spread = (read.sigma * dac * gain).square()
        elif read is not None:
            spread = read.sigma**2 * dac * gain / unit * sums
        return weight, Suffered(
            fraction=fraction,
            current=None if fraction is None else current,
            amount=amount,
            moment=None if spread is None else moment,
            spread=spread,
        )
