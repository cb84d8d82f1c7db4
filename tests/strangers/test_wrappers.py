"""What is wrapped round a network, hangs on it, or hides in it: compilers, hooks, locks, copies."""

import copy
import io
import logging
import sys
import threading
import types
import weakref

import pytest
import torch
from torch import fx, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

from tests.strangers.judge import faults
from tests.strangers.situation import Situation, network, normal

X, Z = normal(3, 6), normal(5, 6, seed=1)


def two():
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))


def with_attribute(name, value):
    """Two layers, and an attribute: `value` may be a function of the network."""

    def make():
        made = two()
        setattr(made, name, value(made) if callable(value) else value)
        return made

    return make


def with_hook(register):
    def make():
        made = two()
        register(made)
        return made

    return make


class Wrapped(nn.Module):
    """Passes on what it does not know, as wrappers for training do."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("inner"), name)

    def forward(self, *args, **kwargs):
        return self.inner(*args, **kwargs)


class Trainer(nn.Module):
    """A network with its loss, optimiser and log beside, as trainers keep them."""

    def __init__(self):
        super().__init__()
        self.model, self.loss = two(), nn.CrossEntropyLoss(weight=torch.ones(4))
        self.optimiser = torch.optim.Adam(self.model.parameters())
        self.model(torch.ones(2, 6)).sum().backward()
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.log = logging.getLogger("a stranger's")

    def forward(self, x):
        return self.model(x)


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


class Slotted(nn.Linear):
    """Registered once more, by a table of the whole program."""

    table: dict[int, float] = {}

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.table[id(self)] = 3.0


class Strict(nn.Module):
    """Takes no attribute that it does not know."""

    allowed = frozenset({"fc", "training"})

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 4)

    def __setattr__(self, name, value):
        if not name.startswith("_") and name not in self.allowed:
            raise AttributeError(f"no attribute {name} is wanted here")
        super().__setattr__(name, value)

    def forward(self, x):
        return self.fc(x)


class StrictLayer(nn.Linear):
    def __setattr__(self, name, value):
        if name not in {"in_features", "out_features", "weight", "bias", "training"}:
            if not name.startswith("_"):
                raise AttributeError(f"no attribute {name} is wanted here")
        super().__setattr__(name, value)


class CalledOtherwise(nn.Module):
    """Its own __call__, past the hooks of torch."""

    def __init__(self):
        super().__init__()
        self.fc, self.out = nn.Linear(6, 5), nn.Linear(5, 4)

    def __call__(self, x):
        return self.out(self.fc(x).relu()) + 1


class LayerCalledOtherwise(nn.Linear):
    def __call__(self, x):
        return super().__call__(x).abs() + 1


class DoublesLinear(torch.overrides.TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        return out * 2 if function is F.linear else out


def in_a_mode(self, x):
    with DoublesLinear():
        return self.fc(x)


def kept_features():
    made = two()
    made.features = {}
    made[0].register_forward_hook(lambda m, args, out: made.features.update(first=out))
    made.forward = types.MethodType(
        lambda self, x: nn.Sequential.forward(self, x) + self.features["first"].mean(), made
    )
    return made


def features_in_a_global():
    made, kept = two(), []
    made[0].register_forward_hook(lambda m, args, out: kept.append(out.sum()))
    return made


def hook_with_name():
    made = two()
    for name, part in made.named_modules():
        part.my_name = name
    made[2].register_forward_hook(lambda m, args, out: out * (1 + int(m.my_name)))
    return made


def hook_that_goes():
    made = two()
    handles = []

    def once(m, args, out):
        handles.pop().remove()
        return out * 1

    handles.append(made[0].register_forward_hook(once))
    return made


def halved_weight_before(m, args):
    m.weight.data.div_(m.weight.data.norm())


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


def of_table():
    made = network(
        lambda self, x: self.fc(x) * Slotted.table.get(id(self.fc), 1.0), fc=Slotted(6, 4)
    )
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


def parallel_features():
    return network(
        lambda self, x: self.fc(self.features(x)),
        features=nn.DataParallel(nn.Sequential(nn.Linear(6, 5), nn.ReLU())),
        fc=nn.Linear(5, 4),
    )


def compiled_part():
    return network(
        lambda self, x: self.fc(self.body(x).relu()),
        body=torch.compile(nn.Linear(6, 5), backend="eager"),
        fc=nn.Linear(5, 4),
    )


def compiled_in_place():
    made = two()
    made.compile(backend="eager")
    return made


def compiled_method():
    made = two()
    made.forward = torch.compile(made.forward, backend="eager")
    return made


def scripted_part():
    return nn.Sequential(
        torch.jit.script(nn.Sequential(nn.Linear(6, 5))), nn.ReLU(), nn.Linear(5, 4)
    )


def traced():
    return torch.jit.trace(two(), torch.ones(2, 6))


def exported():
    return torch.export.export(two(), (torch.ones(2, 6),)).module()


def inference_weights():
    with torch.inference_mode():
        return two()


def kept_activation(net):
    return net[0](torch.ones(2, 6)).relu()


def quantised():
    return torch.ao.quantization.quantize_dynamic(two(), {nn.Linear})


SITUATIONS = {
    # Wrappers.
    "DataParallel": Situation(
        lambda: nn.DataParallel(two()), X, (Z,), share=1.0, notes=("DataParallel",)
    ),
    "features in DataParallel": Situation(
        parallel_features, X, (Z,), share=1.0, notes=("DataParallel",)
    ),
    "torch.compile": Situation(
        lambda: torch.compile(two(), backend="eager"), X, (Z,), share=1.0, notes=("compile",)
    ),
    "a part compiled": Situation(compiled_part, X, (Z,), share=1.0, notes=("compile",)),
    "compiled in place": Situation(compiled_in_place, X, (Z,), share=1.0, may_refuse=False),
    "a compiled forward pass": Situation(compiled_method, X, (Z,), may_refuse=True),
    "compiled, in DataParallel": Situation(
        lambda: nn.DataParallel(torch.compile(two(), backend="eager")),
        X,
        (Z,),
        notes=("DataParallel", "compile"),
    ),
    "TorchScript": Situation(lambda: torch.jit.script(two()), X, refused="script"),
    "TorchScript, traced": Situation(traced, X, refused="script"),
    "a part in TorchScript": Situation(scripted_part, X, refused="script"),
    "an exported network": Situation(exported, X, refused="."),
    "torch.fx": Situation(lambda: fx.symbolic_trace(two()), X, (Z,), share=1.0),
    "a part of torch.fx": Situation(
        lambda: nn.Sequential(fx.symbolic_trace(two()), nn.Linear(4, 3)), X, (Z,), share=1.0
    ),
    "quantised to int8": Situation(quantised, X, refused="."),
    "weights averaged over epochs": Situation(lambda: AveragedModel(two()), X, (Z,), share=1.0),
    "a wrapper that passes on": Situation(lambda: Wrapped(two()), X, (Z,), share=1.0),
    "a trainer": Situation(Trainer, X, (Z,), share=1.0),
    "in training mode": Situation(
        lambda: nn.Sequential(
            nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Dropout(), nn.Linear(5, 4)
        ).train(),
        X,
        (Z,),
        share=1.0,
    ),
    "partly in training mode": Situation(
        lambda: (lambda net: net.eval()[1].train() and net)(two()), X, (Z,), share=1.0
    ),
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
        with_attribute("file", lambda net: sys.__stderr__),
        X,
        (Z,),
        notes=("file",),
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
            lock=threading.Lock(),
            fc=nn.Linear(6, 4),
        ),
        X,
        (Z,),
        notes=("lock",),
    ),
    "weights made in inference mode": Situation(inference_weights, X, (Z,), share=1.0),
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
    "a child that knows its parent": Situation(in_circle, X, (Z,), share=1.0),
    "a weak reference to the parent": Situation(weak_parent, X, (Z,), may_refuse=True),
    "a layer in an object that is no module": Situation(
        held, X, (Z,), share=24 / 60, analog=("out",)
    ),
    "a registered layer, also in an object": Situation(held_twice, X, (Z,), share=1.0),
    "a mark on a layer": Situation(marked_layers, X, (Z,), share=1.0),
    "a part and a buffer on a layer": Situation(dressed_layer, X, (Z,), share=1.0),
    "a method on a layer": Situation(layer_with_method, X, (Z,), share=1.0),
    "a network that takes no attributes": Situation(Strict, X, (Z,), share=1.0),
    "a layer that takes no attributes": Situation(
        lambda: nn.Sequential(StrictLayer(6, 4)), X, (Z,), may_refuse=True
    ),
    "a network with its own __call__": Situation(CalledOtherwise, X, (Z,), share=1.0),
    "a layer with its own __call__": Situation(
        lambda: nn.Sequential(LayerCalledOtherwise(6, 5), nn.Linear(5, 4)), X, (Z,), analog=("1",)
    ),
    "a mode that changes F.linear": Situation(
        lambda: network(in_a_mode, fc=nn.Linear(6, 4)), X, (Z,), may_refuse=True
    ),
    # Hooks.
    "a hook that doubles a layer's output": Situation(
        with_hook(lambda net: net[0].register_forward_hook(lambda m, args, out: out * 2)),
        X,
        (Z,),
        share=1.0,
    ),
    "a hook that changes a layer's input": Situation(
        with_hook(lambda net: net[2].register_forward_pre_hook(lambda m, args: (args[0] + 1,))),
        X,
        (Z,),
        share=1.0,
    ),
    "a hook with names of arguments": Situation(
        with_hook(
            lambda net: net[2].register_forward_pre_hook(
                lambda m, args, kwargs: ((args[0] + 1,), kwargs), with_kwargs=True
            )
        ),
        X,
        (Z,),
        share=1.0,
    ),
    "a hook that always runs": Situation(
        with_hook(
            lambda net: net[2].register_forward_hook(lambda m, args, out: out - 1, always_call=True)
        ),
        X,
        (Z,),
        share=1.0,
    ),
    "a hook on the network": Situation(
        with_hook(lambda net: net.register_forward_hook(lambda m, args, out: {"logits": out})),
        X,
        (Z,),
        share=1.0,
    ),
    "a hook before the network": Situation(
        with_hook(lambda net: net.register_forward_pre_hook(lambda m, args: (args[0] * 3,))),
        X,
        (Z,),
        share=1.0,
    ),
    "a hook that knows the layer's name": Situation(hook_with_name, X, (Z,), share=1.0),
    "a hook on gradients": Situation(
        with_hook(lambda net: net[0].register_full_backward_hook(lambda m, gin, gout: None)),
        X,
        (Z,),
        share=1.0,
    ),
    "features kept by a hook in the first network": Situation(
        kept_features, X, (Z,), may_refuse=True
    ),
    "features kept by a hook outside": Situation(features_in_a_global, X, (Z,), share=1.0),
    "a hook that removes itself": Situation(hook_that_goes, X, (Z,), may_refuse=True, changes=True),
    "a hook that writes the weight": Situation(
        with_hook(lambda net: net[0].register_forward_pre_hook(halved_weight_before)),
        X,
        (Z,),
        may_refuse=True,
    ),
    "a hook on the state dictionary": Situation(
        with_hook(lambda net: net._register_state_dict_hook(lambda m, state, prefix, meta: state)),
        X,
        (Z,),
    ),
    "a copy of a copy": Situation(lambda: copy.deepcopy(copy.deepcopy(two())), X, (Z,), share=1.0),
}


@pytest.mark.xfail(strict=True, reason="only a run of the very network given would show it")
def test_a_table_of_layers_by_id_is_noticed() -> None:
    assert faults(Situation(of_table, X, (Z,), may_refuse=True), "native") == []


@pytest.mark.filterwarnings(
    "ignore:.torch.jit:DeprecationWarning", "ignore:torch.ao.quantization:DeprecationWarning"
)
@pytest.mark.parametrize("name", SITUATIONS)
def test_what_is_wrapped_round_it(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []


def test_a_hook_for_all_modules_runs_on_layers_on_tiles() -> None:
    def double(module, args, out):
        return out * 2 if isinstance(module, nn.Linear) else out

    handle = nn.modules.module.register_module_forward_hook(double)
    try:
        assert faults(Situation(two, X, (Z,), share=1.0), "native") == []
    finally:
        handle.remove()
