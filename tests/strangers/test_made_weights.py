"""Weights that the forward pass makes, copies or changes."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.strangers.judge import faults
from tests.strangers.situation import Situation, call, network, normal

X = normal(3, 8)


class Binary(nn.Linear):
    def forward(self, x):
        return F.linear(x.sign(), self.weight.sign() * self.weight.abs().mean(), self.bias)


class BinaryInPlace(nn.Linear):
    """As the first binary networks were written: the real weights are kept beside."""

    def forward(self, x):
        if not hasattr(self.weight, "org"):
            self.weight.org = self.weight.data.clone()
        self.weight.data = self.weight.org.sign()
        return F.linear(x, self.weight, self.bias)


class Equalised(nn.Module):
    """Its own parameter, scaled at run time, as in generators of images."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))

    def forward(self, x):
        return F.linear(x, self.weight / self.weight.shape[1] ** 0.5)


class Transposed(nn.Module):
    """(in, out) weights, as in the first models of language."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight, self.bias = (
            nn.Parameter(torch.randn(inputs, outputs)),
            nn.Parameter(torch.randn(outputs)),
        )

    def forward(self, x):
        flat = torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight)
        return flat.view(*x.shape[:-1], -1)


class MaxNorm(nn.Conv2d):
    """Its weights are cut to a largest norm at each call."""

    def forward(self, x):
        self.weight.data = torch.renorm(self.weight.data, p=2, dim=0, maxnorm=0.5)
        return super().forward(x)


def fused(self, x):
    w = torch.cat([self.q.weight, self.k.weight])
    q, k = F.linear(x, w, torch.cat([self.q.bias, self.k.bias])).chunk(2, -1)
    return self.out(q * k.sigmoid())


def folded_by_hand(self, x):
    scale = self.bn.weight / (self.bn.running_var + self.bn.eps).sqrt()
    w = self.c.weight * scale[:, None, None, None]
    h = F.conv2d(x, w, self.bn.bias - self.bn.running_mean * scale)
    return self.fc(h.relu().mean((2, 3)))


def merged_adapter(self, x):
    return self.out(F.linear(x, self.base.weight + self.b @ self.a, self.base.bias))


def beside_adapter(self, x):
    return self.base(x) + self.up(self.down(x)) * 0.5


def hyper(self, x, z):
    w = self.writer(z).view(-1, 4, 8)
    return self.out(torch.bmm(w, x[:, :, None])[:, :, 0].relu())


def own_kernel(self, x):
    return self.fc(self.c._conv_forward(x, self.c.weight * self.gain, self.c.bias).mean((2, 3)))


def made_anew(self, x):
    new = nn.Linear(8, 4)
    new.load_state_dict({key: value[:4] for key, value in self.fc.state_dict().items()})
    return self.out(new(x))


def copied_and_scaled(self, x):
    teacher = copy.deepcopy(self.fc)
    with torch.no_grad():
        teacher.weight.mul_(2)
    return self.fc(x) + teacher(x).tanh()


def halves_itself(self, x):
    y = self.fc(x)
    self.fc.weight = nn.Parameter(self.fc.weight.detach() * 0.5)
    return y


def clamps_itself(self, x):
    self.fc.weight.data.clamp_(-0.2, 0.2)
    return self.fc(x)


def strides_by_input(self, x):
    self.c.stride = (2, 2) if x.shape[-1] > 8 else (1, 1)
    return self.c(x).mean((2, 3))


def reads_state(self, x):
    state = self.state_dict()
    return self.fc(x) + state["fc.bias"] + state["fc.weight"].mean()


def stacked(self, x):
    parameters, _ = torch.func.stack_module_state(list(self.nets))
    one = lambda p: torch.func.functional_call(self.nets[0], p, (x,))  # noqa: E731
    return self.out(torch.vmap(one)(parameters).mean(0))


# The last layer of two computes 32 multiply-adds a row, the first 64.
LAST_ONLY = 32 / 96


SITUATIONS = {
    "queries and keys fused": Situation(
        lambda: network(fused, q=nn.Linear(8, 8), k=nn.Linear(8, 8), out=nn.Linear(8, 4)),
        X,
        share=32 / 160,
    ),
    "BatchNorm folded by hand": Situation(
        lambda: network(
            folded_by_hand,
            c=nn.Conv2d(2, 4, 3, bias=False),
            bn=nn.BatchNorm2d(4),
            fc=nn.Linear(4, 3),
        ),
        normal(2, 2, 5, 5),
        share=12 / (12 + 9 * 72),
    ),
    "an adapter merged in the forward pass": Situation(
        lambda: network(
            merged_adapter,
            base=nn.Linear(8, 8),
            a=nn.Parameter(torch.randn(2, 8)),
            b=nn.Parameter(torch.randn(8, 2)),
            out=nn.Linear(8, 4),
        ),
        X,
        share=96 / (96 + 3 * 64 + 8 * 8 * 2),
        analog=("out",),
    ),
    "an adapter beside": Situation(
        lambda: network(
            beside_adapter, base=nn.Linear(8, 8), down=nn.Linear(8, 2), up=nn.Linear(2, 8)
        ),
        X,
    ),
    "weights that another layer writes": Situation(
        lambda: network(hyper, writer=nn.Linear(5, 32), out=nn.Linear(4, 2)),
        call(X, normal(3, 5)),
        share=168 / (168 + 32),
    ),
    "a kernel times a gain, by _conv_forward": Situation(
        lambda: network(
            own_kernel,
            c=nn.Conv2d(2, 4, 3),
            gain=nn.Parameter(torch.rand(4, 1, 1, 1)),
            fc=nn.Linear(4, 3),
        ),
        normal(2, 2, 5, 5),
        share=12 / (12 + 9 * 72),
    ),
    "a layer made anew from a layer's weight": Situation(
        lambda: network(made_anew, fc=nn.Linear(8, 8), out=nn.Linear(4, 4)), X, may_refuse=True
    ),
    "a copy with twice the weights": Situation(
        lambda: network(copied_and_scaled, fc=nn.Linear(8, 8)), X, may_refuse=True
    ),
    "weights halved at each call": Situation(
        lambda: network(halves_itself, fc=nn.Linear(8, 8)), X, refused="state|chang"
    ),
    "weights cut to a largest value at each call": Situation(
        lambda: network(clamps_itself, fc=nn.Linear(8, 8)), X, may_refuse=True
    ),
    "weights cut to a largest norm at each call": Situation(
        lambda: nn.Sequential(MaxNorm(2, 4, 3), nn.Flatten(), nn.Linear(36, 3)),
        normal(2, 2, 5, 5),
        may_refuse=True,
    ),
    "a stride that follows the input": Situation(
        lambda: network(strides_by_input, c=nn.Conv2d(2, 4, 3)),
        normal(2, 2, 6, 6),
        (normal(2, 2, 10, 10),),
        may_refuse=True,
    ),
    "the state dictionary read in the forward pass": Situation(
        lambda: network(reads_state, fc=nn.Linear(8, 4)), X
    ),
    "an ensemble with stacked weights": Situation(
        lambda: network(
            stacked, nets=nn.ModuleList([nn.Linear(8, 8) for _ in range(3)]), out=nn.Linear(8, 4)
        ),
        X,
        may_refuse=True,
    ),
    "binary weights": Situation(
        lambda: nn.Sequential(Binary(8, 8), nn.BatchNorm1d(8), nn.Linear(8, 4)), X, share=LAST_ONLY
    ),
    "only binary weights": Situation(
        lambda: nn.Sequential(Binary(8, 8), nn.ReLU(), Binary(8, 4)), X, refused="."
    ),
    "binary weights in place": Situation(
        lambda: nn.Sequential(BinaryInPlace(8, 8), nn.ReLU(), nn.Linear(8, 4)), X, may_refuse=True
    ),
    "a parameter scaled at run time": Situation(
        lambda: nn.Sequential(Equalised(8, 8), nn.ReLU(), nn.Linear(8, 4)),
        X,
        share=LAST_ONLY,
        digital=("0",),
    ),
    "weights of shape (in, out)": Situation(
        lambda: nn.Sequential(Transposed(8, 8), nn.ReLU(), nn.Linear(8, 4)),
        normal(3, 5, 8),
        share=LAST_ONLY,
        digital=("0",),
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_weights_of_the_forward_pass(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []
