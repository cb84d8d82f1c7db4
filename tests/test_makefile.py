"""`make` refuses a Python that will not do, and installs what a target needs."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder without .venv; its python3.9 and python3.14 answer as those would."""
    for name in ("Makefile", "pyproject.toml", "requirements/lock.txt", "requirements/demo.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for version in ("3.9", "3.14"):
        fake = tmp_path / f"python{version}"
        # Fails on the question whether the version is right, and tells it when asked.
        fake.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "Python {version}.1"\n')
        fake.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    ("python", "words"),
    [
        ("./python3.9", "got Python 3.9.1 as ./python3.9"),
        ("./python3.14", "got Python 3.14.1 as ./python3.14"),
        ("no-such-python", 'got "no-such-python", which is not there'),
    ],
)
@pytest.mark.parametrize("target", ["demo", "test"])
def test_unsuitable_python_is_named(target: str, python: str, words: str, clone: Path) -> None:
    done = subprocess.run(
        ["make", f"PYTHON={python}", target], cwd=clone, capture_output=True, text=True
    )

    assert done.returncode == 2
    assert "PYTHON must be a Python 3.11, 3.12 or 3.13" in done.stderr
    assert words in done.stderr
    assert "make PYTHON=python3.12 demo" in done.stderr
    assert not (clone / ".venv").exists()


def test_help_is_what_make_says_without_a_target(clone: Path) -> None:
    done = subprocess.run(["make"], cwd=clone, capture_output=True, text=True, check=True)

    targets = ("demo", "test", "test-all", "lint", "types", "docs", "install", "lock", "floors",
               "wheel", "wheels")  # fmt: skip
    for target in targets:
        assert f"make {target} " in done.stdout


@pytest.mark.parametrize(
    ("target", "files"), [("demo", ["demo.txt"]), ("test", ["demo.txt", "lock.txt"])]
)
def test_the_demo_is_installed_without_the_tools(
    target: str, files: list[str], clone: Path
) -> None:
    done = subprocess.run(
        ["make", "--dry-run", target], cwd=clone, capture_output=True, text=True, check=True
    )

    assert re.findall(r"--requirement requirements/(\S+)", done.stdout) == files
