"""What every test gets: markers that skip with their reason, and property tests that repeat."""

import gc
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import hypothesis
import numpy as np
import pytest
import torch

from analogsim.experiment import local
from analogsim.inputs import digits
from tests import charts

# The same examples on every run, and no test that depends on how fast the machine is.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")


def _has_cifar() -> bool:
    folder = os.environ.get("ANALOGSIM_DATA")
    parts = ("cifar-10-batches-py", "cifar-100-python")
    return bool(folder) and all((Path(folder) / part).is_dir() for part in parts)


def pytest_configure() -> None:
    """Let the tests of Ctrl-C run in a shell's background too, which ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Take what the imports made out of every later round of the garbage collector.

    Of its rounds over all that is left, a tenth is enough: they took a seventh of a study's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(700, 10, 100)


# Here a study that is told no number of workers takes all cores. Elsewhere it stays in its process:
# pytest has the other cores, and forking for a few trials takes half their time.
_ALL_CORES = ("tests/cli/test_kinds.py", "tests/experiment/test_local.py")
_cores = local.cores

# No test has to survive a power cut, and a study waits for the disk some seventy times. Those of
# full and failing disks, and of kills at each change, put their own in its place.
os.fsync = os.fstat

# Seeds of cards that are not there are kept with the stack trace of who asked for them: 700 times
# the work of the seed itself, a seventh of a small conversion.
if not torch.cuda.is_available():
    torch.manual_seed = torch.default_generator.manual_seed


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Choose before any fixture, also a module's, how far charts are drawn, and the workers."""
    charts.draw(charts.level_of(item.nodeid))
    local.cores = _cores if item.nodeid.startswith(_ALL_CORES) else lambda: 1


def _seed(name: str) -> None:
    """Seed the global generators by a name: the same draws alone and in the whole suite."""
    seed = crc32(name.encode())
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Seed what a module draws while it is imported, such as the layers in its parameters."""
    if isinstance(collector, pytest.Module):
        _seed(collector.nodeid)


@pytest.fixture(autouse=True)
def _seeded(request: pytest.FixtureRequest) -> None:
    """Seed what a test draws without a generator of its own."""
    _seed(request.node.nodeid)


@pytest.fixture
def few_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first 600 of the digits are all: 480 to train on, 120 to test."""
    few = digits._values()[:600]
    monkeypatch.setattr(digits, "_values", lambda: few)


@pytest.fixture
def one_torch_thread() -> Iterator[None]:
    """The order of sums, and aihwkit's powers, may differ in the last bit with more of them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _has_cuda() -> bool:
    return torch.cuda.is_available()


_NEEDS = {
    "data": (_has_cifar, "needs ANALOGSIM_DATA: a folder with CIFAR-10 and CIFAR-100 unpacked"),
    "gpu": (_has_cuda, "needs a CUDA device"),
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the tests whose marker asks for something that this machine has not.

    With several workers the files that take long come first: none waits for another at the end.
    """
    if hasattr(config, "workerinput"):
        long = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in long)
    for marker, (is_here, reason) in _NEEDS.items():
        marked = [item for item in items if item.get_closest_marker(marker)]
        if marked and not is_here():
            for item in marked:
                item.add_marker(pytest.mark.skip(reason=reason))
