"""`analogsim compare`: the same network on several devices, side by side."""

from typing import Any

import click

from analogsim.cli.command import Command
from analogsim.cli.lists import times_option
from analogsim.cli.options import data_options, network_options, option_of
from analogsim.cli.study_options import place_of, place_options, start, study_options, study_values
from analogsim.spec.study import Spec


@click.command(
    cls=Command,
    example="analogsim compare zoo:digits_cnn --presets pcm,rram --times 1s,1d --chips 5 \\\n"
    "    --data digits -o out/compare",
)
@network_options
@option_of("presets", default=("pcm", "rram", "gaussian"), show_default=True)
@times_option("1s,1d,2d", "Times since programming, valid for every device.")
@option_of("gaussian")
@data_options(required=True)
@study_options
@place_options()
def compare(**values: Any) -> None:
    """Measure MODEL on several devices over the same times, images and chip numbers.

    MODEL is zoo:NAME, FILE.py:FACTORY, or a folder of convert, train or harden. Intervals are over
    chips. The same command goes on with a run that was broken off, and prints a finished one again.
    With --gaussian matched, matched.json holds the comparison, and records name the controls
    gaussian-matched(PRESET).
    """
    place = place_of(values)
    keys = study_values(values)
    matched = keys["gaussian"] is not None
    question = _question(keys["presets"], keys["model"], matched=matched)
    spec = Spec(question=question, **keys)
    start(spec, place)


def _question(names: tuple[str, ...], model: str, *, matched: bool) -> str:
    if not matched:
        return f"What does each of {', '.join(names)} do to {model}?"
    return (
        f"What does each of {', '.join(names)} do to {model} that Gaussian noise of the same "
        "weight error does not?"
    )
