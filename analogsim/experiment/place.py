"""Where tasks are computed: the contract of `local.py` and `on_ray.py`."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from torch import nn

from analogsim.errors import AnalogsimError
from analogsim.experiment.job import Task
from analogsim.experiment.records import Record
from analogsim.inputs.data import Data

# A task that ends its worker this often is not tried again.
ATTEMPTS = 3


class Work(Protocol):
    """What the tasks of a run share, and how one of them is done (`Job` is one)."""

    @property
    def data(self) -> Data:
        """The test images."""

    @property
    def device(self) -> str:
        """Where products are computed, `cpu` or `cuda`."""

    def networks(self) -> Iterable[nn.Module]:
        """Every network that a worker needs the code of."""

    def trials(self, task: Task, kept: dict[Any, Any]) -> Iterator[Record]:
        """A trial for each wanted pair, in order; `kept` is the worker's own between tasks."""


class Place(Protocol):
    """Computes tasks and hands trials back as they finish, in any order."""

    def run(self, job: Work, tasks: Sequence[Task]) -> Iterator[Record]:
        """The trials of all tasks, each once.

        Raises:
            WorkerError: a task cannot be finished here.
        """


class WorkerError(AnalogsimError):
    """The workers cannot finish a task; what is on the disk is safe."""
