"""Single cells in place of differential pairs, for aihwkit's laws."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from aihwkit.inference.converter.base import BaseConductanceConverter
from torch import Tensor


class CellConverter(BaseConductanceConverter):  # type: ignore[misc]  # aihwkit has no types
    """g = w g_max, one cell a weight; nothing is scaled to the largest weight of a tile."""

    def __init__(self, g_max: float) -> None:
        self.g_max = g_max

    def __str__(self) -> str:
        return f"{type(self).__name__}(g_max={self.g_max:g})"

    def convert_to_conductances(self, weights: Tensor) -> tuple[list[Tensor], dict[str, Any]]:
        """One conductance a weight, in uS."""
        return [weights.clamp(min=0.0) * self.g_max], {}

    def convert_back_to_weights(self, conductances: list[Tensor], params: dict[str, Any]) -> Tensor:
        """Weights in units of g_max."""
        (only,) = conductances
        return only / self.g_max

    def __deepcopy__(self, memo: dict[int, Any]) -> CellConverter:
        return CellConverter(deepcopy(self.g_max, memo))
