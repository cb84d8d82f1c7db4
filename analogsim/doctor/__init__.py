"""Is this installation fit for the main job, and if not, which command mends it?"""

from pathlib import Path

from analogsim.doctor.check import Check, Status
from analogsim.doctor.place import check_data, check_folders, check_memory
from analogsim.doctor.probe import check_accelerators, check_import, check_tile
from analogsim.doctor.versions import check_python, check_versions

__all__ = ["Check", "Status", "can_run", "diagnose"]


def diagnose(data_dir: Path | None = None) -> tuple[Check, ...]:
    """Look at everything that the main job needs; nothing is changed, nothing is raised.

    `data_dir` is where CIFAR is looked for; without it the environment's `ANALOGSIM_DATA`.
    """
    return (
        check_python(),
        *check_versions(),
        *(check_import(name) for name in ("torch", "torchvision", "aihwkit")),
        check_tile("torch"),
        check_tile("cpp"),
        *check_accelerators(),
        check_data(data_dir),
        *check_folders(),
        check_memory(),
    )


def can_run(checks: tuple[Check, ...]) -> bool:
    """Whether the main job can run: no finding is a problem."""
    return all(check.status != "problem" for check in checks)
