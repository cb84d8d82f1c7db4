"""The share of multiply-adds on tiles, counted by hand, and what the rest is."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import analogsim
from tests.strangers.judge import faults, reseed
from tests.strangers.situation import Situation, call, network, normal, whole

X = normal(3, 6)


def stack(*layers):
    return lambda: nn.Sequential(*[make() for make in layers])


def attention(self, x):
    q, k, v = self.q(x), self.k(x), self.v(x)
    return self.o(torch.softmax(q @ k.transpose(1, 2), -1) @ v)


def fused_attention(self, x):
    q, k, v = self.q(x)[:, None], self.k(x)[:, None], self.v(x)[:, None]
    return self.o(F.scaled_dot_product_attention(q, k, v)[:, 0])


def by_einsum(self, x):
    return self.fc(torch.einsum("bi,eio->beo", x, self.experts).sum(1))


def blurred(self, x):
    return self.fc(F.conv2d(self.c(x), self.blur, groups=2).mean((2, 3)))


def patches(self, x):
    return self.fc((self.kernel @ F.unfold(x, 3)).mean(2))


def grouped(self, x):
    """Experts of 4 rows each, in one operator."""
    ends = torch.tensor([4, 8], dtype=torch.int32)
    h = torch._grouped_mm(self.fc(x).bfloat16(), self.experts.bfloat16(), offs=ends)
    return h.float()


def expert(self, x):
    return torch.stack([self.experts[int(row[0] > 0)](row) for row in x])


def early_exit(self, x):
    h = self.body(x).relu()
    sure = x.abs().amax(1, keepdim=True) > 20
    return torch.where(sure, self.early(h), self.late(h)) if sure.any() else self.late(h)


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


def three_times(self, x):
    return self.out(self.fc(self.fc(self.fc(x))))


def used_after_called(self, x):
    return self.fc(x) + F.linear(x, self.fc.weight)


def frozen_features(self, x):
    with torch.no_grad():
        h = self.body(x)
    return self.head(h)


def projections():
    return {name: nn.Linear(6, 6) for name in "qkvo"}


MASK = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
LSTM = 4 * 5 * (6 + 5)
GRU = 3 * 5 * (6 + 5)

SITUATIONS = {
    "all layers": Situation(
        stack(lambda: nn.Conv2d(2, 3, 3), nn.ReLU, nn.Flatten, lambda: nn.Linear(48, 5)),
        normal(3, 2, 6, 6),
        (normal(1, 2, 6, 6),),
        share=1.0,
    ),
    "one of two kept digital": Situation(
        stack(lambda: nn.Linear(6, 6), nn.ReLU, lambda: nn.Linear(6, 2)),
        X,
        share=36 / 48,
        digital=("2",),
        options={"keep_digital": ["2"]},
    ),
    "half of it": Situation(
        stack(lambda: nn.Linear(6, 6), nn.ReLU, lambda: nn.Linear(6, 6)),
        X,
        share=0.5,
        digital=("0",),
        options={"keep_digital": ["0"]},
    ),
    "less than half": Situation(
        stack(lambda: nn.Linear(6, 7), nn.ReLU, lambda: nn.Linear(7, 5)),
        X,
        share=35 / 77,
        digital=("0",),
        options={"keep_digital": ["0"]},
    ),
    "a convolution counts each place": Situation(
        stack(
            lambda: nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.Flatten, lambda: nn.Linear(27, 2)
        ),
        normal(2, 2, 6, 6),
        share=54 / (54 + 9 * 54),
        options={"keep_digital": ["0"]},
    ),
    "a convolution of two groups counts half": Situation(
        stack(lambda: nn.Conv2d(4, 4, 3, groups=2), nn.Flatten, lambda: nn.Linear(64, 2)),
        normal(2, 4, 6, 6),
        share=16 * 72 / (16 * 72 + 128),
        options={"keep_digital": ["2"]},
    ),
    "a convolution in one dimension": Situation(
        stack(lambda: nn.Conv1d(2, 3, 4), nn.Flatten, lambda: nn.Linear(18, 2)),
        normal(2, 2, 9),
        share=36 / (36 + 6 * 24),
        options={"keep_digital": ["0"]},
    ),
    "a linear layer counts each row": Situation(
        lambda: network(
            lambda self, x: self.b(self.a(x).mean(1)), a=nn.Linear(6, 4), b=nn.Linear(4, 3)
        ),
        normal(2, 5, 6),
        share=12 / (12 + 5 * 24),
        options={"keep_digital": ["a"]},
    ),
    "a layer called three times counts three times": Situation(
        lambda: network(three_times, fc=nn.Linear(6, 6), out=nn.Linear(6, 2)),
        X,
        share=108 / 120,
        options={"keep_digital": ["out"]},
    ),
    "a layer that is not used counts nothing": Situation(
        lambda: network(lambda self, x: self.fc(x), fc=nn.Linear(6, 4), spare=nn.Linear(600, 400)),
        X,
        share=1.0,
    ),
    "BatchNorm, pooling, activations count nothing": Situation(
        stack(
            lambda: nn.Conv2d(2, 3, 3),
            lambda: nn.BatchNorm2d(3),
            nn.GELU,
            lambda: nn.AvgPool2d(2),
            lambda: nn.LayerNorm([3, 2, 2]),
            nn.Flatten,
            lambda: nn.Linear(12, 2),
            lambda: nn.Softmax(1),
        ),
        normal(2, 2, 6, 6),
        share=1.0,
    ),
    "an embedding counts nothing": Situation(
        stack(lambda: nn.Embedding(50, 6), lambda: nn.Linear(6, 2)),
        whole(2, 4, below=50),
        share=1.0,
    ),
    "depthwise and pointwise": Situation(
        stack(lambda: nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.ReLU, lambda: nn.Conv2d(4, 8, 1)),
        normal(2, 4, 5, 5),
        share=32 / (32 + 36),
        digital=("0",),
    ),
    "an LSTM and a head": Situation(
        lambda: network(
            lambda self, x: self.fc(self.r(x)[0][:, -1]),
            r=nn.LSTM(6, 5, batch_first=True),
            fc=nn.Linear(5, 4),
        ),
        normal(2, 3, 6),
        share=20 / (20 + 3 * LSTM),
        digital=("r",),
    ),
    "a GRU in two layers and directions": Situation(
        lambda: network(
            lambda self, x: self.fc(self.r(x)[0]),
            r=nn.GRU(6, 5, num_layers=2, bidirectional=True, batch_first=True),
            fc=nn.Linear(10, 40),
        ),
        normal(2, 3, 6),
        share=400 / (400 + 2 * GRU + 2 * 3 * 5 * (10 + 5)),
        digital=("r",),
    ),
    "a cell": Situation(
        lambda: network(
            lambda self, x: self.fc(self.r(x)), r=nn.GRUCell(6, 5), fc=nn.Linear(5, 40)
        ),
        X,
        share=200 / (200 + GRU),
        digital=("r",),
    ),
    "a transposed convolution": Situation(
        stack(lambda: nn.Conv2d(2, 4, 1), lambda: nn.ConvTranspose2d(4, 3, 2, stride=2)),
        normal(2, 2, 5, 5),
        share=8 / (8 + 48),
        digital=("1",),
    ),
    "a convolution in three dimensions": Situation(
        stack(lambda: nn.Conv3d(1, 2, 2), nn.Flatten, lambda: nn.Linear(54, 9)),
        normal(2, 1, 4, 4, 4),
        share=486 / (486 + 27 * 16),
        digital=("0",),
    ),
    "a bilinear form": Situation(
        lambda: network(
            lambda self, x: self.b(self.fc(x), x), fc=nn.Linear(6, 4), b=nn.Bilinear(4, 6, 3)
        ),
        X,
        digital=("b",),
    ),
    "a parameter in a product": Situation(
        lambda: network(
            lambda self, x: self.fc(x @ self.w),
            w=nn.Parameter(torch.randn(6, 6)),
            fc=nn.Linear(6, 4),
        ),
        X,
        share=24 / 60,
        digital=("(model)",),
    ),
    "experts in one einsum": Situation(
        lambda: network(by_einsum, experts=nn.Parameter(torch.randn(4, 6, 5)), fc=nn.Linear(5, 30)),
        X,
        share=150 / (150 + 120),
        digital=("(model)",),
    ),
    "experts in one grouped product": Situation(
        lambda: network(grouped, fc=nn.Linear(8, 16), experts=nn.Parameter(torch.randn(2, 16, 16))),
        normal(8, 8),
        share=128 / (128 + 256),
        within=2e-2,
    ),
    "one expert that the last row calls": Situation(
        lambda: network(expert, experts=nn.ModuleList([nn.Linear(6, 4), nn.Linear(6, 4)])),
        torch.cat([normal(20, 6).abs(), -X[:1].abs()]),
        share=1.0,
        analog=("experts.0", "experts.1"),
    ),
    "an early exit for easy inputs": Situation(
        lambda: network(
            early_exit, body=nn.Linear(6, 6), early=nn.Linear(6, 4), late=nn.Linear(6, 4)
        ),
        torch.cat([normal(9, 6), 50 * normal(1, 6)]),
        analog=("body", "early", "late"),
    ),
    "a product over two axes": Situation(
        lambda: network(
            lambda self, x: self.fc(torch.tensordot(x, self.w, dims=([1, 2], [0, 1]))),
            w=nn.Parameter(torch.randn(2, 3, 4)),
            fc=nn.Linear(4, 30),
        ),
        normal(5, 2, 3),
        share=120 / (120 + 24),
        digital=("(model)",),
    ),
    "a chain of products": Situation(
        lambda: network(
            lambda self, x: self.fc(torch.linalg.multi_dot([x, self.a, self.b])),
            a=nn.Parameter(torch.randn(6, 2)),
            b=nn.Parameter(torch.randn(2, 4)),
            fc=nn.Linear(4, 10),
        ),
        X,
        share=40 / (40 + 12 + 8),
    ),
    "inner products": Situation(
        lambda: network(
            lambda self, x: torch.inner(self.fc(x), self.rows),
            fc=nn.Linear(6, 4),
            rows=nn.Parameter(torch.randn(3, 4)),
        ),
        X,
        share=24 / 36,
        digital=("(model)",),
    ),
    "baddbmm": Situation(
        lambda: network(
            lambda self, x: torch.baddbmm(self.bias, self.fc(x)[None], self.w),
            fc=nn.Linear(6, 4),
            w=nn.Parameter(torch.randn(1, 4, 5)),
            bias=nn.Parameter(torch.randn(1, 1, 5)),
        ),
        X,
        share=24 / 44,
        digital=("(model)",),
    ),
    "a bag of embeddings counts nothing": Situation(
        stack(lambda: nn.EmbeddingBag(50, 6), lambda: nn.Linear(6, 2)),
        whole(2, 4, below=50),
        share=1.0,
    ),
    "a sparse matrix on the left": Situation(
        lambda: network(
            lambda self, x: torch.sparse.mm(self.graph, self.fc(x)),
            fc=nn.Linear(6, 4),
            graph=torch.eye(3).to_sparse(),
        ),
        X,
        may_refuse=True,
    ),
    "torchvision's attention, written out": Situation(
        lambda: network(
            shifted_windows, qkv=nn.Linear(6, 18), proj=nn.Linear(6, 6), fc=nn.Linear(6, 50)
        ),
        normal(2, 5, 6),
        share=5 * 300 / (5 * 300 + 5 * (108 + 36) + 2 * 5 * 5 * 6),
        analog=("fc",),
        digital=("qkv", "proj"),
    ),
    "experts that some rows call": Situation(
        lambda: network(expert, experts=nn.ModuleList([nn.Linear(6, 4), nn.Linear(6, 4)])),
        torch.cat([X.abs(), -X[:1].abs()]),
        share=1.0,
        analog=("experts.0", "experts.1"),
    ),
    "a blur with a fixed kernel": Situation(
        lambda: network(
            blurred, c=nn.Conv2d(1, 2, 3), fc=nn.Linear(2, 3), blur=torch.full((2, 1, 2, 2), 0.25)
        ),
        normal(2, 1, 6, 6),
        share=(16 * 18 + 6) / (16 * 18 + 6 + 9 * 8),
    ),
    "a convolution by hand": Situation(
        lambda: network(patches, kernel=nn.Parameter(torch.randn(3, 18)), fc=nn.Linear(3, 400)),
        normal(2, 2, 5, 5),
        share=1200 / (1200 + 9 * 54),
        digital=("(model)",),
    ),
    "attention": Situation(
        lambda: network(attention, **projections()),
        normal(2, 5, 6),
        share=4 * 5 * 36 / (4 * 5 * 36 + 2 * 5 * 5 * 6),
    ),
    "torch's fused attention": Situation(
        lambda: network(fused_attention, **projections()),
        normal(2, 5, 6),
        share=4 * 5 * 36 / (4 * 5 * 36 + 2 * 5 * 5 * 6),
    ),
    "nn.MultiheadAttention": Situation(
        lambda: network(
            lambda self, x: self.fc(self.a(x, x, x)[0]),
            a=nn.MultiheadAttention(6, 2, batch_first=True),
            fc=nn.Linear(6, 60),
        ),
        normal(2, 5, 6),
        share=5 * 360 / (5 * 360 + 4 * 5 * 36 + 2 * 5 * 5 * 6),
        digital=("a",),
    ),
    "nn.TransformerEncoderLayer": Situation(
        lambda: nn.Sequential(
            nn.TransformerEncoderLayer(6, 2, 40, batch_first=True), nn.Linear(6, 2)
        ),
        normal(2, 5, 6),
        share=5 * (2 * 240 + 12) / (5 * (2 * 240 + 12) + 4 * 5 * 36 + 2 * 5 * 5 * 6),
        analog=("0.linear1", "0.linear2", "1"),
        digital=("0.self_attn",),
    ),
    "nn.TransformerEncoder with a mask, pooled by it": Situation(
        lambda: network(pooled, e=nn.TransformerEncoder(encoder_layer(), 2), fc=nn.Linear(6, 4)),
        call(normal(2, 5, 6), mask=MASK),
        (normal(2, 4, 6),),
        analog=("e.layers.0.linear1", "e.layers.1.linear2", "fc"),
    ),
    # torch itself gives other numbers at the masked places where it takes nested tensors.
    "nn.TransformerEncoder with a mask, at all places": Situation(
        lambda: network(
            lambda self, x, mask=None: self.fc(self.e(x, src_key_padding_mask=mask)),
            e=nn.TransformerEncoder(encoder_layer(), 2),
            fc=nn.Linear(6, 4),
        ),
        call(normal(2, 5, 6), mask=MASK),
        may_refuse=True,
    ),
    "nn.TransformerEncoder without nested tensors": Situation(
        lambda: network(
            lambda self, x, mask=None: self.fc(self.e(x, src_key_padding_mask=mask)),
            e=nn.TransformerEncoder(encoder_layer(), 2, enable_nested_tensor=False),
            fc=nn.Linear(6, 4),
        ),
        call(normal(2, 5, 6), mask=MASK),
        (normal(2, 4, 6),),
        analog=("e.layers.0.linear1", "e.layers.1.linear2", "fc"),
    ),
    "nn.Transformer": Situation(
        lambda: network(
            lambda self, x, y: self.fc(self.t(x, y)),
            t=nn.Transformer(6, 2, 1, 1, 40, batch_first=True),
            fc=nn.Linear(6, 4),
        ),
        call(normal(2, 5, 6), normal(2, 3, 6)),
        analog=("t.encoder.layers.0.linear1", "t.decoder.layers.0.linear2", "fc"),
    ),
    "rows against rows": Situation(
        lambda: network(lambda self, x: (lambda h: h @ h.T)(self.fc(x)), fc=nn.Linear(6, 4)),
        X,
        share=3 * 24 / (3 * 24 + 3 * 3 * 4),
        notes=("batch",),
    ),
    "a product with a vector": Situation(
        lambda: network(
            lambda self, x: self.fc(x) @ self.v, fc=nn.Linear(6, 4), v=nn.Parameter(torch.randn(4))
        ),
        X,
        share=24 / 28,
        digital=("(model)",),
    ),
    "a product in a part": Situation(
        lambda: nn.Sequential(
            nn.Linear(6, 6),
            network(lambda self, x: x @ self.w, w=nn.Parameter(torch.randn(6, 2))),
        ),
        X,
        share=36 / 48,
        digital=("1",),
    ),
    "features without gradients": Situation(
        lambda: network(frozen_features, body=nn.Linear(6, 6), head=nn.Linear(6, 2)), X, share=1.0
    ),
    "a layer called, and its weight beside": Situation(
        lambda: network(used_after_called, fc=nn.Linear(6, 4)), X, share=0.5, digital=("fc",)
    ),
    "nothing at all": Situation(
        stack(nn.ReLU, lambda: nn.BatchNorm1d(6), lambda: nn.PReLU()), X, refused="."
    ),
    "only an LSTM": Situation(
        lambda: network(lambda self, x: self.r(x)[0], r=nn.LSTM(6, 5)), normal(2, 3, 6), refused="."
    ),
    "only what is kept digital": Situation(
        stack(lambda: nn.Linear(6, 4)), X, refused=".", options={"keep_digital": ["*"]}
    ),
    "only what the example does not use": Situation(
        lambda: network(lambda self, x: self.fc(x) if x.shape[1] == 6 else x, fc=nn.Linear(6, 4)),
        normal(3, 5),
        refused=".",
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_share_that_lies_on_tiles(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []


def converted(net, example, **options):
    reseed()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return analogsim.convert(
            net, preset="ideal", periphery="ideal", calibrate=example, **options
        )


def test_the_share_does_not_hang_on_the_number_of_images() -> None:
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(48, 5))
    shares = [
        converted(net, normal(n, 2, 6, 6), keep_digital=["2"]).coverage.share for n in (1, 2, 17)
    ]
    assert shares == pytest.approx([16 * 54 / (16 * 54 + 240)] * 3, abs=1e-6)


def test_digital_products_are_named_counted_and_explained() -> None:
    net = network(
        lambda self, x: self.out(self.r(F.linear(x, self.fc.weight))[0]),
        fc=nn.Linear(6, 6),
        r=nn.LSTM(6, 5, batch_first=True),
        out=nn.Linear(5, 4),
    )
    coverage = converted(net, normal(2, 3, 6)).coverage
    found = {entry.name: entry for entry in coverage.digital}
    assert {"fc", "r"} <= set(found)
    assert found["r"].macs / found["fc"].macs == pytest.approx(LSTM / 36)
    assert all(entry.why for entry in coverage.digital)


def test_the_coverage_is_a_sentence_with_its_percentage() -> None:
    net = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 2))
    coverage = converted(net, X, keep_digital=["2"]).coverage
    assert "75" in str(coverage)
    assert "%" in str(coverage)


def test_less_than_half_is_warned_of_with_the_share() -> None:
    net = nn.Sequential(nn.Linear(6, 30), nn.ReLU(), nn.Linear(30, 2))
    with pytest.warns(UserWarning, match="25") as caught:
        analogsim.convert(net, preset="ideal", periphery="ideal", calibrate=X, keep_digital=["0"])
    assert [warning.category.__name__ for warning in caught] == ["CoverageWarning"]
