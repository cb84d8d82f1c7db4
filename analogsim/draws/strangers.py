"""A stranger's random numbers, from a seed of ours: what was drawn before goes on afterwards."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def drawn_from(seed: int) -> Iterator[Callable[[], bool]]:
    """Python's, numpy's and torch's random numbers from `seed` on; their states are put back.

    Gives a function that says whether any of them was drawn.
    """
    ours, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            began = _states()
            yield lambda: _states() != began
    finally:
        random.setstate(ours)
        np.random.set_state(numpys)  # noqa: NPY002


def _states() -> tuple[object, ...]:
    numpys = np.random.get_state(legacy=False)["state"]  # noqa: NPY002
    return (
        random.getstate(),
        numpys["pos"],
        numpys["key"].tobytes(),
        torch.get_rng_state().numpy().tobytes(),
    )
