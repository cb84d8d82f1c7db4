"""Weights that are computed anew in each pass become plain ones: what a tile is programmed with.

Pruning, weight norm and spectral norm, old and new, give a layer's weight from other tensors. In
eval mode it is the same in each pass.
"""

from torch import nn
from torch.nn.utils import parametrize, prune, remove_spectral_norm, remove_weight_norm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm


def bake_(module: nn.Module, kinds: tuple[type[nn.Module], ...]) -> list[str]:
    """Make the weights of the layers of these kinds plain parameters; notes on what was baked."""
    found: dict[str, list[str]] = {}
    for name, m in module.named_modules():
        if isinstance(m, kinds):
            for what in _bake_layer_(m):
                found.setdefault(what, []).append(name or "the network")
    return [
        f"{what} is baked into the weights of {len(names)} layer{'s' * (len(names) > 1)} "
        f"({', '.join(names[:3])}{', ...' * (len(names) > 3)})."
        for what, names in found.items()
    ]


def _bake_layer_(m: nn.Module) -> list[str]:
    done: list[str] = []
    if parametrize.is_parametrized(m):
        _bake_parametrizations_(m)
        done.append("Parametrisation")
    for hook in list(m._forward_pre_hooks.values()):
        if isinstance(hook, prune.BasePruningMethod):
            prune.remove(m, hook._tensor_name)  # type: ignore[no-untyped-call]
            done.append("Pruning")
        elif isinstance(hook, WeightNorm):
            remove_weight_norm(m, hook.name)
            done.append("Weight norm")
        elif isinstance(hook, SpectralNorm):
            remove_spectral_norm(m, hook.name)
            done.append("Spectral norm")
    if done:
        m.requires_grad_(False)
    return list(dict.fromkeys(done))


def _bake_parametrizations_(m: nn.Module) -> nn.Module:
    """As `remove_parametrizations`, which would change the class that all copies of `m` share."""
    assert isinstance(m.parametrizations, nn.ModuleDict)
    values = {key: getattr(m, key).detach().clone() for key in m.parametrizations}
    own = {key: value for key, value in m._parameters.items() if key not in values}
    del m._modules["parametrizations"]
    m.__class__ = type(m).__bases__[0]
    m._parameters.clear()
    for key, value in values.items():
        m._parameters[key] = nn.Parameter(value, requires_grad=False)
    m._parameters.update(own)
    return m
