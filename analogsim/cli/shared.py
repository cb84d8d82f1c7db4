"""Options as decorators: several as one, and those that say the same in many commands."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def all_of(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options as one decorator, in the order in which help shows them."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def output_option(meaning: str, **settings: Any) -> Callable[[Command], Command]:
    """`-o`, a path; `settings` as click has them."""
    path = click.Path(path_type=Path)
    return click.option("-o", "--output", type=path, help=meaning, **settings)
