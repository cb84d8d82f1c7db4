"""What a draw of noise is set against: a mean under noise beside the one without."""

from dataclasses import dataclass
from typing import Self

from analogsim.quantity import PER_CENT, Quantity


@dataclass(frozen=True, kw_only=True)
class Relative(Quantity):
    """A mean relative to the clean network's: its share, or the difference where none makes sense.

    A share is of fractions from 0 on of which more is better (accuracies). Anything else has a
    change, in its own unit or in points. `measured` is what that is of.
    """

    measured: Quantity

    def __post_init__(self) -> None:
        """It is made of what was checked; with a word before it a name may be longer."""

    @classmethod
    def to_clean(cls, quantity: Quantity) -> Self:
        """The one that a quantity has."""
        word = "normalised " if _has_share(quantity) else "change of "
        return cls(name=word + quantity.name, unit=quantity.unit, better=quantity.better,
                   measured=quantity)  # fmt: skip

    @property
    def is_ratio(self) -> bool:
        """Whether it is a share of the clean network's mean."""
        return _has_share(self.measured)

    @property
    def words(self) -> str:
        """The unit of a value, as it is written behind it."""
        return PER_CENT if self.is_ratio else self.change_unit

    @property
    def axis(self) -> str:
        """As that of a quantity."""
        return f"{self.name} ({self.words})" if self.words else self.name

    @property
    def in_unit(self) -> str:
        """As that of a quantity."""
        return f"{self.title} in {self.words}" if self.words else self.title

    def text(self, value: float) -> str:
        """A value without its unit; a change is signed."""
        return super().text(value) if self.is_ratio else self.change(value)

    def with_unit(self, value: float) -> str:
        """A value and its unit."""
        return f"{self.text(value)} {self.words}".rstrip()

    def short(self, value: float) -> str:
        """A value as tables of many have it: one decimal of per cent and points."""
        if not self.is_share:
            return self.text(value)
        return f"{100 * value:.1f}" if self.is_ratio else f"{100 * value:+.1f}"


def _has_share(quantity: Quantity) -> bool:
    return quantity.is_share and quantity.better == "higher" and quantity.least == 0
