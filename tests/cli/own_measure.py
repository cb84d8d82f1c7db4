"""A measure of a user's own, neither a share nor better where it is higher."""

from torch import Tensor
from torch.nn import functional as F

from analogsim import Measure


def score(outputs: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(outputs, target, reduction="none")


LOSS = Measure(name="cross-entropy", unit="nats", better="lower", least=0, score=score)
