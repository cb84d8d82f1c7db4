"""A folder of what a tool reads: its files, a table of the layers, and what it does not hold."""

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from analogsim._version import __version__
from analogsim.errors import InputError, shown
from analogsim.experiment.folder import prepare_folder, write_bytes_atomic
from analogsim.export import accelforge, neurosim, zigzag
from analogsim.export.source import Source, loops_of, safe
from analogsim.report.csv_file import csv_lines


@dataclass(frozen=True, kw_only=True)
class Format:
    """A tool, the files that it reads, and what these do not hold."""

    tool: str
    files_of: Callable[[Source], dict[str, str]]
    not_held: tuple[str, ...]


FORMATS: Mapping[str, Format] = {
    "neurosim": Format(
        tool="DNN+NeuroSim V1.4", files_of=neurosim.files_of, not_held=neurosim.NOT_HELD
    ),
    "zigzag": Format(tool="ZigZag 3", files_of=zigzag.files_of, not_held=zigzag.NOT_HELD),
    "accelforge": Format(
        tool="AccelForge 1", files_of=accelforge.files_of, not_held=accelforge.NOT_HELD
    ),
}
_COLUMNS = (
    "layer", "kind", "arrays", "rows", "columns", "filled", "macs", "products", "adc_readings",
    "row_drives", "mean_input", "active", "ones", "mean_conductance", "mean_conductance_us",
)  # fmt: skip


def check_format(name: str) -> None:
    """Raises InputError for a tool that is not known."""
    if name not in FORMATS:
        raise InputError(
            f"export format must be one of {', '.join(FORMATS)}, got {shown(name)}; choose one"
        )


def write_export(source: Source, name: str, folder: Path) -> list[Path]:
    """Write a new folder for the tool `name`; returns its files.

    Raises:
        InputError: the tool is not known, or has no words for this network.
        OutputError: the folder holds something or cannot be written.
    """
    check_format(name)
    made = FORMATS[name]
    files = made.files_of(source)
    head = _head(source, made)
    texts = {
        file: text if file.endswith(".csv") else f"{_commented(head)}{text}"
        for file, text in files.items()
    }
    texts |= {"layers.csv": layers_csv(source), "README.txt": "\n".join(head) + "\n"}
    prepare_folder(folder)
    for file, text in texts.items():
        write_bytes_atomic(folder / file, text.encode())
    return [folder / file for file in texts]


def layers_csv(source: Source) -> str:
    """A line a layer: what was counted for one input, and measured."""
    full = source.work["g_max_us"]
    rows = []
    for layer in source.work["layers"]:
        arrays = source.arrays_of(layer)
        count = sum(one["count"] for one in arrays)
        held = sum(one["count"] * one["held"] for one in arrays)
        places = sum(one["count"] * one["rows"] * one["columns"] for one in arrays)
        share = layer["mean_conductance"]
        rows.append(
            (
                layer["layer"], layer["kind"], count, max(one["rows"] for one in arrays),
                max(one["columns"] for one in arrays), f"{held / places:.4g}",
                loops_of(layer).macs, layer["products"], layer["adc"], layer["dac"],
                f"{layer['mean_input']:.4g}", f"{layer['active']:.4g}",
                "" if layer["ones"] is None else f"{layer['ones']:.4g}", f"{share:.4g}",
                "" if full is None else f"{share * full:.4g}",
            )
        )  # fmt: skip
    return csv_lines(_COLUMNS, rows, end="\n")


def _head(source: Source, made: Format) -> list[str]:
    work = source.work
    at = f", {safe(source.at)}" if source.at else ""
    when = "right after programming" if work["t_s"] is None else f"{work['t_s']:g} s after it"
    lines = [
        f"{safe(source.model)} on {safe(source.preset)}{at}, for {made.tool}, by analogsim "
        f"{__version__}.",
        "Counts are of one input. Inputs were measured on "
        f"the first {work['images']} images, conductances on one chip {when}; "
        "layers.csv has them layer by layer.",
        "",
        "Not in here:",
        *(f"- {text}" for text in made.not_held),
    ]
    if source.left_out:
        lines.append(f"- Layers that no tile computes: {', '.join(source.left_out)}.")
    if source.periphery.get("weight_encoding") == "offset-column":
        lines.append("- Readings of the columns that give offsets; layers.csv counts them.")
    if not source.periphery.get("max_output_size"):
        lines.append(
            f"- A bound on columns: the periphery has none, and {source.columns} are the most that "
            "a layer needs."
        )
    return [part for line in lines for part in _wrapped(line)]


def _wrapped(line: str) -> list[str]:
    after = "  " if line.startswith("- ") else ""
    return textwrap.wrap(line, 96, subsequent_indent=after, break_on_hyphens=False) or [""]


def _commented(lines: list[str]) -> str:
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)
