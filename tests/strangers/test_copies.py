"""What cannot be copied in a network, and what knows its other parts."""

import copy
import io
import logging
import sys
import threading
import types
import weakref

import pytest
import torch
from torch import nn

from tests.strangers.judge import faults
from tests.strangers.parts import X, Z, two, with_hook
from tests.strangers.situation import Situation, network


def with_attribute(name, value):
    """Two layers, and an attribute: `value` may be a function of the network."""

    def make():
        made = two()
        setattr(made, name, value(made) if callable(value) else value)
        return made

    return make


class CopiesItself(nn.Sequential):
    """A network that is there once: its copy is itself."""

    def __deepcopy__(self, memo):
        return self


class CopiesOnlyWeights(nn.Module):
    """A copy made by its constructor, with the weights of the first."""

    def __init__(self, width):
        super().__init__()
        self.fc, self.out, self.gain = nn.Linear(6, width), nn.Linear(width, 4), 1.0

    def __deepcopy__(self, memo):
        other = type(self)(self.fc.out_features)
        other.load_state_dict(self.state_dict())
        return other

    def forward(self, x):
        return self.out(self.fc(x).relu()) * self.gain


class CannotBeCopied(nn.Sequential):
    def __deepcopy__(self, memo):
        raise RuntimeError("this network is not for copying")


class LayerCannotBeCopied(nn.Linear):
    def __deepcopy__(self, memo):
        raise RuntimeError("this layer is not for copying")


class Child(nn.Module):
    """Knows its parent, which is not one of its parts."""

    def __init__(self, parent):
        super().__init__()
        object.__setattr__(self, "parent", parent)

    def forward(self, x):
        return self.parent.fc(x)


class Holder:
    """No module: what it holds is in nobody's table."""

    def __init__(self, layer):
        self.layer = layer


def in_circle():
    made = network(lambda self, x: self.child(x), fc=nn.Linear(6, 4))
    made.child = Child(made)
    return made


def weak_parent():
    made = network(lambda self, x: self.child.parent().fc(x), fc=nn.Linear(6, 4))
    made.child = nn.Identity()
    made.child.parent = weakref.ref(made)
    return made


def held():
    made = network(lambda self, x: self.out(self.holder.layer(x)), out=nn.Linear(6, 4))
    made.holder = Holder(nn.Linear(6, 6))
    return made


def held_twice():
    made = network(lambda self, x: self.holder.layer(x), fc=nn.Linear(6, 4))
    made.holder = Holder(made.fc)
    return made


def marked_layers():
    def forward(self, x):
        for layer in (self.a, self.b):
            x = layer(x) if getattr(layer, "is_last", False) else layer(x).relu()
        return x

    made = network(forward, a=nn.Linear(6, 6), b=nn.Linear(6, 4))
    made.b.is_last = True
    return made


def dressed_layer():
    made = network(lambda self, x: self.fc.act(self.fc(x) + self.fc.shift), fc=nn.Linear(6, 4))
    made.fc.act = nn.PReLU(4, init=0.3)
    made.fc.register_buffer("shift", torch.randn(4))
    return made


def layer_with_method():
    made = network(lambda self, x: self.fc.after(self.fc(x)), fc=nn.Linear(6, 4))
    made.fc.after = types.MethodType(lambda self, y: y * self.out_features, made.fc)
    return made


def inference_weights():
    with torch.inference_mode():
        return two()


def kept_activation(net):
    return net[0](torch.ones(2, 6)).relu()


class Slotted(nn.Linear):
    """Registered once more, by a table of the whole program."""

    table: dict[int, float] = {}

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.table[id(self)] = 3.0


def of_table():
    made = network(
        lambda self, x: self.fc(x) * Slotted.table.get(id(self.fc), 1.0), fc=Slotted(6, 4)
    )
    return made


SITUATIONS = {
    # What cannot be copied.
    "a lock": Situation(
        with_attribute("lock", lambda net: threading.Lock()), X, (Z,), notes=("lock",)
    ),
    "a lock deep inside": Situation(
        with_attribute(
            "tools", lambda net: {"writers": [types.SimpleNamespace(guard=threading.RLock())]}
        ),
        X,
        (Z,),
        notes=("tools",),
    ),
    "a lock on a layer": Situation(
        with_hook(lambda net: setattr(net[0], "guard", threading.Lock())), X, (Z,), notes=("guard",)
    ),
    "a thread": Situation(
        with_attribute("worker", lambda net: threading.Thread(target=print)),
        X,
        (Z,),
        notes=("worker",),
    ),
    "an open file": Situation(
        with_attribute("file", lambda net: sys.__stderr__), X, (Z,), notes=("file",)
    ),
    "a file in memory": Situation(with_attribute("file", lambda net: io.BytesIO(b"abc")), X, (Z,)),
    "a generator": Situation(
        with_attribute("stream", lambda net: (n for n in range(3))), X, (Z,), notes=("stream",)
    ),
    "a torch generator": Situation(
        with_attribute("rng", lambda net: torch.Generator().manual_seed(3)), X, (Z,)
    ),
    "a module of Python": Situation(with_attribute("maths", lambda net: types), X, (Z,)),
    "a logger": Situation(with_attribute("log", lambda net: logging.getLogger("s")), X, (Z,)),
    "a lambda": Situation(with_attribute("act", lambda net: lambda x: x), X, (Z,)),
    "an activation kept": Situation(
        with_attribute("kept", kept_activation), X, (Z,), notes=("kept",)
    ),
    "activations kept in a list": Situation(
        with_attribute("seen", lambda net: [kept_activation(net)]), X, (Z,), notes=("seen",)
    ),
    "an activation kept as a buffer": Situation(
        with_hook(lambda net: net.register_buffer("seen", kept_activation(net))),
        X,
        (Z,),
        notes=("seen",),
    ),
    "an activation kept on a layer": Situation(
        with_hook(lambda net: setattr(net[0], "seen", kept_activation(net))),
        X,
        (Z,),
        notes=("seen",),
    ),
    "a lock that the forward pass takes": Situation(
        lambda: network(
            lambda self, x: [
                lock.acquire() and lock.release() or self.fc(x) for lock in [self.lock]
            ][0],
            fc=nn.Linear(6, 4),
            lock=threading.Lock(),
        ),
        X,
        (Z,),
        notes=("lock",),
    ),
    "weights made in inference mode": Situation(inference_weights, X, (Z,)),
    "a network whose copy is itself": Situation(
        lambda: CopiesItself(nn.Linear(6, 4), nn.ReLU()), X, (Z,), may_refuse=True
    ),
    "a part whose copy is itself": Situation(
        lambda: nn.Sequential(CopiesItself(nn.Linear(6, 5), nn.ReLU()), nn.Linear(5, 4)),
        X,
        (Z,),
        may_refuse=True,
    ),
    "a copy by the constructor": Situation(
        lambda: CopiesOnlyWeights(5), X, (Z,), refused="a copy without layer fc on tiles"
    ),
    "a copy by the constructor that forgets": Situation(
        lambda: (lambda net: setattr(net, "gain", 3.0) or net)(CopiesOnlyWeights(5)),
        X,
        (Z,),
        may_refuse=True,
    ),
    "a network that refuses to be copied": Situation(
        lambda: CannotBeCopied(nn.Linear(6, 4)), X, may_refuse=True
    ),
    "a layer that refuses to be copied": Situation(
        lambda: nn.Sequential(LayerCannotBeCopied(6, 5), nn.ReLU(), nn.Linear(5, 4)),
        X,
        may_refuse=True,
    ),
    # References.
    "a child that knows its parent": Situation(in_circle, X, (Z,)),
    "a weak reference to the parent": Situation(weak_parent, X, (Z,), may_refuse=True),
    "a layer in an object that is no module": Situation(
        held, X, (Z,), share=24 / 60, analog=("out",)
    ),
    "a registered layer, also in an object": Situation(held_twice, X, (Z,)),
    "a mark on a layer": Situation(marked_layers, X, (Z,)),
    "a part and a buffer on a layer": Situation(dressed_layer, X, (Z,)),
    "a method on a layer": Situation(layer_with_method, X, (Z,)),
    "a copy of a copy": Situation(lambda: copy.deepcopy(copy.deepcopy(two())), X, (Z,)),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_is_copied_and_shared(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []


@pytest.mark.xfail(strict=True, reason="only a run of the very network given would show it")
def test_a_table_of_layers_by_id_is_noticed() -> None:
    assert faults(Situation(of_table, X, (Z,), may_refuse=True), "native") == []
