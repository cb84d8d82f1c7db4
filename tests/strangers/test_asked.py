"""What forward passes ask a layer for: sizes, types, weights, names."""

import pytest
from torch import nn

from tests.strangers.judge import faults
from tests.strangers.parts import conv
from tests.strangers.situation import Situation, network, normal

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


SITUATIONS = {
    f"layer asked for {name}": Situation(
        lambda forward=forward: network(forward, c=conv(1, 2), fc=nn.Linear(32, 3)),
        normal(2, 1, 4, 4),
        (normal(5, 1, 4, 4),),
    )
    for name, forward in ATTRIBUTES.items()
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_a_layer_is_asked_for(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []
