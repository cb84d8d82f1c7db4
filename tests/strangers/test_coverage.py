"""The share of multiply-adds on tiles, counted by hand."""

import pytest
import torch
from torch import nn

import analogsim
from tests.strangers.judge import converted, faults
from tests.strangers.parts import X, one
from tests.strangers.situation import Situation, network, normal, whole


def stack(*layers):
    return lambda: nn.Sequential(*[make() for make in layers])


def expert(self, x):
    return torch.stack([self.experts[int(row[0] > 0)](row) for row in x])


def early_exit(self, x):
    h = self.body(x).relu()
    sure = x.abs().amax(1, keepdim=True) > 20
    return torch.where(sure, self.early(h), self.late(h)) if sure.any() else self.late(h)


def three_times(self, x):
    return self.out(self.fc(self.fc(self.fc(x))))


def frozen_features(self, x):
    with torch.no_grad():
        h = self.body(x)
    return self.head(h)


SITUATIONS = {
    "all layers": Situation(
        stack(lambda: nn.Conv2d(2, 3, 3), nn.ReLU, nn.Flatten, lambda: nn.Linear(48, 5)),
        normal(3, 2, 6, 6),
        (normal(1, 2, 6, 6),),
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
        one(lambda self, x: self.fc(x), spare=nn.Linear(600, 400)), X
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
    ),
    "an embedding counts nothing": Situation(
        stack(lambda: nn.Embedding(50, 6), lambda: nn.Linear(6, 2)), whole(2, 4, below=50)
    ),
    "depthwise and pointwise": Situation(
        stack(lambda: nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.ReLU, lambda: nn.Conv2d(4, 8, 1)),
        normal(2, 4, 5, 5),
        share=32 / (32 + 36),
        digital=("0",),
    ),
    "one expert that the last row calls": Situation(
        lambda: network(expert, experts=nn.ModuleList([nn.Linear(6, 4), nn.Linear(6, 4)])),
        torch.cat([normal(20, 6).abs(), -X[:1].abs()]),
        analog=("experts.0", "experts.1"),
    ),
    "an early exit for easy inputs": Situation(
        lambda: network(
            early_exit, body=nn.Linear(6, 6), early=nn.Linear(6, 4), late=nn.Linear(6, 4)
        ),
        torch.cat([normal(9, 6), 50 * normal(1, 6)]),
        analog=("body", "early", "late"),
    ),
    "a bag of embeddings counts nothing": Situation(
        stack(lambda: nn.EmbeddingBag(50, 6), lambda: nn.Linear(6, 2)), whole(2, 4, below=50)
    ),
    "experts that some rows call": Situation(
        lambda: network(expert, experts=nn.ModuleList([nn.Linear(6, 4), nn.Linear(6, 4)])),
        torch.cat([X.abs(), -X[:1].abs()]),
        analog=("experts.0", "experts.1"),
    ),
    "features without gradients": Situation(
        lambda: network(frozen_features, body=nn.Linear(6, 6), head=nn.Linear(6, 2)), X
    ),
    "nothing at all": Situation(
        stack(nn.ReLU, lambda: nn.BatchNorm1d(6), lambda: nn.PReLU()), X, refused="."
    ),
    "only an LSTM": Situation(
        lambda: network(lambda self, x: self.r(x)[0], r=nn.LSTM(6, 5)), normal(2, 3, 6)
    ),
    "only what is kept digital": Situation(
        stack(lambda: nn.Linear(6, 4)), X, refused=".", options={"keep_digital": ["*"]}
    ),
    "only what the example does not use": Situation(
        one(lambda self, x: self.fc(x) if x.shape[1] == 6 else x), normal(3, 5), refused="."
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_share_that_lies_on_tiles(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []


def test_the_share_does_not_hang_on_the_number_of_images() -> None:
    make = stack(lambda: nn.Conv2d(2, 3, 3), nn.Flatten, lambda: nn.Linear(48, 5))
    cases = [
        Situation(make, normal(n, 2, 6, 6), options={"keep_digital": ["2"]}) for n in (1, 2, 17)
    ]
    shares = [converted(case).coverage.share for case in cases]
    assert shares == pytest.approx([16 * 54 / (16 * 54 + 240)] * 3, abs=1e-6)


def test_the_coverage_is_a_sentence_with_its_percentage() -> None:
    make = stack(lambda: nn.Linear(6, 6), nn.ReLU, lambda: nn.Linear(6, 2))
    coverage = converted(Situation(make, X, options={"keep_digital": ["2"]})).coverage
    assert "75" in str(coverage)
    assert "%" in str(coverage)


def test_less_than_half_is_warned_of_with_the_share() -> None:
    net = nn.Sequential(nn.Linear(6, 30), nn.ReLU(), nn.Linear(30, 2))
    with pytest.warns(UserWarning, match="25") as caught:
        analogsim.convert(net, preset="ideal", periphery="ideal", calibrate=X, keep_digital=["0"])
    assert [warning.category.__name__ for warning in caught] == ["CoverageWarning"]
