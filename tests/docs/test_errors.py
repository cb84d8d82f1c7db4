"""The page of error messages holds every message of the library."""

import ast
import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from analogsim.errors import AnalogsimError
from analogsim.inputs import load_data, load_model
from device_models.registry import parse

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    sys.path.insert(0, str(ROOT / "docs" / "_ext"))
    try:
        return importlib.import_module("write_errors")
    finally:
        sys.path.remove(str(ROOT / "docs" / "_ext"))


# Problems that are said together are joined elsewhere; each is collected where it is made.
def _joins(call: ast.Call) -> bool:
    return ".join(" in ast.unparse(call.args[0])


def test_every_error_that_is_raised_is_collected(writer: ModuleType) -> None:
    collected = {(message.module, message.line) for message in writer.messages()}
    raised = {
        (module, call.lineno)
        for module, tree in writer.library()
        for call in writer.calls(tree)
        if not _joins(call)
    }
    assert len(raised) > 200
    assert raised <= collected


def test_nobody_raises_an_error_that_the_writer_does_not_know(writer: ModuleType) -> None:
    families = {AnalogsimError}
    for name in writer.ERRORS:
        homes = ("analogsim.errors", "analogsim.experiment.place")
        found = [getattr(importlib.import_module(home), name, None) for home in homes]
        families |= {one for one in found if one is not None}

    def below(kind: type) -> set[type]:
        return {kind}.union(*(below(one) for one in kind.__subclasses__()))

    assert {one.__name__ for one in below(AnalogsimError)} == {one.__name__ for one in families}


def test_each_message_stands_on_the_page_with_what_to_do(writer: ModuleType) -> None:
    page = "\n".join(writer.errors())
    for message in writer.messages():
        assert message.todo, message
        assert message.says.replace("`", "'").replace("|", "\\|") in page, message
    rows = re.findall(r"^\| `.*` \| (.+) \|$", page, re.MULTILINE)
    assert len(rows) > 200
    assert "{generated} errors" in (ROOT / "docs" / "troubleshooting.md").read_text()


@pytest.mark.parametrize(
    "fail",
    [
        lambda: load_model("zoo:resnet21"),
        lambda: load_model("none.py:net"),
        lambda: load_data("folder:none"),
        lambda: load_data("npz:none.npz"),
        lambda: parse("pmc"),
    ],
    ids=["zoo", "file", "folder", "npz", "preset"],
)
def test_a_message_that_is_met_is_found_on_the_page(writer: ModuleType, fail) -> None:
    with pytest.raises(AnalogsimError) as caught:
        fail()
    said = " ".join(str(caught.value).split())
    patterns = [".*".join(map(re.escape, message.says.split("…"))) for message in writer.messages()]
    assert any(re.match(pattern, said) for pattern in patterns if len(pattern) > 30)
