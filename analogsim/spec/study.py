"""A spec: one experiment as the user writes it, in options or in TOML."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from analogsim.durations import seconds
from analogsim.errors import InputError
from analogsim.experiment.axes import WITHIN, Value
from analogsim.inputs.names import TOP1
from analogsim.spec.device import beside
from analogsim.spec.options import DataOptions, NetworkOptions, OfImages
from analogsim.spec.sweep import axes_from_toml

__all__ = ["Spec", "network_options_of", "parse_share"]


DEFAULT_CHIPS = 10

POINTS_WITHIN = 100 * WITHIN


@dataclass(frozen=True, kw_only=True)
class Spec(OfImages):
    """The keys of a spec file, which are the names of the options; `None` is left out.

    `times` are in seconds; `precision` and `yield_above` are fractions, `within` is in percentage
    points. `tile` left out is that of the run in the folder, or today's default. `sweep` has the
    values of each setting that has several. One of `chips` and `precision` is given;
    the chips are those from number `first_chip` on.
    """

    network: str | None = None
    presets: tuple[str, ...]
    gaussian: str | None = None
    times: tuple[float, ...]
    compensation: tuple[str, ...] = ("global",)
    bn: tuple[str, ...] = ("digital",)
    recalibration: str = "average"
    recalibration_images: int | None = None
    keep_digital: tuple[str, ...] = ()
    periphery: str = "standard"
    tile: str | None = None
    forward: str = "auto"
    stream: str = "aihwkit"
    grouped: str = "digital"
    effects: tuple[str, ...] = ()
    measure: str = TOP1
    yield_above: tuple[float, ...] = ()
    sweep: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    within: float = POINTS_WITHIN
    chips: int | None = field(default=None, metadata={"table": "design"})
    first_chip: int = field(default=0, metadata={"table": "design"})
    precision: float | None = field(default=None, metadata={"table": "design"})
    cost_ratio: float | None = field(default=None, metadata={"table": "design"})
    pilot_chips: int | None = field(default=None, metadata={"table": "design"})
    pilot_images: int | None = field(default=None, metadata={"table": "design"})


DESIGN_KEYS = tuple(f.name for f in fields(Spec) if f.metadata.get("table") == "design")


def set_keys(spec: Any) -> dict[str, Any]:
    """The keys of a spec of any kind that are not at their default."""
    given = {one.name: (getattr(spec, one.name), one.default) for one in fields(spec)}
    return {key: value for key, (value, default) in given.items() if value != default}


def parse_share(text: str, *, where: str) -> float:
    """A fraction, written `0.5%` or `0.005`.

    Raises:
        InputError: it is neither.
    """
    stripped = text.strip()
    try:
        if stripped.endswith("%"):
            return float(stripped[:-1]) / 100
        return float(stripped)
    except ValueError as error:
        raise InputError(
            f"{where} must be a percentage or a fraction, got {text!r}; write for example 0.5%"
        ) from error


def spec_from_toml(content: dict[str, Any], folder: Path = Path()) -> Spec:
    """A spec of a TOML document in `folder` that the schema has found good.

    Raises:
        InputError: a time or share that the schema's patterns let through is none.
    """
    values = {key: value for key, value in content.items() if key != "design"}
    values |= content["design"]
    for key, value in values.items():
        if isinstance(value, list):
            values[key] = tuple(value)
    values["presets"] = beside(values["presets"], folder)
    values["times"] = times_of(content)
    if "sweep" in values:
        values["sweep"] = axes_from_toml(values["sweep"])
    if "yield_above" in values:
        values["yield_above"] = tuple(_share(v, "yield_above") for v in values["yield_above"])
    if "precision" in values:
        values["precision"] = _share(values["precision"], "design.precision")
    return Spec(**values)


def spec_from_options(network: NetworkOptions, data: DataOptions, **study: Any) -> Spec:
    """The spec that a command stands for; `study` holds the rest of its fields.

    Raises:
        InputError: a treatment of BatchNorm that is named twice.
    """
    if len(set(network.bn)) < len(network.bn):
        raise InputError(
            f"--bn must name each treatment once, got {', '.join(network.bn)}; leave one out"
        )
    same = (f.name for f in fields(NetworkOptions))
    values: dict[str, Any] = {name: getattr(network, name) for name in same}
    values["weights"] = None if network.weights is None else str(network.weights)
    # A sweep may set what a network has an option for.
    return Spec(**values | data.as_spec() | study)


def network_options_of(spec: Spec, bn: str) -> NetworkOptions:
    """The options of a spec's network, with one treatment of BatchNorm."""
    values: dict[str, Any] = {f.name: getattr(spec, f.name) for f in fields(NetworkOptions)}
    values["weights"] = None if spec.weights is None else Path(spec.weights)
    return NetworkOptions(**{**values, "bn": (bn,)})


def times_of(content: dict[str, Any]) -> tuple[float, ...]:
    """The times of a TOML document in seconds. Raises InputError for one that is none."""
    # TOML has -0.0, which is 0.
    return tuple(seconds(time, where="times") + 0.0 for time in content["times"])


def _share(value: float | str, where: str) -> float:
    return parse_share(value, where=where) if isinstance(value, str) else float(value)
