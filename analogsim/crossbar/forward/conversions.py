"""Which currents of a place are converted together, and what the digital side does with each."""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from analogsim.crossbar.mapping.periphery import Periphery


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """One reading of an ADC for each output of a place.

    Attributes:
        terms: (part, factor): what is summed in front of the ADC.
        half: of signed weights, which cells of their pairs.
        factor: behind the ADC, in tile weights.
        unit: whether it is of the place's unit column, one for all outputs.
        group: index of the parts whose drift compensation it has.
    """

    terms: tuple[tuple[int, float], ...]
    half: Literal["both", "plus", "minus"] = "both"
    factor: float
    unit: bool = False
    group: int

    def current(self, weights: Callable[[int], Tensor]) -> Tensor:
        """(out, in), or (1, in) of a unit column: what the columns conduct at unit inputs."""
        total: Tensor | None = None
        for part, factor in self.terms:
            value = weights(part)
            if self.half == "plus":
                value = value.clamp(min=0)
            elif self.half == "minus":
                value = (-value).clamp(min=0)
            value = value if factor == 1 else value * factor
            total = value if total is None else total + value
        assert total is not None, "a conversion has terms"
        return total


@functools.lru_cache(maxsize=64)
def compensated_together(edge: Periphery) -> tuple[tuple[int, ...], ...]:
    """The parts that share a drift compensation: those that an ADC sees only together."""
    parts = edge.parts
    if _sums_slices(edge):
        return (tuple(range(len(parts))),)
    slices = sorted({part.slice for part in parts})
    return tuple(tuple(i for i, p in enumerate(parts) if p.slice == s) for s in slices)


@functools.lru_cache(maxsize=64)
def conversions_of(edge: Periphery) -> tuple[Conversion, ...]:
    """All conversions of a place, for each input slice. Without an ADC: one sum of all parts."""
    parts = edge.parts
    groups = compensated_together(edge)
    if not edge.adc_bits:
        terms = tuple((i, part.coefficient) for i, part in enumerate(parts))
        return (Conversion(terms=terms, factor=1.0, group=0),)
    analog = edge.subtraction == "analog"
    pairs = (("plus", "minus"),) if analog else (("plus",), ("minus",))
    found: list[Conversion] = []
    for index, group in enumerate(groups):
        size = _unit_of(edge, group)
        for roles in (("pair",), *pairs, ("cell",), ("unit",)):
            chosen = {i: parts[i].coefficient / size for i in group if parts[i].role in roles}
            if not chosen:
                continue
            # The first one adds in front of the ADC; behind it the digital side may subtract.
            sign = math.copysign(1.0, next(iter(chosen.values())))
            one = Conversion(
                terms=tuple((i, factor * sign) for i, factor in chosen.items()),
                factor=sign * size,
                unit=roles == ("unit",),
                group=index,
            )
            if roles == ("pair",) and not analog:
                minus = dataclasses.replace(one, half="minus", factor=-one.factor)
                found += [dataclasses.replace(one, half="plus"), minus]
            else:
                found.append(one)
    return tuple(found)


def net(edge: Periphery, weights: Mapping[int, Tensor]) -> Tensor:
    """The weights of parts that are compensated together, in the unit in which they are read."""
    size = _unit_of(edge, tuple(weights))
    total: Tensor | None = None
    for i, weight in weights.items():
        term = weight * (edge.parts[i].coefficient / size)
        total = term if total is None else total + term
    assert total is not None
    return total


def _unit_of(edge: Periphery, group: tuple[int, ...]) -> float:
    """What 1 in front of the ADC is in tile weights: a full cell of a slice, or all of a sum."""
    return 1.0 if _sums_slices(edge) else abs(edge.parts[group[0]].coefficient)


def _sums_slices(edge: Periphery) -> bool:
    return edge.adc_reads in {"input-slice", "product"}


def input_slices(edge: Periphery) -> int:
    """How many parts an input is applied in that are converted one by one; 0 is all at once."""
    if not edge.bits_per_input or not edge.adc_bits or not edge.dac_bits:
        return 0
    if edge.adc_reads in {"weight-slice", "product"}:
        return 0
    return drives(edge)


def drives(edge: Periphery) -> int:
    """How many times a row is driven for one input."""
    if not edge.bits_per_input or not edge.dac_bits:
        return 1
    largest = int((2 ** (edge.dac_bits - 1) - 1) * max(edge.input_bound, 1.0))
    return -(-largest.bit_length() // edge.bits_per_input)


def digits(x: Tensor, bits: int, count: int) -> list[Tensor]:
    """Whole numbers as digits of `bits` bits each, the lowest first; all have the number's sign."""
    found, base = [], float(2**bits)
    for _ in range(count - 1):
        higher = torch.trunc(x / base)
        found.append(x - higher * base)
        x = higher
    return [*found, x]
