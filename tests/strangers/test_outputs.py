"""What comes out: the network's own object, of every class."""

import collections
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from tests.strangers.judge import crashes, faults
from tests.strangers.parts import Graph, Marked, Pair, X, Z, one
from tests.strangers.situation import Situation, normal


@dataclass
class Answer:
    logits: Tensor
    words: str = "fine"


class Fields(collections.OrderedDict):
    """A dictionary whose keys are attributes too, as large libraries give back."""

    __getattr__ = collections.OrderedDict.__getitem__


def one_by_one(self, x):
    yield self.fc(x)
    yield self.fc(-x)


SITUATIONS = {
    # Outputs.
    "a tuple": Situation(one(lambda self, x: (self.fc(x), x)), X, (Z,)),
    "a list": Situation(one(lambda self, x: [self.fc(x), self.fc(-x)]), X, (Z,)),
    "a dictionary of outputs": Situation(
        one(lambda self, x: {"a": self.fc(x), 3: x, None: [x.sum()]}), X, (Z,)
    ),
    "a named tuple of outputs": Situation(one(lambda self, x: Pair(self.fc(x), None)), X, (Z,)),
    "a dataclass of outputs": Situation(one(lambda self, x: Answer(self.fc(x))), X, (Z,)),
    "a dictionary with attributes": Situation(
        one(lambda self, x: Fields(logits=self.fc(x))), X, (Z,)
    ),
    "a class of tensor comes out": Situation(
        one(lambda self, x: self.fc(x).as_subclass(Marked)), X, (Z,)
    ),
    "None, words, numbers among outputs": Situation(
        one(lambda self, x: (self.fc(x), None, "well", 3, 2.5, True, x.shape, len(x))), X, (Z,)
    ),
    "only a loss": Situation(one(lambda self, x: self.fc(x).square().mean()), X, (Z,)),
    "a Python number": Situation(one(lambda self, x: self.fc(x).sum().item()), X, may_refuse=True),
    "a list of Python numbers": Situation(
        one(lambda self, x: self.fc(x).tolist()), X, may_refuse=True
    ),
    "numpy numbers": Situation(
        one(lambda self, x: self.fc(x).detach().numpy()), X, may_refuse=True
    ),
    "classes, not logits": Situation(
        one(lambda self, x: self.fc(x).argmax(1)), normal(60, 6), (Z,)
    ),
    "truth values": Situation(one(lambda self, x: self.fc(x) > 0), normal(60, 6), (Z,)),
    "the best three": Situation(one(lambda self, x: self.fc(x).topk(3)), X, (Z,)),
    "a distribution": Situation(
        one(lambda self, x: torch.distributions.Categorical(logits=self.fc(x)).probs), X, (Z,)
    ),
    "complex numbers come out": Situation(one(lambda self, x: torch.fft.rfft(self.fc(x))), X, (Z,)),
    "the input itself comes out": Situation(one(lambda self, x: (x, self.fc(x))), X, (Z,)),
    "minus infinity comes out": Situation(
        one(
            lambda self, x: self.fc(x).masked_fill(torch.tensor([0, 0, 1, 0]).bool(), float("-inf"))
        ),
        X,
        (Z,),
    ),
    "NaN comes out": Situation(
        one(lambda self, x: (self.fc(x), self.fc(x).mul(0).log().mul(0))), X, may_refuse=True
    ),
    "zeros come out": Situation(one(lambda self, x: (self.fc(x), torch.zeros(3))), X, (Z,)),
    "a small output beside a large one": Situation(
        one(lambda self, x: (self.fc(x) * 1e8, self.fc(x) * 1e-8)), X, (Z,)
    ),
    "outputs without a batch": Situation(
        one(lambda self, x: (self.fc(x).mean(0), self.fc(x).std())), X, (Z,)
    ),
    "a sparse output": Situation(one(lambda self, x: self.fc(x).relu().to_sparse()), X, (Z,)),
    "a generator": Situation(one(one_by_one), X, refused="."),
    "a function": Situation(one(lambda self, x: lambda scale: self.fc(x) * scale), X, refused="."),
    "nothing": Situation(
        one(lambda self, x: None if self.fc(x) is not None else x),
        X,
        may_refuse=True,
        silent=("fc",),
    ),
    "an own object": Situation(one(lambda self, x: Graph(self.fc(x), None)), X, may_refuse=True),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_comes_out(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []


@pytest.mark.parametrize("name", SITUATIONS)
def test_ranges_are_calibrated_with_whatever_comes_out(name: str) -> None:
    assert crashes(SITUATIONS[name]) == []
