"""What is noised, and by how much: one frozen value."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor, nn

from analogsim.batchnorm.layers import ScaleBatchNorm
from analogsim.errors import InputError

Kind = Literal["additive", "multiplicative"]
Reference = Literal["std", "max", "absolute"]
Per = Literal["tensor", "column"]
Variance = Literal["raw", "clamped"]
Role = Literal["weight", "bias", "bn_affine", "bn_mean", "bn_variance"]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, kw_only=True)
class NoiseSpec:
    """w + sigma z, z standard normal and drawn once a trial; `eta = 0` is the identity.

    Attributes:
        kind: `additive`: sigma as below. `multiplicative`: sigma = eta |w|, each weight its own.
        eta: sigma as a fraction of the reference; of `absolute`, sigma in units of the weight.
        reference: the standard deviation (unbiased, as `torch.std`; 0 of a single value) or the
            largest magnitude of the clean values, or `absolute`.
        per: what the reference is measured over: the tensor, or each output column (index of
            dimension 0). A tensor of one dimension is always measured as a whole.
        scope: roles of the tensors that are noised; see `role_of`.
        variance: a running variance is taken as noised (`raw`: a negative one gives NaN, and a
            negative scale of L1 or TopK a wrong sign) or `clamped` at 0.

    Raises:
        InputError: with every problem, one a line.
    """

    kind: Kind = "additive"
    eta: float = 0.05
    reference: Reference = "std"
    per: Per = "tensor"
    scope: frozenset[Role] = frozenset({"weight"})
    variance: Variance = "raw"

    def __post_init__(self) -> None:
        if found := self._problems():
            raise InputError("\n".join(found))

    def _problems(self) -> list[str]:
        choices = {"kind": Kind, "reference": Reference, "per": Per, "variance": Variance}
        found = [
            f"noise {name} must be one of {', '.join(get_args(allowed))}, "
            f"got {getattr(self, name)!r}; choose one"
            for name, allowed in choices.items()
            if getattr(self, name) not in get_args(allowed)
        ]
        if not (math.isfinite(self.eta) and self.eta >= 0):
            found.append(
                f"noise eta must be finite and >= 0, got {self.eta}; "
                "0.05 means 5 % of the reference"
            )
        if unknown := sorted(set(self.scope) - set(ROLES)):
            found.append(
                f"noise scope must be of {', '.join(ROLES)}, got {', '.join(unknown)}; "
                "leave it out or correct it"
            )
        if self.kind == "multiplicative" and (self.reference, self.per) != ("std", "tensor"):
            found.append(
                "noise kind multiplicative must come without reference and per, "
                f"got {self.reference!r} and {self.per!r}; each weight is its own reference"
            )
        return found

    def sigma(self, clean: Tensor, role: Role) -> Tensor:
        """The factor of z for a tensor: shape () or, per column, (out,); float32, on its device.

        For multiplicative noise it is relative to each value. Out of scope it is 0.
        """
        if role not in self.scope:
            return clean.new_zeros(())
        if self.kind == "multiplicative" or self.reference == "absolute":
            return clean.new_tensor(self.eta)
        by_column = self.per == "column" and clean.dim() > 1
        rows = clean.detach().reshape(clean.shape[0] if by_column else 1, -1)
        if self.reference == "max":
            measure = rows.abs().amax(dim=1)
        elif rows.shape[1] > 1:
            measure = rows.std(dim=1)
        else:
            measure = rows.new_zeros(rows.shape[0])
        sigma = self.eta * measure
        return sigma if by_column else sigma.reshape(())

    def floor(self, role: Role) -> float:
        """The smallest value that a noised tensor of this role may have."""
        return 0.0 if role == "bn_variance" and self.variance == "clamped" else -math.inf


def role_of(module: nn.Module, name: str) -> Role | None:
    """The role of the parameter or buffer `name` of `module`, or None if it is never noised.

    Linear layers and convolutions have `weight` and `bias`; BatchNorm has `bn_affine` (gamma and
    beta), `bn_mean` and `bn_variance` (its running statistics). The running scale of L1 and TopK
    normalisation stands where the variance stands, and counts as `bn_variance`.
    """
    if isinstance(module, nn.Linear | nn.modules.conv._ConvNd):
        own: dict[str, Role] = {"weight": "weight", "bias": "bias"}
    elif isinstance(module, nn.modules.batchnorm._BatchNorm):
        own = {
            "weight": "bn_affine",
            "bias": "bn_affine",
            "running_mean": "bn_mean",
            "running_var": "bn_variance",
        }
    elif isinstance(module, ScaleBatchNorm):
        own = {
            "weight": "bn_affine",
            "bias": "bn_affine",
            "running_mean": "bn_mean",
            module.scale_name: "bn_variance",
        }
    else:
        return None
    return own.get(name)
