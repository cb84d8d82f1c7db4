"""The sources of the periphery, where weights have slices or other cells, or ADCs have errors.

All are counted as in `periphery_sources`, but that each reading of an ADC stays a reading: it is
taken by an exact one in place of none. Inputs that are applied in slices are codes of the DAC, so
that what comes behind it is counted from there. The ADC's steps are counted from what its range
clips, and the errors of its codes from its steps.
"""

from dataclasses import replace

from analogsim.attribution.periphery_sources import MOST_BITS, NO_BOUND
from analogsim.attribution.source import Setting, Source, edited, off
from analogsim.attribution.titles import Fields, lacking, noise_sources, titles_of
from analogsim.crossbar.mapping.periphery import Periphery

_NO_ERRORS: Fields = {"adc_gain_db": 0.0, "adc_sigma_capacitor": 0.0, "adc_sigma_comparator": 0.0}
_NO_RANGE: Fields = {"output_bound": NO_BOUND, "output_range": "fixed"}


def converter_sources(full: Setting, reach: float, bits: Source | None) -> list[Source]:
    """The sources of a periphery that is neither perfect nor plain.

    Args:
        full: everything that the user asked for.
        reach: the largest output that a tile may have, in ranges of its ADC.
        bits: the rounding of weights in slices, if they are.
    """
    edge, titles = full.periphery, titles_of(full)
    exact = {**_NO_ERRORS, "adc_inl": (), "adc_kind": "exact" if edge.adc_bits else "uniform"}
    nothing = {"ir_drop": 0.0, "read_noise": 0.0, "output_noise": 0.0, **exact, **_NO_RANGE}
    bare = replace(edge, **{**nothing, "dac_bits": 0, "bits_per_input": 0})

    def alone(edge: Periphery, fields: Fields, name: str) -> Setting:
        named = edited(edge, fields, f"{full.periphery.name} ({name})")
        return replace(full, device=off(full.device), periphery=named, effects=())

    def without(name: str, fields: Fields) -> Setting:
        return replace(full, periphery=edited(edge, fields, f"{edge.name} (without {name})"))

    ranges = Source(
        name="input-range",
        title=titles["input-range"],
        alone=alone(bare, {}, "input ranges only"),
        base=bits,
        without=without("input-range", {"input_bound": NO_BOUND}),
    )
    if edge.bits_per_input:
        # Codes beyond the DAC's would be more slices.
        why = "inputs in slices are codes of the DAC, which end at the range"
        ranges = replace(ranges, without=None, why_not_without=why)
    serial = {"dac_bits": edge.dac_bits, "bits_per_input": edge.bits_per_input}
    dac = Source(
        name="dac",
        title=titles["dac"],
        alone=alone(bare, serial, "only dac"),
        base=ranges,
        without=None if edge.bits_per_input else without("dac", {"dac_bits": 0}),
        why_not_without="inputs in slices are codes of the DAC" if edge.bits_per_input else "",
    )
    base, below = (dac, serial) if edge.bits_per_input else (ranges, {})

    def source(name: str, fields: Fields, off: Fields, base: Source = base) -> Source:
        return Source(
            name=name,
            title=titles[name],
            alone=alone(bare, {**below, **fields}, f"only {name}"),
            base=base,
            without=without(name, off),
        )

    dac = dac if edge.dac_bits else lacking(full, "dac", "DAC")
    found = [ranges, dac, *noise_sources(full, source)]

    clipped = {"output_bound": edge.output_bound, "output_range": edge.output_range}
    wide = widened(edge, reach)
    clip = source("output-bound", clipped, wide or {})
    if wide is None:
        why = (
            f"its ADC of {edge.adc_bits} bits ({edge.adc_kind}) has no wider form with the same "
            "step"
        )
        clip = replace(clip, without=None, why_not_without=why)
    if not edge.has_steps:
        what = "steps of an ADC" if edge.adc_bits else "ADC"
        return [*found, lacking(full, "adc", what), clip]
    ideal = _without_errors(edge)
    steps = {**clipped, "adc_kind": edge.adc_kind, **ideal}
    adc = source("adc", steps, exact, clip)
    if not edge.has_code_table:
        return [*found, adc, clip]
    wrong = {field: getattr(edge, field) for field in ideal}
    if wrong == ideal:
        return [*found, adc, lacking(full, "adc-errors", "such errors"), clip]
    return [*found, adc, source("adc-errors", {**steps, **wrong}, ideal, adc), clip]


def widened(edge: Periphery, reach: float) -> Fields | None:
    """Fields of a converter with the same step that clips no output; None if there is none."""
    if not edge.has_steps:
        return _NO_RANGE
    times = ((1 << MOST_BITS) - 2) / ((1 << edge.adc_bits) - 2)
    if edge.has_code_table or times < max(reach, 1.0 + 1e-9):
        return None
    return {"adc_bits": MOST_BITS, "output_bound": edge.output_bound * times}


def _without_errors(edge: Periphery) -> Fields:
    inl = tuple((0.0,) * len(row) for row in edge.adc_inl)
    return {**_NO_ERRORS, "adc_inl": inl}
