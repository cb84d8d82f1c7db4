"""Products that read a weight past its layer."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.strangers.judge import faults
from tests.strangers.situation import Situation, network, normal, whole

X = normal(3, 8)


class Through(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        return x @ w.T


def tied_autoencoder(self, x):
    return F.linear(self.enc(x).relu(), self.enc.weight.t(), self.back)


def cosine(self, x):
    return 10 * F.linear(F.normalize(self.fc(x)), F.normalize(self.classes.weight))


def half_width(self, x, width=4):
    return self.out(F.linear(x, self.fc.weight[:width], self.fc.bias[:width]))


def numpy_product(self, x):
    w = self.fc.weight.detach().numpy()
    return self.out(torch.from_numpy(x.detach().numpy() @ w.T))


def cached_weight(self, x):
    if self.cache is None:
        self.cache = self.fc.weight.T.contiguous()
    return self.out(x @ self.cache + self.fc.bias)


def sized_by_weight(self, x):
    return self.fc(x) / (x.norm(dim=1, keepdim=True) * self.fc.weight.norm(dim=1))


def linear_as_convolution(self, x):
    h = F.conv2d(self.c(x), self.fc.weight[:, :, None, None], self.fc.bias)
    return h.mean((2, 3))


def pair(**parts):
    """An 8 x 8 linear layer `fc`, a 8 x 4 one `out`, and more."""
    return {"fc": nn.Linear(8, 8), "out": nn.Linear(8, 4)} | parts


# `fc` computes 64 multiply-adds a row, `out` 32.
OUT_ONLY = 32 / 96


SITUATIONS = {
    "a product with the embedding's table": Situation(
        lambda: network(
            lambda self, t: self.fc(self.emb(t)) @ self.emb.weight.T,
            emb=nn.Embedding(11, 6),
            fc=nn.Linear(6, 6),
        ),
        whole(3, 5, below=11),
        share=36 / (36 + 66),
        digital=("emb",),
    ),
    "a decoder that is the encoder's transpose": Situation(
        lambda: network(tied_autoencoder, enc=nn.Linear(8, 3), back=nn.Parameter(torch.randn(8))),
        normal(4, 8),
        share=0.5,
        analog=("enc",),
        digital=("enc",),
    ),
    "a layer called, and its weight used once more": Situation(
        lambda: network(
            lambda self, x: F.linear(self.fc(x).tanh(), self.fc.weight) + self.out(x).sum(),
            **pair(),
        ),
        X,
        share=96 / 160,
        analog=("fc", "out"),
        digital=("fc",),
    ),
    "F.linear(x, layer.weight, layer.bias)": Situation(
        lambda: network(
            lambda self, x: self.out(F.linear(x, self.fc.weight, self.fc.bias)), **pair()
        ),
        X,
        share=OUT_ONLY,
        digital=("fc",),
    ),
    "x @ layer.weight.T": Situation(
        lambda: network(lambda self, x: self.out(x @ self.fc.weight.T + self.fc.bias), **pair()),
        X,
        share=OUT_ONLY,
        digital=("fc",),
    ),
    "einsum with a layer's weight": Situation(
        lambda: network(
            lambda self, x: self.out(torch.einsum("bi,oi->bo", x, self.fc.weight)), **pair()
        ),
        X,
        share=OUT_ONLY,
        digital=("fc",),
    ),
    "addmm with a layer's weight": Situation(
        lambda: network(
            lambda self, x: self.out(torch.addmm(self.fc.bias, x, self.fc.weight.t())), **pair()
        ),
        X,
        share=OUT_ONLY,
        digital=("fc",),
    ),
    "F.conv2d with a layer's weight": Situation(
        lambda: network(
            lambda self, x: self.fc(
                F.conv2d(x, self.c.weight, self.c.bias, padding=1).mean((2, 3))
            ),
            c=nn.Conv2d(2, 4, 3),
            fc=nn.Linear(4, 3),
        ),
        normal(2, 2, 5, 5),
        share=12 / (12 + 25 * 72),
        digital=("c",),
    ),
    "only F.linear with the layer's weight": Situation(
        lambda: network(lambda self, x: F.linear(x, self.fc.weight), fc=nn.Linear(8, 4)),
        X,
        refused=".",
    ),
    "a product by a function with its own gradient": Situation(
        lambda: network(
            lambda self, x: self.out(Through.apply(x, self.fc.weight) + self.fc.bias), **pair()
        ),
        X,
        share=OUT_ONLY,
        digital=("fc",),
    ),
    "a product in numpy": Situation(lambda: network(numpy_product, **pair()), X, may_refuse=True),
    "a weight cached at the first call": Situation(
        lambda: network(cached_weight, cache=None, **pair()), X, may_refuse=True
    ),
    "a cosine classifier": Situation(
        lambda: network(cosine, fc=nn.Linear(8, 8), classes=nn.Linear(8, 4, bias=False)),
        X,
        share=64 / 96,
        analog=("fc",),
    ),
    "an output over the weight's norm": Situation(
        lambda: network(sized_by_weight, fc=nn.Linear(8, 4, bias=False)), X
    ),
    "a part of a layer's width": Situation(
        lambda: network(half_width, fc=nn.Linear(8, 8), out=nn.Linear(4, 4)),
        X,
        share=16 / 48,
        digital=("fc",),
    ),
    "a linear weight in a convolution": Situation(
        lambda: network(linear_as_convolution, c=nn.Conv2d(2, 4, 3), fc=nn.Linear(4, 3)),
        normal(2, 2, 5, 5),
        share=72 / (72 + 12),
        digital=("fc",),
    ),
    "a list of parameters": Situation(
        lambda: network(
            lambda self, x: self.out(sum(x @ w for w in self.ws)),
            ws=nn.ParameterList([torch.randn(8, 8), torch.randn(8, 8)]),
            out=nn.Linear(8, 4),
        ),
        X,
        share=32 / 160,
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_products_past_their_layer(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []
