"""Layers of classes of one's own, and forward passes that ask for a layer's class."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.strangers.judge import faults
from tests.strangers.parts import X, conv, one
from tests.strangers.situation import ENGINES, Situation, call, network, normal


def relu_after(kind):
    """Every layer of `self.steps`, and a ReLU after those of this class."""

    def forward(self, x):
        for step in self.steps:
            x = step(x)
            if isinstance(step, kind):
                x = x.relu()
        return x

    return forward


def exact_class(self, x):
    for step in (self.first, self.second):
        x = step(x)
        if type(step) is nn.Linear:
            x = x.tanh()
    return x


def class_by_name(self, x):
    for step in self.children():
        x = step(x)
        if "Linear" in step.__class__.__name__:
            x = F.leaky_relu(x)
    return x


def counts_layers(self, x):
    depth = sum(isinstance(m, nn.Linear) for m in self.modules())
    return self.last(self.first(x).relu()) * depth


def counts_parameters(self, x):
    return self.fc(x) * sum(1 for p in self.parameters()) + sum(
        p.numel() for p in self.parameters()
    )


def asserts_class(self, x):
    assert isinstance(self.fc, nn.Linear), "a linear head is needed"
    return self.fc(x)


def matched_class(self, x):
    for step in self.steps:
        match step:
            case nn.Conv1d(kernel_size=(size,)):
                x = step(F.pad(x, (size - 1, 0)))
            case nn.Linear():
                x = step(x.mean(2))
    return x


class Halved(nn.Linear):
    def forward(self, x):
        return super().forward(x) / 2


class WithScale(nn.Linear):
    """Its call takes more than the input."""

    def forward(self, x, scale=1.0, *, shift=None):
        y = super().forward(x) * scale
        return y if shift is None else y + shift


class WithMask(nn.Conv2d):
    """Gives two outputs, as convolutions over holes do."""

    def forward(self, x, mask):
        return super().forward(x * mask), F.max_pool2d(mask, 3, 1, 1)


class Named(nn.Linear):
    """No forward pass of its own, only more to say."""

    def __init__(self, *sizes, purpose):
        super().__init__(*sizes)
        self.purpose = purpose


class Cylinder(nn.Conv2d):
    """Wraps around in one direction, as maps of the earth do."""

    def _conv_forward(self, x, weight, bias):
        wrapped = F.pad(x, (1, 1, 0, 0), mode="circular")
        return F.conv2d(F.pad(wrapped, (0, 0, 1, 1)), weight, bias, self.stride)


class Standardised(nn.Conv2d):
    def forward(self, x):
        w = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        w = w / (w.std((1, 2, 3), keepdim=True) + 1e-5)
        return F.conv2d(x, w, self.bias, self.stride, self.padding)


class Causal(nn.Conv1d):
    def forward(self, x):
        return super().forward(F.pad(x, (self.kernel_size[0] - 1, 0)))


class Masked(nn.Linear):
    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.register_buffer("mask", torch.ones(sizes[::-1]).tril())

    def forward(self, x):
        return F.linear(x, self.mask * self.weight, self.bias)


class WithReservedNames(nn.Linear):
    """Attributes of its own under words that a layer on tiles may want for itself."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.name, self.engine, self.tiles, self.norm = "stem", 2.0, 3, None
        self.matrix, self.geometry, self.periphery, self.numel = "m", (1, 2), "p", 7

    def read(self):
        return self.engine * self.tiles + len(self.name) + self.numel + sum(self.geometry)


class WithReservedMethods(nn.Linear):
    def numel(self):
        return 5

    @property
    def tiles(self):
        return 4

    def affine(self, x):
        return 2 * x + 1

    def use_(self, x):
        return x.abs()


class NoLength(nn.ModuleList):
    """False in `if network:`, because it says that it is empty."""

    def __len__(self):
        return 0

    def forward(self, x):
        return self._modules["0"](x)


class EqualToAll(nn.Linear):
    def __eq__(self, other):
        return isinstance(other, nn.Linear)

    def __hash__(self):
        return 1


def lazy_layer():
    made = nn.Sequential(nn.LazyLinear(5), nn.ReLU(), nn.LazyLinear(3))
    made(torch.ones(2, 6))
    return made


def cut_by_hand():
    """Outputs and inputs were cut away after training; the layers still say the old sizes."""
    made = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
    made[0].weight, made[0].bias = nn.Parameter(made[0].weight[:3]), nn.Parameter(made[0].bias[:3])
    made[2].weight = nn.Parameter(made[2].weight[:, :3])
    return made


def channels_cut_by_hand():
    made = nn.Sequential(nn.Conv2d(2, 6, 3), nn.ReLU(), nn.Conv2d(6, 4, 3))
    made[0].weight, made[0].bias = nn.Parameter(made[0].weight[:3]), nn.Parameter(made[0].bias[:3])
    made[2].weight = nn.Parameter(made[2].weight[:, :3])
    return made


def one_bias():
    made = nn.Sequential(nn.Linear(6, 4))
    made[0].bias = nn.Parameter(torch.randn(1))
    return made


def linears(*sizes):
    return nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:], strict=False))


SITUATIONS = {
    "ReLU after each nn.Linear": Situation(
        lambda: network(relu_after(nn.Linear), steps=linears(12, 10, 6)),
        normal(5, 12),
        (normal(2, 12), normal(5, 12, seed=1)),
    ),
    "ReLU after each nn.Conv2d": Situation(
        lambda: network(relu_after(nn.Conv2d), steps=nn.ModuleList([conv(1, 4), conv(4, 3)])),
        normal(3, 1, 6, 6),
        (normal(1, 1, 9, 7),),
    ),
    "ReLU after what has a forward pass of torch's convolutions": Situation(
        lambda: network(
            relu_after((nn.Conv1d, nn.modules.conv._ConvNd)),
            steps=nn.ModuleList([nn.Conv1d(2, 4, 3), nn.Conv1d(4, 3, 3)]),
        ),
        normal(3, 2, 9),
    ),
    "type(layer) is nn.Linear": Situation(
        lambda: network(exact_class, first=nn.Linear(6, 6), second=nn.Linear(6, 4)),
        normal(5, 6),
        may_refuse=True,
    ),
    "the name of the class": Situation(
        lambda: network(class_by_name, first=nn.Linear(6, 6), second=nn.Linear(6, 4)),
        normal(5, 6),
        may_refuse=True,
    ),
    "counts its linear layers": Situation(
        lambda: network(counts_layers, first=nn.Linear(6, 6), last=nn.Linear(6, 4)), normal(5, 6)
    ),
    "counts its parameters": Situation(one(counts_parameters), normal(5, 6)),
    "asserts the class": Situation(one(asserts_class), normal(5, 6), (normal(1, 6),)),
    "matches classes by pattern": Situation(
        lambda: network(matched_class, steps=nn.ModuleList([nn.Conv1d(2, 3, 4), nn.Linear(3, 2)])),
        normal(5, 2, 8),
    ),
    "a subclass with its own forward pass": Situation(
        lambda: nn.Sequential(Halved(6, 5), nn.Tanh(), nn.Linear(5, 4)),
        normal(5, 6),
        share=20 / 50,
        analog=("2",),
    ),
    "a subclass whose call takes more": Situation(
        lambda: network(
            lambda self, x, s=2.0: self.out(self.fc(x, s, shift=x.mean())),
            fc=WithScale(6, 5),
            out=nn.Linear(5, 4),
        ),
        normal(5, 6),
        (call(normal(5, 6), 0.5),),
        share=20 / 50,
        analog=("out",),
    ),
    "a convolution that gives two outputs": Situation(
        lambda: network(
            lambda self, x: self.d(self.c(x, (x > 0).float())[0]),
            c=WithMask(2, 3, 3, padding=1),
            d=conv(3, 2),
        ),
        normal(2, 2, 5, 5),
        share=0.5,
        analog=("d",),
    ),
    "outputs and inputs cut away by hand": Situation(cut_by_hand, normal(5, 6)),
    "channels cut away by hand": Situation(channels_cut_by_hand, normal(2, 2, 7, 7)),
    "one bias for all outputs": Situation(one_bias, normal(5, 6), (normal(6),), may_refuse=True),
    "fused for quantisation": Situation(
        lambda: torch.ao.nn.intrinsic.LinearReLU(nn.Linear(6, 4), nn.ReLU()), normal(5, 6)
    ),
    "a subclass with no forward pass of its own": Situation(
        lambda: network(
            lambda self, x: self.fc(x) * len(self.fc.purpose), fc=Named(6, 4, purpose="head")
        ),
        normal(5, 6),
        analog=("fc",),
    ),
    "a convolution with its own _conv_forward": Situation(
        lambda: nn.Sequential(Cylinder(1, 4, 3, padding=1), nn.ReLU(), conv(4, 2)),
        normal(3, 1, 6, 6),
        (normal(3, 1, 5, 9),),
        share=2 / 3,
    ),
    "a convolution that standardises its weights": Situation(
        lambda: nn.Sequential(Standardised(1, 4, 3), nn.ReLU(), conv(4, 2)),
        normal(3, 1, 6, 6),
        share=16 * 72 / (16 * 72 + 16 * 36),
    ),
    "a causal convolution that calls torch's": Situation(
        lambda: nn.Sequential(Causal(2, 4, 3), nn.ReLU(), Causal(4, 3, 3, dilation=1)),
        normal(3, 2, 9),
        (normal(3, 2, 4),),
        may_refuse=True,
    ),
    "a linear layer with a mask on its weights": Situation(
        lambda: nn.Sequential(Masked(6, 6), nn.ReLU(), nn.Linear(6, 6)), X, share=0.5
    ),
    "attributes with the words of a layer on tiles": Situation(
        lambda: network(lambda self, x: self.fc(x) + self.fc.read(), fc=WithReservedNames(6, 4)),
        X,
        may_refuse=True,
    ),
    "methods with the words of a layer on tiles": Situation(
        lambda: network(
            lambda self, x: (
                self.fc.affine(self.fc.use_(self.fc(x))) + self.fc.tiles + self.fc.numel()
            ),
            fc=WithReservedMethods(6, 4),
        ),
        X,
        may_refuse=True,
    ),
    "parts with the words of a chip": Situation(
        lambda: network(
            lambda self, x: self.parts(self.layers(self.module(x)).relu()) + self.seed,
            module=nn.Linear(6, 5),
            layers=nn.Linear(5, 5),
            parts=nn.Linear(5, 3),
            seed=3,
            chip="potato",
            report=None,
        ),
        X,
    ),
    "a network that is false": Situation(lambda: NoLength([nn.Linear(6, 4)]), X),
    "a part that is false": Situation(
        lambda: nn.Sequential(NoLength([nn.Linear(6, 4)]), nn.Linear(4, 2)), X
    ),
    "layers that are equal to each other": Situation(
        lambda: nn.Sequential(EqualToAll(6, 6), nn.ReLU(), EqualToAll(6, 6)), X, may_refuse=True
    ),
    "lazy layers that have run": Situation(lazy_layer, X),
    "lazy layers that have not run": Situation(
        lambda: nn.Sequential(nn.LazyLinear(5)), X, refused="lazy"
    ),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", SITUATIONS)
def test_classes_of_layers(name: str, engine: str) -> None:
    assert faults(SITUATIONS[name], engine) == []
