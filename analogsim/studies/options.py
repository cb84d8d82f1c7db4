"""The keywords of the public functions: the keys of a spec, and where it is computed."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import numpy as np

from analogsim.errors import InputError
from analogsim.inputs.spec import did_you_mean
from analogsim.spec.study import DESIGN_KEYS
from analogsim.spec.table import spec_schema
from analogsim.studies.where import Progress

if TYPE_CHECKING:
    from analogsim.crossbar.mapping.periphery import Periphery
    from analogsim.inputs.measure import Measure

PathText = str | os.PathLike[str]
Texts = str | Sequence[str]
Times = str | float | Sequence[str | float]
"""Seconds, or text such as `1d`; several between commas or in a sequence."""
Share = str | float
"""A fraction, or text such as `0.5%`."""


class PlaceOptions(TypedDict, total=False):
    """Where a study is computed, and who is told.

    `on` is `local` or `ray`, with `address`; `workers` is the number of processes. `extend` allows
    what only adds to the folder's study. `progress` is a callback with (done, total, what), True
    for a line on stderr, False for silence; left out, a line in notebooks and silence elsewhere.
    """

    on: str
    address: str
    workers: int
    extend: bool
    progress: bool | Progress


PLACE = tuple(PlaceOptions.__annotations__)


class ImageOptions(PlaceOptions, total=False):
    """Which network and images; keys of every spec, see docs/reference/spec.md."""

    question: str
    weights: PathText
    untrained: bool
    data_dir: PathText
    download: bool
    mean: float | Sequence[float]
    std: float | Sequence[float]
    limit: int
    batch_size: int
    seed: int
    device: str
    measure: "str | Measure"


class ChipOptions(ImageOptions, total=False):
    """How chips are made and measured; keys of a spec of chips, see docs/reference/spec.md."""

    network: PathText
    compensation: Texts
    bn: Texts
    recalibration: str
    recalibration_images: int
    keep_digital: Texts
    periphery: "PathText | Periphery"
    tile: Literal["native", "torch", "cpp"]
    forward: str
    stream: str
    grouped: str
    effects: Texts
    faults: str
    wires: str
    yield_above: Share | Sequence[Share]
    sweep: Mapping[str, str | Iterable[object]]
    within: float
    chips: int
    first_chip: int
    precision: Share
    cost_ratio: float
    pilot_chips: int
    pilot_images: int


class SpecOptions(ChipOptions, total=False):
    """All keys of a spec, see docs/reference/spec.md."""

    kind: str
    presets: Texts
    gaussian: str
    times: Times
    scopes: Texts
    references: Texts
    etas: Share | Sequence[Share]
    draws: int
    first_draw: int


def as_document(keys: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Keywords as TOML would hold them; None is left out.

    One value is a list where the schema has a list, and so are texts with commas.

    Raises:
        InputError: there is no such key; `where` begins the error.
    """
    known = spec_schema()["properties"]
    names = [*known, *DESIGN_KEYS]
    for key in keys:
        if key not in names:
            raise InputError(
                f"{where} keyword must be one of a spec's keys, got {key!r}"
                f"{did_you_mean(key, names)}"
            )
    document: dict[str, Any] = {}
    design: dict[str, Any] = {}
    for key, value in keys.items():
        if value is None:
            continue
        table = design if key in DESIGN_KEYS else document
        wants_list = known.get(key, {}).get("type") == "array"
        table[key] = _listed(value) if wants_list else _plain(value)
    return document | ({"design": design} if design else {})


def _listed(value: object) -> list[Any]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    plain = _plain(value)
    return plain if isinstance(plain, list) else [plain]


def _plain(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain(one) for one in value]
    return value
