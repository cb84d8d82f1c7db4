"""What the periphery's settings of converters, slices and ranges must be."""

import math
from typing import Literal, Protocol, get_args

from analogsim.crossbar.adc.file import Inl
from analogsim.crossbar.mapping.parts import Encoding
from analogsim.errors import shown

AdcKind = Literal["uniform", "ramp", "sar", "sar-split", "pipeline", "cyclic", "table"]
AdcReads = Literal["slice", "weight-slice", "input-slice", "product"]
OutputRange = Literal["fixed", "layer", "tile"]
Subtraction = Literal["analog", "digital"]

MOST_TABLE_BITS = 12
"""A table of 2**12 codes for each group of columns."""


class Settings(Protocol):
    """The fields of `Periphery` that are looked at."""

    @property
    def perfect(self) -> bool: ...
    @property
    def plain(self) -> bool: ...
    @property
    def dac_bits(self) -> int: ...
    @property
    def adc_bits(self) -> int: ...
    @property
    def input_scaling(self) -> str: ...
    @property
    def weight_encoding(self) -> Encoding: ...
    @property
    def bits_per_cell(self) -> int: ...
    @property
    def weight_bits(self) -> int: ...
    @property
    def bits_per_input(self) -> int: ...
    @property
    def adc_reads(self) -> AdcReads: ...
    @property
    def subtraction(self) -> Subtraction: ...
    @property
    def adc_kind(self) -> AdcKind: ...
    @property
    def adc_gain_db(self) -> float: ...
    @property
    def adc_sigma_capacitor(self) -> float: ...
    @property
    def adc_sigma_comparator(self) -> float: ...
    @property
    def adc_group(self) -> int: ...
    @property
    def adc_inl(self) -> Inl: ...
    @property
    def output_range(self) -> OutputRange: ...
    @property
    def output_share(self) -> float: ...


def converter_problems(edge: Settings) -> list[str]:
    """Say what is wrong, one part of a sentence each."""
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


def _of_tables(edge: Settings) -> list[str]:
    found = []
    bits = edge.adc_bits
    if edge.adc_kind != "uniform" and not 2 <= bits <= MOST_TABLE_BITS:
        found.append(
            f"adc_bits must be 2 to {MOST_TABLE_BITS} for adc_kind {edge.adc_kind!r}, got {bits}"
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


def _of_slices(edge: Settings) -> list[str]:
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
