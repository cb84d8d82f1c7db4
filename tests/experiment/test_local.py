"""Worker processes: a worker that dies is replaced, and what it cannot do is said."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from analogsim.errors import InputError
from analogsim.experiment import forked, local
from analogsim.experiment import job as module
from analogsim.experiment.job import Chips, Job, Task, work
from analogsim.experiment.local import Local
from analogsim.experiment.place import WorkerError
from analogsim.experiment.study import Chips as ChipsDesign
from analogsim.experiment.trial import Trial
from tests.experiment.small import Stopping, records, run, study


class Dying:
    """`work` that ends its own process when it has given `after` trials of chip 1.

    Each death makes a file of its own, so that there are `times` of them, however many workers
    come to one at the same moment.
    """

    def __init__(self, folder: Path, *, times: int, after: int, sign: int) -> None:
        self.folder, self.times, self.after, self.sign = folder, times, after, sign

    def __call__(self, job: Job, task: Task, chips: Chips) -> Iterator[Trial]:
        for number, trial in enumerate(work(job, task, chips)):
            if task.chip == 1 and number == self.after and self.first():
                os.kill(os.getpid(), self.sign)
            yield trial

    def first(self) -> bool:
        """Is one of the deaths this worker's? The file's making decides: it succeeds once."""
        for death in range(self.times):
            with contextlib.suppress(FileExistsError):
                (self.folder / f"death-{death}").touch(exist_ok=False)
                return True
        return False


# So many tasks that a worker holds a second one when it dies.
ASKED = study(design=ChipsDesign(chips=5), times_s=(1.0,))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    run(folder, ASKED)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended"])
def test_the_task_of_a_dead_worker_is_tried_again(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int, sign: signal.Signals
) -> None:
    (tmp_path / "deaths").mkdir()
    dying = Dying(tmp_path / "deaths", times=1, after=after, sign=sign)
    monkeypatch.setattr(module, "work", dying)
    said: list[str] = []
    run(tmp_path / "out", ASKED, place=Local(2, said.append))
    assert records(tmp_path / "out") == records(whole)
    assert len(said) == 1
    how = "killed (signal 9, as the system does when memory runs out); going on with 1"
    assert (how if sign == signal.SIGKILL else "signal 15") in said[0]
    assert "main chip 1 ended: " in said[0]


@pytest.mark.slow
def test_a_task_that_always_kills_is_given_up_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deaths").mkdir()
    dying = Dying(tmp_path / "deaths", times=99, after=0, sign=signal.SIGKILL)
    monkeypatch.setattr(module, "work", dying)
    with pytest.raises(WorkerError, match=r"chip 1 must finish, got killed \(signal 9, .* 3 times"):
        run(tmp_path / "out", place=Local(2))
    kept = len(records(tmp_path / "out"))
    assert kept > 0
    monkeypatch.undo()
    run(tmp_path / "out")
    run(tmp_path / "whole")
    assert records(tmp_path / "out") == records(tmp_path / "whole")


def test_a_user_s_error_in_a_worker_is_the_run_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(job: Job, task: Task, chips: Chips) -> Iterator[Trial]:
        raise InputError("data image 7 must load, got a torn file; mend it")

    monkeypatch.setattr(module, "work", refuse)
    with pytest.raises(InputError, match="image 7 must load, got a torn file"):
        run(tmp_path, place=Local(2))


def test_a_bug_in_a_worker_shows_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(job: Job, task: Task, chips: Chips) -> Iterator[Trial]:
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setattr(module, "work", fail)
    with pytest.raises(RuntimeError, match=r"(?s)in a worker:.*ZeroDivisionError: a bug of ours"):
        run(tmp_path, place=Local(2))


def test_want_of_memory_counts_as_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def swell(job: Job, task: Task, chips: Chips) -> Iterator[Trial]:
        raise MemoryError

    monkeypatch.setattr(module, "work", swell)
    with pytest.raises(WorkerError, match=r"got killed \(signal 9, .* fewer --workers"):
        run(tmp_path, place=Local(2))


def test_ctrl_c_while_a_worker_is_born_is_the_parent_s_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    serve = local._serve

    def interrupted(*args: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        serve(*args)

    monkeypatch.setattr(local, "_serve", interrupted)
    said: list[str] = []
    run(tmp_path / "out", place=Local(2, said.append))
    assert (said, capfd.readouterr().err) == ([], "")
    assert len(records(tmp_path / "out")) == 24
    # Afterwards it interrupts this process as ever.
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


def test_ctrl_c_during_a_fork_is_kept_for_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread takes the signal while a hook of the fork would swallow the exception."""
    forking, pressed = threading.Event(), threading.Event()
    swallowed = []

    def press() -> None:
        forking.wait()
        os.kill(os.getpid(), signal.SIGINT)
        pressed.set()

    other = threading.Thread(target=press)
    other.start()
    before = signal.getsignal(signal.SIGINT)

    def fork() -> None:
        with forked.signals_wait():
            try:
                forking.set()
                pressed.wait()
                sum(range(100_000))
            except KeyboardInterrupt:
                swallowed.append(True)

    with pytest.raises(KeyboardInterrupt):
        fork()
    other.join()
    assert not swallowed
    assert signal.getsignal(signal.SIGINT) is before
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


def test_no_worker_is_left_behind(tmp_path: Path) -> None:
    import multiprocessing

    run(tmp_path, place=Local(2))
    assert multiprocessing.active_children() == []


def test_torch_s_threads_are_put_back(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    run(tmp_path / "a")
    with pytest.raises(Stopping.Crash):
        run(tmp_path / "b", place=Stopping(2))
    assert torch.get_num_threads() == before


def test_no_worker_at_all_is_refused() -> None:
    with pytest.raises(InputError, match=r"workers must be at least 1, got 0"):
        Local(0)
