"""What is noised, in the field's words: scopes, references and levels of plain Gaussian noise.

The names of the scopes are ours. Each holds all that the one before it holds, because papers say
"noise was added to the parameters" and mean any of them.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Literal, get_args

from analogsim.errors import InputError

if TYPE_CHECKING:
    from analogsim.gaussian.spec import Role

KIND = "noise"
"""Of a study, in the spec that its folder keeps."""

Scope = Literal[
    "weights",
    "biases",
    "affine",
    "mean",
    "variance",
    "variance-clamped",
    "folded-weights",
    "folded",
]
SCOPES: tuple[Scope, ...] = get_args(Scope)
Reference = Literal["std", "max"]
REFERENCES: tuple[Reference, ...] = get_args(Reference)

MEANING: Mapping[Scope, str] = {
    "weights": "convolution and linear weights",
    "biases": "+ their biases",
    "affine": "+ BatchNorm gamma and beta",
    "mean": "+ BatchNorm running mean",
    "variance": "+ BatchNorm running variance, as noised",
    "variance-clamped": "the same, the variance clamped at 0",
    "folded-weights": "BatchNorm folded first, then the weights alone",
    "folded": "BatchNorm folded first, then weights and biases",
}
ROLES: Mapping[Scope, "frozenset[Role]"] = {
    "weights": frozenset({"weight"}),
    "biases": frozenset({"weight", "bias"}),
    "affine": frozenset({"weight", "bias", "bn_affine"}),
    "mean": frozenset({"weight", "bias", "bn_affine", "bn_mean"}),
    "variance": frozenset({"weight", "bias", "bn_affine", "bn_mean", "bn_variance"}),
    "variance-clamped": frozenset({"weight", "bias", "bn_affine", "bn_mean", "bn_variance"}),
    "folded-weights": frozenset({"weight"}),
    "folded": frozenset({"weight", "bias"}),
}
ETAS = (0.01, 0.02, 0.05, 0.07, 0.10, 0.15, 0.20, 0.25, 0.30)
"""The grid that the reproduction publishes; an average depends on its grid."""

GRIDS: Mapping[str, tuple[float, float]] = {
    "all": (0.0, math.inf),
    "low": (0.0, 0.05),
    "mid": (0.0, 0.10),
    "high": (0.10, math.inf),
}
"""Named grids: from and to which eta, both included; eta 0 is in none."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """Noise of one size on one set of tensors."""

    scope: Scope
    reference: Reference
    eta: float

    @property
    def preset(self) -> str:
        """The one spelling that records bear."""
        return f"noise?scope={self.scope}&reference={self.reference}&eta={self.eta!r}"

    @property
    def bn(self) -> str:
        """How records name the treatment of BatchNorm."""
        return "fold" if self.scope.startswith("folded") else "digital"


def levels_of(
    scopes: Iterable[Scope], references: Iterable[Reference], etas: Iterable[float]
) -> tuple[Level, ...]:
    """Every level of these scopes, each once; etas fastest."""
    spanned = product(dict.fromkeys(scopes), references, etas)
    return tuple(Level(scope=s, reference=r, eta=eta) for s, r, eta in spanned)


def grid_etas(grid: str, etas: Iterable[float]) -> tuple[float, ...]:
    """Those of `etas` that a named grid averages over."""
    low, high = GRIDS[grid]
    return tuple(eta for eta in etas if eta > 0 and low <= eta <= high)


def same_scopes(present: "frozenset[Role]", *, folds: bool) -> dict[Scope, Scope]:
    """Each scope, and the first scope that noises the same tensors of a network.

    Args:
        present: the roles that the network's tensors have.
        folds: whether a BatchNorm of it folds into a layer.
    """
    first: dict[tuple[object, ...], Scope] = {}
    same: dict[Scope, Scope] = {}
    for scope in SCOPES:
        roles = ROLES[scope] & present
        clamped = scope == "variance-clamped" and "bn_variance" in present
        # Folding gives layers biases that they had not.
        folded = ROLES[scope] if folds and scope.startswith("folded") else None
        same[scope] = first.setdefault((roles, clamped, folded), scope)
    return same


def parse_scopes(text: str) -> tuple[Scope, ...]:
    """Scopes of a list with commas; `all` is every scope.

    Raises:
        InputError: an unknown scope, or none.
    """
    return _parse(text, SCOPES, "--scopes")


def parse_references(text: str) -> tuple[Reference, ...]:
    """References of a list with commas; `all` is both. Raises InputError as `parse_scopes`."""
    return _parse(text, REFERENCES, "--references")


def _parse(text: str, known: tuple[str, ...], where: str) -> tuple:  # type: ignore[type-arg]
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if names == ("all",):
        return known
    wrong = [name for name in names if name not in known]
    if wrong or not names:
        raise InputError(
            f"{where} must be all or names of {', '.join(known)}, separated by commas, got "
            f"{wrong[0] if wrong else text!r}; correct it"
        )
    return names
