"""What every test gets: markers that skip with their reason, and property tests that repeat."""

import os
from pathlib import Path

import hypothesis
import pytest

# The same examples on every run, and no test that depends on how fast the machine is.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")


def _has_cifar() -> bool:
    folder = os.environ.get("ANALOGSIM_DATA")
    parts = ("cifar-10-batches-py", "cifar-100-python")
    return bool(folder) and all((Path(folder) / part).is_dir() for part in parts)


def _has_cuda() -> bool:
    import torch  # here, because most runs have no test that asks

    return torch.cuda.is_available()


_NEEDS = {
    "data": (_has_cifar, "needs ANALOGSIM_DATA: a folder with CIFAR-10 and CIFAR-100 unpacked"),
    "gpu": (_has_cuda, "needs a CUDA device"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests whose marker asks for something that this machine has not."""
    for marker, (is_here, reason) in _NEEDS.items():
        marked = [item for item in items if item.get_closest_marker(marker)]
        if marked and not is_here():
            for item in marked:
                item.add_marker(pytest.mark.skip(reason=reason))
