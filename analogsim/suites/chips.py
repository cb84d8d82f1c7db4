"""Accuracy over time of every network and treatment of BatchNorm, and with against without."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analogsim.experiment.statistics import Interval
from analogsim.report.cells import Table, plain_table
from analogsim.report.labels import format_duration
from analogsim.report.line_chart import Line, line
from analogsim.scopes.sheet import brackets, cell
from analogsim.scopes.units import Units, trainings
from analogsim.suites.crossbar import CrossbarResult
from analogsim.suites.entry import Arm, Entry

Network = tuple[Entry, CrossbarResult]
Networks = Sequence[Network]
Panel = tuple[str, str]
"""Preset and compensation."""
Cells = list[Interval | None]
"""One a time; None where there is none."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """With minus without BatchNorm of one pair and treatment over time, in normalised accuracy.

    `n_trainings` is 1 for a pair of networks, whose units are pairs of chips of one number, and
    more for a pair that was trained several times, whose units are trainings.
    """

    name: str
    panel: Panel
    bn: str
    times: tuple[float, ...]
    cells: tuple[Interval | None, ...]
    n_trainings: int
    n_images: int

    @property
    def over(self) -> str:
        """What the intervals are over."""
        if self.n_trainings > 1:
            return f"{self.n_trainings} trainings, each the mean of its chips"
        n = max((one.n for one in self.cells if one is not None), default=0)
        return f"{n} pairs of chips of one training"


def panels_of(networks: Networks) -> list[Panel]:
    """Every preset and compensation, in the order of the runs."""
    return list(dict.fromkeys((c[0], c[2]) for _, result in networks for c in result.correct))


def chip_sheets(networks: Networks) -> list[Table]:
    """Networks and BatchNorm down, times across: a table a preset and compensation.

    What was trained from several seeds has a second one, over trainings.
    """
    found = []
    for panel in panels_of(networks):
        found.append(_sheet(networks, panel))
        if trained := _trained(networks, panel):
            found.append(trained)
    return found


def _sheet(networks: Networks, panel: Panel) -> Table:
    times = _times(networks, panel)
    rows, shown = [], []
    for entry, result in networks:
        on_tiles = "-" if result.coverage is None else f"{100 * result.coverage:.1f}"
        for bn in treatments(result, panel):
            cells = [
                None if one is None else one.mean() for one in over_time(result, panel, bn, times)
            ]
            shown += cells
            digital = f"{100 * result.clean:.2f}"
            rows.append([entry.label, bn, on_tiles, digital, *map(cell, cells)])
    return plain_table(
        caption=f"{panel[0]}, compensation {panel[1]}: accuracy in % {brackets('chips', shown)}; "
        "on tiles: share of the multiply-adds in %",
        head=["network", "BN", "on tiles", "digital", *map(format_duration, times)],
        rows=rows,
        words=2,
    )


def _trained(networks: Networks, panel: Panel) -> Table | None:
    """Accuracy of each arm over its trainings."""
    times = _times(networks, panel)
    arms: dict[tuple[str, Arm, str], list[CrossbarResult]] = {}
    for entry, result in networks:
        if entry.pair is not None and entry.arm is not None:
            for bn in treatments(result, panel):
                arms.setdefault((entry.pair, entry.arm, bn), []).append(result)
    rows, shown = [], []
    for (pair, arm, bn), results in arms.items():
        if len(results) > 1:
            seeds = [over_time(result, panel, bn, times) for result in results]
            cells = _means_over(seeds)
            shown += cells
            name = f"{pair}, {arm}, {len(results)} trainings"
            rows.append([name, bn, *map(cell, cells)])
    if not rows:
        return None
    said = brackets("trainings, each the mean of its chips", shown)
    return plain_table(
        caption=f"{panel[0]}, compensation {panel[1]}: accuracy in % {said}",
        head=["pair", "BN", *map(format_duration, times)],
        rows=rows,
        words=2,
    )


def pair_sheets(networks: Networks) -> list[Table]:
    """With minus without BatchNorm in normalised accuracy, for each treatment of the first.

    A pair that was trained from several seeds has a second table: how another training would
    come out is said by the trainings, not by the chips of one.
    """
    found = []
    every = compared(networks)
    for panel in panels_of(networks):
        here = [one for one in every if one.panel == panel]
        for several in (False, True):
            rows = [one for one in here if (one.n_trainings > 1) == several]
            if rows:
                over = "trainings, each the mean of its chips" if several else (
                    "pairs of chips of one number"
                )  # fmt: skip
                found.append(_pair_sheet(rows, over))
    return found


def _pair_sheet(rows: Sequence[Compared], over: str) -> Table:
    panel, times = rows[0].panel, rows[0].times
    said = brackets(over, (one for row in rows for one in row.cells))
    return plain_table(
        caption=f"{panel[0]}, compensation {panel[1]}: accuracy over digital accuracy, with minus "
        f"without BatchNorm, in points {said}",
        head=["pair", "BN", *map(format_duration, times)],
        rows=[[row.name, row.bn, *(cell(one, signed=True) for one in row.cells)] for row in rows],
        words=2,
    )


def compared(networks: Networks) -> list[Compared]:
    """Every pair of networks, then every pair of trainings, by panel and treatment."""
    found: list[Compared] = []
    for panel in panels_of(networks):
        times = _times(networks, panel)
        several: dict[tuple[str, str, str], list[list[Units | None]]] = {}
        n_images: dict[str, int] = {}
        for a, b in _arms(networks):
            for bn, other in _both(a[1], b[1], panel):
                left = over_time(a[1], panel, bn, times, normalised=True)
                right = over_time(b[1], panel, other, times, normalised=True)
                cells = [less(x, y) for x, y in zip(left, right, strict=True)]
                found.append(
                    Compared(
                        name=f"{a[0].label} - {b[0].label}",
                        panel=panel,
                        bn=bn,
                        times=tuple(times),
                        cells=tuple(None if one is None else one.mean() for one in cells),
                        n_trainings=1,
                        n_images=a[1].n_images,
                    )
                )
                n_images[str(a[0].pair)] = a[1].n_images
                several.setdefault((str(a[0].pair), bn, other), []).append(cells)
        found += [
            Compared(
                name=f"{name}, {len(seeds)} trainings",
                panel=panel,
                bn=bn,
                times=tuple(times),
                cells=tuple(_means_over(seeds)),
                n_trainings=len(seeds),
                n_images=n_images[name],
            )
            for (name, bn, _), seeds in several.items()
            if len(seeds) > 1
        ]
    return found


def less(a: Units | None, b: Units | None) -> Units | None:
    """Unit by unit; None where one is missing, or nothing is common."""
    if a is None or b is None:
        return None
    found = a.less(b)
    return found if found.values else None


def _means_over(seeds: Sequence[Sequence[Units | None]]) -> Cells:
    """Of each time, the mean over trainings; None where one lacks it."""
    found: Cells = []
    for column in zip(*seeds, strict=True):
        known = [one for one in column if one is not None]
        found.append(trainings(known).mean() if len(known) == len(column) else None)
    return found


def chip_lines(networks: Networks) -> dict[str, list[Line]]:
    """The figure's panels."""
    panels: dict[str, list[Line]] = {}
    for panel in panels_of(networks):
        lines = panels.setdefault(f"{panel[0]}, compensation {panel[1]}", [])
        for entry, result in networks:
            for bn in treatments(result, panel):
                times = sorted(
                    c[3] for c in result.correct if (c[0], c[1], c[2]) == (panel[0], bn, panel[1])
                )
                found = [(t_s, result.accuracy((panel[0], bn, panel[1], t_s))) for t_s in times]
                lines.append(line(f"{entry.label}, BN {bn}", found))
    return panels


def over_time(
    result: CrossbarResult,
    panel: Panel,
    bn: str,
    times: Sequence[float],
    *,
    normalised: bool = False,
) -> list[Units | None]:
    """One a time, None where there is none; accuracy, or that over the digital accuracy."""
    cells = [(panel[0], bn, panel[1], t_s) for t_s in times]
    of = result.normalised if normalised else result.units
    return [of(cell) if cell in result.correct else None for cell in cells]


def _times(networks: Networks, panel: Panel) -> list[float]:
    return sorted({c[3] for _, result in networks for c in result.correct if (c[0], c[2]) == panel})


def treatments(result: CrossbarResult, panel: Panel) -> list[str]:
    """Of BatchNorm, in the order of the run."""
    return list(dict.fromkeys(c[1] for c in result.correct if (c[0], c[2]) == panel))


def _both(a: CrossbarResult, b: CrossbarResult, panel: Panel) -> Iterator[tuple[str, str]]:
    for bn in treatments(a, panel):
        for other in treatments(b, panel):
            yield bn, other


def _arms(networks: Networks) -> list[tuple[Network, Network]]:
    return [
        (a, b)
        for a in networks
        for b in networks
        if a[0].pair is not None
        and (a[0].pair, a[0].training_seed) == (b[0].pair, b[0].training_seed)
        and (a[0].arm, b[0].arm) == ("with", "without")
    ]
