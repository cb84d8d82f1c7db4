"""Plain additive Gaussian noise on the weights: a mathematical device, not a measured one.

The noise of O. Fagbohungbe and L. Qian, IEEE Access 10:127728 (2022), arXiv 2205.07372, read as
zero-mean and additive, drawn once and then fixed. The paper's abstract does not say what sigma
is relative to, so both usual readings are offered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from device_models.constants import Constant
from device_models.contract import Device, DeviceInfo, NoiseLaw, TileContext

Reference = Literal["std", "max"]
SpreadOf = Literal["cell", "weight"]

BIBTEX = r"""
@article{fagbohungbe2022,
  author  = {Fagbohungbe, Omobayode and Qian, Lijun},
  title   = {The Effect of Batch Normalization on Noise Resistant Property of Deep Learning Models},
  journal = {IEEE Access},
  year    = {2022},
  volume  = {10},
  pages   = {127728--127741},
  doi     = {10.1109/ACCESS.2022.3206958}
}
"""


@dataclass(frozen=True, kw_only=True)
class Gaussian(Device):
    """w_prog = w + N(0, sigma^2), sigma = eta std(W) or eta max|W|, W the layer's whole tensor.

    NOT modelled: conductances, drift, read noise, any dependence on the weight's value, any
    bound on the noisy weight. Being no measurement it stops holding nowhere, and says nothing
    about any real cell.

    `eta` is dimensionless; 0.05 is a convention (one level of the paper's grid as we run it),
    not a measurement. `noise_scale` multiplies it. At eta = 0 the law is the identity. Where a
    weight has several cells (slices, two-sided pairs), `spread_of` says whether each cell has that
    spread, or the weight that they make, all cells alike.
    """

    info: ClassVar[DeviceInfo] = DeviceInfo(
        name="gaussian",
        title="Additive Gaussian noise on the weights",
        models="One zero-mean Gaussian draw a weight, made when the chip is programmed; the same "
        "spread for every weight of a layer, in the layer's own units.",
        not_modelled="Conductances, drift, read noise, dependence on the weight's value.",
        law="w_prog = w + N(0, sigma^2), sigma = eta std(W) or eta max|W|; w(t) = w_prog",
        citation="O. Fagbohungbe, L. Qian, IEEE Access 10:127728 (2022), arXiv 2205.07372",
        valid_times="any finite t >= 0 s (the weights do not change after programming)",
        bibtex=BIBTEX,
    )

    knows_cells: ClassVar[bool] = True

    eta: float = 0.05
    reference: Reference = "std"
    spread_of: SpreadOf = "cell"

    def problems(self) -> list[str]:
        """Add a bad noise level or an unknown reference."""
        found = super().problems()
        if not (math.isfinite(self.eta) and self.eta >= 0):
            found.append(
                f"preset {self.info.name!r} eta must be finite and >= 0, got {self.eta}; "
                "0.05 means 5 % of the reference"
            )
        if self.reference not in get_args(Reference):
            found.append(
                f"preset {self.info.name!r} reference must be 'std' or 'max', "
                f"got {self.reference!r}; choose what eta is a fraction of"
            )
        if self.spread_of not in get_args(SpreadOf):
            found.append(
                f"preset {self.info.name!r} spread_of must be 'cell' or 'weight', "
                f"got {self.spread_of!r}; choose what has the spread"
            )
        return found

    def constants(self) -> tuple[Constant, ...]:
        """List the level and what it refers to: the user's choice, not a measurement."""
        return (
            Constant(
                symbol="eta",
                value=self.eta,
                unit="1",
                meaning="sigma as a fraction of the reference",
                source="convention: one level of the grid run for arXiv 2205.07372",
            ),
            Constant(
                symbol="reference",
                value=self.reference,
                unit="weight",
                meaning="what eta refers to: the std or the largest |W| of the layer's tensor",
                source="convention: the paper's abstract does not say",
            ),
        )

    def sigma(self, context: TileContext) -> float:
        """Return the spread of a cell in logical weight units."""
        measure = context.weight_std if self.reference == "std" else context.weight_abs_max
        share = context.cell_share if self.spread_of == "weight" else 1.0
        return self.noise_scale * self.eta * measure * share

    def cell_law(self, context: TileContext) -> NoiseLaw:
        """Return the same law: a cell has the spread of a whole weight, or its share of it."""
        return self.noise_law(context)

    def programming_spread(self, x: float, context: TileContext) -> float | None:
        """As stated by the law, in units of the largest weight."""
        return self.sigma(context)

    def noise_law(self, context: TileContext) -> NoiseLaw:
        """Return the law for one tile, or the identity if there is no noise."""
        if self.noise_scale * self.eta == 0:
            from device_models.laws.identity import IdentityLaw

            return IdentityLaw()
        from device_models.laws.gaussian import GaussianLaw

        return GaussianLaw(sigma=self.sigma(context), column_scale=context.column_scale)
