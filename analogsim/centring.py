"""Centred inputs: a layer gets its inputs less their means, and its bias makes up for that.

W (x - m) + (b + W m) is W x + b whatever m is, so the network computes what it computed. On a chip
it does not: an error E of the weights adds E x to the outputs, and inputs that are never negative,
as behind a ReLU, have means of the size of their spread. So E m, the same for all inputs, is
a large part of the error; it shifts each output for good. Nothing of it is left where m is
subtracted in digital in front of the array.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._pytree import tree_leaves

from analogsim.copying import copy_network
from analogsim.errors import InputError

_MEAN = ".centre.mean"
# As `lowrank`, which looks for its own after this, has it in a file.
_ADAPTER = ".adapter.down.weight"
_KINDS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_Layer = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d
# Of the largest logit: what sums in another order differ by in float32.
_SAME = 1e-4


class Centre(nn.Module):
    """What a layer's inputs become in front of it: padded with zeros where it did that, less m."""

    mean: Tensor

    def __init__(self, mean: Tensor, pads: tuple[int, ...], places: int) -> None:
        """
        Args:
            mean: (channels,), or (features,).
            pads: as `functional.pad` takes them; empty for none.
            places: how many axes follow the channels.
        """
        super().__init__()
        self.register_buffer("mean", mean)
        self._pads, self._places = pads, places

    def forward(self, x: Tensor) -> Tensor:
        """(..., channels, *places) to the same, padded."""
        if any(self._pads):
            x = functional.pad(x, self._pads)
        return x - self.mean.reshape(-1, *(1 for _ in range(self._places)))


class Centred(nn.Module):
    """A layer, `base`, with a bias that makes up for the `centre` in front of it."""

    def __init__(self, layer: _Layer, mean: Tensor) -> None:
        """Of a layer, which is changed: the centre pads for it. Its bias is not right yet."""
        super().__init__()
        places = _places(layer)
        pads: tuple[int, ...] = ()
        if not isinstance(layer, nn.Linear) and layer.padding_mode == "zeros":
            pads = tuple(layer._reversed_padding_repeated_twice)
            layer.padding = (0,) * places
        if layer.bias is None:
            layer.bias = nn.Parameter(layer.weight.detach().new_zeros(len(layer.weight)))
        self.centre, self.base = Centre(mean, pads, places), layer
        self.training = layer.training

    def forward(self, x: Tensor) -> Tensor:
        """What the layer made of `x` before."""
        y: Tensor = self.base(self.centre(x))
        return y

    @property
    def weight(self) -> Tensor:
        """The layer's own: torch's attention may ask, and then multiplies itself."""
        return self.base.weight

    @property
    def bias(self) -> Tensor:
        """Of the layer without a centre."""
        assert self.base.bias is not None
        return self.base.bias - self.constant()

    def constant(self) -> Tensor:
        """(outputs,): W m, what the means make of the layer."""
        layer = self.base
        if isinstance(layer, nn.Linear):
            return functional.linear(self.centre.mean, layer.weight)
        pairs = zip(layer.kernel_size, layer.dilation, strict=True)
        field = [(size - 1) * step + 1 for size, step in pairs]
        mean = self.centre.mean.reshape(1, -1, *(1 for _ in field)).expand(1, -1, *field)
        product = (functional.conv1d, functional.conv2d, functional.conv3d)[len(field) - 1]
        found: Tensor = product(mean, layer.weight, dilation=layer.dilation, groups=layer.groups)
        return found.flatten()


@torch.no_grad()
def centre(network: nn.Module, inputs: Iterable[Tensor]) -> nn.Module:
    """The network with every linear layer and convolution behind a centre of its own.

    What torch computes without calling a layer (recurrent cells, the projections of its attention)
    and what the inputs do not reach stays as it is. A layer `conv` is now `conv.base`, with the
    means in `conv.centre.mean`; `load_model` knows such weights by these names.

    Args:
        network: it is copied, and not changed.
        inputs: batches as the network takes them, of what it was trained on.

    Returns:
        The copy, in eval mode.

    Raises:
        InputError: no layer was reached, an input's mean is NaN or infinite, or the copy does not
            compute what the network computes.
    """
    made, _ = copy_network(network)
    if any(name.endswith((_MEAN, _ADAPTER)) for name in made.state_dict()):
        raise InputError(
            "network to centre must have neither centres nor low-rank adapters, got one that has; "
            "centre it before it is hardened"
        )
    batches = list(inputs)
    means = _means(made, batches)
    if not means:
        raise InputError(
            "network to centre must have linear layers or convolutions that its inputs reach, got "
            "none; give another network, or inputs"
        )
    before = _tensors(made(batches[0]))
    for name, mean in means.items():
        if not bool(mean.isfinite().all()):
            raise InputError(
                f"network to centre must have finite inputs at layer {name}, got a mean of "
                f"{float(mean[~mean.isfinite()][0])}; look at the weights and the inputs"
            )
        centred = _centre_(made, name, mean)
        assert centred.base.bias is not None
        centred.base.bias += centred.constant()
    after = _tensors(made(batches[0]))
    pairs = list(zip(before, after, strict=True))
    apart = max((float((new - old).abs().max()) for old, new in pairs), default=math.nan)
    largest = max((float(old.abs().max()) for old in before), default=math.nan)
    if not apart <= _SAME * max(1.0, largest):
        raise InputError(
            "network must compute with centred inputs what it computed before, got outputs that "
            f"are {apart:.3g} apart; leave it as it is"
        )
    return made


def centre_for_(network: nn.Module, weights: Mapping[str, Tensor]) -> str:
    """Give a network the centres that a file's weights have; in words, which; empty for none."""
    found = [name.removesuffix(_MEAN) for name in weights if name.endswith(_MEAN)]
    modules = dict(network.named_modules())
    count = 0
    for name in found:
        layer = modules.get(name)
        if isinstance(layer, _KINDS):
            channels = layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels
            _centre_(network, name, torch.zeros(channels))
            count += 1
    if not count:
        return ""
    return f"centred inputs of {count} layers: their means are subtracted in digital"


def _centre_(network: nn.Module, name: str, mean: Tensor) -> Centred:
    layer = network.get_submodule(name)
    assert isinstance(layer, _KINDS)
    parent, _, leaf = name.rpartition(".")
    centred = Centred(layer, mean.to(layer.weight))
    # Not by setattr: a Sequential's children are named by number.
    network.get_submodule(parent)._modules[leaf] = centred
    return centred


def _places(layer: _Layer) -> int:
    """How many axes of its inputs follow the channels."""
    return 0 if isinstance(layer, nn.Linear) else len(layer.kernel_size)


def _tensors(made: object) -> list[Tensor]:
    """All floating numbers that a network returns."""
    leaves = [one for one in tree_leaves(made) if isinstance(one, Tensor)]
    return [one for one in leaves if one.is_floating_point()]


def _means(network: nn.Module, batches: Iterable[Tensor]) -> dict[str, Tensor]:
    """(channels,) of each layer that is called, over all that it is called with."""
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}
    with _watched(network, sums, counts):
        for batch in batches:
            network(batch)
    return {name: total / counts[name] for name, total in sums.items()}


@contextmanager
def _watched(network: nn.Module, sums: dict[str, Tensor], counts: dict[str, int]) -> Iterator[None]:
    """Add up what comes to each layer by its name."""

    def watch(name: str, layer: _Layer) -> torch.utils.hooks.RemovableHandle:
        places = _places(layer)

        def add(_: nn.Module, given: tuple[Tensor, ...]) -> None:
            rows = given[0].detach().double().movedim(-1 - places, -1).flatten(0, -2)
            sums[name] = sums.get(name, 0) + rows.sum(0)
            counts[name] = counts.get(name, 0) + len(rows)

        return layer.register_forward_pre_hook(add)

    handles = [
        watch(name, layer)
        for name, layer in network.named_modules()
        if isinstance(layer, _KINDS)
        and type(layer) in _KINDS
        and name
        and not nn.utils.parametrize.is_parametrized(layer)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
