"""Attention of every make: its projections lie on tiles, its products of activations do not."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.strangers.judge import faults
from tests.strangers.parts import one
from tests.strangers.situation import Situation, call, network, normal

X = normal(2, 5, 6)

MASK = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])


def projections():
    return {name: nn.Linear(6, 6) for name in "qkvo"}


def attention(self, x):
    q, k, v = self.q(x), self.k(x), self.v(x)
    return self.o(torch.softmax(q @ k.transpose(1, 2), -1) @ v)


def fused_attention(self, x):
    q, k, v = self.q(x)[:, None], self.k(x)[:, None], self.v(x)[:, None]
    return self.o(F.scaled_dot_product_attention(q, k, v)[:, 0])


def shifted_windows(self, x):
    """The weights are read, the layers are not called."""
    q, k, v = F.linear(x, self.qkv.weight, self.qkv.bias).chunk(3, -1)
    h = torch.softmax(q @ k.transpose(1, 2), -1) @ v
    return self.fc(F.linear(h, self.proj.weight, self.proj.bias))


def encoder_layer():
    return nn.TransformerEncoderLayer(6, 2, 40, batch_first=True)


def pooled(self, x, mask=None):
    h = self.fc(self.e(x, src_key_padding_mask=mask))
    return h.mean(1) if mask is None else h.masked_fill(mask[..., None], 0.0).sum(1)


class Attention(nn.MultiheadAttention):
    """Of another class: what its forward pass does is its own affair."""


# Of an encoder of two layers for 5 words, and a linear layer.
OF_TWO_LAYERS = (24 + 2 * (480 + 4 * 36)) / (24 + 2 * (480 + 4 * 36 + 2 * 5 * 6))
SHARE = 5 * (360 + 4 * 36) / (5 * 360 + 4 * 5 * 36 + 2 * 5 * 5 * 6)


def by_rows():
    return nn.MultiheadAttention(6, 2, batch_first=True)


def of_itself(self, x):
    return self.fc(self.a(x, x, x)[0])


SITUATIONS = {
    "torchvision's attention, written out": Situation(
        lambda: network(
            shifted_windows, qkv=nn.Linear(6, 18), proj=nn.Linear(6, 6), fc=nn.Linear(6, 50)
        ),
        X,
        share=5 * 300 / (5 * 300 + 5 * (108 + 36) + 2 * 5 * 5 * 6),
        analog=("fc",),
        digital=("qkv", "proj"),
    ),
    "attention": Situation(
        lambda: network(attention, **projections()),
        X,
        share=4 * 5 * 36 / (4 * 5 * 36 + 2 * 5 * 5 * 6),
    ),
    "torch's fused attention": Situation(
        lambda: network(fused_attention, **projections()),
        X,
        share=4 * 5 * 36 / (4 * 5 * 36 + 2 * 5 * 5 * 6),
    ),
    "nn.MultiheadAttention": Situation(
        lambda: network(of_itself, a=by_rows(), fc=nn.Linear(6, 60)),
        X,
        (normal(3, 4, 6),),
        share=SHARE,
        analog=("a.q_proj", "a.k_proj", "a.v_proj", "a.out_proj", "fc"),
        notes=(r"nn\.MultiheadAttention is written with nn\.Linear, .* in 1 module \(a\)",),
    ),
    "nn.MultiheadAttention, batch first, that shows its weights": Situation(
        lambda: network(
            lambda self, x: (self.fc(self.a(x, x, x)[0]), self.a(x, x, x)[1]),
            a=nn.MultiheadAttention(6, 2, batch_first=True, dropout=0.3),
            fc=nn.Linear(6, 60),
        ),
        X,
        (normal(3, 4, 6),),
        share=5 * (360 + 8 * 36) / (5 * (360 + 8 * 36) + 4 * 5 * 5 * 6),
        analog=("a.q_proj", "a.out_proj"),
    ),
    "nn.MultiheadAttention of three inputs, with all that it can add": Situation(
        lambda: network(
            lambda self, q, k, v: self.fc(self.a(q, k, v)[0]),
            a=nn.MultiheadAttention(
                6, 2, batch_first=True, kdim=4, vdim=3, add_bias_kv=True, add_zero_attn=True
            ),
            fc=nn.Linear(6, 60),
        ),
        call(X, normal(2, 4, 4), normal(2, 4, 3)),
        share=(5 * (360 + 2 * 36) + 4 * (24 + 18))
        / (5 * (360 + 2 * 36) + 4 * (24 + 18) + 2 * 5 * 6 * 6),
        analog=("a.q_proj", "a.k_proj", "a.v_proj", "a.out_proj"),
    ),
    "nn.MultiheadAttention kept digital": Situation(
        lambda: network(of_itself, a=by_rows(), fc=nn.Linear(6, 60)),
        X,
        share=5 * 360 / (5 * 360 + 4 * 5 * 36 + 2 * 5 * 5 * 6),
        digital=("a",),
        options={"keep_digital": ["a"]},
    ),
    "nn.MultiheadAttention, one projection kept digital": Situation(
        lambda: network(of_itself, a=by_rows(), fc=nn.Linear(6, 60)),
        X,
        share=SHARE - 5 * 36 / (5 * 360 + 4 * 5 * 36 + 2 * 5 * 5 * 6),
        digital=("a.v_proj",),
        options={"keep_digital": ["a.v_proj"]},
    ),
    "a subclass of nn.MultiheadAttention": Situation(
        lambda: network(of_itself, a=Attention(6, 2), fc=nn.Linear(6, 60)),
        X,
        share=360 / (360 + 4 * 36 + 2 * 2 * 6),
        digital=("a",),
    ),
    "nn.MultiheadAttention that is asked for its weights": Situation(
        lambda: network(
            lambda self, x: self.fc(self.a(x, x, x)[0]) / self.a.in_proj_weight.norm(),
            a=nn.MultiheadAttention(6, 2),
            fc=nn.Linear(6, 60),
        ),
        X,
        share=(360 + 4 * 36) / (360 + 4 * 36 + 2 * 2 * 6),
        analog=("a.q_proj", "a.k_proj", "a.v_proj", "a.out_proj"),
    ),
    "nn.MultiheadAttention that is the network": Situation(
        lambda: nn.MultiheadAttention(6, 2),
        call(normal(5, 2, 6), normal(5, 2, 6), normal(5, 2, 6)),
        share=4 * 36 / (4 * 36 + 2 * 5 * 6),
        analog=("q_proj", "out_proj"),
    ),
    "nn.TransformerEncoderLayer": Situation(
        lambda: nn.Sequential(
            nn.TransformerEncoderLayer(6, 2, 40, batch_first=True), nn.Linear(6, 2)
        ),
        X,
        share=5 * (2 * 240 + 12 + 4 * 36) / (5 * (2 * 240 + 12) + 4 * 5 * 36 + 2 * 5 * 5 * 6),
        analog=("0.self_attn.q_proj", "0.self_attn.out_proj", "0.linear1", "0.linear2", "1"),
    ),
    "nn.TransformerEncoder with a mask, pooled by it": Situation(
        one(pooled, e=nn.TransformerEncoder(encoder_layer(), 2)),
        call(X, mask=MASK),
        (normal(2, 4, 6),),
        share=OF_TWO_LAYERS,
        analog=("e.layers.0.self_attn.k_proj", "e.layers.1.linear2", "fc"),
    ),
    # torch itself gives other numbers at the masked places where it takes nested tensors.
    "nn.TransformerEncoder with a mask, at all places": Situation(
        one(
            lambda self, x, mask=None: self.fc(self.e(x, src_key_padding_mask=mask)),
            e=nn.TransformerEncoder(encoder_layer(), 2),
        ),
        call(X, mask=MASK),
        may_refuse=True,
    ),
    "nn.TransformerEncoder without nested tensors": Situation(
        one(
            lambda self, x, mask=None: self.fc(self.e(x, src_key_padding_mask=mask)),
            e=nn.TransformerEncoder(encoder_layer(), 2, enable_nested_tensor=False),
        ),
        call(X, mask=MASK),
        (normal(2, 4, 6),),
        share=OF_TWO_LAYERS,
        analog=("e.layers.0.self_attn.k_proj", "e.layers.1.linear2", "fc"),
    ),
    "nn.Transformer": Situation(
        one(
            lambda self, x, y: self.fc(self.t(x, y)),
            t=nn.Transformer(6, 2, 1, 1, 40, batch_first=True),
        ),
        call(X, normal(2, 3, 6)),
        share=5640 / (5640 + 2 * 6 * (5 * 5 + 3 * 3 + 3 * 5)),
        analog=("t.encoder.layers.0.linear1", "t.decoder.layers.0.multihead_attn.v_proj", "fc"),
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_attention_and_its_share(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []
