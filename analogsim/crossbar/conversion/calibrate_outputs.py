"""Output ranges: what the ADC of each conversion takes as its largest input.

The rule of T. P. Xiao et al., IEEE Circuits Syst. Mag. 22(4) (2022), DOI 10.1109/MCAS.2022.3214409:
the inner 99.98 % of the outputs that calibration images give. Our ranges are symmetric about 0, so
it is a quantile of |output|. Outputs are those of the target weights, without noise, in front of
the ADC; ranges of slices need not differ by powers of 2, as CrossSim asks for.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from analogsim.call import Inputs
from analogsim.crossbar.conversion.calibrate import AbsQuantile, watch
from analogsim.crossbar.forward.conversions import conversions_of
from analogsim.crossbar.forward.sliced import SlicedEngine
from analogsim.crossbar.mapping.layer import CrossbarLayer, crossbar_layers

_DROPPED_BITS = 15
"""Of a range's mantissa: 0.4 %, in a quarter of the memory of an input range's."""


def calibrate_outputs_(module: nn.Module, batches: Iterable[Inputs]) -> tuple[str, ...]:
    """Set the output ranges of every layer in `module` from the outputs of its conversions.

    Args:
        module: the network, with calibrated input ranges; it computes with its target weights.
        batches: what the network is called with.

    Returns:
        Notes about layers that gave no output but zeros; such a range is that of the periphery.
    """
    layers = list(crossbar_layers(module).values())
    engines, seen = {}, dict[tuple[str, int, int], AbsQuantile]()
    for layer in layers:
        count = len(layer.places), len(conversions_of(layer.periphery))
        layer.output_bounds = torch.ones(count)
        engines[layer.name] = SlicedEngine()
        engines[layer.name].load_(layer)

    def observe(layer: CrossbarLayer, x: Tensor, forward: Callable[[Tensor], Tensor]) -> Tensor:
        by_layer = layer.periphery.output_range == "layer"
        for place, number, outputs in engines[layer.name].currents(layer, x):
            key = layer.name, 0 if by_layer else place, number
            seen.setdefault(key, AbsQuantile(_DROPPED_BITS)).update(outputs)
        return forward(x)

    watch(module, batches, observe)
    notes = []
    for layer in layers:
        edge, bounds = layer.periphery, layer.output_bounds
        assert bounds is not None, "it was made above"
        silent = False
        for place, number in torch.cartesian_prod(*map(torch.arange, bounds.shape)).reshape(-1, 2):
            key = layer.name, 0 if edge.output_range == "layer" else int(place), int(number)
            value = seen[key].value(edge.output_share) if key in seen else 0.0
            silent |= value == 0.0
            bounds[place, number] = value or edge.output_bound
        if silent:
            notes.append(
                f"layer {layer.name}: an ADC saw no output but zeros; its range is "
                f"{edge.output_bound:g}"
            )
    return tuple(notes)
