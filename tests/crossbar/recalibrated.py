"""A network that recalibrates, and what its tests compare."""

import torch
from torch import nn

import analogsim
from analogsim.batchnorm import Recalibration
from analogsim.crossbar.chip.own_statistics import own_batchnorms
from tests.crossbar.nets import small_inputs

DAY_S = 86400.0
RULE = Recalibration(images=24, batch_size=8)


class Twice(nn.Module):
    """A BatchNorm that follows its convolution, and one that is called twice: it stays apart."""

    def __init__(self, norm=nn.BatchNorm2d):
        super().__init__()
        torch.manual_seed(2)
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3), norm(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 8, 3, padding=1), norm(8)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        for _ in range(2):
            x = torch.relu(self.bn2(self.conv2(x)))
        return self.head(x.mean((2, 3)))


def converted(net=None, preset="pcm", periphery="standard", bn="recalibrate", **options):
    x = small_inputs(24)
    if options.get("forward") == "tile":
        options = {"tile": "torch", **options}
    options = {"calibrate": x, "recalibrate": x, "recalibration": RULE} | options
    return analogsim.convert(Twice().eval() if net is None else net, preset, periphery, bn,
                             **options)  # fmt: skip


def statistics(chip):
    norms = own_batchnorms(chip.module, chip.analog.module)
    return {
        f"{name}.{key}": value.clone()
        for name, norm in norms.items()
        for key, value in norm.named_buffers(recurse=False)
    }


def same(a, b) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def close(a, b) -> bool:
    return a.keys() == b.keys() and all(
        torch.allclose(a[key].double(), b[key].double(), rtol=1e-5, atol=1e-6) for key in a
    )


def outputs(chip):
    with torch.no_grad():
        torch.manual_seed(0)
        return chip(small_inputs())
