"""Gaussian noise whose spread and mean depend on the weight, as measured on another device.

A control, between `gaussian_matched` and the device that it was measured on: it keeps how large
the errors are at each weight and, if asked, their mean, and nothing else of the device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from device_models.constants import Constant
from device_models.contract import Device, DeviceInfo, NoiseLaw, ProductNoise, TileContext
from device_models.errors import DeviceError


@dataclass(frozen=True, kw_only=True)
class StateErrors:
    """Errors of one layer by bins of equal width over the tile weight's size, 0 to 1.

    `sigmas` are spreads and `biases` means times the weight's sign, both in tile units.
    """

    layer: str
    sigmas: tuple[float, ...]
    biases: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class StateGaussian(Device):
    """w_prog = w + sign(w) b_l(|w|) + N(0, sigma_l(|w|)^2) in tile units, by layer l.

    NOT modelled: conductances, drift, read noise, errors that weights share, any other shape of
    the errors. It holds for the network, device and time that it was measured on.

    `to` and `t_s` say what was measured; `product` is the read noise of each product that the other
    device states, where it does. `noise_scale` multiplies spreads and means.
    """

    info: ClassVar[DeviceInfo] = DeviceInfo(
        name="gaussian-by-state",
        title="Gaussian noise with the weight errors of another device, weight by weight",
        models="One Gaussian draw a weight, made when the chip is programmed, with the spread "
        "and mean that another device's errors have for weights of that size.",
        not_modelled="Conductances, drift, read noise, errors that weights share, the shape of "
        "the errors' distribution.",
        law="w_prog = w + sign(w) b_l(|w|) + N(0, sigma_l(|w|)^2); w(t) = w_prog",
        citation="a control, measured on the network's own chips; no published law",
        valid_times="the time that it was measured at (the weights do not change)",
    )

    knows_cells: ClassVar[bool] = True

    to: str
    t_s: float
    layers: tuple[StateErrors, ...]
    product: ProductNoise | None = None

    def problems(self) -> list[str]:
        """Add spreads and means that are none, and bins that do not fit."""
        found = super().problems()
        for one in self.layers:
            where = f"preset {self.info.name!r} layer {one.layer!r}"
            if not one.sigmas or len(one.sigmas) != len(one.biases):
                found.append(
                    f"{where} must have as many sigmas as biases, at least 1, got "
                    f"{len(one.sigmas)} and {len(one.biases)}; measure it again"
                )
            bad = [s for s in one.sigmas if not (math.isfinite(s) and s >= 0)]
            bad += [b for b in one.biases if not math.isfinite(b)]
            if bad:
                found.append(
                    f"{where} sigmas and biases must be finite, and sigmas >= 0, got {bad[0]}; "
                    "measure it again"
                )
        return found

    def constants(self) -> tuple[Constant, ...]:
        """List the spreads: measured on a network, not published."""
        return tuple(
            Constant(
                symbol=f"sigma({one.layer}, bin {place})",
                value=sigma,
                unit="tile weight",
                meaning=f"spread of weights of size {place / len(one.sigmas):g} to "
                f"{(place + 1) / len(one.sigmas):g}",
                source=f"measured: {self.to} at {self.t_s:g} s",
            )
            for one in self.layers
            for place, sigma in enumerate(one.sigmas)
        )

    def product_noise(self) -> ProductNoise | None:
        """The read noise of each product that the other device states."""
        if self.product is None:
            return None
        return replace(self.product, sigma=self.noise_scale * self.product.sigma)

    def cell_law(self, context: TileContext) -> NoiseLaw:
        """Return the same law, by the size of what a cell holds; the spread is shared alike."""
        return self.noise_law(context)

    def noise_law(self, context: TileContext) -> NoiseLaw:
        """Return the law for one tile. Raises `DeviceError` for a layer that was not measured."""
        for one in self.layers:
            if one.layer == context.layer:
                share = self.noise_scale * context.cell_share
                sigmas = tuple(share * sigma for sigma in one.sigmas)
                biases = tuple(self.noise_scale * bias for bias in one.biases)
                break
        else:
            raise DeviceError(
                f"preset {self.info.name!r} layer must be one of "
                f"{', '.join(one.layer for one in self.layers)}, got {context.layer!r}; "
                "measure it on this network"
            )
        if not any(sigmas) and not any(biases):
            from device_models.laws.identity import IdentityLaw

            return IdentityLaw()
        from device_models.laws.gaussian_by_state import GaussianByStateLaw

        return GaussianByStateLaw(sigmas=sigmas, biases=biases)
