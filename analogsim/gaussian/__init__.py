"""Gaussian noise on weights: one reproducible stream on CPU and GPU, applied to flat buffers.

flat = flatten_(network)                       # the network looks into one buffer
noise = Noise(flat, NoiseSpec(eta=0.05), seed=7)
noise.apply_(trial=3); network(images)         # the same weights on every machine
flat.restore_()
"""

from analogsim.gaussian.flat import FlatWeights, Segment, flatten_
from analogsim.gaussian.noise import Noise
from analogsim.gaussian.spec import NoiseSpec, Role, role_of

__all__ = [
    "FlatWeights",
    "Noise",
    "NoiseSpec",
    "Role",
    "Segment",
    "flatten_",
    "role_of",
]
