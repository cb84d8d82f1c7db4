"""Layers whose weights are no plain parameters: pruned, normalised, shared, strange."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, parametrize, prune

from tests.strangers.judge import faults
from tests.strangers.situation import Situation, network, normal, whole


def bent(change):
    """Two linear layers, the first of which `change` has changed."""

    def make():
        made = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4))
        change(made[0])
        return made

    return make


def bent_convolution(change):
    def make():
        made = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(36, 3))
        change(made[0])
        return made

    return make


def old_weight_norm(layer):
    """torch's old weight norm, whose warning that it is old is no concern here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nn.utils.weight_norm(layer)


def old_spectral_norm(layer):
    nn.utils.spectral_norm(layer)


def pruned_everywhere():
    made = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(36, 3))
    parts = [(made[0], "weight"), (made[3], "weight")]
    prune.global_unstructured(parts, pruning_method=prune.L1Unstructured, amount=0.4)
    return made


def pruned_twice():
    made = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4))
    prune.random_unstructured(made[0], "weight", 0.3)
    prune.ln_structured(made[0], "weight", 0.25, n=2, dim=0)
    prune.l1_unstructured(made[0], "bias", 0.5)
    return made


class Symmetric(nn.Module):
    def forward(self, w):
        return w.triu() + w.triu(1).T


class Positive(nn.Linear):
    """Its weight is a property."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.raw = self._parameters.pop("weight")

    @property
    def weight(self):
        return F.softplus(self.raw)


def tied_embedding():
    made = network(lambda self, t: self.head(self.emb(t).tanh()))
    made.emb, made.head = nn.Embedding(11, 6), nn.Linear(6, 11, bias=False)
    made.head.weight = made.emb.weight
    return made


def tied_pair():
    made = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6))
    made[2].weight = made[0].weight
    return made


def tied_transposed():
    made = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 6))
    made[2].weight = nn.Parameter(made[0].weight.t())
    return made


def views_of_one_tensor():
    made = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 3))
    flat = torch.randn(28)
    made[0].weight.data, made[2].weight.data = flat[:16].view(4, 4), flat[16:].view(3, 4)
    return made


def weight_in_a_buffer(layer):
    w = layer._parameters.pop("weight").detach()
    layer.register_buffer("weight", w)


def weight_in_an_attribute(layer):
    w = layer._parameters.pop("weight").detach()
    layer.weight = w


def renewed(layer):
    layer.weight = nn.Parameter(torch.randn(8, 8).t())


def expanded(layer):
    layer.weight = nn.Parameter(torch.randn(1, 8).expand(8, 8))


def strided(layer):
    layer.weight = nn.Parameter(torch.randn(8, 16)[:, ::2])


def zeros(layer):
    nn.init.zeros_(layer.weight)


SITUATIONS = {
    "pruned": Situation(
        bent(lambda layer: prune.l1_unstructured(layer, "weight", 0.5)),
        normal(3, 8),
        share=1.0,
        notes=("prun|mask|hook",),
    ),
    "pruned by whole rows": Situation(
        bent(lambda layer: prune.ln_structured(layer, "weight", 0.5, n=2, dim=0)),
        normal(3, 8),
        share=1.0,
        notes=("prun|mask|hook",),
    ),
    "pruned three times, bias too": Situation(
        pruned_twice, normal(3, 8), share=1.0, notes=("prun|mask|hook",)
    ),
    "pruned over all layers": Situation(
        pruned_everywhere, normal(3, 2, 5, 5), share=1.0, notes=("prun|mask|hook",)
    ),
    "pruned by a mask of one's own": Situation(
        bent(lambda layer: prune.custom_from_mask(layer, "weight", torch.ones(8, 8).tril())),
        normal(3, 8),
        share=1.0,
        notes=("prun|mask|hook",),
    ),
    "pruned for good": Situation(
        bent(lambda layer: prune.remove(prune.l1_unstructured(layer, "weight", 0.5), "weight")),
        normal(3, 8),
        share=1.0,
    ),
    "old weight norm": Situation(
        bent(old_weight_norm), normal(3, 8), share=1.0, notes=("weight.?norm|hook",)
    ),
    "old weight norm on a convolution": Situation(
        bent_convolution(old_weight_norm),
        normal(3, 2, 5, 5),
        share=1.0,
        notes=("weight.?norm|hook",),
    ),
    "old spectral norm": Situation(
        bent(old_spectral_norm), normal(3, 8), share=1.0, notes=("spectral.?norm|hook",)
    ),
    "old spectral norm on a convolution": Situation(
        bent_convolution(old_spectral_norm),
        normal(3, 2, 5, 5),
        share=1.0,
        notes=("spectral.?norm|hook",),
    ),
    "new weight norm": Situation(bent(parametrizations.weight_norm), normal(3, 8), share=1.0),
    "new weight norm on a convolution": Situation(
        bent_convolution(parametrizations.weight_norm), normal(3, 2, 5, 5), share=1.0
    ),
    "new spectral norm": Situation(bent(parametrizations.spectral_norm), normal(3, 8), share=1.0),
    "orthogonal": Situation(bent(parametrizations.orthogonal), normal(3, 8), share=1.0),
    "symmetric": Situation(
        bent(lambda layer: parametrize.register_parametrization(layer, "weight", Symmetric())),
        normal(3, 8),
        share=1.0,
    ),
    "two parametrizations": Situation(
        bent(
            lambda layer: parametrize.register_parametrization(
                parametrizations.weight_norm(layer), "weight", Symmetric()
            )
        ),
        normal(3, 8),
        share=1.0,
    ),
    "a parametrized bias": Situation(
        bent(lambda layer: parametrize.register_parametrization(layer, "bias", nn.Softplus())),
        normal(3, 8),
        share=1.0,
    ),
    "parametrized, and cached in the forward pass": Situation(
        lambda: network(
            parametrize.cached()(lambda self, x: self.fc(self.fc(x))),
            fc=parametrizations.orthogonal(nn.Linear(8, 8)),
        ),
        normal(3, 8),
        share=1.0,
    ),
    "a weight that is a property": Situation(
        lambda: nn.Sequential(Positive(8, 8), nn.ReLU(), nn.Linear(8, 4)),
        normal(3, 8),
        may_refuse=True,
    ),
    "a weight in a buffer": Situation(bent(weight_in_a_buffer), normal(3, 8), may_refuse=True),
    "a weight in a plain attribute": Situation(
        bent(weight_in_an_attribute), normal(3, 8), may_refuse=True
    ),
    "a weight that is not contiguous": Situation(bent(renewed), normal(3, 8), share=1.0),
    "a weight expanded from one row": Situation(bent(expanded), normal(3, 8), share=1.0),
    "a weight with strides": Situation(bent(strided), normal(3, 8), share=1.0),
    "a weight in channels_last": Situation(
        bent_convolution(lambda layer: layer.to(memory_format=torch.channels_last)),
        normal(3, 2, 5, 5),
        share=1.0,
    ),
    "a weight frozen": Situation(
        bent(lambda layer: layer.requires_grad_(False)), normal(3, 8), share=1.0
    ),
    "weights that are views of one tensor": Situation(views_of_one_tensor, normal(3, 4), share=1.0),
    "a weight of zeros": Situation(bent(zeros), normal(3, 8), share=1.0, silent=("0",)),
    "a weight of one value": Situation(
        bent(lambda layer: nn.init.constant_(layer.weight, 0.3)), normal(3, 8), share=1.0
    ),
    "one row of zeros": Situation(
        bent(lambda layer: layer.weight.data[2].zero_()), normal(3, 8), share=1.0
    ),
    "one row far larger than the others": Situation(
        bent(lambda layer: layer.weight.data[2].fill_(1e4)), normal(3, 8), share=1.0
    ),
    "weights as small as 1e-20": Situation(
        bent(lambda layer: layer.weight.data.mul_(1e-20)), normal(3, 8), share=1.0, silent=("0",)
    ),
    "a NaN among the weights": Situation(
        bent(lambda layer: layer.weight.data[1, 1].fill_(float("nan"))),
        normal(3, 8),
        refused="layer 0: weight must be finite, got 1 NaN",
    ),
    "an infinite bias": Situation(
        bent(lambda layer: layer.bias.data[1].fill_(float("inf"))),
        normal(3, 8),
        refused="layer 0: bias must be finite, got 1 NaN or infinite",
    ),
    "complex weights": Situation(
        lambda: nn.Sequential(nn.Linear(4, 4, dtype=torch.complex64)),
        torch.complex(normal(3, 4), normal(3, 4, seed=1)),
        refused=".",
    ),
    "one weight": Situation(lambda: nn.Linear(1, 1), normal(3, 1), share=1.0),
    "one output, no bias": Situation(
        lambda: nn.Linear(6, 1, bias=False), normal(3, 6), (normal(6),), share=1.0
    ),
    "no outputs": Situation(
        lambda: network(
            lambda self, x: (self.fc(x), self.none(x)), fc=nn.Linear(6, 4), none=nn.Linear(6, 0)
        ),
        normal(3, 6),
        may_refuse=True,
        silent=("none",),
    ),
    "two layers with one weight": Situation(tied_pair, normal(3, 6), share=1.0),
    "a decoder that is a view of the encoder": Situation(tied_transposed, normal(3, 6), share=1.0),
    "an embedding with the head's weight": Situation(
        tied_embedding, whole(3, 5, below=11), (whole(1, 9, below=11),), share=1.0, analog=("head",)
    ),
    "extra words on a weight": Situation(
        bent(lambda layer: setattr(layer.weight, "no_decay", True)), normal(3, 8), share=1.0
    ),
    "a hook on a weight's gradient": Situation(
        bent(lambda layer: layer.weight.register_hook(lambda grad: grad * 2)),
        normal(3, 8),
        share=1.0,
    ),
    "gradients left from training": Situation(
        lambda: (lambda net: net(torch.ones(2, 8)).sum().backward() or net)(
            nn.Sequential(nn.Linear(8, 4))
        ),
        normal(3, 8),
        share=1.0,
    ),
}


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors:UserWarning")
@pytest.mark.parametrize("name", SITUATIONS)
def test_weights_that_are_no_plain_parameters(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []
