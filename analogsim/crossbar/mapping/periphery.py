"""What stands around the devices: tile size, DAC, ADC, bounds and output noise.

`standard` is the evaluation setting of Rasch et al., Nat. Commun. 14:5282 (2023), which aihwkit
ships as `StandardHWATrainingPreset`. `ideal` leaves the effects of the devices alone. The others
are of published accelerators, see `periphery_presets`.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from analogsim.crossbar.adc.file import Inl
from analogsim.crossbar.mapping.parts import Encoding, Part, offset_of, parts_of
from analogsim.crossbar.mapping.periphery_presets import PRESETS
from analogsim.errors import InputError, shown
from device_models.contract import Device

# Presets of PCM, whose read noise of each product `read_noise` is.
_OF_PCM = frozenset({"pcm", "pcm-hermes"})

TileKind = Literal["native", "torch", "cpp"]
"""Which law a product follows: `native`, the whole one, computed here; `torch`, that of aihwkit's
torch tile, which has neither IR drop nor read noise of products; `cpp`, aihwkit's C++ tile."""
DEFAULT_TILE: TileKind = "native"
InputScaling = Literal["static", "dynamic"]
WeightScaling = Literal["column", "tile"]
AdcKind = Literal["uniform", "exact", "ramp", "sar", "sar-split", "pipeline", "cyclic", "table"]
AdcReads = Literal["slice", "weight-slice", "input-slice", "product"]
OutputRange = Literal["fixed", "layer", "tile"]
Subtraction = Literal["analog", "digital"]

_MOST_TABLE_BITS = 12
"""A table of 2**12 codes for each group of columns."""


def _at_least_zero(value: float, *, strictly: bool = False) -> bool:
    return math.isfinite(value) and (value > 0 if strictly else value >= 0)


@dataclass(frozen=True, kw_only=True)
class Periphery:
    """Settings of one crossbar tile's periphery.

    Outputs, their bound, their noise and the ADC's step are in units of (largest weight) x
    (input at full scale): the product of one device at full conductance with one full input.
    """

    name: str
    perfect: bool = False
    """No DAC, no ADC, no output noise and no bounds; the fields up to `ir_drop` are then unused."""
    dac_bits: int = 8
    """A DAC of b bits has 2**b - 2 steps between -1 and 1, as in aihwkit; 0 is no DAC."""
    adc_bits: int = 8
    """An ADC of b bits has 2**b - 2 steps between plus and minus `output_bound`; 0 is no ADC."""
    output_noise: float = 0.04
    """Standard deviation of the noise that each output of each product receives."""
    output_bound: float = 10.0
    """Outputs beyond it are clipped."""
    input_scaling: InputScaling = "static"
    """`static`: calibrated ranges; `dynamic`: each input vector is scaled by its own maximum."""
    input_bound: float = 1.0
    """Inputs beyond this many of their static ranges are clipped; the DAC's step stays. Other than
    1 only where products are computed natively: aihwkit clips at the range itself."""
    read_noise: float = 0.0175
    """Read noise of each product, as PCM has it: a cell of weight w adds `read_noise` sqrt(|w|)
    times its input. Not for a device that states its own (on the native tile), and not on the
    torch tile. What a device's law draws once at a time is another thing."""
    ir_drop: float = 1.0
    """Scale of the IR drop along the columns (see `product_law.py`); not on the torch tile."""
    max_input_size: int = 512
    """Rows of a tile; a layer with more inputs is split evenly. 0 is unlimited."""
    max_output_size: int = 0
    """Columns of a tile; 0 is unlimited."""
    weight_scaling: WeightScaling = "column"
    """Which weights share a scale: each `column` (one output) has its own, or one for a `tile`."""
    weight_encoding: Encoding = "pair"
    """Cells of a weight: `pair` (the idle one is at zero), `pair-two-sided` (their sum is fixed),
    `offset` (one cell, its middle is 0, subtracted in digital), or `offset-column` (a column of
    cells at 0 gives the offset)."""
    bits_per_cell: int = 0
    """Bits of a weight's slice, each of which has cells of its own; 0 puts the whole weight, of any
    value, into one."""
    weight_bits: int = 8
    """Of a weight in slices, sign included; unused while `bits_per_cell` is 0."""
    bits_per_input: int = 0
    """Bits of an input that are applied at once, slice after slice; 0 is all of the DAC's."""
    adc_reads: AdcReads = "slice"
    """What is converted: each weight slice at each input slice (`slice`), or sums in analog over
    input slices (`weight-slice`), over weight slices (`input-slice`), or over both (`product`)."""
    subtraction: Subtraction = "analog"
    """Of a pair's currents: in front of the ADC, or each is converted (`digital`)."""
    adc_kind: AdcKind = "uniform"
    """`uniform` has no errors, `exact` no steps either: it reads what lies within its range. The
    others have 2**b codes, none of which is 0: `ramp`, `sar`, `sar-split`, `pipeline` and `cyclic`
    with mismatched parts, drawn for each chip, `table` with the errors of `adc_inl`."""
    adc_gain_db: float = 0.0
    """Open-loop gain of the amplifier in the ADC; 0 is an ideal one."""
    adc_sigma_capacitor: float = 0.0
    """Spread of the ADC's unit capacitors, relative to one."""
    adc_sigma_comparator: float = 0.0
    """Spread of the offsets of its comparators, relative to the largest output."""
    adc_group: int = 8
    """Neighbouring columns that share an ADC; a `ramp` has a comparator for each column."""
    adc_inl: Inl = ()
    """Integral non-linearity of a `table`: for each ADC, one number a code from 1 on, in steps. A
    file names a CSV or TOML file instead: `adc_table = "measured.csv"`."""
    output_range: OutputRange = "fixed"
    """`fixed`: `output_bound`; `layer` and `tile`: calibrated for each, `output_share` of the
    outputs fit."""
    output_share: float = 0.9998
    """Of the calibration outputs' sizes that lie within a calibrated range."""

    def __post_init__(self) -> None:
        problems = [
            f"{field} must be {rule}, got {getattr(self, field)!r}"
            for field, rule, good in (
                ("dac_bits", "0 or 2 to 16", self.dac_bits == 0 or 2 <= self.dac_bits <= 16),
                ("adc_bits", "0 or 2 to 16", self.adc_bits == 0 or 2 <= self.adc_bits <= 16),
                ("output_noise", "at least 0", _at_least_zero(self.output_noise)),
                ("output_bound", "above 0", _at_least_zero(self.output_bound, strictly=True)),
                ("input_bound", "above 0", _at_least_zero(self.input_bound, strictly=True)),
                ("read_noise", "at least 0", _at_least_zero(self.read_noise)),
                ("ir_drop", "at least 0", _at_least_zero(self.ir_drop)),
                (
                    "input_scaling",
                    "'static' or 'dynamic'",
                    self.input_scaling in {"static", "dynamic"},
                ),
                (
                    "weight_scaling",
                    "'column' or 'tile'",
                    self.weight_scaling in {"column", "tile"},
                ),
                ("max_input_size", "at least 0", self.max_input_size >= 0),
                ("max_output_size", "at least 0", self.max_output_size >= 0),
            )
            if not good
        ]
        problems += _converter_problems(self)
        if problems:
            raise InputError(f"periphery {self.name}: {'; '.join(problems)}; mend these fields")

    @property
    def whole_weights(self) -> bool:
        """Whether each weight is one pair of cells, of any value."""
        return self.weight_encoding == "pair" and self.bits_per_cell == 0

    @property
    def pairs(self) -> bool:
        """Whether cells are pairs that hold values of either sign, as devices' laws take them."""
        return self.weight_encoding == "pair"

    @property
    def parts(self) -> tuple[Part, ...]:
        """What a weight consists of, a tile for each."""
        return parts_of(self.weight_encoding, self.weight_bits, self.bits_per_cell)

    @property
    def offset(self) -> float:
        """What the digital side adds to each tile weight."""
        return offset_of(self.weight_encoding, self.weight_bits, self.bits_per_cell)

    @property
    def plain(self) -> bool:
        """Whether products are as aihwkit's tiles compute them, with one conversion an output."""
        return self.whole_weights and (
            self.perfect
            or all(getattr(self, field) == getattr(Periphery, field) for field in OF_CONVERTERS)
        )

    @property
    def needs_output_ranges(self) -> bool:
        """Whether the ADC needs calibrated ranges."""
        return not self.perfect and self.output_range != "fixed"

    @property
    def has_code_table(self) -> bool:
        """Whether the ADC's codes are a table, which may have errors."""
        return self.adc_kind not in {"uniform", "exact"}

    @property
    def has_steps(self) -> bool:
        """Whether outputs are rounded to codes."""
        return self.adc_bits > 0 and self.adc_kind != "exact"

    @property
    def draws_converters(self) -> bool:
        """Whether chips differ by the mismatches of their ADCs."""
        drawn = self.adc_sigma_capacitor > 0 or self.adc_sigma_comparator > 0
        return self.has_code_table and self.adc_kind != "table" and drawn

    @property
    def needs_input_ranges(self) -> bool:
        """Whether the DAC needs a calibrated range for each tile."""
        return not self.perfect and self.input_scaling == "static"

    def not_modelled(self, tile: TileKind) -> tuple[str, ...]:
        """What is asked for and the law of the products of `tile` does not have, in words."""
        if self.perfect:
            return ("DAC, ADC, bounds and output noise: off by choice (ideal periphery)",)
        missing: list[str] = []
        if tile == "torch":
            fields = (("IR drop", "ir_drop"), ("read noise of each product", "read_noise"))
            missing = [
                f"{what} ({field} = {getattr(self, field):g}): not in aihwkit's torch tile"
                for what, field in fields
                if getattr(self, field) > 0
            ]
        accelerator, options, _ = self.name.partition("?")
        if accelerator in PRESETS and (options or self == PERIPHERIES[accelerator]):
            missing.append(f"of {accelerator} itself: {PRESETS[accelerator].not_modelled}")
        return tuple(missing)

    def added(self, tile: TileKind, devices: Sequence[Device]) -> tuple[str, ...]:
        """What the products have that is not of the devices' laws, and whose read noise, in words.

        Args:
            tile: the law of the products.
            devices: that are put on it.
        """
        if self.perfect or tile == "torch":
            return ()
        own = {d.info.name: d.product_noise() for d in devices} if tile == "native" else {}
        others = [
            name
            for name in dict.fromkeys(device.info.name for device in devices)
            if name not in _OF_PCM and own.get(name) is None
        ]
        said = [
            f"read noise of each product is that of {name} itself (sigma = {noise.sigma:g} of a "
            f"full cell), in place of the periphery's (read_noise = {self.read_noise:g})"
            for name, noise in own.items()
            if noise is not None
        ]
        if others and self.read_noise > 0:
            whose = "aihwkit's C++ tile has it for every device"
            whose = whose if tile == "cpp" else "a device that states none has the periphery's"
            said.append(
                f"read noise of each product as PCM has it (read_noise = {self.read_noise:g}) is "
                f"added to {', '.join(others)}, too: {whose}; read_noise = 0 in a periphery file "
                "switches it off"
            )
        return tuple(said)

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values, without those that came later and are as ever."""
        fields = dataclasses.asdict(self)
        # Digests and folders of before these fields were there stay what they are.
        if self.weight_scaling == "column":
            del fields["weight_scaling"]
        if self.input_bound == 1.0:
            del fields["input_bound"]
        for field in _LATER:
            if fields[field] == getattr(Periphery, field):
                del fields[field]
        if self.adc_inl:
            fields["adc_inl"] = [list(row) for row in self.adc_inl]
        return fields


def _converter_problems(edge: Periphery) -> list[str]:
    """What is wrong with converters, slices and ranges, one part of a sentence each."""
    choices = (
        ("weight_encoding", edge.weight_encoding, get_args(Encoding)),
        ("adc_reads", edge.adc_reads, get_args(AdcReads)),
        ("subtraction", edge.subtraction, get_args(Subtraction)),
        ("adc_kind", edge.adc_kind, get_args(AdcKind)),
        ("output_range", edge.output_range, get_args(OutputRange)),
    )
    found = [
        f"{field} must be one of {', '.join(known)}, got {shown(value)}"
        for field, value, known in choices
        if value not in known
    ]
    ranges = (
        ("bits_per_cell", edge.bits_per_cell, "0 to 16", 0 <= edge.bits_per_cell <= 16),
        ("weight_bits", edge.weight_bits, "2 to 16", 2 <= edge.weight_bits <= 16),
        ("bits_per_input", edge.bits_per_input, "0 to 16", 0 <= edge.bits_per_input <= 16),
        ("adc_group", edge.adc_group, "at least 1", edge.adc_group >= 1),
        ("output_share", edge.output_share, "above 0 and at most 1", 0 < edge.output_share <= 1),
        *(
            (field, value, "finite and at least 0", math.isfinite(value) and value >= 0)
            for field, value in (
                ("adc_gain_db", edge.adc_gain_db),
                ("adc_sigma_capacitor", edge.adc_sigma_capacitor),
                ("adc_sigma_comparator", edge.adc_sigma_comparator),
            )
        ),
    )
    found += [
        f"{field} must be {rule}, got {value!r}" for field, value, rule, ok in ranges if not ok
    ]
    return found or (_of_tables(edge) + _of_slices(edge))


def _of_tables(edge: Periphery) -> list[str]:
    found = []
    bits = edge.adc_bits
    if edge.has_code_table and not 2 <= bits <= _MOST_TABLE_BITS:
        found.append(
            f"adc_bits must be 2 to {_MOST_TABLE_BITS} for adc_kind {edge.adc_kind!r}, got {bits}"
        )
    if (edge.adc_kind == "table") != bool(edge.adc_inl):
        found.append(
            f"adc_inl must go with adc_kind 'table', got {len(edge.adc_inl)} rows with "
            f"{edge.adc_kind!r}"
        )
    if any(len(row) != 2**bits - 1 for row in edge.adc_inl):
        found.append(
            f"adc_inl must have {2**bits - 1} numbers a row for {bits} bits, got "
            f"{len(edge.adc_inl[0])}"
        )
    return found


def _of_slices(edge: Periphery) -> list[str]:
    if edge.perfect or edge.plain:
        return []
    found = []
    if edge.input_scaling != "static":
        found.append(
            "input_scaling must be 'static' for slices, encodings, errors of converters and "
            f"calibrated output ranges, got {edge.input_scaling!r}"
        )
    if edge.bits_per_input and not edge.dac_bits:
        found.append(f"dac_bits must be above 0 for inputs in slices, got {edge.dac_bits}")
    return found


OF_CONVERTERS = (
    "bits_per_input",
    "adc_reads",
    "subtraction",
    "adc_kind",
    "adc_gain_db",
    "adc_sigma_capacitor",
    "adc_sigma_comparator",
    "adc_group",
    "adc_inl",
    "output_range",
    "output_share",
)
"""Fields without which a product is one conversion of a uniform ADC; an ideal periphery does not
use them."""
_LATER = ("weight_encoding", "bits_per_cell", "weight_bits", *OF_CONVERTERS)

IDEAL = Periphery(name="ideal", perfect=True)
STANDARD = Periphery(name="standard")
PERIPHERIES = {
    p.name: p
    for p in (
        IDEAL,
        STANDARD,
        *(Periphery(name=name, **preset.values) for name, preset in PRESETS.items()),
    )
}


def step(bits: int, bound: float) -> float:
    """Quantisation step of a converter with `bits` bits between -bound and bound."""
    return 2.0 * bound / ((1 << bits) - 2)
