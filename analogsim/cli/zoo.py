"""`analogsim zoo`: the networks that are known by name."""

import dataclasses

import click

from analogsim.cli.command import Command
from analogsim.cli.say import say_json
from analogsim.inputs.known import NETWORKS, NORM_NAMES, shipped_norms


@click.command(cls=Command, example="analogsim zoo")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def zoo(*, as_json: bool) -> None:
    """List the networks of the zoo, MODEL zoo:NAME, with their options.

    Those without shipped weights are trained with analogsim train, or take --weights FILE.
    """
    if as_json:
        networks = [
            {"name": name, **dataclasses.asdict(one), "shipped": list(shipped_norms(name))}
            for name, one in NETWORKS.items()
        ]
        say_json("zoo", {"networks": networks, "norms": list(NORM_NAMES)})
        return
    left = max(map(len, NETWORKS)) + len("zoo:") + 2
    for name, one in NETWORKS.items():
        shape = " x ".join(map(str, one.input_shape))
        comes = ", ".join(f"norm={norm}" for norm in shipped_norms(name))
        click.echo(f"{f'zoo:{name}':<{left}}{one.meaning}")
        click.echo(
            f"{'':{left}}{one.parameters:,} parameters, {one.classes} classes, {shape} images, "
            f"{one.stages} stages"
        )
        click.echo(f"{'':{left}}trained weights: {comes or 'none, give --weights'}\n")
    click.echo(f"Options: norm={'|'.join(NORM_NAMES)} (batch), stages=K (normalisation in the")
    click.echo("first K stages only), classes=N; for example 'zoo:resnet20?norm=none&classes=100'")
