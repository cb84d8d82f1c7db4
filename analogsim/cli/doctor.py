"""`analogsim doctor`: what is wrong with this installation, and the command that mends it."""

import dataclasses
from pathlib import Path

import click

from analogsim.cli import colour
from analogsim.cli.command import Command
from analogsim.cli.say import say_json
from analogsim.doctor import Check, can_run, diagnose


@click.command(cls=Command, example="analogsim doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Look for CIFAR here (default: the environment's ANALOGSIM_DATA).",
)
@click.pass_context
def doctor(ctx: click.Context, as_json: bool, data_dir: Path | None) -> None:
    """Check this installation and say what mends it.

    Looks at the versions, runs one forward pass on each tile class, and looks at the data folder,
    the folders to write to and the memory. Exits with 1 if the main job cannot run.
    """
    checks = diagnose(data_dir)
    fit = can_run(checks)
    if as_json:
        findings = [dataclasses.asdict(check) for check in checks]
        say_json("doctor", {"can_run": fit, "checks": findings})
    else:
        click.echo(colour.findings(format_checks(checks)))
        verdict = "The main job can run." if fit else "The main job cannot run: see 'problem'."
        click.echo(f"\n{verdict}")
    ctx.exit(0 if fit else 1)


def format_checks(checks: tuple[Check, ...]) -> str:
    """One line a finding, with its mending command unbroken on the next, ready to be copied."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.status:<8} {check.name:<{width}}  {check.detail}")
        if check.mend:
            lines.append(f"{'':8} {'':{width}}  to mend: {check.mend}")
    return "\n".join(lines)
