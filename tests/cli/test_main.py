"""The command group: what it imports, what it prints, and its exit codes."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from analogsim._version import __version__
from analogsim.cli import main as main_module
from analogsim.cli.main import COMMANDS, LazyGroup, cli, run
from analogsim.errors import InputError

ROOT = Path(__file__).parents[2]

# Runs the command line and prints, after its output, which heavy packages were imported.
SPY = """
import contextlib, io, json, sys
from analogsim.cli.main import run
for args in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = run(args)
    heavy = ("torch", "torchvision", "aihwkit", "matplotlib")
    heavy = [name for name in heavy if name in sys.modules]
    print(json.dumps([out.getvalue(), {"code": code, "imported": heavy}]))
"""


def spies(*commands: Sequence[str], first: str = "") -> list[tuple[str, dict[str, object]]]:
    """What each printed, how it ended, and what was imported by then: all in one new process."""
    words = [sys.executable, "-c", first + SPY, json.dumps(commands)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(commands)
    return [(output, seen) for output, seen in found]


@pytest.fixture
def one_command(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """The table holds one command, `fail`, that raises what the test puts in the list."""
    to_raise: list[Exception] = []

    @click.command()
    def fail() -> None:
        raise to_raise[0]

    monkeypatch.setitem(sys.modules, "analogsim.cli.fail", SimpleNamespace(fail=fail))
    monkeypatch.setattr(main_module, "COMMANDS", {"fail": "Fails."})
    return to_raise


def test_help_and_version_import_no_torch() -> None:
    commands = [[], ["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)]
    for args, (output, seen) in zip(commands, spies(*commands), strict=True):
        assert seen == {"code": 0 if args else 2, "imported": []}, args
        if args and args[0] in COMMANDS:
            assert f"Usage: analogsim {args[0]} " in output
        if args == ["--version"]:
            assert output.strip() == f"analogsim, version {__version__}"


def test_lists_import_no_torch() -> None:
    commands = [["presets"], ["presets", "pcm"], ["zoo"], ["data"], ["zoo", "--json"]]
    commands.append(["data", "--json"])
    for args, (output, seen) in zip(commands, spies(*commands), strict=True):
        assert seen == {"code": 0, "imported": []}, args
        assert {"presets": "pcm", "zoo": "resnet20", "data": "cifar100"}[args[0]] in output


WRONG = [
    [command, "zoo:digits_cnn", "--data", "digits", "-o", "out", *option]
    for command in ("drift", "attribute", "convert", "harden")
    for option in (
        ["--preset", "nosuch"],
        ["--periphery", "nosuch"],
        ["--periphery", "standard?adc_bits=99"],
    )
]
WRONG += [
    ["drift", "zoo:nosuch", "--data", "digits", "-o", "out"],
    ["drift", "zoo:digits_cnn", "--data", "nosuch", "-o", "out"],
    ["drift", "zoo:digits_cnn", "--data", "digits", "-o", "out", "--set", "adc_bits=99"],
]
REFUSED = """
import json, sys
from analogsim.cli.main import run
codes = [run(args) for args in json.loads(sys.argv[1])]
print(json.dumps([codes, "torch" in sys.modules]))
"""


def test_wrong_names_are_refused_before_torch_is_imported(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REFUSED, json.dumps(WRONG)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
    )

    assert json.loads(done.stdout) == [[2] * len(WRONG), False]
    said = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(said) == len(WRONG)
    for line, args in zip(said, WRONG, strict=True):
        assert ("99" if args[-1].endswith("=99") else "nosuch") in line
    assert not list(tmp_path.iterdir())


def test_help_shows_every_command_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    output = capsys.readouterr().out
    for name, line in COMMANDS.items():
        assert f"  {name} " in output
        assert line in output


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_and_an_example_on_the_page_of_all(name: str) -> None:
    assert isinstance(cli, LazyGroup)
    command = cli.get_command(click.Context(cli), name)

    assert command is not None
    assert command.help
    for param in command.params:
        assert not isinstance(param, click.Option) or param.help, f"{name} {param.opts} needs help"
    overview = (ROOT / "docs/reference/overview.md").read_text(encoding="utf-8")
    assert f"    analogsim {name} " in overview


def test_unknown_command_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dirft"]) == 2
    assert "got 'dirft'; did you mean 'drift'?" in capsys.readouterr().err


def test_unknown_command_that_is_near_to_none_lists_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["zzz"]) == 2
    err = capsys.readouterr().err
    assert "got 'zzz'; choose one of demo, convert" in " ".join(err.split())


def test_unknown_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--nonsense"]) == 2
    assert "--nonsense" in capsys.readouterr().err


def test_our_errors_are_one_line_and_exit_2(
    one_command: list[Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    one_command.append(InputError("--times must be finite, got 'inf'; give a shorter time"))

    assert run(["fail"]) == 2
    captured = capsys.readouterr()
    assert captured.err == "error: --times must be finite, got 'inf'; give a shorter time\n"
    assert captured.out == ""


def test_interruption_exits_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main_module.LazyGroup, "invoke", interrupt)

    assert run(["demo"]) == 130
    assert capsys.readouterr().err.strip() == "interrupted"


def test_our_bugs_show_their_traceback(one_command: list[Exception]) -> None:
    one_command.append(ZeroDivisionError("a bug"))

    with pytest.raises(ZeroDivisionError, match="a bug"):
        run(["fail"])


def test_exit_code_of_a_command_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main_module.LazyGroup, "invoke", lambda self, ctx: ctx.exit(1))
    assert run(["doctor"]) == 1


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX pipes")
def test_closed_pipe_is_quiet() -> None:
    """`analogsim --help | head -0`: no traceback and no message."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = subprocess.run(
            [sys.executable, "-c", "from analogsim.cli.main import main; main()", "--help"],
            stdout=write_end,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
    finally:
        os.close(write_end)
    assert done.stderr == ""
    assert done.returncode == 1
