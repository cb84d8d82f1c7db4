"""What stays digital, counted by hand: recurrent and other layers, and products outside layers."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.strangers.judge import converted, faults
from tests.strangers.parts import X, one
from tests.strangers.situation import Situation, network, normal

LSTM = 4 * 5 * (6 + 5)
GRU = 3 * 5 * (6 + 5)


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


def used_after_called(self, x):
    return self.fc(x) + F.linear(x, self.fc.weight)


SITUATIONS = {
    "an LSTM and a head": Situation(
        lambda: network(
            lambda self, x: self.fc(self.r(x)[0][:, -1]),
            r=nn.LSTM(6, 5, batch_first=True),
            fc=nn.Linear(5, 4),
        ),
        normal(2, 3, 6),
        share=20 / (20 + 3 * LSTM),
        digital=("r",),
        options={"keep_digital": ["r"]},
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
        options={"keep_digital": ["r*"]},
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
        lambda: nn.Sequential(nn.Conv2d(2, 4, 1), nn.ConvTranspose2d(4, 3, 2, stride=2)),
        normal(2, 2, 5, 5),
        share=8 / (8 + 48),
        digital=("1",),
    ),
    "a convolution in three dimensions": Situation(
        lambda: nn.Sequential(nn.Conv3d(1, 2, 2), nn.Flatten(), nn.Linear(54, 9)),
        normal(2, 1, 4, 4, 4),
        share=486 / (486 + 27 * 16),
        digital=("0",),
    ),
    "a bilinear form": Situation(
        one(lambda self, x: self.b(self.fc(x), x), b=nn.Bilinear(4, 6, 3)),
        X,
        share=24 / (24 + 72 + 18),
        digital=("b",),
    ),
    "a parameter in a product": Situation(
        one(lambda self, x: self.fc(x @ self.w), w=nn.Parameter(torch.randn(6, 6))),
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
        one(
            lambda self, x: torch.inner(self.fc(x), self.rows), rows=nn.Parameter(torch.randn(3, 4))
        ),
        X,
        share=24 / 36,
        digital=("(model)",),
    ),
    "baddbmm": Situation(
        one(
            lambda self, x: torch.baddbmm(self.bias, self.fc(x)[None], self.w),
            w=nn.Parameter(torch.randn(1, 4, 5)),
            bias=nn.Parameter(torch.randn(1, 1, 5)),
        ),
        X,
        share=24 / 44,
        digital=("(model)",),
    ),
    "a sparse matrix on the left": Situation(
        one(
            lambda self, x: torch.sparse.mm(self.graph, self.fc(x)), graph=torch.eye(3).to_sparse()
        ),
        X,
        may_refuse=True,
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
    "rows against rows": Situation(
        one(lambda self, x: (lambda h: h @ h.T)(self.fc(x))),
        X,
        share=3 * 24 / (3 * 24 + 3 * 3 * 4),
        notes=("batch",),
    ),
    "a product with a vector": Situation(
        one(lambda self, x: self.fc(x) @ self.v, v=nn.Parameter(torch.randn(4))),
        X,
        share=24 / 28,
        digital=("(model)",),
    ),
    "a product in a part": Situation(
        lambda: nn.Sequential(
            nn.Linear(6, 6), network(lambda self, x: x @ self.w, w=nn.Parameter(torch.randn(6, 2)))
        ),
        X,
        share=36 / 48,
        digital=("1",),
    ),
    "a layer called, and its weight beside": Situation(
        one(used_after_called), X, share=0.5, digital=("fc",)
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_stays_digital_is_counted(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []


def test_digital_products_are_named_counted_and_explained() -> None:
    case = Situation(
        lambda: network(
            lambda self, x: self.out(self.r(F.linear(x, self.fc.weight))[0]),
            fc=nn.Linear(6, 6),
            r=nn.LSTM(6, 5, batch_first=True),
            out=nn.Linear(5, 4),
        ),
        normal(2, 3, 6),
        options={"keep_digital": ["r"]},
    )
    coverage = converted(case).coverage
    found = {entry.name: entry for entry in coverage.digital}
    assert {"fc", "r"} <= set(found)
    assert found["r"].macs / found["fc"].macs == pytest.approx(LSTM / 36)
    assert all(entry.why for entry in coverage.digital)
