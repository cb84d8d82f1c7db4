"""The help of every command: groups of options, what is required, and an example that runs."""

from pathlib import Path

import click
import pytest

from analogsim.cli.command import GROUPS, Command
from analogsim.cli.main import COMMANDS, cli, run
from tests.examples import commands
from tests.report.run_folder import make_trial, write_run

ROOT = Path(__file__).parents[2]
PARENT = click.Context(cli, info_name="analogsim", **cli.context_settings)
SPECS = ("demo", "drift", "compare", "attribute", "noise", "run")
"""Their example is run as far as its spec."""
QUICK = {
    "convert": ["--dry-run"],
    "evaluate": [],
    "presets": [],
    "zoo": [],
    "data": [],
    "report": [],
    "figures": ["--format", "png"],
    "doctor": [],
    "completion": [],
} | {name: ["--print-spec"] for name in SPECS}
ELSEWHERE = {"train", "centre", "harden", "merge", "export"}
"""Their examples are read here, and their like is run in tests of their own."""


def command_named(name: str) -> Command:
    command = cli.get_command(click.Context(cli), name)
    assert isinstance(command, Command)
    return command


def example_of(name: str) -> list[str]:
    (words,) = commands(command_named(name).example)
    assert words[:2] == ["analogsim", name]
    return words[1:]


def test_every_command_is_run_or_elsewhere() -> None:
    assert {*QUICK, *ELSEWHERE} == {*COMMANDS}


def test_groups_name_options_that_there_are_each_once() -> None:
    named = [name for group in GROUPS.values() for name in group]
    assert len(named) == len({*named})
    there = {
        option.opts[-1].removeprefix("--")
        for name in COMMANDS
        for option in command_named(name).params
        if isinstance(option, click.Option)
    }
    assert {*named} <= there


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_each_option_in_one_group(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = command_named(name)
    context = click.Context(command, info_name=name, parent=PARENT)
    shown = [one for group in command.grouped(context).values() for one in group]
    options = [one for one in command.get_params(context) if isinstance(one, click.Option)]
    assert len(shown) == len(options)
    assert all(one in shown for one in options)
    assert run([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert max(map(len, command.example.splitlines())) <= 78
    assert text.endswith(
        "\nExample:\n" + "".join(f"  {line}\n" for line in command.example.splitlines())
    )


def test_help_of_a_study_begins_with_what_is_common(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["drift", "--help"]) == 0
    text = capsys.readouterr().out
    places = [text.index(f"\n{title}:\n") for title in ("What", *("Chips and times", "Images"))]
    assert places == sorted(places)
    assert text.index("--stream") > text.index("\nLess common:\n") > text.index("--json")
    said = " ".join(text.split())
    assert "FILE.py:FACTORY. [required]" in said
    assert "Folder for records and report. [required]" in said


@pytest.mark.parametrize("name", COMMANDS)
def test_an_example_can_be_read(name: str) -> None:
    command_named(name).make_context(name, example_of(name)[1:], parent=PARENT)


@pytest.mark.parametrize("name", QUICK)
def test_an_example_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "experiments").symlink_to(ROOT / "experiments")
    monkeypatch.chdir(tmp_path)
    if name in {"report", "figures"}:
        write_run(Path("out") / "drift", [make_trial()])
    example = example_of(name)
    if name == "figures":
        # Its own formats are drawn in tests/report.
        example = example[: example.index("--format")]
    assert run([*example, *QUICK[name]]) == 0
    assert capsys.readouterr().out
