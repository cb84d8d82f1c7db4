"""What a study measures, as records and reports name it: its name, its unit, and which way is up.

Without torch: a report names what was measured and computes none of it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, TypedDict

from analogsim import schema
from analogsim.errors import InputError, shown

Better = Literal["higher", "lower"]
PER_CENT = "%"
_LONGEST = 60


class QuantityEntry(TypedDict):
    """A quantity as JSON; `least` and `most` are null where a mean has no bound."""

    name: str
    unit: str
    better: Better
    least: float | None
    most: float | None


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A value for each sample, of which a study takes means.

    Attributes:
        name: in the field's words, such as `accuracy` or `cross-entropy`.
        unit: that of its values; `%` where they are fractions, to be shown in per cent.
        better: which values are better.
        least, most: bounds of a mean; intervals end there. None is no bound.

    Raises InputError for a name or unit that does not fit into a line, another `better`, or bounds
    that leave nothing between them.
    """

    KEY: ClassVar[str] = "measure"

    name: str
    unit: str = ""
    better: Better = "higher"
    least: float | None = None
    most: float | None = None

    def __post_init__(self) -> None:
        for what, text in (("name", self.name), ("unit", self.unit)):
            good = isinstance(text, str) and len(text) <= _LONGEST and (text or what == "unit")
            if not good or not (text.isprintable() and text == text.strip()):
                raise InputError(
                    f"measure {what} must be words of one line, at most {_LONGEST} letters, got "
                    f"{shown(text)}; give another"
                )
        if self.better not in ("higher", "lower"):
            raise InputError(
                f"measure {self.name} better must be 'higher' or 'lower', got "
                f"{shown(self.better)}; say which values are better"
            )
        low, high = self.span
        if not low < high or math.inf in (low, -high):
            raise InputError(
                f"measure {self.name} least and most must be bounds of its mean, got {self.least} "
                f"and {self.most}; leave out the one that there is not"
            )

    @classmethod
    def of(cls, entry: Mapping[str, Any] | None) -> "Quantity":
        """That of a header's spec or a summary; without an entry it is the accuracy.

        Raises InputError for an entry that is none.
        """
        if entry is None:
            return ACCURACY
        found = list(schema.problems(entry, QuantityEntry, "measure"))
        if found:
            raise InputError(f"{'; '.join(found)}; restore the file")
        return Quantity(**entry)

    def entry(self) -> QuantityEntry:
        """As JSON."""
        found = {one.name: getattr(self, one.name) for one in fields(Quantity)}
        return found  # type: ignore[return-value]  # the fields are those of the entry

    @property
    def span(self) -> tuple[float, float]:
        """The bounds of a mean."""
        low = -math.inf if self.least is None else self.least
        return low, math.inf if self.most is None else self.most

    @property
    def has_bounds(self) -> bool:
        """Whether a mean is bounded on both sides."""
        return self.least is not None and self.most is not None

    @property
    def differences(self) -> tuple[float, float]:
        """The bounds of a difference of two means."""
        low, high = self.span
        return low - high, high - low

    @property
    def is_share(self) -> bool:
        """Whether it is a fraction, of which a part or a percentage point is asked."""
        return self.unit == PER_CENT

    @property
    def sign(self) -> int:
        """1 where higher is better, else -1."""
        return 1 if self.better == "higher" else -1

    @property
    def scale(self) -> int:
        """By what values are multiplied to be shown in the unit."""
        return 100 if self.is_share else 1

    @property
    def title(self) -> str:
        """The name as a heading begins."""
        return self.name[0].upper() + self.name[1:]

    @property
    def in_unit(self) -> str:
        """A heading with its unit: `Accuracy in %`."""
        return f"{self.title} in {self.unit}" if self.unit else self.title

    @property
    def axis(self) -> str:
        """The name of an axis: `accuracy (%)`."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def change_unit(self) -> str:
        """That of differences, in the plural: percentage points of a share."""
        return "points" if self.is_share else self.unit

    @property
    def long_change(self) -> str:
        """The unit of differences in a sentence."""
        return "percentage points" if self.is_share else self.unit or "its own unit"

    @property
    def loss(self) -> str:
        """What getting worse is called; of an error it is a rise."""
        return f"{'loss' if self.sign > 0 else 'rise'} of {self.name}"

    @property
    def change_of(self) -> str:
        """Differences in words: `points of accuracy`."""
        return f"{self.change_unit} of {self.name}" if self.change_unit else self.name

    def gains(self, *, several: bool = False) -> str:
        """What somebody, or several, do who make it better."""
        verb = "gain" if self.sign > 0 else "lower"
        return f"{verb}{'' if several else 's'} {self.name}"

    def text(self, value: float) -> str:
        """A value in its unit, without it: two decimals of per cent, else four digits."""
        if self.is_share:
            return f"{100 * value:.2f}"
        return f"{value:.4g}"

    def with_unit(self, value: float) -> str:
        """A value and its unit."""
        return f"{self.text(value)} {self.unit}".rstrip()

    def change(self, difference: float) -> str:
        """A difference of values, signed."""
        text = f"{100 * difference:+.2f}" if self.is_share else f"{difference:+.3g}"
        return text[1:] if float(text) == 0 else text

    def with_change(self, difference: float) -> str:
        """A difference and its unit."""
        return f"{self.change(difference)} {self.change_unit}".rstrip()


ACCURACY = Quantity(name="accuracy", unit=PER_CENT, least=0.0, most=1.0)
"""The share of images whose largest output is the right class; every study's without another."""
