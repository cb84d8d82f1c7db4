"""`analogsim data`: the data sets that are known by name, and whether they are there."""

from pathlib import Path

import click

from analogsim.cli.command import Command
from analogsim.cli.say import say, say_json
from analogsim.inputs.known import DATA, KnownData


@click.command(cls=Command, example="analogsim data")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Look for CIFAR here.  [default: $ANALOGSIM_DATA]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def data(*, data_dir: Path | None, as_json: bool) -> None:
    """List the data sets, where they are looked for, and whether they are there now.

    Files are found by their names; what is in them is checked when they are loaded. Images of your
    own are folder:PATH, npz:FILE or FILE.py:FACTORY.
    """
    if as_json:
        say_json("data", {"sets": [_entry(name, one, data_dir) for name, one in DATA.items()]})
        return
    left = max(map(len, DATA)) + 2
    for name, one in DATA.items():
        shape = " x ".join(map(str, one.input_shape))
        counts = ", ".join(f"{count:,} {split}" for split, count in one.images.items())
        place, lacks = one.place(data_dir), one.missing(data_dir)
        where = f"there: {place}" if not lacks else f"not there: no {', '.join(lacks)}"
        if lacks and one.folder:
            where += "; --download fetches it" if place else "; name the folder"
        say(f"{name:<{left}}{one.meaning}")
        say(f"{'':{left}}{counts} images, {shape}, {one.classes} classes")
        say(f"{'':{left}}{where}\n")


def _entry(name: str, one: KnownData, data_dir: Path | None) -> dict[str, object]:
    place, lacks = one.place(data_dir), one.missing(data_dir)
    return {
        "name": name,
        "meaning": one.meaning,
        "input_shape": list(one.input_shape),
        "classes": one.classes,
        "images": dict(one.images),
        "place": None if place is None else str(place),
        "there": not lacks,
        "missing": list(lacks),
    }
