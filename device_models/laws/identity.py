"""The law of a perfect memory: what is written stays."""

from __future__ import annotations

from torch import Tensor


class IdentityLaw:
    """w(t) = w, bit for bit, and no random number is drawn."""

    def apply_programming_noise(self, weights: Tensor) -> tuple[Tensor, list[Tensor | None]]:
        """Return a copy of `weights`; there is nothing to remember."""
        return weights.clone(), []

    def apply_drift_noise(
        self, weights: Tensor, drift_noise_parameters: list[Tensor | None], t_inference: float
    ) -> Tensor:
        """Return a copy of `weights`, at any time."""
        return weights.clone()
