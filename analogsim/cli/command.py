"""A command of ours: what is checked of every command line before the command sees it."""

import shlex
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import click

from analogsim.errors import InputError

__all__ = ["Command", "command_line"]


def command_line() -> str:
    """What was typed, for the record."""
    return shlex.join(["analogsim", *sys.argv[1:]])


class Command(click.Command):
    """A command that refuses an option given twice, where click would take the last one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's. Raises InputError."""
        if not ctx.resilient_parsing:
            given = Counter(self.make_parser(ctx).parse_args([*args])[2])
            for option in self.get_params(ctx):
                if given[option] > 1 and isinstance(option, click.Option) and _takes_one(option):
                    names = " / ".join([*option.opts, *option.secondary_opts])
                    raise InputError(
                        f"{names} must be given once, got it {given[option]} times; leave all but "
                        "one out"
                    )
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """As click's. Raises InputError where there is no working folder."""
        try:
            Path.cwd()
        except FileNotFoundError:
            raise InputError(
                f"working folder of analogsim {ctx.info_name} must exist, got one that was "
                "deleted; cd to another folder"
            ) from None
        return super().invoke(ctx)


def _takes_one(option: click.Option) -> bool:
    """Whether two of it can contradict each other: a value, or one of a pair of flags."""
    return not option.multiple and (not option.is_flag or bool(option.secondary_opts))
