"""The draws of an effect on one array, as a chip gives them."""

from dataclasses import dataclass

from torch import Generator

from analogsim.draws.addresses import generator_at


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Addresses that differ in a seed alone."""

    seed: int = 0
    array: str = "0/0"

    def generator(self, what: str) -> Generator:
        """A generator of its own for each draw."""
        return generator_at(self.seed, self.array, what)
