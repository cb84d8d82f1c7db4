"""The lock files: what make installs is what pyproject.toml asks for, and no other."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
LOCK, DEMO = (
    (ROOT / "requirements" / name).read_text(encoding="utf-8") for name in ("lock.txt", "demo.txt")
)
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, BUILD_REQUIRES = PYPROJECT["project"], PYPROJECT["build-system"]["requires"]
PYTHONS = ("3.11", "3.12", "3.13")
# One locked distribution: `name==version`, perhaps a marker, and a line for each hash.
ENTRY = re.compile(
    r"(\S+==\S+(?: ; [^\\\n]+)?) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)"
)
LOCKED, DEMO_LOCKED = (
    [Requirement(entry) for entry, _ in ENTRY.findall(text)] for text in (LOCK, DEMO)
)


def environment(python: str) -> dict[str, str]:
    """A Linux machine with this Python."""
    return {"python_version": python, "python_full_version": f"{python}.7", "sys_platform": "linux"}


def applies(requirement: Requirement, python: str, extra: str = "") -> bool:
    marker = requirement.marker
    return marker is None or marker.evaluate({**environment(python), "extra": extra})


def asked(texts: list[str]) -> Iterator[Requirement]:
    """The requirements, with those of the project's own extras in the place of their names."""
    for requirement in map(Requirement, texts):
        if requirement.name == PROJECT["name"]:
            for extra in requirement.extras:
                yield from asked(PROJECT["optional-dependencies"][extra])
        else:
            yield requirement


def wrong(texts: list[str], python: str, locked: list[Requirement] = LOCKED) -> list[str]:
    """What the lock does not hold exactly once, in a version that is asked for."""
    found = []
    for requirement in asked(texts):
        if not applies(requirement, python):
            continue
        versions = [
            Version(str(one.specifier).removeprefix("=="))
            for one in locked
            if canonicalize_name(one.name) == canonicalize_name(requirement.name)
            and applies(one, python)
        ]
        if len(versions) != 1 or versions[0] not in requirement.specifier:
            found.append(f"{requirement}: {', '.join(map(str, versions)) or 'not there'}")
    return found


def test_it_holds_distributions_with_hashes_and_nothing_else() -> None:
    # No option, no address of a registry, no folder: what is left after the entries is nothing.
    assert ENTRY.sub("", LOCK) == ""
    assert len(LOCKED) > 150


def test_the_demo_has_the_same_files_and_not_the_tools() -> None:
    def of(text: str) -> set[tuple[str, str]]:
        # Without markers: the tools need, on more platforms, what the demo needs on one.
        return {(entry.partition(" ; ")[0], hashes) for entry, hashes in ENTRY.findall(text)}

    assert ENTRY.sub("", DEMO) == ""
    assert of(DEMO) < of(LOCK)
    names = {one.name for one in DEMO_LOCKED}
    assert names.isdisjoint({"pytest", "ruff", "sphinx", "ray", "pandas", "transformers", "numba"})


@pytest.mark.parametrize("python", PYTHONS)
def test_the_demo_agrees_with_pyproject(python: str) -> None:
    # The editable install takes the setuptools that is there.
    texts = [*PROJECT["dependencies"], *BUILD_REQUIRES]
    assert wrong(texts, python, DEMO_LOCKED) == [], "pyproject.toml changed; run make lock"


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("group", ["", *PROJECT["optional-dependencies"]])
def test_it_agrees_with_pyproject(group: str, python: str) -> None:
    extras = PROJECT["optional-dependencies"]
    texts = extras[group] if group else PROJECT["dependencies"]
    assert wrong(texts, python) == [], "pyproject.toml changed; run make lock"


@pytest.mark.parametrize("python", PYTHONS)
def test_it_holds_each_distribution_once(python: str) -> None:
    names = [canonicalize_name(one.name) for one in LOCKED if applies(one, python)]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("jinja2<3", "jinja2<3: 3.", id="too-new"),
        pytest.param("no-such-thing>=1", "no-such-thing>=1: not there", id="missing"),
        pytest.param("analogsim-aimc[docs]", None, id="own-extra"),
        pytest.param("nonsense; python_version < '3.11'", None, id="not-for-this-python"),
    ],
)
def test_what_does_not_agree_is_seen(text: str, said: str | None) -> None:
    """Negative control."""
    found = wrong([text], "3.11")
    assert len(found) == (said is not None)
    assert all(one.startswith(str(said)) for one in found)
