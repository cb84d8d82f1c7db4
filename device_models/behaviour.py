"""How many cells of a device behave, as a value: simulated once, kept and drawn without torch."""

from typing import TypedDict


class Band(TypedDict):
    """Weights of one target over time: mean, 5th and 95th percentile, and spread between reads."""

    target: float
    means: list[float]
    lows: list[float]
    highs: list[float]
    reads: list[float]


class Behaviour(TypedDict):
    """Of `n` weights a point, in units of the largest weight; `g_max_us` is its conductance.

    `spreads` are those after programming at `levels`; bands are at `times_s`, the valid ones from
    1 s to a year. `exponents` are median, 5th and 95th percentile of -ln(w2 / w1) / ln(t2 / t1) of
    single weights at `levels`, with (t1, t2) = `between`; read noise is in their spread. There are
    none where no two times are valid, or where drift and noise leave no weight of a level.
    """

    n: int
    g_max_us: float | None
    levels: list[float]
    spreads: list[float]
    exponents: list[list[float]]
    between: list[float]
    times_s: list[float]
    bands: list[Band]


def problems(found: Behaviour) -> list[str]:
    """Lists of a kept behaviour whose lengths do not agree."""
    levels, times = len(found["levels"]), len(found["times_s"])
    lengths = {"levels": (levels, max(levels, 1)), "times_s": (times, max(times, 1))}
    lengths["between"] = len(found["between"]), 2
    lengths["spreads"] = len(found["spreads"]), levels
    lengths["exponents"] = len(found["exponents"]), levels if found["exponents"] else 0
    lengths |= {
        f"{name} of target {band['target']:g}": (len(band[name]), times)
        for band in found["bands"]
        for name in ("means", "lows", "highs", "reads")
    }
    said = [
        f"behaviour {name} must be {wanted}, got {length}"
        for name, (length, wanted) in lengths.items()
        if length != wanted
    ]
    odd = [one for one in found["exponents"] if len(one) != 3]
    return said + [f"behaviour exponents must be of 3 numbers, got {len(one)}" for one in odd[:1]]
