"""aihwkit's Hermes law without its warnings.

aihwkit 1.1.0 indexes tensors with lists, which torch 2.10 to 2.12 still reads as before but
warns about; 1.2.0 has mended it. The numbers are the same.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from device_models.contract import NoiseLaw


@contextmanager
def _without_index_warning() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Using a non-tuple sequence", category=UserWarning
        )
        yield


class HermesLaw:
    """What the wrapped law returns, draw for draw."""

    def __init__(self, upstream: NoiseLaw) -> None:
        self._upstream = upstream

    def apply_programming_noise(self, weights: Tensor) -> tuple[Tensor, list[Tensor | None]]:
        """Return the programmed weights and one tensor of drift exponents a sign."""
        with _without_index_warning():
            return self._upstream.apply_programming_noise(weights)

    def apply_drift_noise(
        self, weights: Tensor, drift_noise_parameters: list[Tensor | None], t_inference: float
    ) -> Tensor:
        """Return the weights `t_inference` seconds after programming; read noise is drawn."""
        with _without_index_warning():
            return self._upstream.apply_drift_noise(weights, drift_noise_parameters, t_inference)
