"""The sources of the periphery, where weights are whole and the ADC is a uniform one.

Each stands in a periphery whose converters keep their calibrated input ranges and have nothing
else: the ranges are the unit of the outputs, so they cannot be taken away from under the ADC or the
output noise. What the ranges clip is a source of its own, and the loss of the others is counted
from there. Without it, the ranges and the DAC's step stay, and the DAC has codes enough for every
input.
"""

from dataclasses import replace

from analogsim.attribution.source import Setting, Source, absent, edited, off
from analogsim.attribution.titles import Fields, has_law, lacking, noise_sources, titles_of
from analogsim.crossbar.mapping.periphery import Periphery, step

# Most bits of a converter, see `Periphery`.
MOST_BITS = 16
# No output reaches it: a tile has at most some thousand rows, each worth about 1. Nor does any
# input of sense, in units of its range.
NO_BOUND = 1e6


def periphery_sources(full: Setting, rows: int) -> list[Source]:
    """Of whole weights in pairs and a uniform ADC; `rows`: most inputs of a tile."""
    edge, quiet = full.periphery, off(full.device)
    titles = titles_of(full)
    bare = replace(
        edge,
        name=f"{edge.name} (input ranges only)",
        dac_bits=0,
        adc_bits=0,
        output_noise=0.0,
        output_bound=NO_BOUND,
    )
    if has_law(full):
        bare = replace(bare, ir_drop=0.0, read_noise=0.0)
    base = replace(full, device=quiet, periphery=bare, effects=())

    ranges = Source(
        name="input-range",
        title=titles["input-range"],
        alone=base,
        # The range stays what it is, the unit of the outputs: only what it clips is let through.
        without=replace(
            full,
            periphery=edited(edge, {"input_bound": NO_BOUND}, f"{edge.name} (without input-range)"),
        ),
    )

    def source(name: str, on: Fields, without: Fields) -> Source:
        return Source(
            name=name,
            title=titles[name],
            alone=replace(base, periphery=edited(bare, on, f"{edge.name} (only {name})")),
            base=ranges,
            without=replace(full, periphery=edited(edge, without, f"{edge.name} (without {name})")),
        )

    dac = source("dac", {"dac_bits": edge.dac_bits}, {"dac_bits": 0})
    dac = dac if edge.dac_bits else lacking(full, "dac", "DAC")
    found = [ranges, dac, *noise_sources(full, source)]
    if not edge.adc_bits:
        clip = source(
            "output-bound", {"output_bound": edge.output_bound}, {"output_bound": NO_BOUND}
        )
        return [*found, lacking(full, "adc", "ADC"), clip]
    wide = widened(edge, rows)
    if wide is None:
        both = {"adc_bits": edge.adc_bits, "output_bound": edge.output_bound}
        adc = source("adc", both, {"adc_bits": 0, "output_bound": NO_BOUND})
        why = (
            f"an ADC of {edge.adc_bits} bits has no wider form with the same step; it is counted "
            "with 'adc'"
        )
        return [*found, adc, absent("output-bound", titles["output-bound"], why)]
    clip = source("output-bound", {"output_bound": edge.output_bound}, wide)
    return [*found, source("adc", wide, {"adc_bits": 0}), clip]


def widened(edge: Periphery, rows: int) -> dict[str, float] | None:
    """Fields of an ADC with the same step that clips no output; None if there is none.

    The bound of an ADC is its largest code. 16 bits with the same step reach far beyond it.
    """
    unit = step(edge.adc_bits, edge.output_bound)
    bound = unit * ((1 << MOST_BITS) - 2) / 2
    # A tile's outputs are sums of at most `rows` products of about 1.
    if edge.adc_bits == MOST_BITS or bound < rows:
        return None
    return {"adc_bits": MOST_BITS, "output_bound": bound}
