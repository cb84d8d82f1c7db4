"""`analogsim demo`: the main job from end to end, on data that come with scikit-learn."""

from itertools import count
from pathlib import Path
from typing import Any

import click

from analogsim.cli.command import Command
from analogsim.cli.options import option_of
from analogsim.cli.study_options import place_options, start
from analogsim.durations import parse_times
from analogsim.spec.study import Spec

_TIMES = "1s,1h,1d,30d,1y"


@click.command(cls=Command, example="analogsim demo")
@option_of("chips", default=5, show_default=True, metavar=None, help="Programmings.")
@option_of("seed")
@click.option("--print-spec", is_flag=True, help="Print the spec of the demo and stop.")
@place_options(required=False)
def demo(*, output: Path | None, chips: int, seed: int, **place: Any) -> None:
    """Run the main job on a small network and scikit-learn's digits, in under a minute.

    Several PCM chips from one second to one year, with and without drift compensation, against
    the digital network.
    """
    spec = Spec(
        question="What happens to a small trained network on PCM within a year, "
        "and what does drift compensation save?",
        model="zoo:digits_cnn",
        data="digits",
        presets=("pcm",),
        times=parse_times(_TIMES),
        compensation=("none", "global"),
        chips=chips,
        seed=seed,
    )
    start(spec, {**place, "output": output or _fresh_folder()})


def _fresh_folder() -> Path:
    names = (Path("out") / ("demo" if n == 1 else f"demo-{n}") for n in count(1))
    return next(path for path in names if not path.exists())
