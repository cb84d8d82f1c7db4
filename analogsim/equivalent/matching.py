"""The weight error of a device on a network's own chips, and Gaussian noises of the same error."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from analogsim.crossbar.chip.compensation import Compensation
from analogsim.crossbar.chip.program import program, reprogram_
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.tile import TileState
from analogsim.errors import InputError
from device_models.contract import Device, ProductNoise
from device_models.gaussian_by_state import StateErrors, StateGaussian
from device_models.gaussian_matched import MatchedGaussian
from device_models.laws.gaussian_by_state import bin_of
from device_models.registry import spec_of

BINS = 20
"""Of the tile weight's size, where spreads are measured by weight."""


@dataclass(frozen=True, kw_only=True)
class LayerError:
    """Sums over the weights and chips of one layer.

    `square` is that of squared errors in logical units, over `count` weights. By bins of the tile
    weight's size, and weighted by the square of the column's scale, which makes logical units of
    tile units: `weights` counts, `squares` are squared errors, `signed` errors times the weight's
    sign, in tile units.
    """

    layer: str
    count: int
    square: float
    weights: Sequence[float]
    squares: Sequence[float]
    signed: Sequence[float]

    @property
    def sigma(self) -> float:
        """Root mean square error in logical weight units."""
        return math.sqrt(self.square / self.count)


@dataclass(frozen=True, kw_only=True)
class WeightErrors:
    """What a device does to the weights of a network at one time, and controls of that size.

    Every control has the same mean squared error in each layer; each one keeps more of the
    device: first only the size, then that it follows each column's range, then the weight, and
    last the errors' mean.
    """

    to: str
    t_s: float
    layers: tuple[LayerError, ...]
    product: ProductNoise | None = None
    """What the device states of the read noise of each product: the controls have it, too."""

    def matched(self) -> MatchedGaussian:
        """One spread a layer, in logical units."""
        sigmas = tuple((one.layer, one.sigma) for one in self.layers)
        return MatchedGaussian(to=self.to, t_s=self.t_s, sigmas=sigmas, product=self.product)

    def by_column(self) -> StateGaussian:
        """One spread a layer, in tile units: it follows each column's range."""
        return self._by_state(
            StateErrors(
                layer=one.layer,
                sigmas=(_root(sum(one.squares), sum(one.weights)),),
                biases=(0.0,),
            )
            for one in self.layers
        )

    def by_state(self) -> StateGaussian:
        """A spread for each size of weight, no mean."""
        return self._by_state(
            StateErrors(
                layer=one.layer,
                sigmas=tuple(map(_root, one.squares, one.weights)),
                biases=(0.0,) * len(one.weights),
            )
            for one in self.layers
        )

    def by_state_and_mean(self) -> StateGaussian:
        """A mean for each size of weight, and the spread about it."""
        found = []
        for one in self.layers:
            pairs = zip(one.signed, one.weights, strict=True)
            biases = tuple(signed / n if n else 0.0 for signed, n in pairs)
            parts = zip(one.squares, one.weights, biases, strict=True)
            rest = [max(square - n * bias**2, 0.0) for square, n, bias in parts]
            sigmas = tuple(map(_root, rest, one.weights))
            found.append(StateErrors(layer=one.layer, sigmas=sigmas, biases=biases))
        return self._by_state(found)

    def _by_state(self, layers: Iterable[StateErrors]) -> StateGaussian:
        return StateGaussian(to=self.to, t_s=self.t_s, layers=tuple(layers), product=self.product)


def measure_errors(
    analog: AnalogModel,
    device: Device,
    t_s: float,
    compensation: Compensation,
    chips: int,
    seed: int,
) -> WeightErrors:
    """Weight errors of `device` at `t_s`, over chips 0 to `chips` - 1 of the study `seed`.

    The weight is what the layer multiplies with: drifted, and times the compensation's alpha. Of a
    weight in several cells it is what they make together, beside what they were to make. The
    error of the compensation itself is part of it: where the periphery has output noise, even an
    ideal device has a small one.

    Args:
        analog: the converted network; its own device is not used.
        device: what is to be measured.
        t_s: seconds since programming.
        compensation: that of the device; the controls need none.
        chips: at least 1. The relative error of a spread falls with the root of chips times
            weights, as far as the weights' errors are independent.
        seed: root seed of the study.

    Raises:
        InputError: fewer than one chip, or an unknown compensation.
        DeviceError: the device's law does not cover `t_s`.
    """
    if chips < 1:
        raise InputError(f"matching chips must be at least 1, got {chips}; give more")
    device.check_time(t_s)
    # The weights do not depend on BatchNorm's statistics: nothing need be recalibrated.
    chip = program(dataclasses.replace(analog, device=device, bn="digital"), seed=seed, chip=0)
    sums = {name: torch.zeros(3, BINS, dtype=torch.float64) for name in chip.layers}
    for number in range(chips):
        if number:
            reprogram_(chip, number)
        chip.drift_(t_s, compensation)
        for name, layer in chip.layers.items():
            for place in layer.places:
                sums[name] += _sums(layer, place)
    return WeightErrors(
        to=spec_of(device),
        t_s=t_s,
        product=device.product_noise(),
        layers=tuple(
            LayerError(
                layer=name,
                count=chips * sum(place[0].numel for place in layer.places),
                square=float(sums[name][1].sum()),
                weights=sums[name][0].tolist(),
                squares=sums[name][1].tolist(),
                signed=sums[name][2].tolist(),
            )
            for name, layer in chip.layers.items()
        ),
    )


def matched_to(
    analog: AnalogModel,
    device: Device,
    t_s: float,
    compensation: Compensation,
    chips: int,
    seed: int,
) -> MatchedGaussian:
    """Gaussian noise with the root mean square weight error of `device` at `t_s`, a layer each.

    Arguments and errors as `measure_errors`.
    """
    return measure_errors(analog, device, t_s, compensation, chips, seed).matched()


@torch.no_grad()
def _sums(layer: CrossbarLayer, place: list[TileState]) -> torch.Tensor:
    """(3, bins): the sums of the weights of one place, as `LayerError` names them."""
    target = layer.joined(place, lambda tile: tile.target)
    error = (layer.joined(place, lambda tile: tile.present) - target).double()
    scale = place[0].scale.double().square().expand_as(error)
    bins = bin_of(target, BINS).reshape(-1)
    rows = (scale, scale * error.square(), scale * error * target.sign())
    return torch.stack(
        [torch.bincount(bins, weights=row.reshape(-1), minlength=BINS) for row in rows]
    )


def _root(square: float, count: float) -> float:
    return math.sqrt(square / count) if count else 0.0
