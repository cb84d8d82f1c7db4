"""Fused PCM drift of a whole network, and a trial as a CUDA graph: no command reaches either.

It is not a part of the library. The fused drift has draws of its own, so its chips are not those
that `Chip.drift_` gives for the same seed. `benchmarks/gaussian_gpu.py` measures it.
"""
