"""Measures of a user's own: one that is no share, and one that is better where it is lower."""

from torch import Tensor
from torch.nn import functional as F

from analogsim import Measure


def each(outputs: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(outputs, target, reduction="none")


def wrong(outputs: Tensor, target: Tensor) -> Tensor:
    return outputs.argmax(1) != target


LOSS = Measure(name="cross-entropy", unit="nats", better="lower", least=0, score=each)
ERRORS = Measure(name="error rate", unit="%", better="lower", least=0, most=1, score=wrong)
