"""Where the weights of layers on tiles lie in the user's network, which is not the converted one.

The conversion writes attention and recurrent modules with linear layers (`rewrites`). Their weights
are parameters of torch's own modules, or rows of one, and are found there: what is trained is the
network itself, and nothing has to be brought back.
"""

import copy
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from analogsim.crossbar.conversion.rewrites import REWRITES
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.errors import InputError

Layer = Callable[[Tensor], Tensor]
_ATTENDED = ("q_proj", "k_proj", "v_proj")
_TRANSPOSED = "transformers.pytorch_utils.Conv1D"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A layer's weight, and bias, among the parameters of a module of the network.

    Attributes:
        module: that holds them.
        weight, bias: their names there; a bias may be missing.
        rows, bias_rows: which ones of them are the layer's; None for all.
        transposed: the weight lies there as (in, out).
    """

    module: nn.Module
    weight: str = "weight"
    bias: str = "bias"
    rows: slice | None = None
    bias_rows: slice | None = None
    transposed: bool = False

    @property
    def parameter(self) -> nn.Parameter:
        """The whole parameter; looked up each time: a loop may replace it."""
        return self.module._parameters[self.weight]  # type: ignore[return-value]  # checked by places_of

    def of(self, whole: Tensor) -> Tensor:
        """The layer's weight within `whole`, which is as the parameter: a view."""
        part = whole if self.rows is None else whole[self.rows]
        return part.t() if self.transposed else part

    def biased(self) -> Tensor | None:
        """The layer's bias."""
        whole = self.module._parameters.get(self.bias)
        return whole if whole is None or self.bias_rows is None else whole[self.bias_rows]

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The parameters of which these are."""
        found = (self.module._parameters.get(name) for name in (self.weight, self.bias))
        return [one for one in found if one is not None]


class Host:
    """A module of the network whose products only the converted network has as layers.

    Attributes:
        module: as torch has it.
        places: of all its layers, by the layers' own names in it.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self._twin = REWRITES[type(module)](copy.deepcopy(module))
        layers = [name for name, one in self._twin.named_children() if isinstance(one, nn.Linear)]
        self.places = {name: _inside(module, name) for name in layers}

    def calling(self, layers: Mapping[str, Layer]) -> Callable[..., object]:
        """A forward pass that calls `layers`, and computes the others as they are."""
        twin = self._twin.train(self.module.training)
        for name in twin._parameters:
            twin._parameters[name] = self.module._parameters[name]
        for name, place in self.places.items():

            def plain(x: Tensor, place: Place = place) -> Tensor:
                return F.linear(x, place.of(place.parameter), place.biased())

            vars(twin.get_submodule(name))["forward"] = layers.get(name, plain)
        forward: Callable[..., object] = twin.forward
        return forward


def places_of(network: nn.Module, analog: AnalogModel) -> dict[str, Place]:
    """Where the layers on tiles have their weights in the network.

    Raises:
        InputError: one is not there, or shares its weight with another.
    """
    where: dict[str, Place] = {}
    owners: dict[tuple[int, int], str] = {}
    modules: Mapping[str, nn.Module] = dict(network.named_modules())
    for name, layer in analog.layers.items():
        place = _place(modules, name)
        weight = None if place is None else place.module._parameters.get(place.weight)
        if (
            place is None
            or weight is None
            or tuple(place.of(weight).shape) != layer.geometry.weight_shape
        ):
            raise InputError(
                f"network layer {name} must have a weight of its own to be trained with noise, got "
                f"{_instead(modules.get(name))}; keep it digital (keep_digital={name!r}), or write "
                "it with nn.Linear and convolutions"
            )
        first = 0 if place.rows is None else place.rows.start
        other = owners.setdefault((id(weight), first), name)
        if other != name:
            raise InputError(
                f"network layers must not share a weight to be trained with noise, got {other} and "
                f"{name}; keep one of them digital"
            )
        where[name] = place
    return where


def hosts_of(network: nn.Module, names: Collection[str]) -> dict[str, Host]:
    """The modules that hide products, by name, where one of the layers `names` is among these."""
    found = {}
    for name, module in network.named_modules():
        inside = f"{name}." if name else ""
        if isinstance(module, nn.MultiheadAttention | nn.RNNBase) and any(
            one.startswith(inside) and "." not in one.removeprefix(inside) for one in names
        ):
            found[name] = Host(module)
    return found


def _place(modules: Mapping[str, nn.Module], name: str) -> Place | None:
    module = modules.get(name)
    if module is not None:
        kind = f"{type(module).__module__}.{type(module).__qualname__}"
        return Place(module=module, transposed=kind == _TRANSPOSED)
    parent, _, leaf = name.rpartition(".")
    outer = modules.get(parent)
    if isinstance(outer, nn.MultiheadAttention | nn.RNNBase):
        return _inside(outer, leaf)
    return None


def _inside(module: nn.Module, leaf: str) -> Place:
    """Of a layer that the conversion makes of a module's parameters; see `rewrites`."""
    if isinstance(module, nn.RNNBase):
        return Place(module=module, weight=f"weight_{leaf}", bias=f"bias_{leaf}")
    assert isinstance(module, nn.MultiheadAttention)
    if leaf not in _ATTENDED:
        return Place(module=module.get_submodule(leaf))
    width, number = module.embed_dim, _ATTENDED.index(leaf)
    own = slice(number * width, (number + 1) * width)
    if not module._qkv_same_embed_dim:
        return Place(module=module, weight=f"{leaf}_weight", bias="in_proj_bias", bias_rows=own)
    return Place(
        module=module, weight="in_proj_weight", bias="in_proj_bias", rows=own, bias_rows=own
    )


def _instead(module: nn.Module | None) -> str:
    if module is None:
        return "a layer that only the converted network has"
    return "a weight that is computed (a parametrisation), or of another shape"
