"""The command group: a table of commands, each imported when it is called, and the exit codes.

Exit codes: 0 done, 1 the command says no (`doctor`) or a bug of ours, 2 an input that the user can
mend, 130 interrupted, 143 terminated.
"""

import codecs
import contextlib
import difflib
import errno
import importlib
import io
import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

import click

from analogsim._version import __version__
from analogsim.cli import colour
from analogsim.cli.heap import keep_freed_memory
from analogsim.cli.signals import Terminated
from analogsim.errors import AnalogsimError

PROGRAM = "analogsim"
VARIABLE = "_ANALOGSIM_COMPLETE"
"""Set by a shell that asks for completions; the name is click's for our program."""

# What the machine lacks, which is no bug of ours wherever it is met.
_MACHINE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM),
}


# The line of help stands here so that `--help` imports no command, and so that torch, which takes
# seconds, is imported by the commands that compute.
COMMANDS: Mapping[str, str] = {
    "demo": "Run the main job on a small network and embedded data.",
    "convert": "Map a network onto crossbar tiles, program one chip, save it.",
    "drift": "Accuracy over time on programmed, drifting chips.",
    "compare": "The same network on several devices, side by side.",
    "attribute": "Which source of error and which layer costs how much accuracy.",
    "run": "Run an experiment from its spec; resumable after a kill.",
    "noise": "Gaussian noise, scope by scope, on the digital network.",
    "train": "Train a network in digital; resumable after a kill.",
    "centre": "Centre the inputs of layers: less error on chips, no training.",
    "harden": "Train a network against the noise of chips, and measure it.",
    "evaluate": "Accuracy of a network in digital, before any conversion.",
    "presets": "List the devices, or show one with its constants.",
    "zoo": "List the networks that are known by name.",
    "data": "List the data sets, and say whether they are there.",
    "report": "Rebuild the tables, plot and page of a finished run.",
    "merge": "Join runs of the same spec on other chips or networks into one.",
    "export": "What NeuroSim, ZigZag and AccelForge read, for energy and area.",
    "figures": "Draw a run's charts as figures for a paper.",
    "doctor": "Check this installation and say what mends it.",
    "completion": "Print the script for completion in bash, zsh or fish.",
}
"""Each command with its line of help; it is the function of its name in a module of that name."""


class LazyGroup(click.Group):
    """A click group over `COMMANDS` that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command; None for a name that is not in the table."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(f"analogsim.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table's lines of help: click's own way would import every command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest name for an unknown command."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"choose one of {', '.join(COMMANDS)}"
            ctx.fail(f"command must be one that exists, got {name!r}; {hint}")
        return super().resolve_command(ctx, args)


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="analogsim")
def cli() -> None:
    """What happens to a trained network on analog in-memory hardware, and how that changes.

    Convert a PyTorch network to PCM or RRAM crossbar tiles, program chips, let them drift, and
    measure what is left of its accuracy.
    """


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    keep_freed_memory()
    if isinstance(sys.stdout, io.TextIOWrapper):
        codecs.register_error("analogsim", _as_given)
        sys.stdout.reconfigure(errors="analogsim")
    sys.exit(run(args))


def _as_given(error: UnicodeError) -> tuple[str | bytes, int]:
    """A path need not be UTF-8, and is printed as it was given; what no byte stands for escaped."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.backslashreplace_errors(error)


def run(args: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; whatever is our bug is raised."""
    try:
        if VARIABLE in os.environ:
            # Our own class for bash, which click finds in a table.
            importlib.import_module("analogsim.cli.completion")
        result = cli.main(args, prog_name=PROGRAM, standalone_mode=False)
        # Here and not at interpreter exit, so that a closed pipe is met inside this `try`.
        sys.stdout.flush()
    except AnalogsimError as error:
        # A path in it need not be UTF-8.
        text = str(error).encode(errors="backslashreplace").decode()
        click.echo(colour.error(text), err=True)
        return 2
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        # click makes an Abort of what interrupts a command.
        if isinstance(error, Terminated) or isinstance(error.__cause__, Terminated):
            click.echo("terminated", err=True)
            return 143
        click.echo("interrupted", err=True)
        return 130
    except BrokenPipeError:
        # The reader has gone (`| head`).
        _sink_stdout()
        return 1
    except OSError as error:
        if error.errno not in _MACHINE:
            raise
        where = "stdout or a temporary file" if error.filename is None else error.filename
        _sink_stdout()
        click.echo(
            f"error: {where} must be writable, got '{error.strerror}'; make room, and give the "
            "same command again",
            err=True,
        )
        return 2
    except MemoryError as error:
        click.echo(
            f"error: memory must be enough, got '{error or 'no more of it'}'; give a smaller "
            "--batch-size, fewer --workers or a smaller file",
            err=True,
        )
        return 2
    # `ctx.exit(n)` arrives as n; commands themselves return nothing.
    return result if isinstance(result, int) else 0


def _sink_stdout() -> None:
    """Python flushes stdout once more at exit: give it a sink, so that it does not fail again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
