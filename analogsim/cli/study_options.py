"""Options of the commands that run a study."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def study_options(command: Command) -> Command:
    """Chips, compensation, images and where the results go."""
    for option in reversed(
        (
            click.option(
                "--compensation",
                type=click.Choice(["none", "global", "exact", "column"]),
                multiple=True,
                default=("global",),
                show_default=True,
                help="Drift compensation (repeatable).",
            ),
            click.option("--chips", type=int, default=10, show_default=True, help="Programmings."),
            click.option("--limit", type=int, help="Use the first N images only."),
            click.option(
                "--batch-size",
                type=int,
                default=250,
                show_default=True,
                help="Images a batch; decides which product noise an image meets.",
            ),
            click.option(
                "-o",
                "--output",
                type=click.Path(path_type=Path),
                required=True,
                help="New folder for records and report.",
            ),
            click.option("--json", "as_json", is_flag=True, help="Print summary.json."),
        )
    ):
        command = option(command)
    return command
