"""`analogsim demo`: the main job from end to end, on data that come with scikit-learn."""

from itertools import count
from pathlib import Path

import click

from analogsim.cli.options import DataOptions, NetworkOptions
from analogsim.cli.units import parse_times

_TIMES = "1s,1h,1d,30d,1y"


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="New folder for records and report.  [default: out/demo, or out/demo-2, ...]",
)
@click.option("--chips", type=int, default=5, show_default=True, help="Programmings.")
@click.option("--seed", type=int, default=0, show_default=True, help="Root seed.")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json.")
def demo(*, output: Path | None, chips: int, seed: int, as_json: bool) -> None:
    """Run the main job on a small network and scikit-learn's digits, in under a minute.

    Several PCM chips from one second to one year, with and without drift compensation, against
    the digital network.
    """
    from analogsim.cli.run_study import study_and_print

    network = NetworkOptions(
        model="zoo:digits_cnn",
        weights=None,
        network=None,
        untrained=False,
        bn="digital",
        keep_digital=(),
        periphery="standard",
        tile="torch",
        forward="auto",
        seed=seed,
    )
    data = DataOptions(data="digits", data_dir=None, download=False, mean=None, std=None)
    study_and_print(
        network,
        data,
        question="What happens to a small trained network on PCM within a year, "
        "and what does drift compensation save?",
        presets=("pcm",),
        times_s=parse_times(_TIMES),
        compensations=("none", "global"),
        chips=chips,
        limit=None,
        batch_size=250,
        output=output or _fresh_folder(),
        as_json=as_json,
    )


def _fresh_folder() -> Path:
    names = (Path("out") / ("demo" if n == 1 else f"demo-{n}") for n in count(1))
    return next(path for path in names if not path.exists())
