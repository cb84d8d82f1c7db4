"""Gaussian noise with one spread a layer, chosen so that it can stand beside a real device.

The control of an experiment, not a device: the same weight error as another device at one time,
but with one spread for all weights of a layer, zero mean and no memory of the weight's value.
`analogsim.equivalent.matched_to` measures the spreads on a network's own chips.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from device_models.constants import Constant
from device_models.contract import Device, DeviceInfo, NoiseLaw, ProductNoise, TileContext
from device_models.errors import DeviceError


@dataclass(frozen=True, kw_only=True)
class MatchedGaussian(Device):
    """w_prog = w + N(0, sigma_l^2), sigma_l the root mean square error that layer l has elsewhere.

    NOT modelled: conductances, drift, read noise, any dependence on the weight's value, any error
    that two weights share. It holds for the network, device and time that it was measured on, and
    for nothing else: a layer that was not measured is refused.

    `to` and `t_s` say what was measured (a device's spec, seconds since programming). `sigmas`
    are pairs of a layer's name and its spread in logical weight units; `product` is the read noise
    of each product that the other device states, where it does. `noise_scale` multiplies both.
    Where a spread is 0 the law is the identity.
    """

    info: ClassVar[DeviceInfo] = DeviceInfo(
        name="gaussian-matched",
        title="Gaussian noise of the same weight error as another device",
        models="One zero-mean Gaussian draw a weight, made when the chip is programmed, with the "
        "root mean square weight error that another device leaves in the same layer at a time.",
        not_modelled="Conductances, drift, read noise, dependence on the weight's value, errors "
        "that weights share.",
        law="w_prog = w + N(0, sigma_l^2), sigma_l measured layer by layer; w(t) = w_prog",
        citation="a control, measured on the network's own chips; no published law",
        valid_times="the time that it was matched at (the weights do not change)",
    )

    knows_cells: ClassVar[bool] = True

    to: str
    t_s: float
    sigmas: tuple[tuple[str, float], ...]
    product: ProductNoise | None = None

    def problems(self) -> list[str]:
        """Add spreads that are no spreads, and layers named twice."""
        found = super().problems()
        found += [
            f"preset {self.info.name!r} sigma of layer {layer!r} must be finite and >= 0, "
            f"got {sigma}; measure it again"
            for layer, sigma in self.sigmas
            if not (math.isfinite(sigma) and sigma >= 0)
        ]
        names = [layer for layer, _ in self.sigmas]
        found += [
            f"preset {self.info.name!r} layers must be named once, got {name!r} "
            f"{names.count(name)} times; keep one of its spreads"
            for name in dict.fromkeys(names)
            if names.count(name) > 1
        ]
        return found

    def constants(self) -> tuple[Constant, ...]:
        """List the spreads: measured on a network, not published."""
        return tuple(
            Constant(
                symbol=f"sigma({layer})",
                value=sigma,
                unit="weight",
                meaning=f"spread of the weights of layer {layer}",
                source=f"measured: {self.to} at {self.t_s:g} s",
            )
            for layer, sigma in self.sigmas
        )

    def sigma(self, context: TileContext) -> float:
        """Return the spread in logical weight units. Raises `DeviceError` for another layer."""
        for layer, sigma in self.sigmas:
            if layer == context.layer:
                return self.noise_scale * sigma
        raise DeviceError(
            f"preset {self.info.name!r} layer must be one of "
            f"{', '.join(layer for layer, _ in self.sigmas)}, got {context.layer!r}; "
            "match it to this network"
        )

    def product_noise(self) -> ProductNoise | None:
        """The read noise of each product that the other device states."""
        if self.product is None:
            return None
        return replace(self.product, sigma=self.noise_scale * self.product.sigma)

    def cell_law(self, context: TileContext) -> NoiseLaw:
        """Return the same law: the cells of a weight share its spread alike."""
        return self.noise_law(context)

    def noise_law(self, context: TileContext) -> NoiseLaw:
        """Return the law for one tile, or the identity if there is no noise."""
        sigma = self.sigma(context) * context.cell_share
        if sigma == 0:
            from device_models.laws.identity import IdentityLaw

            return IdentityLaw()
        from device_models.laws.gaussian import GaussianLaw

        return GaussianLaw(sigma=sigma, column_scale=context.column_scale)
