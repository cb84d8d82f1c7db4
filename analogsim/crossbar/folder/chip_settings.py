"""`chip.json`: the settings of a saved chip, checked field by field when they are read."""

from pathlib import Path
from typing import Any, Literal, TypedDict, cast, get_type_hints

from analogsim import bounded, own_files, schema, seal
from analogsim.batchnorm.policy import RECALIBRATING
from analogsim.batchnorm.recalibrate import Recalibration
from analogsim.errors import InputError, shown

FORMAT, VERSION = "analogsim-chip", 1
FILE = "chip.json"
_MOST_BYTES = 16 * bounded.MIB
_MOST, _MOST_SIDES = 20, 8


class _Model(TypedDict):
    spec: str
    input_shape: list[int] | None
    n_classes: int | None


class _Line(TypedDict):
    name: str
    kind: str
    shape: list[int]
    where: Literal["analog", "digital"]
    why: str
    tiles: int
    programming_error: float | None


class _Recalibration(TypedDict):
    method: Literal["average", "adabs"]
    images: int
    batch_size: int


class ChipSettings(TypedDict):
    """`chip.json`, but for its format and version."""

    analogsim: str
    model: _Model
    preset: str
    device_files: dict[str, str]
    periphery: dict[str, Any]
    bn: Literal["digital", "fold", "recalibrate", "recalibrate-once", "none"]
    recalibration: _Recalibration | None
    tile: Literal["native", "torch", "cpp"]
    forward: Literal["native", "native-bf16", "native-compiled", "tile"]
    keep_digital: list[str]
    folded: list[list[str]]
    merged: list[list[str]]
    seed: int
    chip: int
    t_s: float | None
    compensation: Literal["none", "global", "exact", "column", "gain", "current"]
    stream: Literal["aihwkit", "philox"]
    grouped: Literal["digital", "blocks"]
    effects: list[str]
    notes: list[str]
    layers: list[_Line]
    sha256: dict[str, str]


def read_settings(folder: Path) -> ChipSettings:
    """Read a folder's `chip.json`.

    Raises:
        InputError: it is missing, damaged, foreign, or of another version.
    """
    path = folder / FILE
    # A pipe would be waited for.
    if path.exists() and not path.is_file():
        raise InputError(f"file {path} must be a file, got a pipe, device or folder; convert again")
    try:
        content = schema.loads(own_files.read_text(path, _MOST_BYTES))
    except FileNotFoundError as err:
        raise InputError(
            f"folder {folder} must hold {FILE}, got none; give a folder that convert wrote"
        ) from err
    except (OSError, ValueError) as err:
        raise InputError(f"file {path} cannot be read: {err}; convert again") from err
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"file {path} must be of format {FORMAT!r}; convert again")
    if content.get("version") != VERSION:
        raise InputError(
            f"file {path} must be of version {VERSION}, got {shown(content.get('version'))}; "
            "read it with the analogsim that wrote it"
        )
    try:
        content = seal.unsealed(content)
    except ValueError as err:
        raise InputError(
            f"file {path} must be as it was written, got {err}; convert again"
        ) from err
    fields = {key: value for key, value in content.items() if key not in {"format", "version"}}
    # Folders of before devices could come from a user's file.
    fields.setdefault("device_files", {})
    # Folders of before chips could recalibrate do not speak of it.
    fields.setdefault("recalibration", None)
    # Nor those of before there was a choice of it.
    fields.setdefault("stream", "aihwkit")
    fields.setdefault("grouped", "digital")
    # Nor does any of a chip without them.
    fields.setdefault("effects", [])
    problems = list(schema.field_problems(fields, get_type_hints(ChipSettings)))
    problems += [
        f"folded and merged must hold pairs of names, got {shown(pair)}"
        for pair in ([] if problems else [*fields["folded"], *fields["merged"]])
        if len(pair) != 2
    ]
    problems += [] if problems else _recalibration_problems(fields)
    problems += [] if problems else _range_problems(fields)
    if problems:
        more = f"; and {len(problems) - _MOST} more" if len(problems) > _MOST else ""
        raise InputError(f"file {path}: {'; '.join(problems[:_MOST])}{more}; convert again")
    return cast(ChipSettings, fields)


def _range_problems(fields: dict[str, Any]) -> list[str]:
    """Numbers that no chip has."""
    model = fields["model"]
    sides = [1] if model["input_shape"] is None else model["input_shape"]
    n_classes = 1 if model["n_classes"] is None else model["n_classes"]
    rules = [
        ("seed", "at least 0", fields["seed"], fields["seed"] >= 0),
        ("chip", "at least 0", fields["chip"], fields["chip"] >= 0),
        ("t_s", "at least 0", fields["t_s"], fields["t_s"] is None or fields["t_s"] >= 0),
        (
            "model input_shape",
            f"1 to {_MOST_SIDES} sides of at least 1",
            sides,
            0 < len(sides) <= _MOST_SIDES and min(sides) > 0,
        ),
        ("model n_classes", "at least 1", n_classes, n_classes > 0),
    ]
    for number, line in enumerate(fields["layers"]):
        error = line["programming_error"]
        where = f"layers[{number}]"
        rules += [
            (
                f"{where} shape",
                "sides of at least 0",
                line["shape"],
                min(line["shape"], default=0) >= 0,
            ),
            (f"{where} tiles", "at least 0", line["tiles"], line["tiles"] >= 0),
            (f"{where} programming_error", "at least 0", error, error is None or error >= 0),
        ]
    return [
        f"{what} must be {rule}, got {shown(got)}" for what, rule, got, good in rules if not good
    ]


def _recalibration_problems(fields: dict[str, Any]) -> list[str]:
    rule, bn = fields["recalibration"], fields["bn"]
    if (rule is None) == (bn in RECALIBRATING):
        return [
            f"recalibration must be given for {' and '.join(RECALIBRATING)} alone, got {rule} "
            f"with bn {bn!r}"
        ]
    try:
        if rule is not None:
            Recalibration(**rule)
    except InputError as err:
        return [str(err)]
    return []


def is_chip_folder(path: Path) -> bool:
    """Whether `path` looks like a folder that `save` wrote."""
    return (path / FILE).is_file()


def preset_of_folder(folder: Path) -> str:
    """The preset that a folder's chip was programmed with, as text.

    Raises:
        InputError: the folder's JSON is missing, damaged or foreign.
    """
    return read_settings(folder)["preset"]
