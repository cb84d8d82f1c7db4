"""The windows of versions: same as pyproject's, and said in words when they are missed."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from analogsim.doctor import versions
from analogsim.doctor.versions import NEWER, OLDER, check_python, check_versions, triple_for

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("python", [(3, 11), (3, 12), (3, 13)])
def test_windows_are_those_of_pyproject(python: tuple[int, int]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    selected = {}
    for requirement in map(Requirement, project["dependencies"]):
        marker = requirement.marker
        if marker and marker.evaluate({"python_version": ".".join(map(str, python))}):
            selected[requirement.name] = requirement.specifier

    wanted = [Requirement(text) for text in triple_for(python).requirements()]

    assert {r.name: r.specifier for r in wanted} == selected


@pytest.mark.parametrize("python", [(3, 10), (3, 14)])
def test_other_pythons_are_a_warning(python: tuple[int, int]) -> None:
    check = check_python(python)

    assert check.status == "warning"
    assert check.detail.startswith(".".join(map(str, python)))
    assert "-m venv .venv" in check.mend


def test_supported_python_is_ok() -> None:
    assert check_python((3, 13)).status == "ok"


@pytest.mark.parametrize(
    ("found", "statuses"),
    [
        pytest.param(("1.1.0", "2.12.0", "0.27.0"), ("ok", "ok", "ok"), id="older-low"),
        pytest.param(("1.1.0", "2.12.1+cpu", "0.27.1+cpu"), ("ok", "ok", "ok"), id="older-high"),
        pytest.param(("1.2.0", "2.15.0", "0.29.2"), ("ok", "ok", "ok"), id="newer-high"),
        pytest.param(("1.1.0", "2.11.0", "0.26.0"), ("ok", "warning", "warning"), id="too-old"),
        pytest.param(("1.1.0", "2.13.0", "0.28.0"), ("ok", "warning", "warning"), id="too-new"),
        pytest.param(("1.2.0", "2.12.1", "0.27.1"), ("ok", "warning", "warning"), id="crossed"),
        pytest.param(("1.2.0", "2.16.0", "0.29.2"), ("ok", "warning", "ok"), id="untested"),
        pytest.param(("0.9.2", "2.12.1", "0.27.1"), ("warning", "info", "info"), id="old-aihwkit"),
        pytest.param((None, None, None), ("problem", "problem", "problem"), id="nothing"),
    ],
)
def test_each_version_is_held_against_the_window(
    found: tuple[str | None, ...], statuses: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("aihwkit", "torch", "torchvision")
    here = dict(zip(names, found, strict=True))
    monkeypatch.setattr(versions, "installed_version", here.__getitem__)

    checks = check_versions(names)

    assert tuple(check.status for check in checks) == statuses
    for check, version in zip(checks, found, strict=True):
        assert check.detail.startswith(version or "not installed")
        assert bool(check.mend) == (check.status in {"warning", "problem"})


def test_the_command_installs_the_whole_triple(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "triple_for", lambda python: OLDER)
    assert versions.mend_triple().endswith(
        "-m pip install aihwkit==1.1.0 'torch>=2.12,<2.13' 'torchvision>=0.27,<0.28'"
    )
    monkeypatch.setattr(versions, "triple_for", lambda python: NEWER)
    assert versions.mend_triple().endswith(
        "-m pip install aihwkit==1.2.0 'torch>=2.13,<2.16' 'torchvision>=0.28,<0.30'"
    )


def test_distribution_that_is_not_there() -> None:
    assert versions.installed_version("no-such-distribution") is None
