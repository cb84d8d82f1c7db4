"""Faulty cells and lines, drawn or from a map, and what is done about them before programming.

Stuck-at faults: C.-Y. Chen et al., "RRAM Defect Modeling and Failure Analysis Based on March Test
and a Novel Squeeze-Search Scheme", IEEE Trans. Computers 64(1):180-190 (2015), doi
10.1109/TC.2014.12. Clusters: the gamma-mixed rate, hence negative binomial counts, of C. H.
Stapper, "Defect density distribution for LSI yield calculations", IEEE Trans. Electron Devices
20(7):655-657 (1973). Columns assigned to places by their faults, and weights split over a pair by
its faults: "decomposition-aware column re-mapping", IEEE Xplore document 10360972 (2023).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from device_models.effects.checks import refuse
from device_models.effects.contract import Acts, Cells, Draws, EffectInfo, Moment
from device_models.effects.fault_map import FaultMap, cells_of, parse_map
from device_models.effects.faulty_cells import faulty_cells
from device_models.effects.faulty_pairs import FaultyPairs, Remap
from device_models.effects.own_file import read_file
from device_models.errors import DeviceError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from device_models.effects.layout import Layout

_RATES = ("on", "off", "open")


@dataclass(frozen=True, kw_only=True)
class Faults:
    """g' = g_on for a share `on` of cells, g_off for `off`, 0 for `open`, else g; units of g_max.

    Which cells are faulty is nested in the rates: at higher ones those of before still are, in the
    same state while the mix of states is the same. An open cell, whose access device or contact is
    broken, conducts nothing; one that is stuck off conducts `g_off`. With wires both still load
    their lines differently. A share `rows` of input lines and `columns` of output lines (each cell
    of a pair has its own) is dead: their cells conduct nothing.

    `clusters` c multiplies the rates of cells in each region by a gamma variable of mean 1 and
    variance c, 1/c being the clustering parameter of yield models: counts are negative binomial.
    A region is `region` lines on a side, or, at 0, the array; where its rate would be above 1, all
    of its cells are faulty. `map` names a file of faults of one chip (array, row, column, cell,
    state), which every chip then has beside those that are drawn; `digest` is that of the file,
    filled in by itself.

    Who programs may know the faults, from a test that finds each faulty cell and its conductance.
    `pairs` programs the healthy cell of a pair so that the weight is right, exact where that is in
    reach. `remap` lets the lines of an array lie in any order, columns, rows, or both, at the least
    sum of squared errors of its weights, so that none is ever worse than the given order; `spare`
    adds so many columns to each array for it. Programming noise comes on top. Where cells stand
    alone, lines are assigned by what each cell is to hold, and a map calls it `plus`, or `*`.

    Wires see the lines where they lie, and the spares that are left over with their faults.

    NOT modelled: cells that fail with age or wear, shorts between lines, tests that miss faults,
    what wiring another order costs. Stuck cells do not drift while healthy ones do, so that a pair
    which was right after programming is not for ever. Holds for any rates that add up to at most 1.
    """

    info: ClassVar[EffectInfo] = EffectInfo(
        name="faults",
        title="Faulty cells and lines, and programming that knows of them",
        models="Cells stuck on, stuck off and open, dead lines, clusters, a map; the same for the "
        "chip's whole life: they neither drift nor have read noise. Where asked, weights are "
        "programmed and laid out by a test that found every fault.",
        not_modelled="Failure with age or wear, shorts between lines, tests that miss faults, the "
        "cost of another order of lines.",
        law="g' = g_on with probability on, g_off with off, 0 with open, else g; each cell of a "
        "pair by itself",
        citation="C.-Y. Chen et al., IEEE Trans. Computers 64(1):180-190 (2015); clusters: C. H. "
        "Stapper, IEEE Trans. Electron Devices 20(7):655-657 (1973)",
        domain="rates that add up to at most 1",
    )
    moment: ClassVar[Moment] = "target"

    on: float = 0.0
    """Share of cells that conduct `g_on`."""
    off: float = 0.0
    """Share of cells that conduct `g_off`."""
    open: float = 0.0
    """Share of cells that are not connected."""
    g_on: float = 1.0
    """Conductance of a cell that is stuck on, in units of g_max."""
    g_off: float = 0.0
    """Conductance of a cell that is stuck off, in units of g_max."""
    rows: float = 0.0
    """Share of dead input lines."""
    columns: float = 0.0
    """Share of dead output lines."""
    clusters: float = 0.0
    """Variance of a region's rate over its mean squared; 0 is none."""
    region: int = 0
    """Lines on a side of a region; 0 is the whole array."""
    map: str = ""
    """A CSV or npz file of faults."""
    digest: str = ""
    """The first 16 digits of the sha256 of `map`."""
    pairs: bool = False
    """Whether healthy cells of pairs make up for faulty ones."""
    remap: Remap = "none"
    """Which lines may lie elsewhere."""
    spare: int = 0
    """Columns of an array beyond those in use."""

    def __post_init__(self) -> None:
        shares = (*_RATES, "g_on", "g_off", "rows", "columns")
        given = {name: getattr(self, name) for name in shares}
        total = self.on + self.off + self.open
        refuse(
            self.info.name,
            *((name, "in [0, 1]", value, 0 <= value <= 1) for name, value in given.items()),
            ("on + off + open", "at most 1", total, not total > 1),
            ("clusters", "finite and >= 0", self.clusters, self.clusters >= 0),
            *(
                (name, "a whole number >= 0", value, value >= 0 and value % 1 == 0)
                for name, value in (("region", self.region), ("spare", self.spare))
            ),
        )
        if self.spare and self.remap not in ("columns", "both"):
            raise DeviceError(
                f"effect 'faults' remap must be columns or both with spare columns, got "
                f"{self.remap!r} and {self.spare} of them; add remap=columns"
            )
        found: FaultMap = {}
        digest = ""
        if self.map:
            content, digest = read_file(self.map, self.digest, "effect 'faults' map")
            found = parse_map(content, self.map)
        object.__setattr__(self, "digest", digest)
        # No option: workers elsewhere take it along.
        object.__setattr__(self, "_map", found)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user is told of a run."""
        known = self.pairs or self.remap != "none"
        return (
            (
                "Faults: whoever programs knows every faulty cell and its conductance, as a test "
                "of the chip finds them.",
            )
            if known
            else ()
        )

    @property
    def only_pairs(self) -> tuple[str, ...]:
        """What knows only pairs: that one cell makes up for the other."""
        return ("pairs",) if self.pairs else ()

    @property
    def arrays(self) -> tuple[str, ...]:
        """The arrays that the map names."""
        return tuple(self._faults)

    @property
    def _faults(self) -> FaultMap:
        found: FaultMap = vars(self)["_map"]
        return found

    def settle(self, target: Tensor, draws: Draws) -> tuple[Tensor, Acts]:
        """What is programmed, (out, in), and the faults at the weights that meet them."""
        return self._settled(target, draws, alone=False)

    def settle_cells(self, target: Tensor, draws: Draws) -> tuple[Tensor, Acts]:
        """As `settle`, for cells that stand alone: the other one of a pair is nowhere."""
        return self._settled(target, draws, alone=True)

    def _settled(self, target: Tensor, draws: Draws, *, alone: bool) -> tuple[Tensor, Acts]:
        outputs, inputs = target.shape
        shape = (outputs + self.spare, inputs)
        places, values = self._cells(shape, draws, alone=alone)
        if alone:
            first = int(places.searchsorted(shape[0] * inputs))
            places, values = places[:first], values[:first]
        known = self.pairs or self.remap != "none"
        if not known or not (len(places) or self.spare):
            return target, FaultyArray.of(places, values, outputs * inputs)
        wanted = target.numpy().astype("float64")
        pairs = FaultyPairs.of(places, values, shape, aware=self.pairs)
        pairs, layout = pairs.remapped(wanted, shape[0], self.remap)
        at = pairs.column, pairs.row
        target = target.clone()
        target.numpy()[at] = pairs.programmed(wanted[at])
        found = FaultyArray.of(*pairs.cells(target.shape), outputs * inputs)
        return target, found if self.remap == "none" else replace(found, layout=layout)

    def apply(self, cells: Cells, draws: Draws) -> Cells:
        """Return the cells with the faulty ones in their states, as whoever knows of none gets."""
        _, here = self._settled(cells.weights, draws, alone=cells.alone)
        return here.apply(cells, draws)

    def _cells(
        self, shape: tuple[int, int], draws: Draws, *, alone: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Flat places in (2, columns, rows), each once, and conductances."""
        import numpy as np

        places, values = [np.empty(0, np.int64)], [np.empty(0)]
        if total := self.on + self.off + self.open:
            local = self._local(shape, draws)
            most = total if local is None else min(total * float(local.max()), 1.0)
            found = faulty_cells(2 * shape[0] * shape[1], most, draws)
            if local is not None:
                there = local.reshape(-1)[found.places % local.size]
                found = found.of(found.u < total * there)
            mix = found.mix * total
            places.append(found.places)
            stuck = np.where(mix < self.on + self.off, self.g_off, 0.0)
            values.append(np.where(mix < self.on, self.g_on, stuck))
        if self.rows or self.columns:
            dead = np.zeros((2, *shape), bool)
            dead[:, :, _lines(self.rows, shape[1], "rows", draws)] = True
            dead[_lines(self.columns, 2 * shape[0], "columns", draws).reshape(2, -1)] = True
            places.append(np.flatnonzero(dead))
            values.append(np.zeros(len(places[-1])))
        if self._faults and (here := self._faults.get(draws.array)):
            states = {"on": self.g_on, "off": self.g_off, "open": 0.0}
            of_map = cells_of(here, shape, states, draws.array, alone=alone)
            places.append(of_map[0])
            values.append(of_map[1])
        if not (self.rows or self.columns or self._faults):
            return places[-1], values[-1]
        # The last one of several that name a cell.
        every, first = np.unique(np.concatenate(places)[::-1], return_index=True)
        return every, np.concatenate(values)[::-1][first]

    def _local(self, shape: tuple[int, int], draws: Draws) -> NDArray[np.float64] | None:
        """(columns, rows): what multiplies the rates of cells there; None without clusters."""
        if not self.clusters:
            return None
        import numpy as np
        import torch
        from scipy.special import gammaincinv

        side = [self.region or size for size in shape]
        number = [-(-size // lines) for size, lines in zip(shape, side, strict=True)]
        u = torch.rand(*number, generator=draws.generator("regions"), dtype=torch.float64).numpy()
        factor = np.asarray(gammaincinv(1 / self.clusters, u), np.float64) * self.clusters
        across = factor.repeat(side[0], 0).repeat(side[1], 1)
        return across[: shape[0], : shape[1]]


@dataclass(frozen=True, kw_only=True)
class FaultyArray:
    """The faults of one tile of one chip: flat places in (out, in) and conductances, for each cell
    of the pairs; and where the lines lie, if elsewhere.
    """

    places: tuple[NDArray[np.int64], NDArray[np.int64]]
    values: tuple[NDArray[np.float64], NDArray[np.float64]]
    layout: Layout | None = None

    @classmethod
    def of(cls, places: NDArray[np.int64], values: NDArray[np.float64], n: int) -> FaultyArray:
        """Of flat places in (2, n), in their order: the plus cells first."""
        first = int(places.searchsorted(n))
        return cls(
            places=(places[:first], places[first:] - n), values=(values[:first], values[first:])
        )

    def apply(self, cells: Cells, draws: Draws) -> Cells:
        """Return the cells with the faulty ones in their states."""
        found = []
        for g, at, values in zip(
            (cells.g_plus, cells.g_minus), self.places, self.values, strict=True
        ):
            held = g
            if len(at):
                held = g.contiguous().clone()
                held.view(-1).numpy()[at] = values
            found.append(held)
        return Cells(g_plus=found[0], g_minus=found[1], layout=self.layout)


def _lines(rate: float, count: int, what: str, draws: Draws) -> NDArray[np.bool_]:
    """Which of `count` lines are dead; nested in the rate."""
    import torch

    u = torch.rand(count, generator=draws.generator(what), dtype=torch.float64)
    found: NDArray[np.bool_] = (u < rate).numpy()
    return found
