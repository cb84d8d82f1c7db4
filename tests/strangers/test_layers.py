"""What the forward pass does with its layers: asks for their class, stores them, calls them."""

import concurrent.futures
import functools
import types

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from tests.strangers.judge import faults
from tests.strangers.situation import Situation, call, network, normal


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


def by_address(self, x):
    """What a layer is multiplied with is looked up by where its weight lies."""
    key = (self.fc.weight.data_ptr(), id(self.fc))
    self.seen[key] = self.seen.get(key, len(self.seen) + 1)
    return self.fc(x) * self.seen[key]


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


def linears(*sizes):
    return nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:], strict=False))


def conv(a, b, **more):
    return nn.Conv2d(a, b, 3, padding=1, **more)


SITUATIONS = {
    "ReLU after each nn.Linear": Situation(
        lambda: network(relu_after(nn.Linear), steps=linears(12, 10, 6)),
        normal(5, 12),
        (normal(2, 12), normal(5, 12, seed=1)),
        share=1.0,
    ),
    "ReLU after each nn.Conv2d": Situation(
        lambda: network(relu_after(nn.Conv2d), steps=nn.ModuleList([conv(1, 4), conv(4, 3)])),
        normal(3, 1, 6, 6),
        (normal(1, 1, 9, 7),),
        share=1.0,
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
        lambda: network(counts_layers, first=nn.Linear(6, 6), last=nn.Linear(6, 4)),
        normal(5, 6),
    ),
    "counts its parameters": Situation(
        lambda: network(counts_parameters, fc=nn.Linear(6, 4)), normal(5, 6)
    ),
    "asserts the class": Situation(
        lambda: network(asserts_class, fc=nn.Linear(6, 4)), normal(5, 6), (normal(1, 6),)
    ),
    "matches classes by pattern": Situation(
        lambda: network(matched_class, steps=nn.ModuleList([nn.Conv1d(2, 3, 4), nn.Linear(3, 2)])),
        normal(5, 2, 8),
    ),
    "layers in a plain list too": Situation(in_plain_list, normal(4, 9), share=1.0),
    "layers in a plain dictionary too": Situation(in_plain_dict, normal(4, 6), share=1.0),
    "layers in a tuple and in a set": Situation(in_tuple_and_set, normal(4, 6), share=1.0),
    "a layer in an attribute that is not registered": Situation(
        past_registration, normal(4, 6), share=1.0
    ),
    "a layer that only a plain list holds": Situation(
        not_registered, normal(4, 8), share=48 / (48 + 24), analog=("fc",)
    ),
    "all layers in a plain list": Situation(only_not_registered, normal(4, 6), refused="."),
    "a partial of a layer": Situation(partial_of_layer, normal(4, 6), may_refuse=True),
    "a closure over a layer": Situation(closure_of_layer, normal(4, 6), may_refuse=True),
    "a forward pass that is a closure": Situation(closure_of_all, normal(4, 6), may_refuse=True),
    "a bound method as an attribute": Situation(bound_method, normal(4, 6), share=1.0),
    "a forward pass on the instance": Situation(forward_of_instance, normal(4, 6), share=1.0),
    "a layer with a closure for its forward pass": Situation(
        layer_with_patched_forward, normal(4, 6), may_refuse=True
    ),
    "a layer with a method for its forward pass": Situation(
        layer_with_patched_method, normal(4, 6), may_refuse=True
    ),
    "layer.forward(x)": Situation(
        lambda: network(lambda self, x: self.fc.forward(x), fc=nn.Linear(6, 4)),
        normal(5, 6),
        share=1.0,
        analog=("fc",),
    ),
    "conv.forward(x), then layer(x)": Situation(
        lambda: network(
            lambda self, x: self.fc(self.c.forward(x).flatten(1)), c=conv(1, 2), fc=nn.Linear(32, 3)
        ),
        normal(5, 1, 4, 4),
        share=1.0,
    ),
    "nn.Linear.forward(layer, x)": Situation(
        lambda: network(
            lambda self, x: nn.Linear.forward(self.fc, self.first(x)),
            first=nn.Linear(6, 6),
            fc=nn.Linear(6, 4),
        ),
        normal(5, 6),
    ),
    "layer.__call__ kept in a variable": Situation(
        lambda: network(lambda self, x: list(map(self.fc.__call__, x)), fc=nn.Linear(6, 4)),
        normal(5, 6),
        share=1.0,
    ),
    "layer called with input= by name": Situation(
        lambda: network(
            lambda self, x: self.fc(input=self.c(input=x).mean((2, 3))),
            c=conv(1, 2),
            fc=nn.Linear(2, 4),
        ),
        normal(5, 1, 4, 4),
        share=1.0,
    ),
    "conv called with output of another size each time": Situation(
        lambda: network(
            lambda self, x: [self.c(F.avg_pool2d(x, n)) for n in (1, 2, 4)], c=conv(2, 3)
        ),
        normal(2, 2, 8, 8),
        (normal(1, 2, 12, 8),),
        share=1.0,
    ),
    "a subclass with its own forward pass": Situation(
        lambda: nn.Sequential(Halved(6, 5), nn.Tanh(), nn.Linear(5, 4)), normal(5, 6), analog=("2",)
    ),
    "a subclass whose call takes more": Situation(
        lambda: network(
            lambda self, x, s=2.0: self.out(self.fc(x, s, shift=x.mean())),
            fc=WithScale(6, 5),
            out=nn.Linear(5, 4),
        ),
        normal(5, 6),
        (call(normal(5, 6), 0.5),),
        analog=("out",),
    ),
    "a convolution that gives two outputs": Situation(
        lambda: network(
            lambda self, x: self.d(self.c(x, (x > 0).float())[0]),
            c=WithMask(2, 3, 3, padding=1),
            d=conv(3, 2),
        ),
        normal(2, 2, 5, 5),
        analog=("d",),
    ),
    "outputs and inputs cut away by hand": Situation(cut_by_hand, normal(5, 6), share=1.0),
    "channels cut away by hand": Situation(channels_cut_by_hand, normal(2, 2, 7, 7), share=1.0),
    "one bias for all outputs": Situation(one_bias, normal(5, 6), (normal(6),), may_refuse=True),
    "branches in threads": Situation(
        lambda: network(in_threads, branches=nn.ModuleList([nn.Linear(6, 4), nn.Linear(6, 4)])),
        normal(5, 6),
        share=1.0,
    ),
    "a product in a thread": Situation(
        lambda: network(beside_in_a_thread, fc=nn.Linear(6, 5), out=nn.Linear(5, 4)),
        normal(5, 6),
        analog=("out",),
    ),
    "names with brackets and stars": Situation(
        lambda: network(
            lambda self, x: self.parts["*"](self.parts["a[0]"](x).relu()) + self.parts["a b?"](x),
            parts=nn.ModuleDict(
                {"a[0]": nn.Linear(6, 5), "*": nn.Linear(5, 4), "a b?": nn.Linear(6, 4)}
            ),
        ),
        normal(5, 6),
        share=1.0,
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
    "fused for quantisation": Situation(
        lambda: torch.ao.nn.intrinsic.LinearReLU(nn.Linear(6, 4), nn.ReLU()),
        normal(5, 6),
        share=1.0,
    ),
    "the weight comes out": Situation(
        lambda: network(lambda self, x: (self.fc(x), self.fc.weight), fc=nn.Linear(6, 4)),
        normal(5, 6),
        share=1.0,
    ),
    "a subclass with no forward pass of its own": Situation(
        lambda: network(
            lambda self, x: self.fc(x) * len(self.fc.purpose), fc=Named(6, 4, purpose="head")
        ),
        normal(5, 6),
        analog=("fc",),
        share=1.0,
    ),
    "a convolution with its own _conv_forward": Situation(
        lambda: nn.Sequential(Cylinder(1, 4, 3, padding=1), nn.ReLU(), conv(4, 2)),
        normal(3, 1, 6, 6),
        (normal(3, 1, 5, 9),),
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
        lambda: nn.Sequential(Masked(6, 6), nn.ReLU(), nn.Linear(6, 6)), normal(3, 6), share=0.5
    ),
    "attributes with the words of a layer on tiles": Situation(
        lambda: network(lambda self, x: self.fc(x) + self.fc.read(), fc=WithReservedNames(6, 4)),
        normal(3, 6),
        may_refuse=True,
    ),
    "methods with the words of a layer on tiles": Situation(
        lambda: network(
            lambda self, x: (
                self.fc.affine(self.fc.use_(self.fc(x))) + self.fc.tiles + self.fc.numel()
            ),
            fc=WithReservedMethods(6, 4),
        ),
        normal(3, 6),
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
        normal(3, 6),
        share=1.0,
    ),
    "a network that is false": Situation(
        lambda: NoLength([nn.Linear(6, 4)]), normal(3, 6), share=1.0
    ),
    "a part that is false": Situation(
        lambda: nn.Sequential(NoLength([nn.Linear(6, 4)]), nn.Linear(4, 2)), normal(3, 6), share=1.0
    ),
    "layers that are equal to each other": Situation(
        lambda: nn.Sequential(EqualToAll(6, 6), nn.ReLU(), EqualToAll(6, 6)),
        normal(3, 6),
        may_refuse=True,
    ),
    "lazy layers that have run": Situation(lazy_layer, normal(3, 6), share=1.0),
    "lazy layers that have not run": Situation(
        lambda: nn.Sequential(nn.LazyLinear(5)), normal(3, 6), refused="lazy"
    ),
    "one linear layer is the network": Situation(
        lambda: nn.Linear(6, 4), normal(3, 6), (normal(6), normal(2, 3, 6)), share=1.0
    ),
    "one convolution is the network": Situation(lambda: conv(2, 3), normal(3, 2, 5, 5), share=1.0),
    "a layer as a network in a network": Situation(
        lambda: nn.Sequential(nn.Sequential(nn.Sequential(nn.Linear(6, 4)))),
        normal(3, 6),
        share=1.0,
    ),
    "layers found by getattr": Situation(
        lambda: network(one_after_the_other, conv0=conv(1, 3), conv1=conv(3, 3), conv2=conv(3, 2)),
        normal(2, 1, 5, 5),
        share=1.0,
    ),
    "a Sequential sliced in the forward pass": Situation(
        lambda: network(
            sliced, features=nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
        ),
        normal(3, 6),
        share=1.0,
    ),
    "features collected by name": Situation(
        lambda: network(
            collected, steps=nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
        ),
        normal(3, 6),
        share=1.0,
    ),
    "a layer called once": Situation(
        lambda: network(lambda self, x: self.fc(x).relu(), fc=nn.Linear(6, 4)),
        normal(3, 6),
        share=1.0,
    ),
    "a layer called three times": Situation(
        lambda: network(lambda self, x: self.fc(self.fc(self.fc(x).relu())), fc=nn.Linear(6, 6)),
        normal(3, 6),
        share=1.0,
    ),
    "a cell over time": Situation(
        lambda: network(
            over_time, enter=nn.Linear(3, 5), again=nn.Linear(5, 5), leave=nn.Linear(5, 2)
        ),
        normal(4, 6, 3),
        (normal(4, 2, 3), normal(1, 9, 3)),
        share=1.0,
    ),
    "one layer for two inputs": Situation(
        lambda: network(twins, fc=nn.Linear(6, 4)),
        call(normal(3, 6), normal(3, 6, seed=1)),
        (call(normal(5, 6), right=normal(5, 6, seed=2)),),
        share=1.0,
    ),
    "a layer under two names": Situation(
        lambda: (lambda layer: nn.Sequential(layer, nn.ReLU(), layer))(nn.Linear(6, 6)),
        normal(3, 6),
        share=1.0,
    ),
    "a head for each task": Situation(
        lambda: network(
            by_argument,
            body=nn.Linear(6, 5),
            heads=nn.ModuleDict({"a": nn.Linear(5, 2), "b": nn.Linear(5, 3)}),
        ),
        normal(3, 6),
        (call(normal(3, 6), task="b"), call(normal(2, 6), "a")),
        share=1.0,
    ),
    "a branch that large inputs take": Situation(
        lambda: network(by_value, small=nn.Linear(6, 4), large=nn.Linear(6, 4)),
        normal(3, 6),
        (100 * normal(3, 6),),
        share=1.0,
        analog=("small",),
    ),
    "a branch that long inputs take": Situation(
        lambda: network(by_size, short=nn.Linear(4, 4), long=nn.Linear(6, 4)),
        normal(3, 4),
        (normal(3, 9), normal(2, 3, 4)),
        share=1.0,
        analog=("short",),
    ),
    "residual blocks": Situation(
        lambda: nn.Sequential(residual(3), residual(3)), normal(2, 3, 5, 5), share=1.0
    ),
    "a checkpoint for memory": Situation(
        lambda: network(
            lambda self, x: self.fc(checkpoint(self.body, x, use_reentrant=False)),
            body=nn.Sequential(nn.Linear(6, 5), nn.ReLU()),
            fc=nn.Linear(5, 4),
        ),
        normal(3, 6),
        share=1.0,
    ),
    "called with other weights": Situation(
        lambda: network(functional, body=nn.Linear(6, 4), fc=nn.Linear(6, 4)),
        normal(3, 6),
        may_refuse=True,
    ),
    "mapped over the batch by vmap": Situation(
        lambda: network(per_example, fc=nn.Linear(6, 4)), normal(3, 6), may_refuse=True
    ),
    "a force: the gradient of an energy": Situation(
        lambda: network(force, fc1=nn.Linear(6, 5), fc2=nn.Linear(5, 1)),
        normal(3, 6),
        may_refuse=True,
    ),
    "a Jacobian": Situation(
        lambda: network(jacobian, fc=nn.Linear(6, 4)), normal(3, 6), may_refuse=True
    ),
    "a function with its own gradient": Situation(
        lambda: network(lambda self, x: Doubling.apply(self.fc(x)), fc=nn.Linear(6, 4)),
        normal(3, 6),
        share=1.0,
    ),
    "forward without gradients": Situation(
        lambda: network(torch.no_grad()(lambda self, x: self.fc(x)), fc=nn.Linear(6, 4)),
        normal(3, 6),
        share=1.0,
    ),
    "forward in inference mode": Situation(
        lambda: network(torch.inference_mode()(lambda self, x: self.fc(x)), fc=nn.Linear(6, 4)),
        normal(3, 6),
        share=1.0,
    ),
    "a derivative along a direction": Situation(
        lambda: network(pushed_forward, fc=nn.Linear(6, 4)), normal(3, 6), may_refuse=True
    ),
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
        lambda: network(falls_back, fc=nn.Linear(6, 4), slow=nn.Linear(6, 4)),
        normal(3, 6),
        share=1.0,
        analog=("fc",),
    ),
    "whether a weight is a parameter": Situation(
        lambda: network(asks_for_parameter, fc=nn.Linear(6, 4)), normal(3, 6), share=1.0
    ),
    "whether a weight wants gradients": Situation(
        lambda: network(
            lambda self, x: self.fc(x) * (2 if self.fc.weight.requires_grad else 1),
            fc=nn.Linear(6, 4),
        ),
        normal(3, 6),
        may_refuse=True,
    ),
    "whether gradients are on": Situation(
        lambda: network(
            lambda self, x: self.fc(x) * (2 if torch.is_grad_enabled() else 1), fc=nn.Linear(6, 4)
        ),
        normal(3, 6),
        share=1.0,
    ),
    "a copy of a layer at each call": Situation(
        lambda: network(copied_layer, fc=nn.Linear(6, 4)), normal(3, 6), may_refuse=True
    ),
}

# What asks for sizes and settings of a layer: the attribute, and the forward pass.
ATTRIBUTES = {
    "in_features": lambda self, x: self.fc(self.c(x).view(-1, self.fc.in_features)),
    "out_features": lambda self, x: self.fc(self.c(x).flatten(1)) / self.fc.out_features,
    "weight.dtype": lambda self, x: self.fc(self.c(x.to(self.c.weight.dtype)).flatten(1)),
    "weight.device": lambda self, x: self.fc(self.c(x.to(self.fc.weight.device)).flatten(1)),
    "weight.shape": lambda self, x: self.fc(self.c(x).reshape(-1, self.fc.weight.shape[1])),
    "weight.size(1)": lambda self, x: self.fc(self.c(x).reshape(-1, self.fc.weight.size(1))),
    "bias is None": lambda self, x: self.fc(self.c(x).flatten(1)) + (self.c.bias is None),
    "bias.sum()": lambda self, x: self.fc(self.c(x).flatten(1)) + self.c.bias.sum(),
    "bias.numel()": lambda self, x: self.fc(self.c(x).flatten(1)) + self.c.bias.numel(),
    "weight.data.abs().mean()": lambda self, x: (
        self.fc(self.c(x).flatten(1)) * self.fc.weight.data.abs().mean()
    ),
    "weight.detach().norm()": lambda self, x: (
        self.fc(self.c(x).flatten(1)) / self.c.weight.detach().norm()
    ),
    "stride, padding, dilation, kernel_size": lambda self, x: (
        self.fc(self.c(x).flatten(1)) * self.c.stride[0] * self.c.dilation[1]
        + self.c.padding[0] * self.c.kernel_size[1]
    ),
    "groups, padding_mode, channels": lambda self, x: (
        self.fc(self.c(x).flatten(1)) * self.c.groups * len(self.c.padding_mode)
        + self.c.in_channels * self.c.out_channels
    ),
    "next(self.parameters())": lambda self, x: (
        self.fc(self.c(x.to(next(self.parameters()).dtype)).flatten(1))
        + next(self.c.parameters()).numel()
    ),
    "names of parameters": lambda self, x: (
        self.fc(self.c(x).flatten(1))
        * len([n for n, _ in self.named_parameters() if "weight" in n])
    ),
    "names in the state dictionary": lambda self, x: (
        self.fc(self.c(x).flatten(1)) * len(self.state_dict())
    ),
    "training": lambda self, x: self.fc(self.c(x).flatten(1)) * (7 if self.fc.training else 1),
    "weight.requires_grad, is_leaf": lambda self, x: (
        self.fc(self.c(x).flatten(1)) * len([self.fc.weight.is_leaf])
    ),
    "hasattr": lambda self, x: (
        self.fc(self.c(x).flatten(1)) * (1 + hasattr(self.c, "weight") + hasattr(self.fc, "stride"))
    ),
    "repr and extra_repr": lambda self, x: (
        self.fc(self.c(x).flatten(1)) + ("bias" in self.fc.extra_repr())
    ),
}

ASKED = {
    f"layer asked for {name}": Situation(
        lambda forward=forward: network(forward, c=conv(1, 2), fc=nn.Linear(32, 3)),
        normal(2, 1, 4, 4),
        (normal(5, 1, 4, 4),),
        share=1.0,
    )
    for name, forward in ATTRIBUTES.items()
}


@pytest.mark.parametrize("engine", ["native", "tile"])
@pytest.mark.parametrize("name", SITUATIONS)
def test_what_the_forward_pass_does_with_its_layers(name: str, engine: str) -> None:
    assert faults(SITUATIONS[name], engine) == []


@pytest.mark.parametrize("name", ASKED)
def test_what_a_layer_is_asked_for(name: str) -> None:
    assert faults(ASKED[name], "native") == []


@pytest.mark.xfail(strict=True, reason="only a run of the very network given would show it")
def test_a_table_by_the_weights_address_is_noticed() -> None:
    situation = Situation(
        lambda: network(by_address, fc=nn.Linear(6, 4), seen={}),
        normal(3, 6),
        (normal(2, 6),),
        may_refuse=True,
    )
    assert faults(situation, "native") == []
