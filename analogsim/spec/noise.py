"""A spec of kind `noise`: a noise study as the user writes it, in options or in TOML."""

from dataclasses import dataclass
from typing import Any

from analogsim.inputs.names import TOP1
from analogsim.keys import keys_of, many, one_of, share, whole
from analogsim.scopes.levels import ETAS, REFERENCES, SCOPES, Reference, Scope
from analogsim.spec.options import MEASURE, OfImages


@dataclass(frozen=True, kw_only=True)
class NoiseSpec(OfImages):
    """The keys of a spec file of this kind; `None` is left out. Etas are fractions.

    The draws are those from number `first_draw` on.
    """

    scopes: tuple[Scope, ...] = many(
        one_of(SCOPES),
        "a list of different noise scopes",
        metavar="SCOPE",
        help=f"Which tensors: all, or of {','.join(SCOPES)}.",
    ).field(SCOPES)
    references: tuple[Reference, ...] = many(
        one_of(REFERENCES),
        "a list of different references of sigma",
        help="Sigma is eta times this of a tensor.",
    ).field(REFERENCES)
    etas: tuple[float, ...] = many(
        share('a level of noise such as "5%" or 0.05', digits=12),
        "a list of different levels of noise",
        metavar="P%",
        help="Levels of noise.",
    ).field(ETAS)
    measure: str = MEASURE.field(TOP1)
    draws: int = whole(
        "a whole number of draws, 1 or more (1000000 at most)",
        1,
        1_000_000,
        metavar="N|FIRST-LAST",
        help="Draws of each level; 10-19 is a part of a study, see analogsim merge.",
    ).field(10)
    first_draw: int = whole(
        "a whole number, 0 or more: number of the first draw, for a part of a study that "
        "analogsim merge joins; 0 if left out",
        0,
        999_999,
    ).field(0)


def etas_of(content: dict[str, Any]) -> tuple[float, ...]:
    """The levels of a TOML document as fractions. Raises InputError for one that is none."""
    return keys_of(NoiseSpec)["etas"].key.read(content["etas"], "etas")  # type: ignore[no-any-return]
