"""Write-verify: pulses until what is read of a cell lies in an acceptance range.

The loop of W. Wan et al., "A compute-in-memory chip based on resistive random-access memory",
Nature 608:504-512 (2022), doi 10.1038/s41586-022-04992-8, Extended Data Fig. 3: pulse, read, and
stop in the range around the target.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from device_models.effects.checks import refuse
from device_models.effects.contract import Cells, Draws, EffectInfo, Moment

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class WriteVerify:
    """g' = max(g + e, 0), where what was read, e + read noise, lies in +-`accept`; g_max units.

    Each pulse leaves a cell N(0, `spread`^2) from its target, independently of the pulse before;
    it is read `reads` times with `read_noise` each, and the mean decides. At `spread` 0 pulses are
    coarse: e is uniform in the range, plus the noise of the reading. Cells at 0 (idle ones) are
    reset and not verified. The mean number of pulses, 1 / P(accepted), is in the run's notes.

    It is the error of programming by itself: take a device whose law has none, `ideal` or one with
    its programming noise switched off; otherwise it comes on top.

    NOT modelled: pulses that build on the one before, a largest number of pulses, and relaxation
    afterwards, which is the device's. Holds for ranges that are small against g_max.
    """

    info: ClassVar[EffectInfo] = EffectInfo(
        name="write_verify",
        title="Programming by pulses until a reading is accepted",
        models="The error that an acceptance range and the noise of verifying reads leave, and the "
        "number of pulses that it takes.",
        not_modelled="Pulses that build on the one before, a largest number of them, relaxation "
        "afterwards.",
        law="g' = max(g + e, 0), e normal (or, at spread 0, flat), given that e + n lies in "
        "[-accept, accept], n normal with read_noise / sqrt(reads)",
        citation="W. Wan et al., Nature 608:504 (2022), Extended Data Fig. 3 (the loop; no number)",
        domain="ranges that are small against g_max",
    )
    moment: ClassVar[Moment] = "programmed"

    accept: float = 0.0
    """Half of the acceptance range, in units of g_max."""
    spread: float = 0.0
    """Standard deviation of what a pulse leaves, in units of g_max; 0 is coarse pulses."""
    read_noise: float = 0.0
    """Standard deviation of one reading, in units of g_max."""
    reads: int = 1
    """Readings that are averaged before it is decided."""

    def __post_init__(self) -> None:
        sizes = {name: getattr(self, name) for name in ("accept", "spread", "read_noise")}
        whole = self.reads >= 1 and self.reads % 1 == 0
        refuse(
            self.info.name,
            *((name, "finite and >= 0", value, value >= 0) for name, value in sizes.items()),
            ("reads", "a whole number >= 1", self.reads, whole),
        )
        wanted = self.accept > 0 or not (self.spread or self.read_noise)
        refuse(self.info.name, ("accept", "above 0 with spread or noise", self.accept, wanted))

    @property
    def pulses(self) -> float | None:
        """Mean number of pulses a cell; None where pulses are coarse."""
        if not self.spread:
            return None
        wide = math.hypot(self.spread, self.read_noise / math.sqrt(self.reads))
        return 1 / math.erf(self.accept / (wide * math.sqrt(2)))

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user is told of a run."""
        if self.pulses is None:
            return ()
        reads = "one reading" if self.reads == 1 else f"{self.reads} readings"
        return (f"Write-verify: {self.pulses:.3g} pulses a cell on average, {reads} each.",)

    def apply(self, cells: Cells, draws: Draws) -> Cells:
        """Return the cells as they were accepted."""
        if not self.accept:
            return cells
        return Cells(
            g_plus=self._written(cells.g_plus, draws, "plus"),
            g_minus=self._written(cells.g_minus, draws, "minus"),
        )

    def _written(self, g: Tensor, draws: Draws, what: str) -> Tensor:
        import torch

        noise = self.read_noise / math.sqrt(self.reads)
        generator = draws.generator(what)
        read = torch.rand(g.shape, generator=generator, dtype=torch.float64) * 2 - 1
        share, left = 1.0, noise
        if self.spread:
            # What is read is a normal in the range, by its inverse; what was written, given that,
            # another one (of two independent normals and their sum).
            wide = math.hypot(self.spread, noise)
            # Below 1, whose inverse is infinite.
            reached = min(math.erf(self.accept / (wide * math.sqrt(2))), 1 - 2**-52)
            read = torch.erfinv(read * reached) * (wide * math.sqrt(2))
            share, left = (self.spread / wide) ** 2, self.spread * noise / wide
        else:
            read *= self.accept
        z = torch.empty(g.shape, dtype=torch.float64).normal_(generator=generator)
        written = (g + share * read + left * z).clamp(min=0).to(g.dtype)
        return written.where(g > 0, g)
