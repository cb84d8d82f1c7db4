"""Tasks on a Ray cluster: one a chip; network and images are shipped once to each node.

Needs the extra `[ray]`. The writer of the records is here, in the driver: nodes share no folder.
"""

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from analogsim.errors import AnalogsimError, InputError, first_line
from analogsim.experiment.job import Task
from analogsim.experiment.place import ATTEMPTS, Work, WorkerError
from analogsim.experiment.trial import Trial

# Tasks in flight for each core of the cluster: enough that no worker waits, few enough that a
# study of 10^5 chips does not fill the scheduler.
_AHEAD = 2

Warn = Callable[[str], None]


class OnRay:
    """A Ray cluster: the one at `address`, or the one that Ray finds, or a new one here."""

    def __init__(self, address: str | None = None, warn: Warn = lambda text: None) -> None:
        """`warn` gets a sentence when a node is lost.

        Raises:
            InputError: Ray is not installed, or there is no cluster at `address`.
        """
        try:
            import ray  # an extra
        except ImportError as error:
            raise InputError(
                "--on ray must have the package ray, which is not installed; "
                "pip install 'analogsim-aimc[ray]'"
            ) from error
        self._ray: Any = ray
        self._warn = warn
        if not ray.is_initialized():
            try:
                ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
            except Exception as error:
                raise InputError(
                    f"Ray cluster must answer, got '{first_line(error)}' for address "
                    f"{address!r}; start one with `ray start --head`, or leave --address out"
                ) from error

    def run(self, job: Work, tasks: Sequence[Task]) -> Iterator[Trial]:
        """As `Place.run`. A task whose worker or node dies is tried again on another."""
        ray = self._ray
        resources = {"num_gpus": 1} if job.device == "cuda" else {}
        remote = ray.remote(max_retries=ATTEMPTS - 1, num_cpus=1, **resources)(_chip)
        with _by_value(ray):
            shipped = ray.put(job)
        waiting = list(reversed(tasks))
        flying: dict[Any, Task] = {}
        try:
            while waiting or flying:
                room = max(_AHEAD * int(ray.cluster_resources().get("CPU", 1)), 2)
                while waiting and len(flying) < room:
                    task = waiting.pop()
                    # In a list, Ray hands the reference over and not a fresh copy each time.
                    flying[remote.remote([shipped], task)] = task
                ready, _ = ray.wait(list(flying), num_returns=1)
                for reference in ready:
                    task = flying.pop(reference)
                    yield from self._take(reference, task)
        finally:
            for reference in flying:
                with contextlib.suppress(Exception):
                    ray.cancel(reference, force=True)

    def _take(self, reference: Any, task: Task) -> list[Trial]:
        ray = self._ray
        try:
            trials: list[Trial] = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, AnalogsimError):
                raise cause from error
            raise
        except ray.exceptions.RayError as error:
            raise WorkerError(
                f"Ray worker for {task} must finish, got {type(error).__name__} "
                f"'{first_line(error)}' {ATTEMPTS} times; every finished trial is safe: mend the "
                "cluster and run the same command again"
            ) from error
        return trials


def _chip(shipped: list[Any], task: Task) -> list[Trial]:
    """All trials of one chip; runs on a node."""
    import torch

    # One task a core, as in a local run with chips enough: the same records, bit for bit.
    torch.set_num_threads(1)
    job, kept = _held(shipped[0])
    return list(job.trials(task, kept))


@lru_cache(maxsize=1)
def _held(reference: Any) -> tuple[Work, dict[Any, Any]]:
    """The job and what this worker process keeps between tasks."""
    import ray  # an extra

    return ray.get(reference), {}


@contextlib.contextmanager
def _by_value(ray: Any) -> Iterator[None]:
    """Ship code of the user's own files with what it made: the nodes do not have those files."""
    modules = [m for name, m in sys.modules.items() if name.startswith("_analogsim_user_file_")]
    for module in modules:
        ray.cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            ray.cloudpickle.unregister_pickle_by_value(module)
