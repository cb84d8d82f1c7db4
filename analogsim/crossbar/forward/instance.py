"""The network of one chip: a copy of the converted one, with layers and engines of its own."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from analogsim.copying import copied
from analogsim.crossbar.forward.engines import joins
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.joined import FoldedBatchNorm, JoinedBatchNorm
from analogsim.crossbar.mapping.layer import CrossbarLayer, Engine, crossbar_layers, crossbar_of
from analogsim.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Instance:
    """A network whose layers compute with `layers`, unprogrammed.

    Attributes:
        joined: the BatchNorm layers that layers compute, by name.
    """

    module: nn.Module
    layers: dict[str, CrossbarLayer]
    joined: dict[str, JoinedBatchNorm]


def instantiate(analog: AnalogModel, engine: Callable[[CrossbarLayer], Engine]) -> Instance:
    """A copy of the converted network; the layers' parameters share the memory of its own.

    Args:
        analog: the converted network.
        engine: makes a layer's engine, which is to be filled.
    """
    memo: dict[int, object] = {}
    for m in analog.module.modules():
        layer = crossbar_of(m)
        if layer is not None:
            memo[id(layer)] = layer.fresh()
            for parameter in m.parameters(recurse=False):
                memo[id(parameter)] = nn.Parameter(parameter.detach(), requires_grad=False)
    module = copied(analog.module, memo)
    layers = crossbar_layers(module)
    if len(layers) < len(analog.layers):
        lost = next(name for name in analog.layers if name not in layers)
        raise InputError(
            f"network must be one that can be copied, got a copy without layer {lost} on tiles (a "
            "__deepcopy__ of its own that builds it anew?); give a network without it"
        )
    for m in module.modules():
        layer = crossbar_of(m)
        if layer is not None:
            layer.take_over_(m)
    joined: dict[str, JoinedBatchNorm] = {}
    # A folder of before may name some that a compiled pass fuses by itself.
    pairs = zip(analog.merged, analog.absorbed, strict=True) if joins(analog.forward) else ()
    for (layer_name, norm_name), affine in pairs:
        one = JoinedBatchNorm(norm_name, module.get_submodule(norm_name), affine)
        joined[norm_name] = layers[layer_name].norm = one
    for layer_name, norm_name in analog.folded if analog.forward != "native-compiled" else ():
        if layer_name in layers:
            gone = FoldedBatchNorm(norm_name, module.get_submodule(norm_name), layer_name)
            joined[norm_name] = layers[layer_name].folded = gone
    for layer in layers.values():
        # It is refreshed when the tiles are filled.
        layer.engine = engine(layer)
    return Instance(module=module, layers=layers, joined=joined)


def to_bfloat16_(made: Instance) -> Instance:
    """Compute everything in bfloat16 from now on."""
    made.module.to(torch.bfloat16)
    for layer in made.layers.values():
        layer.to(torch.bfloat16).dtype = torch.bfloat16
    return made
