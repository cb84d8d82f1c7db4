"""A spec: one experiment as the user writes it, in options or in TOML."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from analogsim.experiment.axes import WITHIN, Value
from analogsim.inputs.names import TOP1
from analogsim.keys import keys_of, many, number, one_of, row, share, text, time, whole
from analogsim.spec.device import beside
from analogsim.spec.options import MEASURE, NetworkOptions, OfImages
from analogsim.spec.sweep import SWEEP_VALUES, axes_from_toml

DEFAULT_CHIPS = 10
POINTS_WITHIN = 100 * WITHIN
DESIGN = "design"
ATTRIBUTION = "attribution"
_NOT_ATTRIBUTED = (ATTRIBUTION,)
_CHIPS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Spec(NetworkOptions, OfImages):
    """The keys of a spec file, which are the names of the options; `None` is left out.

    `times` are in seconds; `precision` and `yield_above` are fractions, `within` is in percentage
    points. `sweep` has the values of each setting that has several. One of `chips` and `precision`
    is given; the chips are those from number `first_chip` on.
    """

    presets: tuple[str, ...] = field(
        metadata=many(
            text("text: a device of analogsim presets"),
            "a list of different devices",
            metavar="PRESET",
            complete="presets",
            help="Analog devices; see analogsim presets.",
        ).row
    )
    gaussian: str | None = one_of(
        ("matched",),
        says="matched: each device beside Gaussian noise of the same weight error",
        not_in=_NOT_ATTRIBUTED,
        help="Set each device beside Gaussian noise of the same weight error, paired chip by "
        "chip, and search the noise level that has its accuracy.",
    ).field(None)
    times: tuple[float, ...] = field(
        metadata=many(
            time('a time such as "1s", "2.5h", "30d", or a number of seconds (1e18 at most)'),
            "a list of different times",
        ).row
    )
    compensation: tuple[str, ...] = many(
        one_of(("none", "global", "exact", "column", "gain", "current")),
        "a list of different drift compensations",
        help="Drift compensation. With an ADC of few bits global misleads; current does not.",
    ).field(("global",))
    measure: str = MEASURE.field(TOP1)
    yield_above: tuple[float, ...] = many(
        share('an accuracy such as "90%" or 0.9', most=1),
        "a list of accuracies",
        least=0,
        not_in=_NOT_ATTRIBUTED,
        metavar="A%",
        help="Report the share of chips that reach this accuracy.",
    ).field(())
    sweep: Mapping[str, tuple[Value, ...]] = field(
        default_factory=dict,
        metadata=row(
            SWEEP_VALUES,
            "a table of settings that have several values, each such as "
            'adc_bits = "4..8" or max_input_size = [128, 512]',
            not_in=_NOT_ATTRIBUTED,
            why_not="whose conditions are its own",
            read=lambda table, where: axes_from_toml(table),
        ).row,
    )
    within: float = number(
        "points of accuracy, above 0: what the answer of a sweep takes as no loss",
        above=0,
        below=50,
        not_in=_NOT_ATTRIBUTED,
        metavar="POINTS",
        help="How many points may be lost: a sweep says how far a setting can go.",
    ).field(POINTS_WITHIN)
    chips: int | None = whole(
        f"a whole number of chips, 1 or more ({_CHIPS} at most), each on all images",
        1,
        _CHIPS,
        table=DESIGN,
        metavar="N|FIRST-LAST",
        help="Programmings, each on all images: N are those of number 0 to N-1; 10-19 is "
        f"a part of a study, see analogsim merge.  [default: {DEFAULT_CHIPS}]",
    ).field(None)
    first_chip: int = whole(
        "a whole number, 0 or more: number of the first chip, for a part of a study that "
        "analogsim merge joins; 0 if left out",
        0,
        _CHIPS - 1,
        table=DESIGN,
    ).field(0)
    precision: float | None = share(
        'a half-width of the 95 % interval such as "0.5%" or 0.005',
        below=0.5,
        table=DESIGN,
        metavar="P%",
        help="In place of --chips: as many chips and as few images as it takes until "
        "every 95 % interval is +- P points, for example 0.5%.",
    ).field(None)
    cost_ratio: float | None = number(
        "a number above 0: cost of a chip in images; measured if left out", above=0, table=DESIGN
    ).field(None)
    pilot_chips: int | None = whole(
        f"a whole number of chips, 3 or more ({_CHIPS} at most)", 3, _CHIPS, table=DESIGN
    ).field(None)
    pilot_images: int | None = whole("a whole number of images, 8 or more", 8, table=DESIGN).field(
        None
    )


DESIGN_KEYS = tuple(one.name for one in keys_of(Spec).values() if one.key.table == DESIGN)
AnyKind = TypeVar("AnyKind", bound=OfImages)


def set_keys(spec: OfImages) -> dict[str, Any]:
    """The keys of a spec of any kind that are not at their default; what it must have first."""
    rows = keys_of(type(spec)).values()
    first = [one for one in rows if one.required or one.name == "question"]
    ordered = {one.name: one for one in (*first, *rows)}
    given = {name: (getattr(spec, name), one.default) for name, one in ordered.items()}
    return {key: value for key, (value, default) in given.items() if value != default}


def kind_from_toml(kind: type[AnyKind], content: dict[str, Any], folder: Path = Path()) -> AnyKind:
    """A spec of a TOML document in `folder` that the schema has found good.

    Raises:
        InputError: a time or share that the schema's patterns let through is none.
    """
    rows = keys_of(kind)
    values = {key: value for key, value in content.items() if key not in (DESIGN, "kind")}
    design = content.get(DESIGN, {})
    fields = {key: rows[key].key.read(value, key) for key, value in values.items()}
    fields |= {key: rows[key].key.read(value, f"{DESIGN}.{key}") for key, value in design.items()}
    if "presets" in fields:
        fields["presets"] = beside(fields["presets"], folder)
    return kind(**fields)


def times_of(content: dict[str, Any]) -> tuple[float, ...]:
    """The times of a TOML document in seconds. Raises InputError for one that is none."""
    return keys_of(Spec)["times"].key.read(content["times"], "times")  # type: ignore[no-any-return]
