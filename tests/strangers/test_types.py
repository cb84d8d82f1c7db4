"""Types of numbers and devices: casts inside, whole networks in another type, wrong inputs."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.strangers.judge import faults
from tests.strangers.parts import X, Z, one
from tests.strangers.situation import Situation, call, normal, whole

# bfloat16 has 8 bits: networks that round to it in other places differ by about a percent.
ROUNDED = 2e-2


def seq(dtype):
    return lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4)).to(dtype)


def autocast(self, x):
    with torch.autocast("cpu", torch.bfloat16):
        return self.fc(x)


def autocast_off(self, x):
    with torch.autocast("cpu", enabled=False):
        return self.fc(x.float())


def double_softmax(self, x):
    return self.fc(x).double().softmax(-1).float()


def follows_weight(self, x):
    return self.out(self.fc(x.to(self.fc.weight.dtype)).to(self.out.weight.dtype)).float()


def spectral(self, x):
    z = torch.fft.rfft(self.fc(x)) * self.filter
    return torch.fft.irfft(z, n=4)


def through_numpy(self, x):
    return self.fc(torch.from_numpy(np.sort(x.detach().numpy(), axis=1)))


def numpy_in_between(self, x):
    h = self.fc(x)
    return self.out(torch.from_numpy(np.tanh(h.detach().numpy())))


def by_item(self, x):
    h = self.fc(x)
    return h * 2 if h.sum().item() > 0 else h / 2


def quantised(self, x):
    q = torch.quantize_per_tensor(self.fc(x), 0.01, 0, torch.qint8)
    return q.dequantize()


def counts(self, t):
    return self.fc(torch.nn.functional.one_hot(t, 6).float().sum(1))


def needs_size(self, x):
    assert x.shape[1] == 6, f"Input size {x.shape[1]} doesn't match model (6)."
    return self.fc(x)


def undefined(self, x):
    return self.fc(self.missing(x))


def not_written(self, x):
    raise NotImplementedError


def raises_own(self, x):
    raise ValueError("first line\nsecond line\nthird line")


def divides(self, x):
    return self.fc(x) / (1 // (len(x) - len(x)))


def endless(self, x):
    return endless(self, self.fc(x)) if x is not None else x


def meta(make):
    def made():
        with torch.device("meta"):
            return make()

    return made


def half_meta():
    made = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 2))
    made[1].to("meta")
    return made


class Late(nn.Module):
    """A device written down at construction."""

    def __init__(self, device):
        super().__init__()
        self.device, self.fc = device, nn.Linear(6, 4)

    def forward(self, x):
        return self.fc(x.to(self.device))


def cast(forward, within=1e-4, **parts):
    """Computed in another type somewhere: as the network computes, or refused."""
    return Situation(one(forward, **parts), X, (Z,), may_refuse=True, within=within)


def wrong(make, example, *phrases, **more):
    return Situation(make, example, refused="|".join(phrases) or ".", **more)


SITUATIONS = {
    # Casts inside.
    "one layer in float64": cast(
        lambda self, x: self.fc(x.double()).float(), fc=nn.Linear(6, 4).double()
    ),
    "one of two layers in float64": cast(
        lambda self, x: self.out(self.fc(x.double()).float()),
        fc=nn.Linear(6, 6).double(),
        out=nn.Linear(6, 4),
    ),
    "float64 that follows the weight's type": cast(
        follows_weight, fc=nn.Linear(6, 6).double(), out=nn.Linear(6, 4)
    ),
    "a float64 BatchNorm": cast(
        lambda self, x: self.bn(self.fc(x).double()).float(), bn=nn.BatchNorm1d(4).double()
    ),
    "a softmax in float64": Situation(one(double_softmax), X, (Z,)),
    "a float64 table": cast(
        lambda self, x: (self.fc(x) * self.table).float(), table=torch.linspace(0, 1, 4).double()
    ),
    "float64 outputs": Situation(one(lambda self, x: self.fc(x).double()), X, (Z,)),
    "bfloat16 inside": cast(
        lambda self, x: self.out(self.fc(x).bfloat16()).float(),
        within=ROUNDED,
        fc=nn.Linear(6, 6),
        out=nn.Linear(6, 4).bfloat16(),
    ),
    "float16 inside": cast(
        lambda self, x: self.out(self.fc(x).half()).float(),
        within=ROUNDED,
        fc=nn.Linear(6, 6),
        out=nn.Linear(6, 4).half(),
    ),
    "float16 that follows the weight's type": cast(
        follows_weight, within=ROUNDED, fc=nn.Linear(6, 6).half(), out=nn.Linear(6, 4)
    ),
    "autocast inside": cast(autocast, within=ROUNDED),
    "autocast switched off inside": Situation(one(autocast_off), X, (Z,)),
    "an activation rounded to bfloat16": Situation(
        one(lambda self, x: self.fc(x).bfloat16().float()), X, (Z,), within=ROUNDED
    ),
    "a filter over frequencies": Situation(
        one(spectral, filter=nn.Parameter(torch.randn(3, dtype=torch.complex64))), X, (Z,)
    ),
    # Whole networks.
    "a float64 network, float64 inputs": Situation(
        seq(torch.float64), X.double(), (Z.double(),), may_refuse=True
    ),
    "a float64 network that casts": cast(
        lambda self, x: self.fc(x.double()), fc=nn.Linear(6, 4).double()
    ),
    "a bfloat16 network": Situation(
        seq(torch.bfloat16), X.bfloat16(), (Z.bfloat16(),), may_refuse=True, within=ROUNDED
    ),
    "a float16 network": Situation(
        seq(torch.float16), X.half(), (Z.half(),), may_refuse=True, within=ROUNDED
    ),
    "a float16 network that casts": cast(
        lambda self, x: self.fc(x.half()).float(), within=ROUNDED, fc=nn.Linear(6, 4).half()
    ),
    "float64 inputs that the network casts": Situation(
        one(lambda self, x: self.fc(x.float())), X.double(), (Z.double(), Z)
    ),
    "whole numbers that the network casts": Situation(
        one(lambda self, x: self.fc(x.float())), whole(3, 6, below=9), (whole(2, 6, below=9),)
    ),
    "one-hot tokens": Situation(one(counts), whole(3, 5, below=6)),
    # Out of torch and back.
    "sorted in numpy first": Situation(one(through_numpy), X, (Z,)),
    "numpy between two layers": Situation(one(numpy_in_between, out=nn.Linear(4, 3)), X, (Z,)),
    "a branch on a number": Situation(one(by_item), X, (Z, -X, -Z)),
    "an activation quantised": Situation(one(quantised), X, within=ROUNDED, may_refuse=True),
    # Devices.
    ".cpu() and .to('cpu') inside": Situation(
        one(lambda self, x: self.fc(x.cpu().to("cpu")).to(x.device)), X, (Z,)
    ),
    "a device in an attribute": Situation(lambda: Late(torch.device("cpu")), X, (Z,)),
    "tensors made on the input's device": Situation(
        one(lambda self, x: self.fc(x + torch.arange(6, device=x.device, dtype=x.dtype))), X, (Z,)
    ),
    "a GPU written down": Situation(lambda: Late("cuda:7"), X, refused="cuda|GPU"),
    "another kind of device written down": Situation(lambda: Late("xla"), X, refused="xla|device"),
    "a network without numbers": wrong(meta(lambda: nn.Sequential(nn.Linear(6, 4))), X, "meta"),
    "one layer without numbers": wrong(half_meta, X, "meta"),
    "inputs without numbers": wrong(one(lambda self, x: self.fc(x)), X.to("meta"), "meta"),
    "a buffer without numbers": wrong(
        one(lambda self, x: self.fc(x) + self.shift, shift=torch.zeros(4, device="meta")), X, "meta"
    ),
    # Wrong inputs: one sentence each.
    "a token that the table has not": wrong(
        one(lambda self, t: self.fc(self.emb(t)), emb=nn.Embedding(5, 6)), whole(3, 4, below=5) + 3
    ),
    "a class that the loss has not": wrong(
        one(lambda self, x, y: nn.functional.cross_entropy(self.fc(x), y)),
        call(X, torch.tensor([1, 2, 9])),
    ),
    "tokens that are floats": wrong(
        one(lambda self, t: self.fc(self.emb(t)), emb=nn.Embedding(5, 6)), normal(3, 4)
    ),
    "pictures for a table": wrong(one(lambda self, x: self.fc(x)), normal(2, 3, 8, 8)),
    "too many channels": wrong(lambda: nn.Sequential(nn.Conv2d(1, 2, 3)), normal(2, 3, 8, 8)),
    "pictures smaller than the kernel": wrong(
        lambda: nn.Sequential(nn.Conv2d(1, 2, 5)), normal(2, 1, 3, 3)
    ),
    "bytes for a convolution": wrong(
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3)), whole(2, 1, 5, 5, below=9).byte()
    ),
    "a float64 example for a float32 network": Situation(
        one(lambda self, x: self.fc(x).softmax(-1)), X, (Z,), calibrate=X.double(), may_refuse=True
    ),
    "one argument too few": wrong(one(lambda self, x, mask: self.fc(x) * mask), X),
    "one argument too many": wrong(one(lambda self, x: self.fc(x)), call(X, X)),
    "an argument of another name": wrong(one(lambda self, x: self.fc(x)), call(y=X)),
    "a size that an assertion wants": wrong(one(needs_size), normal(3, 7), "doesn't match model"),
    "a part that does not exist": wrong(one(undefined), X, "missing"),
    "a forward pass that is not written": wrong(one(not_written), X),
    "no forward pass": wrong(lambda: nn.ModuleList([nn.Linear(6, 4)]), X),
    "an error of three lines": wrong(one(raises_own), X, "first line"),
    "a division by zero": wrong(one(divides), X),
    "a forward pass without an end": wrong(one(endless, fc=nn.Linear(6, 6)), X),
    "NaN in the example": Situation(
        one(lambda self, x: self.fc(x)), torch.full((3, 6), float("nan")), (X,), may_refuse=True
    ),
    "an example of a string": wrong(one(lambda self, x: self.fc(x)), X, calibrate="images.npz"),
    "an example of a number": wrong(one(lambda self, x: self.fc(x)), X, calibrate=5),
    "an empty list for an example": wrong(one(lambda self, x: self.fc(x)), X, calibrate=[]),
    "an empty dictionary for an example": wrong(
        one(lambda self, x: self.fc(x)), X, calibrate=lambda: {}
    ),
    "a list of strings for an example": wrong(
        one(lambda self, x: self.fc(x)), X, calibrate=["a", "b"]
    ),
    "a numpy array for an example": Situation(
        one(lambda self, x: self.fc(x)), X, calibrate=X.numpy(), refused="tensor"
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_types_of_numbers_and_devices(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []
