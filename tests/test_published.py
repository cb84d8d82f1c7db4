"""What services and people read of a clone: citation, CI, docs build, hooks, image."""

import re
import subprocess
import tomllib
from datetime import date
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from analogsim._version import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = [
    text.rpartition(" ")[2]
    for text in PROJECT["classifiers"]
    if text.startswith("Programming Language :: Python :: 3.")
]
TARGETS = set(
    re.search(r"(?m)^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"))[1].split()  # type: ignore[index]
)


def content(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def steps(name: str) -> list[str]:
    """The commands of a job of the workflow."""
    job = content(".github/workflows/ci.yml")["jobs"][name]
    return [step["run"] for step in job["steps"] if "run" in step]


def test_the_citation_is_of_this_version_of_this_package() -> None:
    citation = content("CITATION.cff")
    # What the format asks for, and of it what says the same elsewhere.
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == __version__
    assert citation["title"] == "analogsim"
    assert citation["license"] == PROJECT["license"]
    assert citation["keywords"] == PROJECT["keywords"]
    assert citation["abstract"].removesuffix(".") == PROJECT["description"]
    [author] = citation["authors"]
    assert author["name"].removeprefix("The ") in (ROOT / "LICENSE").read_text(encoding="utf-8")
    if "date-released" in citation:
        assert isinstance(citation["date-released"], date)


def test_ci_runs_targets_of_the_makefile() -> None:
    assert steps("quick") == ["make PYTHON=python test"]
    assert steps("slow") == ["make PYTHON=python test-all PYTEST_ARGS='-m slow'"]
    assert steps("check") == ["make PYTHON=python ${{ matrix.target }}"]
    jobs = content(".github/workflows/ci.yml")["jobs"]
    assert jobs["quick"]["strategy"]["matrix"]["python"] == PYTHONS
    assert jobs["check"]["strategy"]["matrix"]["target"] == ["lint", "types", "docs"]
    assert TARGETS >= {"test", "test-all", "lint", "types", "docs"}


def test_actions_are_pinned_and_keep_no_credentials() -> None:
    jobs = content(".github/workflows/ci.yml")["jobs"].values()
    used = [step for job in jobs for step in job["steps"] if "uses" in step]
    assert len(used) == 2 * len(jobs)
    for step in used:
        # A tag can be moved to other code, a commit cannot.
        assert re.fullmatch(r"actions/(checkout|setup-python)@[0-9a-f]{40}", step["uses"])
        if "checkout" in step["uses"]:
            assert step["with"]["persist-credentials"] is False


def test_the_docs_are_built_elsewhere_as_here() -> None:
    docs = content(".readthedocs.yaml")
    assert docs["version"] == 2
    assert docs["build"]["tools"]["python"] in PYTHONS
    make, *_, copy = docs["build"]["commands"]
    assert make == "make PYTHON=python docs"
    # Where `make docs` puts them.
    source = copy.split()[-2]
    assert f"docs {source}\n" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_hooks_run_the_locked_tools() -> None:
    [repo] = content(".pre-commit-config.yaml")["repos"]
    assert repo["repo"] == "local"
    # With `system` nothing else is installed.
    assert {hook["language"] for hook in repo["hooks"]} == {"system"}
    programs = {hook["entry"].split()[0] for hook in repo["hooks"]}
    assert programs == {".venv/bin/ruff", ".venv/bin/mypy"}
    lock = (ROOT / "requirements" / "lock.txt").read_text(encoding="utf-8")
    assert re.search(r"(?m)^ruff==", lock)
    assert re.search(r"(?m)^mypy==", lock)


def instructions() -> list[tuple[str, str]]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", text)).splitlines()
    return [(line.split()[0], line.partition(" ")[2]) for line in lines if line]


def kept(path: str) -> bool:
    """Whether .dockerignore leaves a path in: the last line that speaks of it decides."""
    found = True
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.removeprefix("!")
        holders = [path, *map(str, Path(path).parents)]
        if pattern.startswith("**/"):
            pattern, holders = pattern[3:], list(Path(path).parts)
        if line and not line.startswith("#") and any(fnmatch(one, pattern) for one in holders):
            found = line.startswith("!")
    return found


def test_the_image_runs_the_locked_command_as_no_root() -> None:
    found = dict(instructions())
    assert found["FROM"] == "python:3.12-slim-bookworm"
    assert found["FROM"].removeprefix("python:").startswith(tuple(PYTHONS))
    assert f"useradd --create-home --uid {found['USER']} analogsim" in dict(instructions())["RUN"]
    assert int(found["USER"]) >= 1000
    assert found["ENTRYPOINT"] == '["analogsim"]'
    runs = [text for name, text in instructions() if name == "RUN"]
    assert "--require-hashes --requirement requirements/demo.txt" in runs[0]
    assert not any("pip install" in text and "--no-deps" not in text for text in runs)


def test_the_image_is_built_from_what_the_package_is_built_from() -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE", "requirements/demo.txt",
                 "analogsim/_version.py", "device_models/py.typed"):  # fmt: skip
        assert (ROOT / name).is_file()
        assert kept(name), name
    for name in (".git", ".venv", "tests", "out", "requirements/lock.txt", "experiments"):
        assert not kept(name), name
    assert not kept("analogsim/cli/__pycache__")


@pytest.mark.parametrize(
    ("python", "words"),
    [
        ("no-such-python", "no-such-python: not tried, it makes no environment"),
        ("false", "false: not tried, it makes no environment"),
    ],
)
def test_a_python_that_is_not_there_is_named(python: str, words: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", ROOT / ".ci" / "try_wheels", tmp_path / "a.whl", python],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert words in done.stdout
