"""What a change of a network has gained on chips: each network less the one it is held against.

The unit is the pair of chips of one number, which have the same draws. The network that others are
held against is taken with its first treatment of BatchNorm; its other treatments are a gain, too.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from analogsim.experiment.statistics import Interval
from analogsim.report.cells import Table, plain_table
from analogsim.report.labels import format_duration
from analogsim.scopes.sheet import brackets, cell
from analogsim.suites.bounds import by_chance, images_said, sign
from analogsim.suites.chips import Network, Networks, Panel, less, over_time, panels_of, treatments


@dataclass(frozen=True, kw_only=True)
class Gain:
    """A network and treatment less that of `base`, in accuracy, over time.

    Attributes:
        name, bn: of the network and its BatchNorm.
        base, base_bn: of what it is held against.
        clean: digital accuracies of both, its own first.
        base_cells: accuracy of what it is held against.
        cells: the differences; None where there is none.
    """

    name: str
    bn: str
    base: str
    base_bn: str
    panel: Panel
    times: tuple[float, ...]
    clean: tuple[float, float]
    base_cells: tuple[Interval | None, ...]
    cells: tuple[Interval | None, ...]
    n_images: int


def gains(networks: Networks) -> list[Gain]:
    """Of every panel, in the order of the suite; none where no network is held against another."""
    by_label = {entry.label: (entry, result) for entry, result in networks}
    bases = dict.fromkeys(entry.against for entry, _ in networks if entry.against)
    return [
        gain
        for panel in panels_of(networks)
        for base in bases
        for gain in _of(panel, by_label[base], networks)
    ]


def _of(panel: Panel, base: Network, networks: Networks) -> Iterator[Gain]:
    entry, result = base
    times = sorted({c[3] for c in result.correct if (c[0], c[2]) == panel})
    first, *_ = treatments(result, panel)
    start = over_time(result, panel, first, times)
    for other, own in networks:
        if other is not entry and other.against != entry.label:
            continue
        for bn in treatments(own, panel):
            if other is entry and bn == first:
                continue
            found = [
                less(a, b) for a, b in zip(over_time(own, panel, bn, times), start, strict=True)
            ]
            yield Gain(
                name=other.label,
                bn=bn,
                base=entry.label,
                base_bn=first,
                panel=panel,
                times=tuple(times),
                clean=(own.clean, result.clean),
                base_cells=tuple(None if one is None else one.mean() for one in start),
                cells=tuple(None if one is None else one.mean() for one in found),
                n_images=own.n_images,
            )


def gain_sheets(networks: Networks) -> list[Table]:
    """A table a panel and base."""
    return [_sheet(rows) for rows in _groups(networks)]


def _groups(networks: Networks) -> Iterable[list[Gain]]:
    groups: dict[tuple[Panel, str], list[Gain]] = {}
    for gain in gains(networks):
        groups.setdefault((gain.panel, gain.base), []).append(gain)
    return groups.values()


def _sheet(rows: Sequence[Gain]) -> Table:
    one = rows[0]
    said = brackets("pairs of chips of one number", (c for row in rows for c in row.cells))
    return plain_table(
        caption=f"{one.panel[0]}, compensation {one.panel[1]}: accuracy less that of {one.base} "
        f"with BN {one.base_bn}, in points {said}",
        head=["network", "BN", "digital", *map(format_duration, one.times)],
        rows=[
            [
                row.name,
                row.bn,
                f"{100 * (row.clean[0] - row.clean[1]):+.2f}",
                *(cell(c, signed=True) for c in row.cells),
            ]
            for row in rows
        ],
        words=2,
    )


def gain_sentences(networks: Networks) -> list[str]:
    """What each change has gained at the last time, in words, by rule."""
    return [_sentence(rows) for rows in _groups(networks)]


def _sentence(rows: Sequence[Gain]) -> str:
    first = rows[0]
    said = [f"{_called(row)} {_verdict(row)}" for row in rows if row.cells[-1] is not None]
    means = [one for row in rows for one in row.cells if one is not None]
    return (
        f"After {format_duration(first.times[-1])} on {first.panel[0]}, compensation "
        f"{first.panel[1]}, {first.base} with BN {first.base_bn} keeps "
        f"{cell(first.base_cells[-1])} % (digital {100 * first.clean[1]:.2f} %); "
        f"{'; '.join(said)}. (Intervals are over pairs of chips of one number and "
        f"{images_said(means, first.n_images)}; {by_chance(means)} at all times.)"
    )


def _called(row: Gain) -> str:
    digital = "" if row.name == row.base else f" (digital {100 * row.clean[0]:.2f} %)"
    return f"{row.name} with BN {row.bn}{digital}"


def _verdict(row: Gain) -> str:
    found = row.cells[-1]
    words = {1: "gains", -1: "loses", 0: "is not told apart from it:"}
    assert found is not None
    return f"{words[sign(found)]} {cell(found, signed=True)} points"
