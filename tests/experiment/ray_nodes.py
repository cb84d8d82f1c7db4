"""A Ray cluster on this machine, for as long as a test module needs it.

`python -m tests.experiment.ray_nodes 1` makes one of so many nodes, says its address, and ends with
its standard input: a process that has imported Ray itself cannot fork one that drives it.
"""

import os
import secrets
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.experiment.held import ROOT

SAYS = "address "


@contextmanager
def _environment() -> Iterator[None]:
    """What the nodes, their workers and drivers inherit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", os.environ.get("RAY_AUTH_TOKEN", secrets.token_hex(32)))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("PYTHONPATH", str(ROOT))
        yield


@contextmanager
def ray_nodes(count: int) -> Iterator[Any]:
    """A head and further nodes, with one core each and a token; always stopped at the end."""
    with _environment(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ray.cluster_utils import Cluster

        made = Cluster()
        try:
            for _ in range(count):
                made.add_node(num_cpus=1, object_store_memory=10**8, include_dashboard=False)
            yield made
        finally:
            made.shutdown()


@contextmanager
def ray_elsewhere(count: int) -> Iterator[str]:
    """The address of a cluster that another process keeps, for drivers forked from this one."""
    with _environment():
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.experiment.ray_nodes", str(count)], cwd=ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert keeper.stdout is not None
            said = next(line for line in keeper.stdout if line.startswith(SAYS))
            yield said.removeprefix(SAYS).strip()
        finally:
            keeper.communicate()


if __name__ == "__main__":
    with ray_nodes(int(sys.argv[1])) as made:
        sys.stdout.write(f"{SAYS}{made.address}\n")
        sys.stdout.flush()
        sys.stdin.read()
