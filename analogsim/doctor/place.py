"""Where the job would run: data, folders that can be written, memory."""

import os
import tempfile
from pathlib import Path

from analogsim.doctor.check import Check
from analogsim.inputs.known import DATA, DATA_VARIABLE

# torchvision's folder names under its `root`.
_DATA_FOLDERS = {name: one.folder for name, one in DATA.items() if one.folder}
# `analogsim demo` holds 0.8 GiB at its peak (torch 2.12, aihwkit 1.1.0, on a CPU).
_ENOUGH_MEMORY_GIB = 2.0


def check_data(data_dir: Path | None) -> Check:
    """Whether CIFAR is where the data option or the environment says; digits needs nothing."""
    name = "data"
    setting = os.environ.get(DATA_VARIABLE)
    folder = data_dir or (Path(setting) if setting else None)
    origin = "--data-dir" if data_dir else DATA_VARIABLE
    export = f"export {DATA_VARIABLE}=FOLDER"
    if folder is None:
        detail = f"no folder: {DATA_VARIABLE} is not set, so only the data set digits is at hand"
        return Check(name=name, status="warning", detail=detail, mend=export)
    if not folder.is_dir():
        detail = f"{origin} must be a folder, got {str(folder)!r}, which does not exist"
        return Check(name=name, status="warning", detail=detail, mend=export)
    here = [data for data, sub in _DATA_FOLDERS.items() if (folder / sub).is_dir()]
    if not here:
        wanted = " or ".join(_DATA_FOLDERS.values())
        detail = f"{folder} has no {wanted} in it, so only the data set digits is at hand"
        return Check(name=name, status="warning", detail=detail, mend=export)
    return Check(name=name, status="ok", detail=f"{', '.join(here)} in {folder}")


def check_writable(name: str, folder: Path, mend: str) -> Check:
    """Write and remove a file in `folder`."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        detail = f"{folder} cannot be written: {error.strerror or error}"
        return Check(name=name, status="warning", detail=detail, mend=mend)
    return Check(name=name, status="ok", detail=f"{folder} can be written")


def check_folders() -> tuple[Check, ...]:
    """The temporary folder, and the one in which `-o out/...` would be made."""
    try:
        temporary = Path(tempfile.gettempdir())
    except OSError as error:
        detail = f"no temporary folder can be written: {error.strerror or error}"
        first = Check(name="temporary folder", status="warning", detail=detail, mend=_TMPDIR)
    else:
        first = check_writable("temporary folder", temporary, _TMPDIR)
    current = Path.cwd()
    return first, check_writable("current folder", current, "cd FOLDER_THAT_CAN_BE_WRITTEN")


_TMPDIR = "export TMPDIR=FOLDER_THAT_CAN_BE_WRITTEN"


def check_memory() -> Check:
    """Memory that new processes can have without swapping, in GiB."""
    available_gib = available_memory_gib()
    if available_gib is None:
        return Check(name="memory", status="info", detail="unknown on this system")
    detail = f"{available_gib:.1f} GiB available"
    if available_gib >= _ENOUGH_MEMORY_GIB:
        return Check(name="memory", status="ok", detail=detail)
    return Check(
        name="memory",
        status="warning",
        detail=f"{detail}, less than {_ENOUGH_MEMORY_GIB:g} GiB: close other programs",
    )


def available_memory_gib(meminfo: Path = Path("/proc/meminfo")) -> float | None:
    """`MemAvailable` of Linux in GiB, or None where the system does not say."""
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) / 2**20
    return None
