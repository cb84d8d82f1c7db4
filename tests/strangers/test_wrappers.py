"""What is wrapped round a network: compilers, scripts, parallelism, trainers."""

import logging

import pytest
import torch
from torch import fx, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

from tests.strangers.judge import faults
from tests.strangers.parts import X, Z, one, two
from tests.strangers.situation import Situation, network


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


def quantised():
    return torch.ao.quantization.quantize_dynamic(two(), {nn.Linear})


SITUATIONS = {
    # Wrappers.
    "DataParallel": Situation(lambda: nn.DataParallel(two()), X, (Z,), notes=("DataParallel",)),
    "features in DataParallel": Situation(parallel_features, X, (Z,), notes=("DataParallel",)),
    "torch.compile": Situation(
        lambda: torch.compile(two(), backend="eager"), X, (Z,), notes=("compile",)
    ),
    "a part compiled": Situation(compiled_part, X, (Z,), notes=("compile",)),
    "compiled in place": Situation(compiled_in_place, X, (Z,)),
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
    "torch.fx": Situation(lambda: fx.symbolic_trace(two()), X, (Z,)),
    "a part of torch.fx": Situation(
        lambda: nn.Sequential(fx.symbolic_trace(two()), nn.Linear(4, 3)), X, (Z,)
    ),
    "quantised to int8": Situation(quantised, X, refused="."),
    "weights averaged over epochs": Situation(lambda: AveragedModel(two()), X, (Z,)),
    "a wrapper that passes on": Situation(lambda: Wrapped(two()), X, (Z,)),
    "a trainer": Situation(Trainer, X, (Z,)),
    "in training mode": Situation(
        lambda: nn.Sequential(
            nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Dropout(), nn.Linear(5, 4)
        ).train(),
        X,
        (Z,),
    ),
    "partly in training mode": Situation(
        lambda: (lambda net: net.eval()[1].train() and net)(two()), X, (Z,)
    ),
    "a network that takes no attributes": Situation(Strict, X, (Z,)),
    "a layer that takes no attributes": Situation(
        lambda: nn.Sequential(StrictLayer(6, 4)), X, (Z,), may_refuse=True
    ),
    "a network with its own __call__": Situation(CalledOtherwise, X, (Z,)),
    "a layer with its own __call__": Situation(
        lambda: nn.Sequential(LayerCalledOtherwise(6, 5), nn.Linear(5, 4)),
        X,
        (Z,),
        share=20 / 50,
        analog=("1",),
    ),
    "a mode that changes F.linear": Situation(one(in_a_mode), X, (Z,), may_refuse=True),
}


@pytest.mark.filterwarnings(
    "ignore:.torch.jit:DeprecationWarning", "ignore:torch.ao.quantization:DeprecationWarning"
)
@pytest.mark.parametrize("name", SITUATIONS)
def test_what_is_wrapped_round_it(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []
