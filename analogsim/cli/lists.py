"""Options of several values: `--x a,b`, `--x a --x b`, or both, joined in order."""

import re
from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from analogsim.cli.shared import Command
from analogsim.durations import parse_times
from analogsim.errors import InputError, shown

# Patterns of layers may hold one in brackets: 'layer[1,2].*'.
_COMMA = re.compile(r",(?![^\[\]]*\])")


class ListOption(click.Option):
    """An option of several values; its type is that of one value."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings | {"multiple": True})

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """The values of all that was given. Raises InputError for an empty one."""
        given = () if value is None else value
        parts = [part.strip() for text in given for part in _COMMA.split(text)]
        if "" in parts:
            raise InputError(
                f"{self.opts[-1]} must be a comma-separated list without empty entries, got "
                f"{shown(','.join(given))}; leave the empty one out"
            )
        return super().type_cast_value(ctx, parts)

    def make_metavar(self, ctx: click.Context) -> str:
        """As click's, with a sign that more may follow."""
        return f"{super().make_metavar(ctx)},..."

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What may stand after the last comma, what stands before it left out."""
        before, comma, last = incomplete.rpartition(",")
        taken = before.split(",")
        found = super().shell_complete(ctx, last)
        for item in found:
            item.value = f"{before}{comma}{item.value}"
        return [item for item in found if item.value.rpartition(",")[2] not in taken]


def times_option(default: str, meaning: str, *names: str) -> Callable[[Command], Command]:
    """`--times`, which gives seconds; `names` are those of the argument, if not `times`."""

    def seconds(
        ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
    ) -> tuple[float, ...]:
        return parse_times(",".join(values), where=param.opts[-1])

    return click.option(
        "--times",
        *names,
        cls=ListOption,
        metavar="TIME",
        default=default.split(","),
        show_default=True,
        callback=seconds,
        help=meaning,
    )
