"""The wheel: what is in it, and that it works where the source is not."""

import email
import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from analogsim._version import __version__

ROOT = Path(__file__).parents[1]
PACKAGES = ("analogsim", "device_models")
# What a clone does not have, or what the build would write into.
NOT_COPIED = shutil.ignore_patterns(
    ".*", "__pycache__", "*.egg-info", "build", "dist", "out", "node_modules"
)


# Without isolation the build needs no network; the environment must have what pyproject.toml asks
# for.
_OLD = Version(importlib.metadata.version("setuptools")) < Version("78.1.1")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(_OLD, reason="needs setuptools 78.1.1 or newer")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: a build writes into its source folder."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "source", ignore=NOT_COPIED)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
    done = subprocess.run([*command, folder / "source"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs' folder of a fresh environment that has the wheel.

    Its dependencies are those of the environment that runs the tests, by a path: torch is not
    copied or fetched again. An editable install there is not seen, for it lives in a .pth file,
    and those are read in an environment's own folder only.
    """
    folder = tmp_path_factory.mktemp("fresh") / "env"
    builder = venv.EnvBuilder(with_pip=False)
    builder.create(folder)
    programs = Path(builder.ensure_directories(folder).bin_path)
    install = [sys.executable, "-m", "pip", "--python", programs / "python", "install"]
    subprocess.run(
        [*install, "--no-deps", "--no-index", "--disable-pip-version-check", wheel],
        check=True,
        capture_output=True,
        env=_environment(),
    )
    own = Path(_run(programs / "python", "-c", _PURELIB, cwd=folder).strip())
    (own / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return programs


_PURELIB = "import sysconfig; print(sysconfig.get_path('purelib'))"


def _environment() -> dict[str, str]:
    """Without PYTHONPATH, through which pip and Python would find a package not installed."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


def _run(program: Path, *args: str, cwd: Path) -> str:
    done = subprocess.run(
        [program, *args], capture_output=True, text=True, cwd=cwd, env=_environment()
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_wheel_holds_the_two_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert wheel.name.startswith("analogsim_aimc-")
    dist_info = {top for top in tops if top.endswith(".dist-info")}
    assert len(dist_info) == 1
    assert tops - dist_info == set(PACKAGES)


def test_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    """Code, py.typed, templates and trained weights."""
    source = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {f"{package}/py.typed" for package in PACKAGES} <= source
    assert any(name.endswith(".j2") for name in source)
    assert source - names == set()
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_commands_run_from_elsewhere(installed: Path, tmp_path: Path) -> None:
    where = _run(
        installed / "python", "-c", "import analogsim as a; print(a.__file__)", cwd=tmp_path
    )
    assert Path(where.strip()).is_relative_to(installed.parent)
    assert "Usage: analogsim" in _run(installed / "analogsim", "--help", cwd=tmp_path)
    assert "pcm" in _run(installed / "analogsim", "presets", cwd=tmp_path)


def test_device_models_are_importable_alone(installed: Path, tmp_path: Path) -> None:
    code = "import sys, device_models; print('analogsim' in sys.modules, 'torch' in sys.modules)"
    assert _run(installed / "python", "-c", code, cwd=tmp_path).split() == ["False", "False"]


def test_metadata_say_what_pyproject_says(wheel: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    with zipfile.ZipFile(wheel) as archive:
        [folder] = {name.partition("/")[0] for name in archive.namelist() if "dist-info" in name}
        found = email.message_from_bytes(archive.read(f"{folder}/METADATA"))
        programs = archive.read(f"{folder}/entry_points.txt").decode()
    assert (found["Name"], found["Version"]) == (project["name"], __version__)
    assert found["License-Expression"] == project["license"]
    assert sorted(found["Requires-Python"].split(",")) == sorted(
        project["requires-python"].split(",")
    )
    asked = {str(Requirement(text)) for text in project["dependencies"]}
    assert asked <= {str(Requirement(text)) for text in found.get_all("Requires-Dist", [])}
    assert set(found.get_all("Provides-Extra", [])) == set(project["optional-dependencies"])
    assert found.get_payload().startswith("# analogsim\n")
    assert "analogsim = analogsim.cli.start:main" in programs
