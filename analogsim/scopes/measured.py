"""What a noise study must know of a network before it begins."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analogsim.batchnorm import fold_batchnorm
from analogsim.call import Inputs
from analogsim.crossbar.conversion.trying import try_forward
from analogsim.gaussian import Role, role_of
from analogsim.inputs.answers import answer
from analogsim.scopes.levels import Scope, same_scopes
from analogsim.scopes.noisy import is_root
from analogsim.scopes.variances import Variances


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A network, its folded twin, and what noise meets in it.

    Attributes:
        plain: as it was given.
        folded: with BatchNorm folded; the same module where there is none.
        kept: (BatchNorm, reason) of those that do not fold.
        same: each scope, and the first one that noises the same tensors.
        n_bn: how many BatchNorm layers it has.
        n_classes: how many classes it tells apart.
        variances: of the layers that take a root of them.
        notes: what its forward pass does that the user should know.
    """

    plain: nn.Module
    folded: nn.Module
    kept: tuple[tuple[str, str], ...]
    same: dict[Scope, Scope]
    n_bn: int
    n_classes: int
    variances: tuple[Variances, ...]
    notes: tuple[str, ...]


def measure(module: nn.Module, example: Tensor) -> Measured:
    """Look at a network in eval mode; `example` is a batch of images that it takes.

    Raises:
        InputError, AnalogsimError: as `fold_batchnorm`, or the network keeps a state.
    """
    tried = try_forward(module, Inputs.of(example))
    roles = {role for _, role in _roles(module)}
    n_bn = sum(_is_bn(part) for part in module.modules())
    folded, folds = module, False
    kept: tuple[tuple[str, str], ...] = ()
    if n_bn:
        result = fold_batchnorm(module, example)
        folded, folds, kept = result.module, bool(result.folded), result.kept
    return Measured(
        plain=module,
        folded=folded,
        kept=kept,
        same=same_scopes(frozenset(roles), folds=folds),
        n_bn=n_bn,
        n_classes=_classes(module, example),
        variances=tuple(
            _variances(name, part) for name, part in module.named_modules() if is_root(part)
        ),
        notes=tried.notes,
    )


def _classes(module: nn.Module, example: Tensor) -> int:
    with torch.inference_mode():
        return answer(module(example.clone()), len(example)).n_classes


def _roles(module: nn.Module) -> Iterable[tuple[str, Role]]:
    for prefix, part in module.named_modules():
        for group in (part._parameters, part._buffers):
            for name, tensor in group.items():
                role = role_of(part, name)
                if tensor is not None and role is not None:
                    yield f"{prefix}.{name}", role


def _is_bn(part: nn.Module) -> bool:
    names = (*part._parameters, *part._buffers)
    return any((role_of(part, name) or "").startswith("bn_") for name in names)


def _variances(name: str, part: nn.Module) -> Variances:
    values = part.running_var
    assert isinstance(values, Tensor)
    assert isinstance(part.eps, float)
    values = values.detach().cpu().double()
    return Variances(
        layer=name,
        eps=part.eps,
        std=float(values.std()) if len(values) > 1 else 0.0,
        max=float(values.abs().max()),
        values=values.tolist(),
    )
