"""The command line as Markdown, from the commands themselves."""

import inspect
import re

import click
from markdown import code, escape, table

from analogsim.cli.command import Command
from analogsim.cli.main import cli


def commands() -> list[str]:
    """Every command, in the order of `analogsim --help`."""
    context = click.Context(cli, info_name="analogsim", **cli.context_settings)
    return [line for name in cli.list_commands(context) for line in _command(context, name)]


def _command(parent: click.Context, name: str) -> list[str]:
    group = parent.command
    assert isinstance(group, click.Group)
    command = group.get_command(parent, name)
    assert command is not None
    context = click.Context(command, info_name=name, parent=parent)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    lines = ["", f"## {context.command_path}", "", "```text", usage, "```", ""]
    # click's own marks: \b keeps a paragraph's lines, \f hides what follows.
    for words in inspect.cleandoc(command.help or "").partition("\f")[0].split("\n\n"):
        kept = words.startswith("\b")
        lines += ["```text", words[2:], "```", ""] if kept else [escape(words), ""]
    # An argument has no help of its own: the text above says what it is.
    assert isinstance(command, Command)
    for title, options in command.grouped(context).items():
        records = (option.get_help_record(context) for option in options)
        rows = ((code(record[0]), _meaning(record[1])) for record in records if record)
        lines += table((title, "meaning"), rows)
    return [*lines, "Example:", "", "```text", command.example, "```", ""]


def _meaning(text: str) -> str:
    return escape(re.sub(r"\s+", " ", text))
