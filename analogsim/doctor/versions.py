"""Which versions are here, and whether they are known to work together.

An aihwkit wheel is bound to a window of torch. Outside it the import may work and the C++ tile
then fails. The windows were measured, release by release, and leave out torch 2.10 and 2.11 for the
reasons that pyproject.toml gives with the same windows.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata

from analogsim.doctor.check import Check, pip_install

Version = tuple[int, int]  # major, minor


@dataclass(frozen=True, kw_only=True)
class Triple:
    """One aihwkit release and the half-open windows of torch and torchvision that it runs with."""

    aihwkit: str
    torch: tuple[Version, Version]
    torchvision: tuple[Version, Version]

    def requirements(self) -> tuple[str, str, str]:
        """The triple as pip writes it."""
        return (
            f"aihwkit=={self.aihwkit}",
            f"torch{_window(self.torch)}",
            f"torchvision{_window(self.torchvision)}",
        )


OLDER = Triple(aihwkit="1.1.0", torch=((2, 12), (2, 13)), torchvision=((0, 27), (0, 28)))
NEWER = Triple(aihwkit="1.2.0", torch=((2, 13), (2, 16)), torchvision=((0, 28), (0, 30)))
TRIPLES = (OLDER, NEWER)
PYTHONS: tuple[Version, Version] = ((3, 11), (3, 14))


def triple_for(python: Version) -> Triple:
    """The triple that pyproject.toml selects: aihwkit 1.2.0 has wheels from Python 3.12 on."""
    return OLDER if python < (3, 12) else NEWER


def mend_triple() -> str:
    """The command that installs a working triple for the Python that is running."""
    return pip_install(*triple_for(sys.version_info[:2]).requirements())


def check_python(python: Version | None = None) -> Check:
    """Whether aihwkit has wheels for this Python (default: the one that is running)."""
    python = python or sys.version_info[:2]
    found = ".".join(map(str, python))
    if PYTHONS[0] <= python < PYTHONS[1]:
        return Check(name="Python", status="ok", detail=found)
    return Check(
        name="Python",
        status="warning",
        detail=f"{found}, but aihwkit has wheels that we tested for 3.11, 3.12 and 3.13 only",
        mend="python3.12 -m venv .venv && .venv/bin/python -m pip install -e .",
    )


def check_versions(names: Sequence[str] = ("aihwkit", "torch", "torchvision")) -> tuple[Check, ...]:
    """One finding a distribution: is it here, and in the window of the aihwkit that is here?"""
    found = {name: installed_version(name) for name in names}
    triple = next((t for t in TRIPLES if t.aihwkit == found.get("aihwkit")), None)
    return tuple(_check_one(name, version, triple) for name, version in found.items())


def installed_version(name: str) -> str | None:
    """The version of an installed distribution, or None; imports nothing."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _check_one(name: str, version: str | None, triple: Triple | None) -> Check:
    if version is None:
        return Check(name=name, status="problem", detail="not installed", mend=mend_triple())
    if name == "aihwkit":
        if triple is not None:
            return Check(name=name, status="ok", detail=version)
        tested = " and ".join(t.aihwkit for t in TRIPLES)
        detail = f"{version}, but {tested} are the ones that we tested"
        return Check(name=name, status="warning", detail=detail, mend=mend_triple())
    if triple is None:
        return Check(name=name, status="info", detail=f"{version}; no window is known for it")
    window = triple.torch if name == "torch" else triple.torchvision
    if window[0] <= _major_minor(version) < window[1]:
        return Check(name=name, status="ok", detail=version)
    return Check(
        name=name,
        status="warning",
        detail=f"{version}, but with aihwkit {triple.aihwkit} use {name}{_window(window)}",
        mend=mend_triple(),
    )


def _major_minor(version: str) -> Version:
    numbers = re.findall(r"\d+", version)
    return (int(numbers[0]), int(numbers[1])) if len(numbers) > 1 else (0, 0)


def _window(window: tuple[Version, Version]) -> str:
    (low, high) = (".".join(map(str, version)) for version in window)
    return f">={low},<{high}"
