"""BatchNorm beside layers: a chip may compute both at once, and not where they are parted."""

import dataclasses

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import analogsim
from tests.strangers.compare import unlike
from tests.strangers.judge import faults
from tests.strangers.parts import one
from tests.strangers.situation import Situation, call, fresh, network, normal

X = normal(3, 2, 5, 5)
FEW = normal(1, 2, 6, 4)


def lived(norm):
    """A BatchNorm with statistics and factors of its own, as after training."""
    for value, low, high in (
        (norm.running_mean, -1.0, 1.0),
        (norm.running_var, 0.3, 3.0),
        (norm.weight, 0.5, 2.0),
        (norm.bias, -1.0, 1.0),
    ):
        if value is not None:
            nn.init.uniform_(value, low, high)
    return norm.eval()


def norm2d(channels=3, **more):
    return lived(nn.BatchNorm2d(channels, **more))


def norm1d(channels=4, **more):
    return lived(nn.BatchNorm1d(channels, **more))


def pictures(forward, **parts):
    """A convolution `c` from 2 to 3 channels, and a BatchNorm `bn` of 3."""
    return lambda: fresh(forward, **({"c": nn.Conv2d(2, 3, 3, padding=1), "bn": norm2d()} | parts))


class Scaled(nn.BatchNorm2d):
    """Its own forward pass."""

    def forward(self, x):
        return super().forward(x) * 3


def both_used(self, x):
    h = self.c(x)
    return self.bn(h).relu() + h


def used_after(self, x):
    h = self.c(x)
    y = self.bn(h)
    return y * h.mean()


def called_twice(self, x):
    return self.bn(self.c(x)) + self.c(-x)


def norm_only_first(self, x):
    h = self.c(x)
    h = self.bn(h) if self.first else h
    return h.relu()


def by_flag(self, x, norm=True):
    h = self.c(x)
    return (self.bn(h) if norm else h).relu()


def changed_by_flag(self, x, norm=True):
    x -= 1
    h = self.c(x)
    return (self.bn(h) if norm else h).relu()


def emptied_by_flag(self, xs, norm=True):
    h = self.c(xs.pop())
    return self.bn(h) if norm else h


def counted_by_flag(self, x, norm=True):
    self.calls += 1
    h = self.c(x)
    return self.bn(h) if norm else h


def by_value(self, x):
    h = self.c(x)
    return self.bn(h) if x.mean() < 5 else h


def by_size(self, x):
    h = self.c(x)
    return self.bn(h) if x.shape[-1] > 4 else h


def by_domain(self, x, domain=0):
    return self.norms[domain](self.c(x)).relu()


def of_another(self, x):
    """The norm belongs to another layer's output for some calls."""
    return self.bn(self.d(x)) if x.shape[-1] == 4 else self.bn(self.c(x))


def shared(self, x):
    return self.bn(self.c(x)) + self.bn(self.d(x).relu())


def crossed(self, x):
    a, b = self.c(x), self.d(x)
    return self.bn(b) - self.bn2(a)


def added_first(self, x):
    h = self.c(x)
    return self.bn(h + h.flip(-1))


def in_place_between(self, x):
    h = self.c(x)
    h.mul_(2)
    return self.bn(h)


def written_later(self, x):
    h = self.c(x)
    y = self.bn(h)
    h.add_(1)
    return y + h


def half_of_it(self, x):
    a, b = self.c(x).split([1, 2], 1)
    return torch.cat([a, self.bn(b)], 1)


def viewed(self, x):
    h = self.fc(x)
    return self.bn(h.transpose(1, 2)).transpose(1, 2)


def rows_first(self, x):
    n, t = x.shape[:2]
    return self.bn(self.fc(x).view(n * t, -1)).view(n, t, -1)


def twice_in_row(self, x):
    return self.bn2(self.bn(self.c(x)))


def as_wide(self, x):
    """Features and places are as many: (n, 4, 4)."""
    return self.bn(self.fc(x))


def two_pictures(self, a, b):
    return self.bn(torch.cat([self.c(a), self.c(b)]))


def checkpointed(self, x):
    return checkpoint(lambda v: self.bn(self.c(v)), x, use_reentrant=False)


def statistics_read(self, x):
    return self.bn(self.c(x)) * self.bn.running_var.mean() + self.bn.weight.sum()


def eps_read(self, x):
    h = self.c(x)
    mean, var = self.bn.running_mean, self.bn.running_var
    y = (h - mean[:, None, None]) / (var[:, None, None] + self.bn.eps).sqrt()
    return y * self.bn.weight[:, None, None] + self.bn.bias[:, None, None]


def caught(self, x):
    kept = []
    handle = self.bn.register_forward_pre_hook(lambda m, args: kept.append(args[0].mean()))
    y = self.bn(self.c(x))
    handle.remove()
    return y + kept[0]


def hooked(where, hook):
    def make():
        made = nn.Sequential(nn.Conv2d(2, 3, 3), norm2d(), nn.ReLU(), nn.Conv2d(3, 2, 1))
        where(made, hook)
        return made

    return make


def on_conv(net, hook):
    net[0].register_forward_hook(hook)


def on_norm(net, hook):
    net[1].register_forward_hook(hook)


def before_norm(net, hook):
    net[1].register_forward_pre_hook(hook)


def stacked(*between):
    return lambda: nn.Sequential(
        nn.Conv2d(2, 3, 3), *[make() for make in between], nn.Conv2d(3, 2, 1)
    )


SITUATIONS = {
    "convolution, norm": Situation(stacked(norm2d), X, (FEW,)),
    "convolution, dropout, norm": Situation(stacked(nn.Dropout2d, norm2d), X, (FEW,)),
    "convolution, identity, norm": Situation(stacked(nn.Identity, norm2d), X, (FEW,)),
    "convolution, ReLU in place, norm": Situation(
        stacked(lambda: nn.ReLU(inplace=True), norm2d), X, (FEW,)
    ),
    "convolution, norm, ReLU in place": Situation(
        stacked(norm2d, lambda: nn.ReLU(inplace=True)), X, (FEW,)
    ),
    "norm before the convolution": Situation(
        lambda: nn.Sequential(norm2d(2), nn.Conv2d(2, 3, 3), nn.ReLU()), X, (FEW,)
    ),
    "two norms in a row": Situation(pictures(twice_in_row, bn2=norm2d()), X, (FEW,)),
    "a norm without factors": Situation(stacked(lambda: norm2d(affine=False)), X, (FEW,)),
    "a norm with its own forward pass": Situation(stacked(lambda: lived(Scaled(3))), X, (FEW,)),
    "a norm with a large eps": Situation(stacked(lambda: norm2d(eps=0.5)), X, (FEW,)),
    "a norm with a factor of zero": Situation(
        stacked(lambda: (lambda bn: bn.weight.data[1].zero_() is None or bn)(norm2d())), X, (FEW,)
    ),
    "a norm in float64": Situation(
        pictures(lambda self, x: self.bn(self.c(x).double()).float(), bn=norm2d().double()),
        X,
        may_refuse=True,
    ),
    "norm and raw both used": Situation(pictures(both_used), X, (FEW,)),
    "the raw output used after the norm": Situation(pictures(used_after), X, (FEW,)),
    "the raw output changed after the norm": Situation(pictures(written_later), X, (FEW,)),
    "the raw output changed before the norm": Situation(pictures(in_place_between), X, (FEW,)),
    "called twice, normalised once": Situation(pictures(called_twice), X, (FEW,)),
    "a norm that a flag leaves out": Situation(
        pictures(by_flag), X, (call(X, norm=False), call(FEW, False), X)
    ),
    "a norm that a flag brings in": Situation(
        pictures(by_flag), call(X, False), (X, call(FEW, False))
    ),
    "a norm that a flag leaves out, the input changed": Situation(
        pictures(changed_by_flag), X, (call(X, norm=False), call(FEW, False), X), notes=("input",)
    ),
    "a norm that a flag brings in, the input changed": Situation(
        pictures(changed_by_flag), call(X, False), (X, call(FEW, False)), notes=("input",)
    ),
    "a norm that a flag leaves out, rows changed": Situation(
        lambda: network(changed_by_flag, c=nn.Linear(6, 4), bn=norm1d()),
        normal(3, 6),
        (call(normal(3, 6), norm=False), call(normal(2, 6), False)),
        notes=("input",),
    ),
    "a norm that a flag leaves out, a list of rows emptied": Situation(
        lambda: network(emptied_by_flag, c=nn.Linear(6, 4), bn=norm1d()),
        call([normal(3, 6), normal(3, 6)]),
        (call([normal(3, 6)], norm=False), call([normal(2, 6)], False)),
    ),
    "a norm that a flag leaves out, a list emptied": Situation(
        pictures(emptied_by_flag), call([X, X]), (call([X], norm=False), call([FEW, X], False))
    ),
    "a norm that a flag leaves out, calls counted": Situation(
        pictures(counted_by_flag, calls=0), X, (call(X, norm=False), FEW)
    ),
    "a norm that large inputs leave out": Situation(pictures(by_value), X, (X + 50, FEW)),
    "a norm that small pictures leave out": Situation(pictures(by_size), X, (FEW, X)),
    "a norm switched off by an attribute": Situation(
        pictures(norm_only_first, first=False), X, (FEW,)
    ),
    "a norm for each domain": Situation(
        pictures(by_domain, norms=nn.ModuleList([norm2d(), norm2d()])),
        X,
        (call(X, 1), call(FEW, domain=0), call(FEW, domain=1)),
    ),
    "a norm that another layer takes at times": Situation(
        pictures(of_another, d=nn.Conv2d(2, 3, 1)), X, (FEW, X)
    ),
    "one norm for two layers": Situation(pictures(shared, d=nn.Conv2d(2, 3, 1)), X, (FEW,)),
    "norms crosswise": Situation(
        pictures(crossed, d=nn.Conv2d(2, 3, 3, padding=1), bn2=norm2d()), X, (FEW,)
    ),
    "a sum before the norm": Situation(pictures(added_first), X, (FEW,)),
    "a norm of some channels": Situation(pictures(half_of_it, bn=norm2d(2)), X, (FEW,)),
    "two outputs in one norm": Situation(pictures(two_pictures), call(X, X + 1), (call(FEW, FEW),)),
    "a norm of transposed features": Situation(
        one(viewed, bn=norm1d()), normal(3, 5, 6), (normal(1, 4, 6),)
    ),
    "a norm of all rows": Situation(
        one(rows_first, bn=norm1d()), normal(3, 5, 6), (normal(1, 4, 6),)
    ),
    "a norm over the other axis": Situation(
        one(as_wide, bn=norm1d()), normal(3, 4, 6), (normal(1, 4, 6),)
    ),
    "a linear layer and its norm": Situation(
        lambda: nn.Sequential(nn.Linear(6, 4), norm1d(), nn.ReLU(), nn.Linear(4, 4), norm1d()),
        normal(3, 6),
        (normal(1, 6),),
    ),
    "a layer without bias and its norm": Situation(
        lambda: nn.Sequential(nn.Conv1d(2, 4, 3, bias=False), norm1d()),
        normal(3, 2, 7),
        (normal(2, 2, 9),),
    ),
    "a norm in a checkpoint": Situation(pictures(checkpointed), X, (FEW,)),
    "statistics read beside": Situation(pictures(statistics_read), X, (FEW,)),
    "a norm written out by hand": Situation(pictures(eps_read), X, (FEW,)),
    "the norm's input caught by a hook": Situation(pictures(caught), X, (FEW,)),
    "a hook between layer and norm": Situation(
        hooked(on_conv, lambda m, args, out: out * 2 + 1), X, (FEW,)
    ),
    "a hook that reads the layer's output": Situation(
        hooked(on_conv, lambda m, args, out: setattr(m, "seen", out.mean())), X, (FEW,)
    ),
    "a hook after the norm": Situation(hooked(on_norm, lambda m, args, out: out.abs()), X, (FEW,)),
    "a hook before the norm": Situation(
        hooked(before_norm, lambda m, args: (args[0] - 1,)), X, (FEW,)
    ),
    "frozen norms": Situation(
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3), norm2d().requires_grad_(False), nn.ReLU()),
        X,
        (FEW,),
    ),
    "a norm shared by two networks of one": Situation(
        lambda: (lambda bn: nn.Sequential(nn.Conv2d(2, 3, 1), bn, nn.Conv2d(3, 3, 1), bn))(
            norm2d()
        ),
        X,
        (FEW,),
    ),
    "features of the layer, of the norm, of both": Situation(
        pictures(lambda self, x: (self.c(x), self.bn(self.c(x)))), X, (FEW,)
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_batchnorm_beside_layers(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []


@pytest.mark.parametrize("policy", ["digital", "fold"])
def test_a_call_that_failed_leaves_nothing_behind(policy: str) -> None:
    torch.manual_seed(0)
    net = stacked(norm2d, nn.ReLU)().eval()
    chip = analogsim.program(
        analogsim.convert(net, preset="ideal", periphery="ideal", calibrate=X, bn=policy)
    )
    with pytest.raises(RuntimeError, match="Kernel size can't be greater than actual input size"):
        chip(normal(1, 2, 2, 2))
    assert unlike(chip(X), net(X), 1e-4) is None


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_folded_batchnorm_is_right_wherever_it_is_called(name: str) -> None:
    """Once folded it is in the weights; calls that leave it out are refused, or computed."""
    case = SITUATIONS[name]
    folded = dataclasses.replace(case, options={"bn": "fold"}, notes=(), may_refuse=True)
    assert faults(folded, "native", tiles=False) == []
