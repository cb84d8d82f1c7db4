"""Devices beside their matched Gaussian noise, network by network."""

import numpy as np

from analogsim.experiment.statistics import DIFFERENCE, ByChip
from analogsim.report.cells import Table, plain_table
from analogsim.report.comparison import control_name
from analogsim.report.labels import format_duration
from analogsim.scopes.sheet import brackets, cell
from analogsim.scopes.units import unpacked
from analogsim.suites.chips import Networks, panels_of
from analogsim.suites.crossbar import Cell, CrossbarResult


def control_sheets(networks: Networks) -> list[Table]:
    """Device minus its control, paired over chips; none where no controls were measured."""
    rows, shown = [], []
    for preset, compensation in panels_of(networks):
        for entry, result in networks:
            for device in [c for c in result.correct if (c[0], c[2]) == (preset, compensation)]:
                control = (control_name(preset), device[1], "none", device[3])
                if control in result.correct:
                    found = (_by_chip(result, device) - _by_chip(result, control)).mean(DIFFERENCE)
                    shown.append(found)
                    when = format_duration(device[3])
                    rows.append([entry.label, preset, when, cell(found, signed=True)])
    if not rows:
        return []
    return [
        plain_table(
            caption="Accuracy less that of Gaussian noise with the same weight error in each "
            f"layer, in points {brackets('pairs of chips of one number', shown)}",
            head=["network", "preset", "time", "device - matched"],
            rows=rows,
            words=3,
        )
    ]


def _by_chip(result: CrossbarResult, at: Cell) -> ByChip:
    """As `matched.json` has it: single answers where they were recorded."""
    total, known = result.n_images, result.answers.get(at)
    return ByChip(
        values={
            chip: np.array([right / total]) if known is None else unpacked(known[chip], total)
            for chip, right in result.correct[at].items()
        },
        n_images=total,
    )
