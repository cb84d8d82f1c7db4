"""One finished trial, as a line of JSON."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, get_type_hints

from analogsim import schema
from analogsim.errors import InputError, shown
from analogsim.experiment.axes import Place, Value, place_of, point_text
from analogsim.experiment.deal import FLOATS, Images, answer_problems, unpack_values, value_problems
from analogsim.experiment.header import named, renamed
from analogsim.experiment.sealed import read_line, write_line

Key = tuple[str, str, str, float, int, Place]
"""Device, BatchNorm, compensation, time in seconds, chip, and point of a sweep."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One chip at one time over one set of images.

    `t_s` is the time since programming in seconds, `accuracy` the fraction of images that are
    right, `n_nan` how many images gave NaN, `seed` the root seed. `wall_s` is what it took, of
    which `chip_s` for programming and drifting. `images` says which images, `correct` which of
    them were right (packed, see `deal.py`). Of a measure that is not right or wrong `n_correct` is
    None, `accuracy` the mean of its values, and `correct` holds these. `factor` is that of drift
    compensation, over all cells, and `factor_needed` what would undo their mean loss of
    conductance; None without compensation, and where it would cost another drift (large networks).
    Trials of a `pilot`
    share their images; they plan the run and are in no mean. `point` is that of a sweep, the
    value of each axis; None without one.
    """

    FORMAT: ClassVar[str] = "analogsim-trial"
    VERSIONS: ClassVar[tuple[int, ...]] = (1, 2)
    """The second holds values in place of right and wrong."""

    preset: str
    t_s: float
    chip: int
    bn: str
    compensation: str
    n_images: int
    n_correct: int | None
    accuracy: float
    n_nan: int
    seed: int
    periphery: str
    tile: str
    forward: str
    spec_digest: str
    wall_s: float
    device: str = "cpu"
    versions: dict[str, str]
    part: Literal["main", "pilot"] = "main"
    images: Images | None = None
    correct: str | None = None
    chip_s: float = 0.0
    factor: float | None = None
    factor_needed: float | None = None
    point: dict[str, Value] | None = None

    @property
    def key(self) -> Key:
        """What tells a trial of a run from the others."""
        place = place_of(self.point)
        return (self.preset, self.bn, self.compensation, self.t_s, self.chip, place)

    @property
    def name(self) -> str:
        """The device and the point of a sweep, as curves are named."""
        return name_of(self.preset, self.point)

    @property
    def what(self) -> str:
        """As progress calls it."""
        return f"{self.name} chip {self.chip}"

    def problems(self) -> list[str]:
        """What is wrong with it, a sentence each."""
        return list(_problems(vars(self)))

    def as_fields(self) -> dict[str, Any]:
        """What a record has, under its names there: those of no sweep are as before any."""
        fields = {key: value for key, value in vars(self).items() if key != "point" or self.point}
        return renamed(fields) if self.n_correct is None else fields

    def to_json(self) -> str:
        """One line of strict JSON, without its line end, sealed with a checksum."""
        version = 2 if self.n_correct is None else 1
        return write_line(self.as_fields(), name=self.FORMAT, version=version)

    @classmethod
    def from_json(cls, line: str, *, where: str) -> Self:
        """Check and rebuild. `where` names file and line.

        Raises InputError that starts with `where` and names every problem of the line.
        """
        fields = read_line(line, name=cls.FORMAT, version=cls.VERSIONS, where=where)
        fields = {**dict.fromkeys(_LATER), **(named(fields) if "mean" in fields else fields)}
        found = list(_problems(fields))
        if found:
            raise InputError(f"{where} {'; '.join(found)}; restore the line or delete it")
        return cls(**fields)


def name_of(preset: str, point: Mapping[str, Value] | None) -> str:
    """The device and the point of a sweep: `pcm`, or `pcm, adc_bits 4`."""
    return f"{preset}, {point_text(point)}" if point else preset


# Fields that records of before do not have.
_LATER = ("factor", "factor_needed", "point")
# Looked up once: every trial is checked, by the process that writes it.
_EVERY = get_type_hints(Trial)
_HINTS = {field.name: _EVERY[field.name] for field in dataclasses.fields(Trial)}


def _problems(fields: dict[str, Any]) -> Iterator[str]:
    found = list(schema.field_problems(fields, _HINTS))
    yield from found
    if found:
        return
    n_images, n_correct, accuracy = fields["n_images"], fields["n_correct"], fields["accuracy"]
    for name in ("t_s", "chip", "wall_s", "chip_s"):
        if fields[name] < 0:
            yield f"{name} must be 0 or more, got {fields[name]}"
    if n_images < 1:
        yield f"n_images must be 1 or more, got {n_images}"
        return
    yield from _image_problems(fields["images"], n_images)
    for name in ("n_correct", "n_nan"):
        if not 0 <= (fields[name] or 0) <= n_images:
            yield f"{name} must be from 0 to n_images = {n_images}, got {fields[name]}"
    if n_correct is None:
        yield from _value_problems(fields["correct"], n_images, accuracy)
        return
    # A tolerance, because accuracy may have gone through a float32.
    if not 0 <= accuracy <= 1 or abs(accuracy - n_correct / n_images) > 1e-6:
        yield (
            f"accuracy must be the fraction n_correct / n_images = {n_correct}/{n_images}, "
            f"got {accuracy}"
        )
    if fields["correct"] is not None:
        yield from answer_problems(fields["correct"], n_images, n_correct, "correct")


def _value_problems(values: str | None, n_images: int, mean: float) -> Iterator[str]:
    if values is None or not values.startswith(FLOATS):
        yield f"values must be {n_images} numbers after {FLOATS!r}, got {shown(values)}"
        return
    found = list(value_problems(values, n_images, "values"))
    yield from found
    known = mean if found else float(unpack_values(values, n_images).mean())
    if abs(known - mean) > 1e-6 * max(1.0, abs(known)):
        yield f"mean must be that of the values, {known:.9g}, got {mean}"


def _image_problems(images: Images | None, n_images: int) -> Iterator[str]:
    if images is not None:
        last = images["start"] + images["count"]
        if images["count"] != n_images or images["start"] < 0 or last > images["total"]:
            yield (
                f"images must be {n_images} of {images['total']}, got {images['count']} from "
                f"{images['start']} on"
            )
