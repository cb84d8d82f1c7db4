"""Networks that draw random numbers in eval mode."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.strangers.judge import faults
from tests.strangers.parts import ROWS, rows
from tests.strangers.situation import Situation, network, normal


class KeepsTraining(nn.Module):
    """Its train() leaves the dropout on, for an estimate of the uncertainty."""

    def __init__(self):
        super().__init__()
        self.fc, self.drop, self.out = nn.Linear(8, 40), nn.Dropout(0.5), nn.Linear(40, 3)

    def train(self, mode=True):
        super().train(mode)
        self.drop.train(True)
        return self

    def forward(self, x):
        return self.out(self.drop(self.fc(x)))


def python_random(self, x):
    return self.fc(x) + random.random()


def numpy_random(self, x):
    return self.fc(x) + float(np.random.rand())  # noqa: NPY002


def own_generator(self, x):
    generator = torch.Generator().manual_seed(5)
    return self.fc(x) + torch.randn(len(x), 4, generator=generator)


def seeds_itself(self, x):
    torch.manual_seed(5)
    return self.fc(x) + torch.randn(len(x), 4)


def sampled(self, x):
    return self.fc(x) + torch.randn_like(self.spread(x)) * (self.spread(x) / 2).exp()


def sampled_in_training(self, x):
    h = self.fc(x)
    return h + torch.randn_like(h) if self.training else h


class Noisy(nn.Linear):
    """Noise in the weights, as in some players of games."""

    def forward(self, x):
        return F.linear(x, self.weight + 0.1 * torch.randn_like(self.weight), self.bias)


def drops_blocks(self, x):
    h = self.fc(x)
    return h if random.random() < 0.5 else h + self.more(x)


SITUATIONS = {
    # Draws.
    "F.dropout left on": Situation(
        lambda: network(lambda self, x: self.fc(F.dropout(x, 0.5)), fc=nn.Linear(40, 4)),
        normal(6, 40),
        notes=("random",),
    ),
    "dropout kept in training": Situation(KeepsTraining, ROWS, notes=("random",)),
    "dropout in eval": Situation(
        lambda: nn.Sequential(
            nn.Linear(8, 40), nn.Dropout(0.5), nn.AlphaDropout(0.2), nn.Linear(40, 3)
        ),
        ROWS,
    ),
    "noise on the output": Situation(
        rows(lambda self, x: self.fc(x) + torch.randn(len(x), 4)), ROWS, notes=("random",)
    ),
    "a sample of a distribution": Situation(
        rows(sampled, spread=nn.Linear(8, 4)), ROWS, notes=("random",)
    ),
    "a sample in training only": Situation(rows(sampled_in_training), ROWS, (ROWS[:2],)),
    "Gumbel softmax": Situation(
        rows(lambda self, x: F.gumbel_softmax(self.fc(x))), ROWS, notes=("random",)
    ),
    "Gumbel softmax, hard": Situation(
        rows(
            lambda self, x: self.out(F.gumbel_softmax(self.fc(x), hard=True)), out=nn.Linear(4, 3)
        ),
        normal(40, 8),
        notes=("random",),
        silent=("fc",),
    ),
    "rows in random order": Situation(
        rows(lambda self, x: self.fc(x)[torch.randperm(len(x))]), normal(20, 8), notes=("random",)
    ),
    "noise in the weights": Situation(
        lambda: nn.Sequential(Noisy(8, 8), nn.ReLU(), nn.Linear(8, 4)),
        ROWS,
        share=32 / 96,
        notes=("random",),
    ),
    "a draw of Python's": Situation(rows(python_random), ROWS, notes=("random",)),
    "a draw of numpy's": Situation(rows(numpy_random), ROWS, notes=("random",)),
    "blocks dropped at random": Situation(
        rows(drops_blocks, more=nn.Linear(8, 4)), ROWS, notes=("random",), may_refuse=True
    ),
    "one unit in fifty dropped": Situation(
        lambda: network(lambda self, x: F.dropout(self.fc(x), 0.02), fc=nn.Linear(8, 4)),
        ROWS,
        notes=("random",),
    ),
    "a draw that decides nothing": Situation(
        rows(lambda self, x: self.fc(x) + 0 * torch.rand(1)), ROWS, (ROWS[:2],)
    ),
    "a layer skipped once in fifty calls": Situation(
        rows(lambda self, x: self.fc(x) * (0 if random.random() < 0.02 else 1)), ROWS, (ROWS[:2],)
    ),
    "a generator seeded at each call": Situation(rows(own_generator), ROWS),
    "the global seed set at each call": Situation(rows(seeds_itself), ROWS),
    "RReLU in eval": Situation(
        lambda: nn.Sequential(nn.Linear(8, 4), nn.RReLU()), ROWS, (ROWS[:2],)
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_draws_in_eval_mode(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []
