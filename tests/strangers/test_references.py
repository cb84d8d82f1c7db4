"""Where layers are kept besides the table of modules, and by which names they are found."""

import functools
import types

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.strangers.judge import faults
from tests.strangers.parts import conv
from tests.strangers.situation import ENGINES, Situation, network, normal

X = normal(4, 6)


def in_plain_list():
    made = network(lambda self, x: self.order[1](self.order[0](x).relu()))
    made.a, made.b = nn.Linear(9, 7), nn.Linear(7, 5)
    made.order = [made.a, made.b]
    return made


def in_plain_dict():
    made = network(lambda self, x: self.by_name["out"](torch.sin(self.by_name["in"](x))))
    made.body = nn.ModuleList([nn.Linear(6, 8), nn.Linear(8, 3)])
    made.by_name = {"in": made.body[0], "out": made.body[1]}
    return made


def in_tuple_and_set():
    made = network(lambda self, x: self.pair[1][0](x) + sum(layer(x) for layer in self.bag))
    made.a, made.b = nn.Linear(6, 4), nn.Linear(6, 4)
    made.pair, made.bag = ("head", (made.a,)), {made.b}
    return made


def past_registration():
    made = network(lambda self, x: self.shortcut(x).relu())
    made.fc = nn.Linear(6, 4)
    object.__setattr__(made, "shortcut", made.fc)
    return made


def not_registered():
    """The classic mistake: the second layer is in no module's table."""
    made = network(lambda self, x: self.hidden[0](self.fc(x).relu()), fc=nn.Linear(8, 6))
    made.hidden = [nn.Linear(6, 4)]
    return made


def only_not_registered():
    return network(lambda self, x: self.hidden[0](x), hidden=[nn.Linear(6, 4)])


def partial_of_layer():
    made = network(lambda self, x: self.run(x).relu(), fc=nn.Linear(6, 4))
    made.run = functools.partial(made.fc)
    return made


def closure_of_layer():
    made = network(lambda self, x: self.run(self.first(x).relu()))
    made.first, made.fc = nn.Linear(6, 5), nn.Linear(5, 4)
    made.run = lambda x: made.fc(x)
    return made


def closure_of_all():
    made = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
    made.forward = lambda x: made[2](made[0](x).tanh())
    return made


def bound_method():
    made = network(lambda self, x: self.run(x), fc=nn.Linear(6, 4))
    made.run = types.MethodType(lambda self, x: self.fc(x) - 1, made)
    return made


def forward_of_instance():
    made = nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 4))
    made.forward = types.MethodType(lambda self, x: self[1](self[0](x).sigmoid()), made)
    return made


def layer_with_patched_forward():
    made = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
    layer = made[2]
    layer.forward = lambda x: 3 * F.linear(x, layer.weight) + layer.bias
    return made


def layer_with_patched_method():
    made = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
    made[0].forward = types.MethodType(lambda self, x: nn.Linear.forward(self, x.abs()), made[0])
    return made


def one_after_the_other(self, x):
    for number in range(3):
        x = getattr(self, f"conv{number}")(x).relu()
    return x.mean((2, 3))


def sliced(self, x):
    h = self.features[:2](x)
    return self.features[-1](h) + self.features[2:][0](h).mean()


def collected(self, x):
    kept = []
    for name, step in self.steps.named_children():
        x = step(x)
        if name in {"0", "2"}:
            kept.append(x.mean(1))
    return torch.stack(kept, 1)


SITUATIONS = {
    "layers in a plain list too": Situation(in_plain_list, normal(4, 9)),
    "layers in a plain dictionary too": Situation(in_plain_dict, X),
    "layers in a tuple and in a set": Situation(in_tuple_and_set, X),
    "a layer in an attribute that is not registered": Situation(past_registration, X),
    "a layer that only a plain list holds": Situation(
        not_registered, normal(4, 8), share=48 / (48 + 24), analog=("fc",)
    ),
    "all layers in a plain list": Situation(only_not_registered, X, refused="."),
    "a partial of a layer": Situation(partial_of_layer, X, may_refuse=True),
    "a closure over a layer": Situation(closure_of_layer, X, may_refuse=True),
    "a forward pass that is a closure": Situation(closure_of_all, X, may_refuse=True),
    "a bound method as an attribute": Situation(bound_method, X),
    "a forward pass on the instance": Situation(forward_of_instance, X),
    "a layer with a closure for its forward pass": Situation(
        layer_with_patched_forward, X, may_refuse=True
    ),
    "a layer with a method for its forward pass": Situation(
        layer_with_patched_method, X, may_refuse=True
    ),
    "names with brackets and stars": Situation(
        lambda: network(
            lambda self, x: self.parts["*"](self.parts["a[0]"](x).relu()) + self.parts["a b?"](x),
            parts=nn.ModuleDict(
                {"a[0]": nn.Linear(6, 5), "*": nn.Linear(5, 4), "a b?": nn.Linear(6, 4)}
            ),
        ),
        normal(5, 6),
    ),
    "a layer kept digital whose name has brackets": Situation(
        lambda: network(
            lambda self, x: self.parts["b"](self.parts["a[0]"](x).relu()),
            parts=nn.ModuleDict({"a[0]": nn.Linear(6, 6), "b": nn.Linear(6, 6)}),
        ),
        normal(5, 6),
        share=0.5,
        options={"keep_digital": ["parts.a[0]"]},
    ),
    "a layer as a network in a network": Situation(
        lambda: nn.Sequential(nn.Sequential(nn.Sequential(nn.Linear(6, 4)))), normal(3, 6)
    ),
    "layers found by getattr": Situation(
        lambda: network(one_after_the_other, conv0=conv(1, 3), conv1=conv(3, 3), conv2=conv(3, 2)),
        normal(2, 1, 5, 5),
    ),
    "a Sequential sliced in the forward pass": Situation(
        lambda: network(
            sliced, features=nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
        ),
        normal(3, 6),
    ),
    "features collected by name": Situation(
        lambda: network(
            collected, steps=nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
        ),
        normal(3, 6),
    ),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", SITUATIONS)
def test_how_layers_are_found(name: str, engine: str) -> None:
    assert faults(SITUATIONS[name], engine) == []
