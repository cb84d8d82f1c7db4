"""How layers are called: past torch's own call, many times, in branches, under transforms."""

import concurrent.futures

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from tests.strangers.judge import faults
from tests.strangers.parts import X, conv, one
from tests.strangers.situation import ENGINES, Situation, call, network, normal


def in_threads(self, x):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return sum(pool.map(lambda layer: in_no_gradients(layer, x), self.branches))


def in_no_gradients(layer, x):
    with torch.no_grad():
        return layer(x)


def beside_in_a_thread(self, x):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        w = self.fc.weight.detach()
        return self.out(pool.submit(F.linear, x.detach(), w).result())


def over_time(self, x):
    state = x.new_zeros(len(x), 5)
    for t in range(x.shape[1]):
        state = torch.tanh(self.enter(x[:, t]) + self.again(state))
    return self.leave(state)


def twins(self, left, right):
    return (self.fc(left) - self.fc(right)).abs()


def by_argument(self, x, task="a"):
    return self.heads[task](self.body(x).relu())


def by_value(self, x):
    return self.large(x) if x.abs().max() > 50 else self.small(x)


def by_size(self, x):
    return self.long(x[..., :6]) if x.shape[-1] > 4 else self.short(x)


def functional(self, x):
    weights = {name: p * 2 for name, p in self.body.named_parameters()}
    return torch.func.functional_call(self.body, weights, x) + self.fc(x)


def per_example(self, x):
    return torch.vmap(self.fc)(x)


def force(self, x):
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        energy = self.fc2(self.fc1(x).tanh()).sum()
        return torch.autograd.grad(energy, x)[0]


def jacobian(self, x):
    return torch.func.vmap(torch.func.jacrev(lambda v: self.fc(v).tanh()))(x)


class Doubling(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, grad):
        return 2 * grad


def pushed_forward(self, x):
    return torch.func.jvp(lambda v: self.fc(v).tanh(), (x,), (torch.ones_like(x),))[1]


def fused_when_first_called(self, x):
    if isinstance(self.bn, nn.BatchNorm2d):
        self.c = nn.utils.fusion.fuse_conv_bn_eval(self.c, self.bn)
        self.bn = nn.Identity()
    return self.bn(self.c(x)).mean((2, 3))


def attention_by_function(self, x):
    x = x.transpose(0, 1)
    biases = torch.cat([self.q.bias, self.k.bias, self.v.bias])
    return F.multi_head_attention_forward(
        x, x, x, 6, 2, None, biases, None, None, False, 0.0, self.o.weight, self.o.bias,
        training=False, need_weights=False, use_separate_proj_weight=True,
        q_proj_weight=self.q.weight, k_proj_weight=self.k.weight, v_proj_weight=self.v.weight,
    )[0].transpose(0, 1)  # fmt: skip


def falls_back(self, x):
    try:
        return self.fc(x[None])[0]
    except Exception:
        return self.slow(x)


def asks_for_parameter(self, x):
    return self.fc(x) if isinstance(self.fc.weight, nn.Parameter) else 0 * self.fc(x)


def copied_layer(self, x):
    """A copy of the layer at each call, as target networks make one."""
    other = nn.Linear(6, 4)
    other.load_state_dict(self.fc.state_dict())
    return self.fc(x) + other(x).relu()


def residual(width):
    return network(
        lambda self, x: x + self.b(self.a(x).relu()), a=conv(width, width), b=conv(width, width)
    )


def by_address(self, x):
    """What a layer is multiplied with is looked up by where its weight lies."""
    key = (self.fc.weight.data_ptr(), id(self.fc))
    self.seen[key] = self.seen.get(key, len(self.seen) + 1)
    return self.fc(x) * self.seen[key]


SITUATIONS = {
    "layer.forward(x)": Situation(
        one(lambda self, x: self.fc.forward(x)), normal(5, 6), analog=("fc",)
    ),
    "conv.forward(x), then layer(x)": Situation(
        lambda: network(
            lambda self, x: self.fc(self.c.forward(x).flatten(1)), c=conv(1, 2), fc=nn.Linear(32, 3)
        ),
        normal(5, 1, 4, 4),
    ),
    "nn.Linear.forward(layer, x)": Situation(
        one(lambda self, x: nn.Linear.forward(self.fc, self.first(x)), first=nn.Linear(6, 6)),
        normal(5, 6),
        share=36 / 60,
    ),
    "layer.__call__ kept in a variable": Situation(
        one(lambda self, x: list(map(self.fc.__call__, x))), normal(5, 6)
    ),
    "layer called with input= by name": Situation(
        lambda: network(
            lambda self, x: self.fc(input=self.c(input=x).mean((2, 3))),
            c=conv(1, 2),
            fc=nn.Linear(2, 4),
        ),
        normal(5, 1, 4, 4),
    ),
    "conv called with output of another size each time": Situation(
        lambda: network(
            lambda self, x: [self.c(F.avg_pool2d(x, n)) for n in (1, 2, 4)], c=conv(2, 3)
        ),
        normal(2, 2, 8, 8),
        (normal(1, 2, 12, 8),),
    ),
    "branches in threads": Situation(
        lambda: network(in_threads, branches=nn.ModuleList([nn.Linear(6, 4), nn.Linear(6, 4)])),
        normal(5, 6),
    ),
    "a product in a thread": Situation(
        lambda: network(beside_in_a_thread, fc=nn.Linear(6, 5), out=nn.Linear(5, 4)),
        normal(5, 6),
        analog=("out",),
    ),
    "the weight comes out": Situation(
        one(lambda self, x: (self.fc(x), self.fc.weight)), normal(5, 6)
    ),
    "one linear layer is the network": Situation(
        lambda: nn.Linear(6, 4), X, (normal(6), normal(2, 3, 6))
    ),
    "one convolution is the network": Situation(lambda: conv(2, 3), normal(3, 2, 5, 5)),
    "a layer called once": Situation(one(lambda self, x: self.fc(x).relu()), X),
    "a layer called three times": Situation(
        lambda: network(lambda self, x: self.fc(self.fc(self.fc(x).relu())), fc=nn.Linear(6, 6)), X
    ),
    "a cell over time": Situation(
        lambda: network(
            over_time, enter=nn.Linear(3, 5), again=nn.Linear(5, 5), leave=nn.Linear(5, 2)
        ),
        normal(4, 6, 3),
        (normal(4, 2, 3), normal(1, 9, 3)),
    ),
    "one layer for two inputs": Situation(
        one(twins), call(X, normal(3, 6, seed=1)), (call(normal(5, 6), right=normal(5, 6, seed=2)),)
    ),
    "a layer under two names": Situation(
        lambda: (lambda layer: nn.Sequential(layer, nn.ReLU(), layer))(nn.Linear(6, 6)), X
    ),
    "a head for each task": Situation(
        lambda: network(
            by_argument,
            body=nn.Linear(6, 5),
            heads=nn.ModuleDict({"a": nn.Linear(5, 2), "b": nn.Linear(5, 3)}),
        ),
        X,
        (call(X, task="b"), call(normal(2, 6), "a")),
    ),
    "a branch that large inputs take": Situation(
        lambda: network(by_value, small=nn.Linear(6, 4), large=nn.Linear(6, 4)),
        X,
        (100 * X,),
        analog=("small",),
    ),
    "a branch that long inputs take": Situation(
        lambda: network(by_size, short=nn.Linear(4, 4), long=nn.Linear(6, 4)),
        normal(3, 4),
        (normal(3, 9), normal(2, 3, 4)),
        analog=("short",),
    ),
    "residual blocks": Situation(
        lambda: nn.Sequential(residual(3), residual(3)), normal(2, 3, 5, 5)
    ),
    "a checkpoint for memory": Situation(
        lambda: network(
            lambda self, x: self.fc(checkpoint(self.body, x, use_reentrant=False)),
            body=nn.Sequential(nn.Linear(6, 5), nn.ReLU()),
            fc=nn.Linear(5, 4),
        ),
        X,
    ),
    "called with other weights": Situation(
        one(functional, body=nn.Linear(6, 4)), X, may_refuse=True
    ),
    "mapped over the batch by vmap": Situation(one(per_example), X, may_refuse=True),
    "a force: the gradient of an energy": Situation(
        lambda: network(force, fc1=nn.Linear(6, 5), fc2=nn.Linear(5, 1)), X, may_refuse=True
    ),
    "a Jacobian": Situation(one(jacobian), X, may_refuse=True),
    "a function with its own gradient": Situation(
        one(lambda self, x: Doubling.apply(self.fc(x))), X
    ),
    "forward without gradients": Situation(one(torch.no_grad()(lambda self, x: self.fc(x))), X),
    "forward in inference mode": Situation(
        one(torch.inference_mode()(lambda self, x: self.fc(x))), X
    ),
    "a derivative along a direction": Situation(one(pushed_forward), X, may_refuse=True),
    "fused with its BatchNorm at the first call": Situation(
        lambda: network(fused_when_first_called, c=conv(2, 3), bn=nn.BatchNorm2d(3)),
        normal(2, 2, 5, 5),
        may_refuse=True,
    ),
    "attention by torch's function, from four layers' weights": Situation(
        lambda: network(
            lambda self, x: self.fc(self.attend(x)),
            fc=nn.Linear(6, 30),
            attend=network(attention_by_function, **{name: nn.Linear(6, 6) for name in "qkvo"}),
        ),
        normal(2, 5, 6),
        share=5 * 180 / (5 * 180 + 4 * 5 * 36 + 2 * 5 * 5 * 6),
    ),
    "another layer if the first fails": Situation(
        one(falls_back, slow=nn.Linear(6, 4)), X, analog=("fc",)
    ),
    "whether a weight is a parameter": Situation(one(asks_for_parameter), X),
    "whether a weight wants gradients": Situation(
        one(lambda self, x: self.fc(x) * (2 if self.fc.weight.requires_grad else 1)),
        X,
        may_refuse=True,
    ),
    "whether gradients are on": Situation(
        one(lambda self, x: self.fc(x) * (2 if torch.is_grad_enabled() else 1)), X
    ),
    "a copy of a layer at each call": Situation(one(copied_layer), X, may_refuse=True),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", SITUATIONS)
def test_how_layers_are_called(name: str, engine: str) -> None:
    assert faults(SITUATIONS[name], engine) == []


def test_a_table_by_the_weights_address_is_noticed() -> None:
    situation = Situation(one(by_address, seen={}), X, (normal(2, 6),), may_refuse=True)
    assert faults(situation, "native") == []
