"""The page of symptoms quotes sentences that the library says; SECURITY.md names tests that are."""

import importlib
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def quoted() -> list[str]:
    """The first cell of each row of the table."""
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    table = text.partition("| it says |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `([^`]+)` \|", table, flags=re.MULTILINE)


def test_symptoms_are_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs" / "_ext")
    said = [one.says for one in importlib.import_module("write_errors").messages()]
    sys.modules.pop("write_errors")
    assert [symptom for symptom in quoted() if not any(symptom in one for one in said)] == []


def test_there_are_symptoms() -> None:
    assert len(quoted()) > 20


def test_the_tests_that_security_names_are_there() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    named = re.findall(r"tests/[\w/.]+", text)
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name.rstrip(".")).exists()] == []
