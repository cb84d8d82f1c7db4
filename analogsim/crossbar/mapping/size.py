"""Whether a network is so large that copies of its weights count."""

from collections.abc import Iterable

from analogsim.crossbar.mapping.layer import CrossbarLayer

LARGE = 1 << 22
"""From this many weights on a network counts as large: its tiles do not keep their drifted weights
beside the engines', and it drifts part by part."""


def is_large(layers: Iterable[CrossbarLayer]) -> bool:
    """Whether copies of the network's weights count."""
    return sum(layer.numel for layer in layers) >= LARGE
