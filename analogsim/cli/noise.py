"""`analogsim noise`: what Gaussian noise costs, by which tensors it goes into."""

from pathlib import Path
from typing import Any

import click

from analogsim.cli import complete
from analogsim.cli.command import Command
from analogsim.cli.lists import ListOption
from analogsim.cli.options import data_options
from analogsim.cli.study_options import computing_options, numbers, place_options, start
from analogsim.scopes.levels import ETAS, REFERENCES, parse_references, parse_scopes
from analogsim.spec.noise import NoiseSpec
from analogsim.spec.options import DataOptions
from analogsim.spec.study import parse_share


@click.command(
    cls=Command,
    example="analogsim noise zoo:digits_cnn --etas 5%,20% --draws 3 --limit 60 \\\n"
    "    --data digits -o out/noise",
)
@click.argument("model", metavar="MODEL", shell_complete=complete.models)
@click.option(
    "--weights", type=click.Path(path_type=Path), help=".safetensors, .pt, .pth or .th file."
)
@click.option("--untrained", is_flag=True, help="Allow a zoo network without weights.")
@data_options(required=True)
@click.option(
    "--scopes",
    cls=ListOption,
    metavar="SCOPE",
    default=("all",),
    show_default=True,
    help="Which tensors: all, or of weights,biases,affine,mean,variance,variance-clamped,"
    "folded-weights,folded.",
)
@click.option(
    "--references",
    cls=ListOption,
    type=click.Choice(("all", *REFERENCES)),
    default=REFERENCES,
    show_default=True,
    help="Sigma is eta times this of a tensor.",
)
@click.option(
    "--etas",
    cls=ListOption,
    metavar="P%",
    default=tuple(f"{100 * eta:g}%" for eta in ETAS),
    show_default=True,
    help="Levels of noise.",
)
@click.option(
    "--draws",
    metavar="N|FIRST-LAST",
    callback=numbers,
    default="10",
    show_default=True,
    help="Draws of each level; 10-19 is a part of a study, see analogsim merge.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Root seed.")
@computing_options(
    "Add draws, etas, scopes to the run in the folder.",
    batch="Images a batch.",
    where="Processor that computes the network.",
)
@place_options()
def noise(
    *,
    model: str,
    weights: Path | None,
    scopes: tuple[str, ...],
    references: tuple[str, ...],
    etas: tuple[str, ...],
    draws: tuple[int, int],
    output: Path | None,
    extend: bool,
    print_spec: bool,
    **values: Any,
) -> None:
    """Draw Gaussian noise into MODEL's tensors, scope by scope, and measure what is left.

    MODEL is zoo:NAME, FILE.py:FACTORY or a folder of train or harden; it stays digital. Scopes are
    cumulative, from the weights alone to BatchNorm's running variance, and BatchNorm folded. A run
    that was broken off goes on with the same command.
    """
    place = {name: values.pop(name) for name in ("on", "address", "workers", "as_json")}
    data = DataOptions(**{name: values.pop(name) for name in DataOptions.__dataclass_fields__})
    spec = NoiseSpec(
        question=f"Which noise costs {model} its accuracy?",
        model=model,
        weights=None if weights is None else str(weights),
        **data.as_spec(),
        scopes=parse_scopes(",".join(scopes)),
        references=parse_references(",".join(references)),
        etas=tuple(round(parse_share(eta, where="--etas"), 12) for eta in etas),
        draws=draws[1],
        first_draw=draws[0],
        **values,
    )
    start(spec, place, output=output, extend=extend, print_spec=print_spec)
