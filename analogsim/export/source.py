"""What is exported: the layers of a network on tiles, counted and measured, or a refusal."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, cast

from analogsim.errors import InputError, shown
from analogsim.experiment.axes import point_text
from analogsim.experiment.digest import POINTS
from analogsim.experiment.header import ArraysEntry, CoverageEntry, CrossbarEntry, read_header
from analogsim.experiment.records import read_records
from analogsim.experiment.workload import LayerWork, WorkloadEntry


@dataclass(frozen=True, kw_only=True)
class Source:
    """A network on a crossbar, all of whose layers have converters.

    Attributes:
        model, preset: as they were named.
        at: the point of a sweep that it is of; empty without one.
        periphery: its settings.
        work: what each layer does for one input.
        arrays: that the layers lie on.
        left_out: what no tile computes, in words.
    """

    model: str
    preset: str
    at: str
    periphery: Mapping[str, Any]
    work: WorkloadEntry
    arrays: Sequence[ArraysEntry]
    left_out: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Of an array; of the one with most rows where the periphery bounds none."""
        return max(one["rows"] for one in self.arrays)

    @property
    def columns(self) -> int:
        """As `rows`."""
        return max(one["columns"] for one in self.arrays)

    @property
    def dac_bits(self) -> int:
        """Of the DAC, 2 or more."""
        return cast(int, self.periphery["dac_bits"])

    @property
    def adc_bits(self) -> int:
        """Of the ADC, 2 or more."""
        return cast(int, self.periphery["adc_bits"])

    @property
    def bits_at_once(self) -> int:
        """Of an input, that a row is driven with at once."""
        return cast(int, self.periphery.get("bits_per_input") or self.dac_bits)

    def arrays_of(self, layer: LayerWork) -> list[ArraysEntry]:
        """Those of a layer."""
        return [one for one in self.arrays if one["layer"] == layer["layer"]]


@dataclass(frozen=True, kw_only=True)
class Loops:
    """A layer as a two-dimensional convolution; a linear one has a map of one pixel.

    `calls` maps follow one another. Channels are those of one group.
    """

    calls: int
    groups: int
    inputs: int
    outputs: int
    size: tuple[int, int]
    """Of the output map: (height, width)."""
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]

    @property
    def macs(self) -> int:
        """Multiply-adds of one input of the network."""
        vectors = self.calls * prod(self.size)
        return vectors * self.groups * self.outputs * self.inputs * prod(self.kernel)


def loops_of(layer: LayerWork) -> Loops:
    """The loops of a layer. Raises InputError for maps of several sizes."""
    if layer["calls"] is None:
        raise InputError(
            f"layer {shown(layer['layer'])} must be called with maps of one size, got several; no "
            "format here has such a layer: export a network without it"
        )
    return Loops(
        calls=layer["calls"],
        groups=layer["groups"],
        inputs=layer["inputs"] // layer["groups"],
        outputs=layer["outputs"] // layer["groups"],
        size=_two(layer["output_size"]),
        kernel=_two(layer["kernel"]),
        stride=_two(layer["stride"]),
        dilation=_two(layer["dilation"]),
    )


def _two(sizes: Sequence[int]) -> tuple[int, int]:
    height, width = [1, 1, *sizes][-2:]
    return height, width


def safe(name: str) -> str:
    """A name for files of other programs, which give signs a meaning."""
    return re.sub(r"[^A-Za-z0-9_.:/?=,+-]", "_", name)[:200]


def read_source(folder: Path, *, tiles_only: bool = False) -> Source:
    """What a run's folder has kept.

    Args:
        folder: of drift, compare or attribute.
        tiles_only: export the layers on tiles although others compute, too.

    Raises:
        InputError: the folder is broken, has no finished trial, is of before the layers were
            measured, or its network cannot be exported.
    """
    header = read_header(folder)
    if header.workload is None or header.crossbar is None:
        raise InputError(
            f"run folder {folder} must hold what its layers do for an input, got none (a noise "
            "study, or a run of before that was kept); give a newer run of drift, compare or "
            "attribute, or a folder of convert"
        )
    if not read_records(folder).trials:
        raise InputError(
            f"run folder {folder} must hold finished trials, got none; give its command once more: "
            f"{shown(header.command)}"
        )
    points = header.spec.get(POINTS)
    return make_source(
        model=header.model,
        preset=header.devices[0]["preset"],
        at=point_text(points[0]) if points else "",
        periphery=header.periphery,
        work=header.workload,
        crossbar=header.crossbar,
        coverage=header.coverage,
        tiles_only=tiles_only,
    )


def make_source(
    *,
    model: str,
    preset: str,
    periphery: Mapping[str, Any],
    work: WorkloadEntry,
    crossbar: CrossbarEntry,
    coverage: CoverageEntry | None,
    at: str = "",
    tiles_only: bool = False,
) -> Source:
    """What is exported, or InputError: there are no converters, or layers are left out."""
    bits = {name: periphery.get(name) for name in ("dac_bits", "adc_bits")}
    if periphery.get("perfect") or not all(bits.values()):
        got = "an ideal one" if periphery.get("perfect") else shown(bits)
        raise InputError(
            f"periphery must have a DAC and an ADC, got {got}; their energy is what these tools "
            "count: choose --periphery standard"
        )
    missing = _left_out(coverage)
    if missing and not tiles_only:
        raise InputError(
            "network must have all its products on tiles, got some elsewhere: "
            f"{', '.join(missing[:3])}{' and more' * (len(missing) > 3)}; a tool would count "
            "another network: say --tiles-only to leave them out"
        )
    return Source(
        model=model,
        preset=preset,
        at=at,
        periphery=periphery,
        work=work,
        arrays=crossbar["arrays"],
        left_out=missing,
    )


def _left_out(coverage: CoverageEntry | None) -> tuple[str, ...]:
    """Layers and operators that no tile computes, with their shares."""
    if coverage is None:
        return ()
    total = coverage["analog_macs"] + sum(one["macs"] for one in coverage["digital"])
    return (
        *(
            f"{safe(one['name'])} ({100 * one['macs'] / total:.2g} % of the multiply-adds)"
            for one in coverage["digital"]
        ),
        *(f"{safe(name)} (not counted)" for name in coverage["uncounted"]),
    )
