"""Tasks on a Ray cluster: one a chip; network and images are shipped once to each node.

Needs the extra `[ray]`. The writer of the records is here, and Ray is driven from a process of its
own (`ray_driver.py`): what Ray cannot go on from ends the process that drives it, without a word.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from analogsim.errors import InputError
from analogsim.experiment.forked import new_process, start
from analogsim.experiment.job import Task
from analogsim.experiment.place import Work, WorkerError
from analogsim.experiment.ray_address import check_answers, no_cluster
from analogsim.experiment.ray_driver import Connected, Connecting, Finished, drive
from analogsim.experiment.records import Record

# What answers as a cluster does and is none of ours; a right one takes a few seconds.
_CONNECT_S = 60.0
_END_S = 10.0

Say = Callable[[str], None]


class OnRay:
    """A Ray cluster: the one at `address`, or the one that Ray finds, or a new one here."""

    def __init__(
        self,
        address: str | None = None,
        workers: int | None = None,
        say: Say = lambda text: None,
    ) -> None:
        """`workers` is for a new one here; `say` gets a line about the cluster.

        Raises:
            InputError: Ray is not installed, there is no cluster at `address`, or `workers` cannot
                be had.
        """
        if find_spec("ray") is None:
            raise InputError(
                "--on ray must have the package ray, which is not installed; "
                "pip install 'analogsim-aimc[ray]'"
            )
        if workers is not None and address is not None:
            raise InputError(
                f"--workers must go with --on local or a Ray of its own, got {workers} with "
                f"--address {address}, whose cluster decides; leave one of the two out"
            )
        if workers is not None and workers < 1:
            raise InputError(f"workers must be at least 1, got {workers}; give another number")
        if workers is None:
            check_answers(address)
        self._address = address if workers is None else "local"
        self._workers, self._say = workers, say
        self._driver: _Driver | None = None

    def run(self, job: Work, tasks: Sequence[Task]) -> Iterator[Record]:
        """As `Place.run`. A task whose worker or node dies is tried again on another."""
        driver = self._driver_of(job)
        try:
            driver.pipe.send(tasks)
            yield from self._hear(driver.pipe)
        except (EOFError, OSError):
            driver.process.join(_END_S)
            raise WorkerError(
                "Ray's driver must finish, got its end with exit code "
                f"{driver.process.exitcode}, as when the cluster or Ray on this machine ends; "
                "every finished trial is safe: mend the cluster and run the same command again"
            ) from None
        except BaseException:
            self._end()
            raise

    def _driver_of(self, job: Work) -> "_Driver":
        """The process that has the job; rounds of one study share it."""
        if self._driver is None or self._driver.job is not job:
            self._end()
            ours, theirs = multiprocessing.Pipe()
            # Forked, so that the job need not be pickled for it.
            process = new_process(drive, job, self._address, self._workers, theirs, ours)
            driver = self._driver = _Driver(job=job, process=process, pipe=ours)
            start(process)
            theirs.close()
            return driver
        return self._driver

    def _end(self) -> None:
        if self._driver is None:
            return
        process, self._driver = self._driver.process, None
        process.terminate()
        process.join(_END_S)
        process.kill()
        process.join()

    def _hear(self, pipe: Connection) -> Iterator[Record]:
        patience: float | None = None
        while True:
            if not pipe.poll(patience):
                error = TimeoutError(f"no answer in {_CONNECT_S:g} s")
                raise InputError(no_cluster(self._address, error))
            said: Any = pipe.recv()
            if isinstance(said, Finished):
                return
            if isinstance(said, Connecting):
                patience = _CONNECT_S
            elif isinstance(said, Connected):
                patience = None
                self._say(said.text)
            elif isinstance(said, Exception):
                raise said
            else:
                yield said


@dataclass(frozen=True, kw_only=True)
class _Driver:
    job: Work
    process: BaseProcess
    pipe: Connection
