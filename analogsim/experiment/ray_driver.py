"""The process that drives Ray: tasks out to the cluster, trials back into a pipe."""

import contextlib
import logging
import pickle
import sys
import sysconfig
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

from analogsim.errors import AnalogsimError, InputError, first_line
from analogsim.experiment.forked import answer_signals
from analogsim.experiment.job import Task
from analogsim.experiment.place import ATTEMPTS, Work, WorkerError
from analogsim.experiment.ray_address import no_cluster
from analogsim.experiment.records import Record

# Tasks in flight for each core of the cluster: enough that no worker waits, few enough that a
# study of 10^5 chips does not fill the scheduler.
_AHEAD = 2
# How often the cluster is looked at while no task ends, and how often it may have no core then.
_LOOK_S, _MOST_LOOKS = 10.0, 6
_AGAIN = "every finished trial is safe: mend the cluster and run the same command again"


@dataclass(frozen=True, kw_only=True)
class Connecting:
    """Ray is imported and looks for the cluster."""


@dataclass(frozen=True, kw_only=True)
class Connected:
    """The cluster answers; `text` says what it is."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Finished:
    """Every task is done."""


def drive(
    job: Work, address: str | None, workers: int | None, pipe: Connection, parents: Connection
) -> None:
    """A driver's life: lists of tasks in, `Connecting`, `Connected`, trials and `Finished` out."""
    answer_signals()
    # So that the pipe ends with the parent.
    parents.close()
    import ray  # an extra

    try:
        pipe.send(Connecting())
        pipe.send(Connected(text=_connect(ray, address, workers)))
        shipped = ship(ray, job)
        while True:
            for trial in _trials(ray, shipped, job.device, pipe.recv()):
                pipe.send(trial)
            pipe.send(Finished())
    except AnalogsimError as error:
        pipe.send(error)
    except (EOFError, BrokenPipeError):
        # The parent has gone.
        pass
    except Exception as error:
        pipe.send(_as_ours(ray, error))
    finally:
        ray.shutdown()


def _as_ours(ray: Any, error: Exception) -> Exception:
    """What the cluster did as an error for the user; the rest is a bug of ours."""
    lost = (ray.exceptions.RayError, ConnectionError, TimeoutError)
    if isinstance(error, lost) and not isinstance(error, ray.exceptions.RayTaskError):
        return WorkerError(
            f"Ray cluster must go on, got {type(error).__name__} '{first_line(error)}'; {_AGAIN}"
        )
    return RuntimeError(f"in the driver of Ray:\n{traceback.format_exc()}")


def _connect(ray: Any, address: str | None, workers: int | None) -> str:
    """Join the cluster; gives a line on it. Raises InputError."""
    try:
        found = ray.init(
            address=address, num_cpus=workers, log_to_driver=False, logging_level=logging.ERROR
        )
    except Exception as error:
        raise InputError(no_cluster(address, error)) from error
    nodes = sum(node["Alive"] for node in ray.nodes())
    cores = int(ray.cluster_resources().get("CPU", 0))
    dashboard = found.dashboard_url
    return f"Ray: {nodes} node{'s' * (nodes != 1)}, {cores} worker{'s' * (cores != 1)}, " + (
        f"dashboard http://{dashboard}" if dashboard else "no dashboard"
    )


def _trials(ray: Any, shipped: Any, device: str, tasks: Sequence[Task]) -> Iterator[Record]:
    resources = {"num_gpus": 1} if device == "cuda" else {}
    remote = ray.remote(max_retries=ATTEMPTS - 1, num_cpus=1, **resources)(_chip)
    waiting = list(reversed(tasks))
    flying: dict[Any, Task] = {}
    looks = 0
    try:
        while waiting or flying:
            cores = int(ray.cluster_resources().get("CPU", 0))
            while waiting and len(flying) < max(_AHEAD * cores, 2):
                task = waiting.pop()
                # In a list, Ray hands the reference over and not a fresh copy each time.
                flying[remote.remote([shipped], task)] = task
            ready, _ = ray.wait(list(flying), num_returns=1, timeout=_LOOK_S)
            looks = looks + 1 if not ready and cores == 0 else 0
            if looks == _MOST_LOOKS:
                raise WorkerError(f"Ray cluster must have a core, got none in a minute; {_AGAIN}")
            for reference in ready:
                task = flying.pop(reference)
                yield from _take(ray, reference, task)
    finally:
        for reference in flying:
            with contextlib.suppress(Exception):
                ray.cancel(reference, force=True)


def _take(ray: Any, reference: Any, task: Task) -> list[Record]:
    try:
        trials: list[Record] = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, AnalogsimError):
            raise cause from error
        raise
    except ray.exceptions.RayError as error:
        raise WorkerError(
            f"Ray worker for {task} must finish, got {type(error).__name__} "
            f"'{first_line(error)}' {ATTEMPTS} times; {_AGAIN}"
        ) from error
    return trials


def _chip(shipped: list[Any], task: Task) -> list[Record]:
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


def ship(ray: Any, job: Work) -> Any:
    """A reference to the job on the cluster. Raises InputError for what cannot be sent there."""
    try:
        with _by_value(ray, job):
            return ray.put(job)
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise InputError(
            "network and images must be such that Ray can send them to its nodes (as pickle does), "
            f"got '{first_line(error)}'; leave locks, open files and generators out of them, or "
            "compute on this machine"
        ) from error


@contextlib.contextmanager
def _by_value(ray: Any, job: Work) -> Iterator[None]:
    """Ship code of the user's own files with what it made: the nodes do not have those files."""
    parts = [part for network in job.networks() for part in network.modules()]
    homes = {type(one).__module__ for one in (*parts, job.data.dataset)}
    modules = [
        module
        for name, module in sys.modules.items()
        if name.startswith("_analogsim_user_file_") or (name in homes and _is_own(module))
    ]
    for module in modules:
        ray.cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            ray.cloudpickle.unregister_pickle_by_value(module)


def _is_own(module: ModuleType) -> bool:
    """Whether it is a file of the user's, which nodes need not have; `__main__` is sent anyway."""
    file = getattr(module, "__file__", None)
    if file is None or module.__name__.partition(".")[0] in {"__main__", "analogsim"}:
        return False
    installed = {"site-packages", "dist-packages"} & set(Path(file).parts)
    return not installed and Path(sysconfig.get_path("stdlib")) not in Path(file).parents
