"""Where tasks are computed: the contract of `local.py` and `on_ray.py`."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from analogsim.errors import AnalogsimError
from analogsim.experiment.job import Job, Task
from analogsim.experiment.trial import Trial

# A task that ends its worker this often is not tried again.
ATTEMPTS = 3


class Place(Protocol):
    """Computes tasks and hands trials back as they finish, in any order."""

    def run(self, job: Job, tasks: Sequence[Task]) -> Iterator[Trial]:
        """The trials of all tasks, each once.

        Raises:
            WorkerError: a task cannot be finished here.
        """


class WorkerError(AnalogsimError):
    """The workers cannot finish a task; what is on the disk is safe."""
