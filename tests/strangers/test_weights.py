"""Layers whose weights are no plain parameters: pruned, normalised, shared, strange."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, parametrize, prune

from tests.strangers.judge import faults
from tests.strangers.situation import Situation, network, normal, whole

X = normal(3, 8)


def bent(change):
    """Two linear layers, the first of which `change` has changed."""

    def make():
        made = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4))
        change(made[0])
        return made

    return make


def changed(change, **more):
    """As `bent`, called with `X`."""
    return Situation(bent(change), X, **more)


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
    "pruned": changed(
        lambda layer: prune.l1_unstructured(layer, "weight", 0.5), notes=("prun|mask|hook",)
    ),
    "pruned by whole rows": changed(
        lambda layer: prune.ln_structured(layer, "weight", 0.5, n=2, dim=0),
        notes=("prun|mask|hook",),
    ),
    "pruned three times, bias too": Situation(pruned_twice, X, notes=("prun|mask|hook",)),
    "pruned over all layers": Situation(
        pruned_everywhere, normal(3, 2, 5, 5), notes=("prun|mask|hook",)
    ),
    "pruned by a mask of one's own": changed(
        lambda layer: prune.custom_from_mask(layer, "weight", torch.ones(8, 8).tril()),
        notes=("prun|mask|hook",),
    ),
    "pruned for good": changed(
        lambda layer: prune.remove(prune.l1_unstructured(layer, "weight", 0.5), "weight")
    ),
    "old weight norm": changed(old_weight_norm, notes=("weight.?norm|hook",)),
    "old weight norm on a convolution": Situation(
        bent_convolution(old_weight_norm), normal(3, 2, 5, 5), notes=("weight.?norm|hook",)
    ),
    "old spectral norm": changed(old_spectral_norm, notes=("spectral.?norm|hook",)),
    "old spectral norm on a convolution": Situation(
        bent_convolution(old_spectral_norm), normal(3, 2, 5, 5), notes=("spectral.?norm|hook",)
    ),
    "new weight norm": changed(parametrizations.weight_norm),
    "new weight norm on a convolution": Situation(
        bent_convolution(parametrizations.weight_norm), normal(3, 2, 5, 5)
    ),
    "new spectral norm": changed(parametrizations.spectral_norm),
    "orthogonal": changed(parametrizations.orthogonal),
    "symmetric": changed(
        lambda layer: parametrize.register_parametrization(layer, "weight", Symmetric())
    ),
    "two parametrizations": changed(
        lambda layer: parametrize.register_parametrization(
            parametrizations.weight_norm(layer), "weight", Symmetric()
        )
    ),
    "a parametrized bias": changed(
        lambda layer: parametrize.register_parametrization(layer, "bias", nn.Softplus())
    ),
    "parametrized, and cached in the forward pass": Situation(
        lambda: network(
            parametrize.cached()(lambda self, x: self.fc(self.fc(x))),
            fc=parametrizations.orthogonal(nn.Linear(8, 8)),
        ),
        X,
    ),
    "a weight that is a property": Situation(
        lambda: nn.Sequential(Positive(8, 8), nn.ReLU(), nn.Linear(8, 4)), X, may_refuse=True
    ),
    "a weight in a buffer": changed(weight_in_a_buffer, may_refuse=True),
    "a weight in a plain attribute": changed(weight_in_an_attribute, may_refuse=True),
    "a weight that is not contiguous": changed(renewed),
    "a weight expanded from one row": changed(expanded),
    "a weight with strides": changed(strided),
    "a weight in channels_last": Situation(
        bent_convolution(lambda layer: layer.to(memory_format=torch.channels_last)),
        normal(3, 2, 5, 5),
    ),
    "a weight frozen": changed(lambda layer: layer.requires_grad_(False)),
    "weights that are views of one tensor": Situation(views_of_one_tensor, normal(3, 4)),
    "a weight of zeros": changed(zeros, silent=("0",)),
    "a weight of one value": changed(lambda layer: nn.init.constant_(layer.weight, 0.3)),
    "one row of zeros": changed(lambda layer: layer.weight.data[2].zero_()),
    "one row far larger than the others": changed(lambda layer: layer.weight.data[2].fill_(1e4)),
    "weights as small as 1e-20": changed(
        lambda layer: layer.weight.data.mul_(1e-20), silent=("0",)
    ),
    "a NaN among the weights": changed(
        lambda layer: layer.weight.data[1, 1].fill_(float("nan")),
        refused="layer 0: weight must be finite, got 1 NaN",
    ),
    "an infinite bias": changed(
        lambda layer: layer.bias.data[1].fill_(float("inf")),
        refused="layer 0: bias must be finite, got 1 NaN or infinite",
    ),
    "complex weights": Situation(
        lambda: nn.Sequential(nn.Linear(4, 4, dtype=torch.complex64)),
        torch.complex(normal(3, 4), normal(3, 4, seed=1)),
        refused=".",
    ),
    "one weight": Situation(lambda: nn.Linear(1, 1), normal(3, 1)),
    "one output, no bias": Situation(
        lambda: nn.Linear(6, 1, bias=False), normal(3, 6), (normal(6),)
    ),
    "no outputs": Situation(
        lambda: network(
            lambda self, x: (self.fc(x), self.none(x)), fc=nn.Linear(6, 4), none=nn.Linear(6, 0)
        ),
        normal(3, 6),
        may_refuse=True,
        silent=("none",),
    ),
    "two layers with one weight": Situation(tied_pair, normal(3, 6)),
    "a decoder that is a view of the encoder": Situation(tied_transposed, normal(3, 6)),
    "an embedding with the head's weight": Situation(
        tied_embedding, whole(3, 5, below=11), (whole(1, 9, below=11),), analog=("head",)
    ),
    "extra words on a weight": changed(lambda layer: setattr(layer.weight, "no_decay", True)),
    "a hook on a weight's gradient": changed(
        lambda layer: layer.weight.register_hook(lambda grad: grad * 2)
    ),
    "gradients left from training": Situation(
        lambda: (lambda net: net(torch.ones(2, 8)).sum().backward() or net)(
            nn.Sequential(nn.Linear(8, 4))
        ),
        X,
    ),
}


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors:UserWarning")
@pytest.mark.parametrize("name", SITUATIONS)
def test_weights_that_are_no_plain_parameters(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []
