"""What a caller in Python holds in memory, in place of what a spec names."""

from dataclasses import dataclass

from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.inputs.data import Data
from analogsim.inputs.measure import Measure
from analogsim.inputs.memory import structure_fingerprints
from analogsim.inputs.models import Model


@dataclass(frozen=True, kw_only=True)
class Given:
    """What is given; the rest is loaded by its name.

    `train` is for input ranges and BatchNorm's statistics; `data` serves where it is not given.
    """

    model: Model | None = None
    data: Data | None = None
    train: Data | None = None
    periphery: Periphery | None = None
    measure: Measure | None = None

    def fingerprints(self) -> dict[str, str]:
        """Of what weights and images do not say, each under what it is."""
        return {} if self.model is None else structure_fingerprints(self.model.module)


NOTHING = Given()
