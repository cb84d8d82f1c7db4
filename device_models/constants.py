"""Constants of a law that are options of its device: each is declared once, with its domain.

The option's name is the symbol in small letters with its unit: `g_max_us` is g_max in uS. What is
called `device` here is a `contract.Device`, which is made of this.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any

_KEY = "constant"


@dataclass(frozen=True, kw_only=True)
class Constant:
    """One number of a device law, for the reader: the law itself is in the code.

    `option` is the option that sets it; empty where none does.
    """

    symbol: str
    value: float | str
    unit: str
    meaning: str
    source: str
    option: str = ""


@dataclass(frozen=True, kw_only=True)
class _Declared:
    symbol: str
    unit: str
    meaning: str
    source: str
    above: float
    least: float
    most: float


def settable(
    default: float | None,
    symbol: str,
    unit: str,
    meaning: str,
    source: str,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    most: float = math.inf,
) -> Any:
    """A field of a device for a constant of its law.

    Args:
        default: as published; None where another option decides it, or where the law has it only
            if it is set.
        symbol, unit, meaning, source: as `Constant` has them.
        above, least, most: the domain; above is not reached.
    """
    about = _Declared(
        symbol=symbol,
        unit=unit,
        meaning=meaning,
        source=source,
        above=above,
        least=least,
        most=most,
    )
    return field(default=default, metadata={_KEY: about})


def options_of(kind: Any) -> tuple[str, ...]:
    """The options of a device, or of its class, that are constants of its law."""
    return tuple(one.name for one in fields(kind) if _KEY in one.metadata)


def declared(device: Any, usual: Mapping[str, float] | None = None) -> tuple[Constant, ...]:
    """The constants that are options, in their order; `usual` are the values that None stands for.

    One that is None and stands for nothing is left out.
    """
    found = []
    for name, about in _declared(device):
        value = getattr(device, name)
        value = (usual or {}).get(name) if value is None else value
        if value is not None:
            found.append(
                Constant(
                    symbol=about.symbol,
                    value=value,
                    unit=about.unit,
                    meaning=about.meaning,
                    source=about.source,
                    option=name,
                )
            )
    return tuple(found)


def problems_of(device: Any) -> list[str]:
    """What is wrong with each constant by itself."""
    found = []
    for name, about in _declared(device):
        value = getattr(device, name)
        if value is None:
            continue
        # A bool or text would be kept, and written into records.
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if good and math.isfinite(value) and about.above < value and about.least <= value:
            if value <= about.most:
                continue
        low = f"> {about.above:g}" if about.above > -math.inf else f">= {about.least:g}"
        rules = ["a finite number" if low.endswith("inf") else f"finite and {low}"]
        rules += [f"at most {about.most:g}"] if about.most < math.inf else []
        unit = "" if about.unit == "1" else f" {about.unit}"
        usual = _default(device, name)
        hint = "leave it out" if usual is None else f"the published value is {usual:.12g}{unit}"
        found.append(
            f"preset {device.info.name!r} {name} must be {' and '.join(rules)}, got "
            f"{value!r}; {hint}"
        )
    return found


def cited(device: Any) -> str:
    """Who measured the law, and which of its numbers are not as they were published."""
    changes = changes_of(device)
    return f"{device.info.citation}; {changes}" if changes else device.info.citation


def changes_of(device: Any) -> str:
    """`with g_max 40 uS in place of 25`: what is not as published; empty if all is."""
    names = options_of(device)
    if all(getattr(device, name) == _default(device, name) for name in names):
        return ""
    published = replace(device, **{name: _default(device, name) for name in names})
    before = {one.symbol: one.value for one in published.constants()}
    said = []
    for one in device.constants():
        if one.value == before.get(one.symbol):
            continue
        unit = "" if one.unit == "1" else f" {one.unit}"
        usual = _number(before[one.symbol]) if one.symbol in before else "the fit"
        said.append(f"{one.symbol} {_number(one.value)}{unit} in place of {usual}")
    return f"with {', '.join(said)}" if said else ""


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.12g}"


def _declared(device: Any) -> Iterator[tuple[str, _Declared]]:
    for one in fields(device):
        if _KEY in one.metadata:
            yield one.name, one.metadata[_KEY]


def _default(device: Any, name: str) -> Any:
    return next(one.default for one in fields(device) if one.name == name)


def polynomial(coefficients: tuple[float, ...], x: float) -> float:
    """Its value at x; coefficients constant first."""
    return sum(c * x**power for power, c in enumerate(coefficients))


def pair_spread(sigma_us: tuple[float, ...], x: float, g_max_us: float) -> float:
    """Spread of a weight x of two cells, in units of the largest weight.

    `sigma_us` is a polynomial in g / g_max. The other cell aims at 0 and keeps the positive half of
    its noise, which adds sigma(0)^2 (1/2 - 1/(2 pi)) to the variance.
    """
    idle = polynomial(sigma_us, 0.0) ** 2 * (0.5 - 0.5 / math.pi)
    return math.sqrt(polynomial(sigma_us, x) ** 2 + idle) / g_max_us


@lru_cache(maxsize=256)  # Asked of every device that is made; few have constants of their own.
def lowest(coefficients: tuple[float, ...], steps: int = 1000) -> tuple[float, float]:
    """Where on [0, 1] a polynomial (constant first) is smallest, and its value there."""
    x = min((at / steps for at in range(steps + 1)), key=lambda x: polynomial(coefficients, x))
    return x, polynomial(coefficients, x)


def spread_problem(name: str, what: str, coefficients: tuple[float, ...]) -> list[str]:
    """Says where a spread of preset `name`, a polynomial in x = g / g_max in uS, is negative."""
    x, sigma = lowest(coefficients)
    if sigma >= 0 or not math.isfinite(sigma):
        return []
    return [
        f"preset {name!r} {what} must be >= 0 uS from x = 0 to 1, got {sigma:.4g} uS at x = {x:g}; "
        "change its coefficients together"
    ]


def order_problem(name: str, low: tuple[str, float], high: tuple[str, float]) -> list[str]:
    """Says where a lower bound lies above its upper one; each is an option and its value."""
    if not low[1] > high[1]:
        return []
    return [
        f"preset {name!r} {low[0]} must be at most {high[0]} = {high[1]:g}, got {low[1]:g}; "
        "change both"
    ]
