"""What flows in the cells of a mean output, at each place of an output."""

import dataclasses

import torch
from torch import Tensor

from analogsim.crossbar.mapping.geometry import Geometry
from analogsim.hardening.flat import compiled, flat, is_plain


def currents(geometry: Geometry, x: Tensor, m: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """sum m |x| and sum v x^2 over the inputs of each place, one number for each group.

    Weights are taken for (their sums over a channel's places) x (their share at each place, the
    same for all channels): exact for linear layers, and for weights that are equal.

    Args:
        geometry: of the layer.
        x: its inputs, of any float type.
        m, v: (groups, channels of one * places), at least 0.

    Returns:
        As the layer's outputs with one channel a group; float32, or float64 for float64 inputs.
        They have no gradient.
    """
    places, groups, axis = geometry.kernel_size, geometry.groups, geometry.channel_axis
    both = torch.stack([m, v]).reshape(2, groups, -1, places)
    sums = _over_channels(x.detach(), both.sum(3), axis)
    if geometry.kernel:
        of_places = both.sum(2).reshape(2 * groups, 1, *geometry.kernel).to(sums.dtype)
        of_places /= both.sum((2, 3)).clamp_min(1e-30).reshape(-1, 1, *(1 for _ in geometry.kernel))
        # Each of the sums is a channel and a group of its own.
        single = dataclasses.replace(
            geometry, groups=2 * groups, out_features=1, in_features=places
        )
        with torch.autocast(x.device.type, enabled=False):
            sums = single.product(sums, of_places, None)
    parts = torch.split(sums.movedim(axis, -1), groups, -1)
    one, two = (part.contiguous() for part in parts)
    return one.movedim(-1, axis), two.movedim(-1, axis)


def _over_channels(x: Tensor, weights: Tensor, axis: int) -> Tensor:
    """The sums over the channels of `x` alone, first of all groups' sizes, then of their squares.

    Args:
        x: (..., groups * channels, *space).
        weights: (2, groups, channels).
        axis: of the channels.
    """
    exact = torch.float64 if x.dtype == torch.float64 else torch.float32
    weights, last = weights.to(exact), x.movedim(axis, -1)
    # Channels of a place lie side by side.
    jit = compiled() if is_plain(x) and last.is_contiguous() else None
    if jit is not None:
        found = torch.empty(*last.shape[:-1], 2 * weights.shape[1])
        jit.sums(flat(last), weights.numpy(), flat(found))
    else:
        wide = last.to(exact).reshape(*last.shape[:-1], *weights.shape[1:])
        parts = wide.abs() * weights[0], wide.square() * weights[1]
        found = torch.cat([part.sum(-1) for part in parts], -1)
    return found.movedim(-1, axis)
