"""The table of keys: every row is an option, a keyword and a line of the docs, by construction."""

from dataclasses import dataclass

import click
import pytest

from analogsim.cli.attribute import attribute
from analogsim.cli.command import GROUPS
from analogsim.cli.compare import compare
from analogsim.cli.drift import drift
from analogsim.cli.noise import noise
from analogsim.cli.options import option_of
from analogsim.keys import Field, keys_of, many, number, share, whole
from analogsim.spec.attribution import AttributionSpec
from analogsim.spec.noise import NoiseSpec
from analogsim.spec.study import Spec, kind_from_toml
from analogsim.spec.table import KEYS
from analogsim.studies.options import ChipOptions, PlaceOptions, SpecOptions
from device_models.effects.shorthand import SHORTHANDS

OF_COMMANDS = {"drift": Spec, "compare": Spec, "noise": NoiseSpec, "attribute": AttributionSpec}
COMMANDS = {"drift": drift, "compare": compare, "noise": noise, "attribute": attribute}
# `drift` and `attribute` call it --preset; a matched study compares devices.
ELSEWHERE = {"drift": {"presets", "gaussian"}, "attribute": {"presets"}}


@pytest.mark.parametrize("name", COMMANDS)
def test_each_row_is_an_option_of_its_kind(name: str) -> None:
    rows = keys_of(OF_COMMANDS[name]).values()
    wanted = {one.name for one in rows if one.key.help and name not in one.key.not_in}
    if name == "attribute":
        wanted -= {one.name for one in rows if "attribution" in one.key.not_in} | {"precision"}
    there = {option.name for option in COMMANDS[name].params}
    assert wanted - ELSEWHERE.get(name, set()) <= there


def test_each_option_has_its_place_in_the_help_or_is_less_common() -> None:
    less_common = {"weights", "network", "untrained", "forward", "stream", "mean", "std"}
    grouped = {name for names in GROUPS.values() for name in names}
    options = {name.replace("_", "-") for name, one in KEYS.items() if one.key.help}
    assert options - grouped - {"effects"} <= less_common | {"batch-size"}


def test_type_checkers_know_each_key() -> None:
    keywords = SpecOptions.__annotations__.keys() - PlaceOptions.__annotations__.keys()
    own = {*keys_of(AttributionSpec)} - {*keys_of(Spec)}
    # Which network and images are arguments, and so is what `attribute` alone asks.
    assert keywords == KEYS.keys() - {"model", "data"} - own | {"kind", *SHORTHANDS}
    chips = ChipOptions.__annotations__.keys() - PlaceOptions.__annotations__.keys()
    arguments = {"model", "data", "presets", "times", "gaussian"}
    assert chips == {*keys_of(Spec)} - arguments | {*SHORTHANDS}


@dataclass(frozen=True, kw_only=True)
class Longer(Spec):
    """A spec with two more keys."""

    supply_v: float = number("volts above 0", above=0, help="Supply.").field(1.0)
    droops: tuple[float, ...] = many(
        share("a share", most=1), "a list of shares", help="Droops."
    ).field((0.05,))


def test_a_row_is_read_from_a_spec_and_a_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, row in keys_of(Longer).items():
        monkeypatch.setitem(KEYS, name, row)
    document = {"model": "m", "data": "d", "presets": ["pcm"], "times": ["1h"], "supply_v": 0.9}
    spec = kind_from_toml(Longer, {**document, "droops": ["10%", 0.2], "design": {"chips": 2}})
    assert (spec.supply_v, spec.droops, spec.times, spec.chips) == (0.9, (0.1, 0.2), (3600.0,), 2)

    seen: dict[str, object] = {}

    @click.command()
    @option_of("supply_v")
    @option_of("droops")
    def command(**values: object) -> None:
        seen.update(values)

    command.main(["--droops", "10%,30%"], standalone_mode=False)
    assert seen == {"supply_v": 1.0, "droops": (0.1, 0.3)}
    command.main([], standalone_mode=False)
    assert seen["droops"] == (0.05,)


def test_a_row_without_a_default_is_required() -> None:
    row = keys_of(Spec)["times"]
    assert isinstance(row, Field)
    assert row.required
    assert not keys_of(Spec)["chips"].required
    assert whole("n", 1, 3).schema == {
        "type": "integer", "minimum": 1, "maximum": 3, "description": "n",
    }  # fmt: skip
