"""A noise study as a value: which scopes, references, levels and draws of one network."""

import math
from dataclasses import dataclass
from typing import Any

from analogsim.draws.seed import MOST_SEED
from analogsim.errors import InputError
from analogsim.experiment.study import AnyStudy
from analogsim.scopes.levels import KIND, REFERENCES, SCOPES, Level, Reference, Scope, levels_of

MOST_DRAWS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class NoiseStudy(AnyStudy):
    """What is asked of a network under noise.

    Attributes:
        etas: sigma as a fraction of the reference, above 0; the clean network is always measured.
        draws: how often noise is drawn; a draw has the same normals in every scope, reference
            and eta, scaled.
        first_draw: number of the first one.
    """

    scopes: tuple[Scope, ...]
    references: tuple[Reference, ...]
    etas: tuple[float, ...]
    draws: int
    first_draw: int = 0

    def __post_init__(self) -> None:
        problems: list[str] = []
        for what, values, known in (
            ("scopes", self.scopes, SCOPES),
            ("references", self.references, REFERENCES),
        ):
            wrong = [value for value in values if value not in known]
            if wrong or not values or len(set(values)) < len(values):
                problems.append(
                    f"{what} must be different ones of {', '.join(known)}, got {list(values)}"
                )
        bad = [eta for eta in self.etas if not (math.isfinite(eta) and eta > 0)]
        if bad or not self.etas or len(set(self.etas)) < len(self.etas):
            problems.append(f"etas must be given, differ and be above 0, got {list(self.etas)}")
        problems += [
            f"{what} must be at least {least}, got {value}"
            for what, value, least in (
                ("draws", self.draws, 1),
                ("first draw", self.first_draw, 0),
                ("seed", self.seed, 0),
                ("batch size", self.batch_size, 1),
            )
            if value < least
        ]
        problems += [
            f"{what} must be at most {most}, got {value}"
            for what, value, most in (
                ("draws", self.draws, MOST_DRAWS),
                ("first draw", self.first_draw, MOST_DRAWS - 1),
                ("seed", self.seed, MOST_SEED),
            )
            if value > most
        ]
        if problems:
            raise InputError(f"noise study: {'; '.join(problems)}; mend these")

    def levels(self, same: dict[Scope, Scope]) -> tuple[Level, ...]:
        """What is computed: scopes that noise the same tensors are computed once."""
        return levels_of((same[scope] for scope in self.scopes), self.references, self.etas)

    def as_spec(self) -> dict[str, Any]:
        """The part of the run's spec that this decides, as JSON."""
        return {
            "kind": KIND,
            "model": self.model,
            "data": self.data,
            "normalisation": self.normalisation,
            "batch_size": self.batch_size,
            "seed": self.seed,
            "device": self.device,
            "scopes": list(self.scopes),
            "references": list(self.references),
            "etas": list(self.etas),
            # As `design_as_dict` writes it.
            "design": {
                "kind": "chips",
                "chips": self.draws,
                **({"first": self.first_draw} if self.first_draw else {}),
            },
        }
