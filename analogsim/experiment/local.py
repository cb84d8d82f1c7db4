"""Tasks on this machine: worker processes, one thread each where there are chips enough.

Chips are independent, so processes beat threads (see `benchmarks/scaling.py`). The workers are
forked: the network and the images are shared pages of memory, and starting one takes a few
milliseconds. Fork is safe on Linux only, and not after CUDA was used; elsewhere, and where there
is one task or one worker, the tasks run in this process.
"""

import dataclasses
import multiprocessing
import os
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import torch

from analogsim.errors import AnalogsimError, InputError
from analogsim.experiment.forked import answer_signals, new_process, start
from analogsim.experiment.job import Task
from analogsim.experiment.place import ATTEMPTS, Work, WorkerError
from analogsim.experiment.records import Record

_DONE = None
# How often a worker that waits for work looks whether its parent is still there.
_LOOK_S = 1.0

Warn = Callable[[str], None]


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Local:
    """This machine's cores."""

    def __init__(self, workers: int | None = None, warn: Warn = lambda text: None) -> None:
        """`workers`: how many processes; None takes as many as there are cores or tasks.

        `warn` gets a sentence when a worker dies and its task is tried again.

        Raises:
            InputError: workers is below 1.
        """
        if workers is not None and workers < 1:
            raise InputError(f"workers must be at least 1, got {workers}; give another number")
        self._workers = workers
        self._warn = warn

    def run(self, job: Work, tasks: Sequence[Task]) -> Iterator[Record]:
        """As `Place.run`."""
        workers = min(self._workers or cores(), len(tasks))
        # Never more than torch would take: OMP_NUM_THREADS is the user's word.
        threads = max(1, min(cores() // max(workers, 1), torch.get_num_threads()))
        if workers < 2 or sys.platform != "linux" or job.device != "cpu":
            yield from _here(job, tasks, threads)
        else:
            yield from _Pool(job, tasks, workers, threads, self._warn).run()


def _here(job: Work, tasks: Sequence[Task], threads: int) -> Iterator[Record]:
    before = torch.get_num_threads()
    kept: dict[Any, Any] = {}
    for task in tasks:
        trials = job.trials(task, kept)
        while True:
            # The number of threads is put back before the caller goes on.
            torch.set_num_threads(threads)
            try:
                trial = next(trials, None)
            finally:
                torch.set_num_threads(before)
            if trial is None:
                break
            yield trial


@dataclass(eq=False, kw_only=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    tasks: deque[Task] = field(default_factory=deque)
    """The one it is at, and perhaps one to go on with while its trials are being written."""
    done: int = 0
    """Trials of the first task that have arrived."""


@dataclass(eq=False)
class _Pool:
    """Workers at a task each; a dead one is replaced and its task tried again."""

    job: Work
    tasks: Sequence[Task]
    workers: int
    threads: int
    warn: Warn
    _crew: list[_Worker] = field(default_factory=list)
    _sent_home: list[_Worker] = field(default_factory=list)
    _deaths: dict[str, int] = field(default_factory=dict)

    def run(self) -> Iterator[Record]:
        waiting = deque(self.tasks)
        try:
            while waiting or any(worker.tasks for worker in self._crew):
                self._staff(waiting)
                for pipe in wait([worker.pipe for worker in self._crew]):
                    worker = next(w for w in self._crew if w.pipe is pipe)
                    yield from self._hear(worker, waiting)
        finally:
            for worker in self._crew:
                worker.process.kill()
            # One after the other would wait for the system to take each one's memory back.
            for worker in (*self._crew, *self._sent_home):
                worker.process.join()
                worker.pipe.close()

    def _staff(self, waiting: deque[Task]) -> None:
        """Give every free worker a task, and start workers while there are tasks for them."""
        while waiting:
            free = next((worker for worker in self._crew if not worker.tasks), None)
            if free is None and len(self._crew) < self.workers:
                free = self._start()
            # A second one each while there are many: at the end none may wait behind another.
            if free is None and len(waiting) > 2 * self.workers:
                free = next((worker for worker in self._crew if len(worker.tasks) < 2), None)
            if free is None:
                return
            free.tasks.append(waiting.popleft())
            # A worker that has just died is met in `_hear`.
            try:
                free.pipe.send(free.tasks[-1])
            except OSError:
                return

    def _start(self) -> _Worker:
        ours, theirs = multiprocessing.Pipe()
        process = new_process(_serve, self.job, theirs, os.getpid(), self.threads)
        worker = _Worker(process=process, pipe=ours)
        start(process, then=lambda: self._crew.append(worker))
        theirs.close()
        return worker

    def _hear(self, worker: _Worker, waiting: deque[Task]) -> Iterator[Record]:
        try:
            said = worker.pipe.recv()
        except (EOFError, OSError):
            self._bury(worker, waiting)
            return
        if said is _DONE:
            worker.tasks.popleft()
            worker.done = 0
            if not worker.tasks and not waiting:
                # Its memory is taken back while the others still compute.
                self._crew.remove(worker)
                self._sent_home.append(worker)
                worker.process.kill()
        elif isinstance(said, Exception):
            raise said
        else:
            worker.done += 1
            yield said

    def _bury(self, worker: _Worker, waiting: deque[Task]) -> None:
        worker.process.join()
        worker.pipe.close()
        self._crew.remove(worker)
        code = worker.process.exitcode
        how = _death(code)
        if not worker.tasks:
            return
        task, *next_ones = worker.tasks
        waiting.extendleft(reversed(next_ones))
        deaths = self._deaths[str(task)] = self._deaths.get(str(task), 0) + 1
        if deaths >= ATTEMPTS:
            raise WorkerError(
                f"worker for {task} must finish, got {how} {ATTEMPTS} times; every finished trial "
                "is safe: give it more memory or fewer --workers, and run the same command again"
            )
        if code == -signal.SIGKILL and self.workers > 1:
            # Most likely for want of memory: fewer at a time need less.
            self.workers -= 1
            how += f"; going on with {self.workers}"
        self.warn(f"worker for {task} ended: {how}; trying it again")
        # Trials that have arrived are not asked for a second time.
        rest = task.wanted[worker.done :]
        if rest:
            waiting.appendleft(dataclasses.replace(task, wanted=rest))


def _death(code: int | None) -> str:
    if code == -signal.SIGKILL:
        return "killed (signal 9, as the system does when memory runs out)"
    if code is not None and code < 0:
        return f"signal {-code}"
    return f"exit code {code}"


def _serve(job: Work, pipe: Connection, parent: int, threads: int) -> None:
    """A worker's life: tasks in, trials out, until the parent is gone."""
    answer_signals()
    torch.set_num_threads(threads)
    kept: dict[Any, Any] = {}
    try:
        while os.getppid() == parent:
            if not pipe.poll(_LOOK_S):
                continue
            task = pipe.recv()
            try:
                for trial in job.trials(task, kept):
                    pipe.send(trial)
                pipe.send(_DONE)
            except AnalogsimError as error:
                pipe.send(error)
            except MemoryError:
                # Met as the kernel's own kill would be.
                os.kill(os.getpid(), signal.SIGKILL)
            except Exception:
                # A bug of ours: it is shown with the worker's traceback.
                pipe.send(RuntimeError(f"in a worker:\n{traceback.format_exc()}"))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
