"""The examples of the docs' pages run as they stand, and those that do not run say why."""

import re
from pathlib import Path

import pytest

from tests.examples import Step, apart, perform, steps
from tests.gaussian.stream_checks import without_numba_too

# `analogsim noise` warns where it is not installed.
pytestmark = without_numba_too

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {
    page.relative_to(DOCS).as_posix(): page.read_text(encoding="utf-8")
    for page in sorted(DOCS.rglob("*.md"))
    if "_build" not in page.parts
}
# What `{run}` shows is run, with its output, by the build: tests/docs/test_build.py.
BY_TEST = ("file", "bash", "python")


def examples(page: str) -> list[Step]:
    return [step for step in steps(PAGES[page]) if step.kind in BY_TEST]


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(step.kind != "file" for step in examples(page))]
)
def test_examples_of_a_page_run_in_order(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wanted = examples(page)

    printed = list(perform(wanted))

    assert len(printed) == len(wanted)
    for step, text in zip(wanted, printed, strict=True):
        if step.text.startswith("analogsim"):
            assert text, f"{page} line {step.line} printed nothing"


@pytest.mark.parametrize("page", PAGES)
def test_commands_that_are_only_shown_say_why(page: str) -> None:
    lines = PAGES[page].splitlines()
    for step in steps(PAGES[page]):
        if step.kind != "shown" or step.name != "bash":
            continue
        # The paragraph before the block, and the one after it.
        around = " ".join(lines[max(0, step.line - 5) : step.line + 12]).lower()
        assert re.search(r"not run here(,| either:) ", around), f"{page} line {step.line}"


def test_steps_are_read_in_order_with_their_lines() -> None:
    page = (
        "```bash\nanalogsim presets\n```\n\n```{file} a.py\n:some: option\n\nx = 1\n```\n"
        "```{run}\n:quiet:\nanalogsim doctor\n```\n```{code-block} bash\nrm -r x\n```\n"
        "```text\nnothing\n```\n```python\nprint(1)\n```\n"
    )
    found = [(step.kind, step.name, step.text, step.line) for step in steps(page)]
    assert found == [
        ("bash", "", "analogsim presets\n", 1),
        ("file", "a.py", "x = 1\n", 5),
        ("run", "", "analogsim doctor\n", 10),
        ("shown", "bash", "rm -r x\n", 14),
        ("python", "", "print(1)\n", 20),
    ]


def test_an_example_that_fails_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.py").write_text("raise SystemExit(3)")
    for text, words in (
        ("python x.py\n", "python x.py ended with exit code 3"),
        ("analogsim presets pmc\n", "analogsim presets pmc ended with exit code 2"),
        ("rm -r x\n", "docs run only analogsim and python, got 'rm'"),
    ):
        with pytest.raises(AssertionError, match=words):
            list(perform([Step(kind="bash", name="", text=text, line=1)]))


def test_apart_a_page_runs_in_its_folder_and_a_failure_is_told(tmp_path: Path) -> None:
    there = Step(
        kind="python", name="", text="import os, sys; print(os.getcwd(), sys.argv)", line=1
    )
    before = Path.cwd()
    printed = apart([there, there], tmp_path, "nothing")
    assert [text.split()[0] for text in printed] == [str(tmp_path)] * 2
    assert Path.cwd() == before
    wrong = Step(kind="bash", name="", text="analogsim presets pmc", line=1)
    with pytest.raises(RuntimeError, match="(?s)did you mean 'pcm'.*ended with exit code 2"):
        apart([wrong], tmp_path, "nothing")


def test_a_command_is_recorded_as_it_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.py").write_text("import sys; print(sys.argv)")
    step = Step(kind="bash", name="", text="python x.py 'a b' c", line=1)
    assert list(perform([step])) == ["['x.py', 'a b', 'c']\n"]
