"""Which multiply-adds of a network its tiles compute, as counted in a forward pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class DigitalProducts:
    """Products that no tile computes."""

    name: str
    """Of the module that they belong to."""
    macs: int
    """Multiply-adds of the pass."""
    dynamic: bool
    """Whether both factors depend on the input."""
    why: str
    registered: bool = True
    """Whether their weights are parameters or buffers of the network, or made of these."""


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """The multiply-adds of one forward pass, by who computes them.

    Attributes:
        analog: by layer on tiles, those that were called; in the order of the network.
        digital: all others, the largest first.
        bypassed: layers that were not called, but their weights read.
        uncounted: operators of whose products nobody knows how many they are.
        rows: inputs of the pass.
    """

    analog: Mapping[str, int]
    digital: tuple[DigitalProducts, ...]
    bypassed: tuple[str, ...] = ()
    uncounted: tuple[str, ...] = ()
    rows: int = 1

    @property
    def total(self) -> int:
        """All multiply-adds."""
        return sum(self.analog.values()) + sum(one.macs for one in self.digital)

    @property
    def share(self) -> float:
        """Part of the multiply-adds that tiles compute, in [0, 1]."""
        return sum(self.analog.values()) / self.total if self.total else 0.0

    def __str__(self) -> str:
        """For example: 97.1 % of the multiply-adds on tiles; digital: 2.9 % conv1 (depthwise)."""
        groups: dict[str, list[DigitalProducts]] = {}
        for one in self.digital:
            groups.setdefault(one.why, []).append(one)
        parts = [
            f"{_percent(sum(one.macs for one in group), self.total)} {_names(group)} ({why})"
            for why, group in sorted(
                groups.items(), key=lambda item: -sum(one.macs for one in item[1])
            )
        ]
        if len(parts) > _SHOWN:
            parts = [*parts[:_SHOWN], f"{len(parts) - _SHOWN} more reasons"]
        digital = f"; digital: {'; '.join(parts)}" if parts else ""
        on_tiles = _percent(sum(self.analog.values()), self.total)
        more = f"; not counted: {', '.join(self.uncounted)}" if self.uncounted else ""
        return f"{on_tiles} of the multiply-adds on tiles{digital}{more}"

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "share": self.share,
            "analog_macs": sum(self.analog.values()),
            "digital": [
                {"name": one.name, "macs": one.macs, "dynamic": one.dynamic, "why": one.why}
                for one in self.digital
            ],
            "uncounted": list(self.uncounted),
            "text": str(self),
        }


def _percent(part: int, total: int) -> str:
    # Neither all nor nothing by rounding.
    percent = 100 * part / total if total else 0.0
    text = f"{percent:.1f}"
    if part and text == "0.0":
        return "under 0.1 %"
    return "over 99.9 %" if part < total and text == "100.0" else f"{text} %"


def _names(group: Sequence[DigitalProducts]) -> str:
    names = [one.name for one in group[:_SHOWN]]
    more = f" and {len(group) - _SHOWN} more" if len(group) > _SHOWN else ""
    return ", ".join(names) + more
