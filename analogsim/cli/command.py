"""A command of ours: its help in groups, and what is checked of every command line.

What is common stands first in the help, the example at its end.
"""

import shlex
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from analogsim.errors import InputError

GROUPS: Mapping[str, tuple[str, ...]] = {
    title: tuple(names.split())
    for title, names in {
        "What": (
            "preset presets gaussian only layers recover top screen scopes references noise "
            "chip dry-run width format chart weights"
        ),
        "Chips and times": "chips precision times compensation etas draws seed",
        "Images": "data limit batch-size data-dir download",
        "Hardware": "periphery faults wires effect keep-digital grouped tile",
        "BatchNorm": "bn recalibration recalibration-images statistics",
        "Measure and sweep": "measure yield-above set within",
        "Noise that is trained against": "scale ramp drop clip-weights distill temperature",
        "Training": (
            "epochs lr warmup weight-decay label-smoothing crop flip grow clip ema dtype resume"
        ),
        "Where it runs and output": (
            "output json quiet verbose extend print-spec print-schema on workers device half"
        ),
    }.items()
}
"""Options in the order in which help shows them; those that stand nowhere are less common."""
_LESS_COMMON = "Less common"
# So many need no groups.
_FEW = 6


def command_line() -> str:
    """What was typed, for the record."""
    return shlex.join(["analogsim", *sys.argv[1:]])


class Command(click.Command):
    """A command with its options in groups, an example, and no option given twice.

    click would take the last of two. `example` is a command line that runs as it stands; a
    backslash joins its lines.
    """

    def __init__(self, *args: Any, example: str = "", **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.example = example

    def grouped(self, ctx: click.Context) -> dict[str, list[click.Option]]:
        """The options under the title of their group, as help shows them."""
        options = [one for one in self.get_params(ctx) if isinstance(one, click.Option)]
        if len(options) <= _FEW:
            return {"Options": options}
        names = {one.opts[-1].removeprefix("--"): one for one in options}
        groups = {
            title: [names.pop(name) for name in group if name in names]
            for title, group in GROUPS.items()
        }
        groups[_LESS_COMMON] = [*names.values()]
        return {title: group for title, group in groups.items() if group}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """A section for each group."""
        for title, options in self.grouped(ctx).items():
            with formatter.section(title):
                records = (option.get_help_record(ctx) for option in options)
                formatter.write_dl([record for record in records if record is not None])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The example."""
        with formatter.section("Example"):
            for line in self.example.splitlines():
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")

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
