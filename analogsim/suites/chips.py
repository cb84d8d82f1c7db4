"""Accuracy over time of every network and treatment of BatchNorm, and with against without."""

from collections.abc import Sequence

from analogsim.experiment.statistics import Interval, interval
from analogsim.report.labels import format_duration
from analogsim.scopes.plot import Line
from analogsim.scopes.sheet import Sheet, cell
from analogsim.suites.crossbar import CrossbarResult
from analogsim.suites.entry import Entry

Networks = Sequence[tuple[Entry, CrossbarResult]]
Panel = tuple[str, str]
"""Preset and compensation."""


def panels_of(networks: Networks) -> list[Panel]:
    """Every preset and compensation, in the order of the runs."""
    return list(dict.fromkeys((c[0], c[2]) for _, result in networks for c in result.correct))


def chip_sheets(networks: Networks) -> list[Sheet]:
    """One table a preset and compensation: networks and BatchNorm down, times across."""
    return [_sheet(networks, panel) for panel in panels_of(networks)]


def _sheet(networks: Networks, panel: Panel) -> Sheet:
    times = _times(networks, panel)
    rows = []
    for entry, result in networks:
        for bn in _treatments(result, panel):
            cells = [
                result.accuracy(key) if (key := (panel[0], bn, panel[1], t_s)) in result.correct
                else None
                for t_s in times
            ]  # fmt: skip
            rows.append([entry.label, bn, f"{100 * result.clean:.2f}", *map(cell, cells)])
    return Sheet(
        caption=f"{panel[0]}, compensation {panel[1]}: accuracy in %, +- : 95 % interval over "
        "chips",
        head=["network", "BN", "digital", *map(format_duration, times)],
        rows=rows,
        words=2,
    )


def pair_sheets(networks: Networks) -> list[Sheet]:
    """With minus without BatchNorm in normalised accuracy, for each treatment of the first.

    A pair that was trained from several seeds has a second table: how another training would
    come out is said by the trainings, not by the chips of one.
    """
    found = []
    for panel in panels_of(networks):
        times = _times(networks, panel)
        rows = []
        several: dict[tuple[str, str, str], list[list[Interval | None]]] = {}
        for a, b in _arms(networks):
            for bn in _treatments(a[1], panel):
                for other in _treatments(b[1], panel):
                    left = [(panel[0], bn, panel[1], t_s) for t_s in times]
                    right = [(panel[0], other, panel[1], t_s) for t_s in times]
                    cells = [_between(a[1], b[1], x, y) for x, y in zip(left, right, strict=True)]
                    name = f"{a[0].label} - {b[0].label}"
                    rows.append([name, bn, *(cell(one, signed=True) for one in cells)])
                    several.setdefault((str(a[0].pair), bn, other), []).append(cells)
        if rows:
            found.append(_pair_sheet(panel, times, rows, over="pairs of chips of one number"))
        trained = [
            [
                f"{name}, {len(seeds)} seeds",
                bn,
                *(cell(_over(column), signed=True) for column in zip(*seeds, strict=True)),
            ]
            for (name, bn, _), seeds in several.items()
            if len(seeds) > 1
        ]
        if trained:
            over = "training seeds, each the mean of its chips"
            found.append(_pair_sheet(panel, times, trained, over=over))
    return found


def _pair_sheet(
    panel: Panel, times: Sequence[float], rows: Sequence[Sequence[str]], *, over: str
) -> Sheet:
    return Sheet(
        caption=f"{panel[0]}, compensation {panel[1]}: accuracy over digital accuracy, with minus "
        f"without BatchNorm, in points, +- : 95 % interval over {over}",
        head=["pair", "BN", *map(format_duration, times)],
        rows=rows,
        words=2,
    )


def _over(seeds: Sequence[Interval | None]) -> Interval | None:
    means = [one.mean for one in seeds if one is not None]
    return interval(means) if len(means) == len(seeds) else None


def chip_lines(networks: Networks) -> dict[str, list[Line]]:
    """The figure's panels."""
    panels: dict[str, list[Line]] = {}
    for panel in panels_of(networks):
        lines = panels.setdefault(f"{panel[0]}, compensation {panel[1]}", [])
        for entry, result in networks:
            for bn in _treatments(result, panel):
                times = sorted(
                    c[3] for c in result.correct if (c[0], c[1], c[2]) == (panel[0], bn, panel[1])
                )
                found = [result.accuracy((panel[0], bn, panel[1], t_s)) for t_s in times]
                bounds = [
                    None if one.low is None or one.high is None else (one.low, one.high)
                    for one in found
                ]
                # Time 0 has no place on a log axis.
                xs = [max(t_s, 0.1) for t_s in times]
                lines.append((f"{entry.label}, BN {bn}", xs, [one.mean for one in found], bounds))
    return panels


def _times(networks: Networks, panel: Panel) -> list[float]:
    return sorted({c[3] for _, result in networks for c in result.correct if (c[0], c[2]) == panel})


def _treatments(result: CrossbarResult, panel: Panel) -> list[str]:
    return list(dict.fromkeys(c[1] for c in result.correct if (c[0], c[2]) == panel))


def _arms(
    networks: Networks,
) -> list[tuple[tuple[Entry, CrossbarResult], tuple[Entry, CrossbarResult]]]:
    return [
        (a, b)
        for a in networks
        for b in networks
        if a[0].pair is not None
        and (a[0].pair, a[0].training_seed) == (b[0].pair, b[0].training_seed)
        and (a[0].arm, b[0].arm) == ("with", "without")
    ]


def _between(
    a: CrossbarResult,
    b: CrossbarResult,
    left: tuple[str, str, str, float],
    right: tuple[str, str, str, float],
) -> Interval | None:
    if left not in a.correct or right not in b.correct:
        return None
    x, y = a.normalised(left), b.normalised(right)
    chips = sorted(x.keys() & y.keys())
    return interval([x[chip] - y[chip] for chip in chips]) if chips else None
