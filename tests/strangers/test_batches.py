"""What a forward pass is assumed to be: the same for each row, call, draw and input."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.strangers.judge import faults
from tests.strangers.situation import Situation, call, fresh, network, normal

# A large picture goes through a chip in pieces: 64 of these are more than one.
MANY = normal(64, 3, 64, 64) + torch.arange(64.0).view(-1, 1, 1, 1) / 8
FEW = MANY[:3]
ROWS = normal(6, 8) + torch.arange(6.0)[:, None]


def thumbnails():
    """A convolution with large steps: (n, 4) from pictures of 64 x 64."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 4, stride=16), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )


def across(change):
    """Large pictures, whose features `change` compares within the batch."""
    return lambda: network(
        lambda self, x: self.fc(change(self.body(x))), body=thumbnails(), fc=nn.Linear(4, 3)
    )


def across_to(change):
    """Large pictures, whose logits and inputs `change` makes the output of."""
    return lambda: network(
        lambda self, x: change(self.fc(self.body(x)), x), body=thumbnails(), fc=nn.Linear(4, 3)
    )


def rows(forward, **parts):
    return lambda: fresh(forward, **({"fc": nn.Linear(8, 4)} | parts))


def batch_norm(**more):
    def make():
        made = nn.Sequential(*thumbnails(), nn.BatchNorm1d(4, **more), nn.Linear(4, 3))
        return made

    return make


class AlwaysTraining(nn.BatchNorm1d):
    def train(self, mode=True):
        return super().train(True)


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


def spiking(self, x):
    self.v = self.v * 0.9 + self.fc(x)
    spikes = (self.v > 1).float()
    self.v = self.v - spikes
    return spikes + self.v


def late_spikes(self, x):
    """Weak inputs: nothing comes out of the first calls."""
    self.v = self.v + 0.05 * self.fc(x).abs()
    spikes = (self.v > 1).float()
    self.v = self.v * (1 - spikes)
    return spikes


def warm_up(self, x):
    self.n += 1
    return self.fc(x) * (1 if self.n > 5 else 0.5)


def every_tenth(self, x):
    self.n += 1
    return self.fc(x) * (2 if self.n % 10 == 0 else 1)


def spiking_that_resets(self, x):
    v, total = torch.zeros(len(x), 4), 0
    for _ in range(3):
        v = v * 0.9 + self.fc(x)
        spikes = (v > 0.5).float()
        v, total = v - spikes, total + spikes
    return total + v


def counter(self, x):
    self.n += 1
    return self.fc(x) * self.n


def silent_counter(self, x):
    self.n += 1
    self.calls = self.calls + 1
    return self.fc(x)


def running_mean(self, x):
    h = self.fc(x)
    self.mean.mul_(0.9).add_(0.1 * h.mean(0))
    return h - self.mean


def cache_of_keys(self, x):
    self.keys.append(self.fc(x))
    return torch.stack(self.keys).mean(0)


def positions(self, x):
    if self.table is None or len(self.table) < x.shape[1]:
        self.table = torch.arange(float(x.shape[1]))[:, None] / 10
    return self.fc(x + self.table[: x.shape[1]])


def keeps_last(self, x):
    self.last = self.fc(x)
    self.log.append(tuple(x.shape))
    return self.last.relu()


def first_call_sets(self, x):
    if not self.ready:
        self.shift.data, self.ready = -x.mean(0), True
    return self.fc(x + self.shift)


def first_call_makes(self, x):
    if not hasattr(self, "late"):
        torch.manual_seed(1)
        self.late = nn.Linear(4, 3)
    return self.late(self.fc(x))


def keeps_graph(self, x):
    self.loss = self.fc(x).square().mean()
    return self.fc(x)


def alternates(self, x):
    self.flip = not self.flip
    return self.fc(x) * (1 if self.flip else -1)


def minus_mean(self, x):
    x -= x.mean(1, keepdim=True)
    return self.fc(x)


def pops_a_list(self, xs):
    return self.fc(xs.pop(0)) + self.fc(xs.pop())


def writes_a_dictionary(self, batch):
    batch["h"] = self.fc(batch["x"])
    batch["x"] = batch["x"] * 0
    return batch


def view_changed(self, x):
    x.view(-1)[::3] = 0
    return self.fc(x)


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


def similarity(self, x):
    z = F.normalize(self.fc(x))
    return z @ z.T


def halves(self, x):
    a, b = self.fc(x).chunk(2, 0)
    return torch.cat([a, b], 1)


def fixed_batch(self, x):
    return self.fc(x.view(2, 3, 8)).mean(0)


def rounded(x):
    """With one scale for all, as dynamic quantisation does."""
    scale = x.abs().max() / 127
    return (x / scale).round() * scale


def shared_scale(self, x):
    return self.fc(rounded(x))


def mean_of_all(self, x):
    return self.fc(x).square().mean()


def frames(self, x):
    n, t = x.shape[:2]
    return self.fc(x.flatten(0, 1)).view(n, t, -1).mean(1)


def swaps_train(self, x):
    self.bn.train()
    h = self.bn(self.fc(x))
    self.bn.eval()
    return h


SITUATIONS = {
    # Which images are together.
    "centred over the batch": Situation(
        across(lambda h: h - h.mean(0)), MANY, (FEW,), notes=("batch",)
    ),
    "scaled by the batch's spread": Situation(
        across(lambda h: h / h.std()), MANY, (FEW,), notes=("batch",)
    ),
    "the batch's largest": Situation(across(lambda h: h / h.max()), MANY, (FEW,), notes=("batch",)),
    "softmax over the batch": Situation(
        across(lambda h: h.softmax(0)), MANY, (FEW,), notes=("batch",)
    ),
    "ranked within the batch": Situation(
        across(lambda h: h.argsort(0).float()), MANY, (FEW,), notes=("batch",), within=1e-3
    ),
    "summed along the batch": Situation(
        across(lambda h: h.cumsum(0)), MANY, (FEW,), notes=("batch",)
    ),
    "neighbours in the batch": Situation(
        across(lambda h: h.roll(1, 0)), MANY, (FEW,), notes=("batch",)
    ),
    "the batch turned round": Situation(
        across(lambda h: h.flip(0)), MANY, (FEW,), notes=("batch",)
    ),
    "the number of images": Situation(across(lambda h: h / len(h)), MANY, (FEW,), notes=("batch",)),
    "attention across the batch": Situation(
        across(lambda h: torch.softmax(h @ h.T, -1) @ h), MANY, (FEW,), notes=("batch",)
    ),
    "BatchNorm without statistics of its own": Situation(
        batch_norm(track_running_stats=False), MANY, (FEW,), notes=("batch",)
    ),
    "BatchNorm whose statistics were taken away": Situation(
        lambda: (
            lambda net: (
                [setattr(net[4], key, None) for key in ("running_mean", "running_var")] and net
            )
        )(batch_norm()()),
        MANY,
        (FEW,),
        notes=("batch",),
    ),
    "BatchNorm with statistics": Situation(batch_norm(), MANY, (FEW,)),
    "BatchNorm always in training": Situation(
        lambda: nn.Sequential(nn.Linear(8, 4), AlwaysTraining(4, momentum=0.0)),
        ROWS,
        (ROWS[:3],),
        notes=("batch",),
        changes=True,
        may_refuse=True,
    ),
    "BatchNorm trained inside the forward pass": Situation(
        rows(swaps_train, bn=nn.BatchNorm1d(4, momentum=0.0)),
        ROWS,
        notes=("batch",),
        changes=True,
        may_refuse=True,
    ),
    "InstanceNorm and GroupNorm": Situation(
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 4, stride=16), nn.InstanceNorm2d(4), nn.GroupNorm(2, 4), nn.Flatten()
        ),
        MANY,
        (FEW,),
    ),
    "each image by itself, many": Situation(across(lambda h: h * 2), MANY, (FEW, MANY[:63])),
    "each row with each": Situation(rows(similarity), ROWS, (ROWS[:2],), notes=("batch",)),
    "halves of the batch side by side": Situation(
        rows(halves), ROWS, (ROWS[:4],), notes=("batch",)
    ),
    "a batch of six and no other": Situation(rows(fixed_batch), ROWS),
    "one scale for all inputs": Situation(rows(shared_scale), ROWS, (ROWS[:2],), notes=("batch",)),
    "one scale for all pictures": Situation(
        lambda: network(
            lambda self, x: self.fc(self.body(rounded(x))), body=thumbnails(), fc=nn.Linear(4, 3)
        ),
        MANY,
        (FEW,),
        notes=("batch",),
    ),
    "one scale for all pictures, the largest first": Situation(
        lambda: network(
            lambda self, x: self.fc(self.body(rounded(x))), body=thumbnails(), fc=nn.Linear(4, 3)
        ),
        MANY.flip(0),
        (FEW,),
        notes=("batch",),
    ),
    "one number for all": Situation(rows(mean_of_all), ROWS, (ROWS[:2],)),
    "one number for all, many": Situation(
        lambda: network(lambda self, x: self.body(x).square().mean(), body=thumbnails()),
        MANY,
        (FEW,),
    ),
    "a mean over many, no row a picture": Situation(
        lambda: network(lambda self, x: self.body(x).mean(0), body=thumbnails()), MANY, (FEW,)
    ),
    "(rows, columns) that look like a batch": Situation(
        lambda: network(lambda self, x: self.body(x).T, body=thumbnails()), MANY, (FEW,)
    ),
    "frames of a film": Situation(rows(frames), normal(3, 4, 8), (normal(1, 2, 8),), share=1.0),
    "each picture by itself, a dictionary out": Situation(
        across_to(lambda h, x: {"logits": h, "none": None, "parts": (h * 2, [h.sum(1)])}),
        MANY,
        (FEW,),
    ),
    "a row for each picture, and one number": Situation(
        across_to(lambda h, x: (h, h.mean())), MANY, (FEW,)
    ),
    "a row for each picture, and the number of pictures": Situation(
        across_to(lambda h, x: {"logits": h, "n": len(x)}), MANY, (FEW,)
    ),
    "a row for each picture, and a table": Situation(
        across_to(lambda h, x: (h, torch.arange(4.0))), MANY, (FEW,)
    ),
    "a row for each picture, and the places": Situation(
        across_to(lambda h, x: (h, torch.nonzero(h > 0))), MANY, (FEW,)
    ),
    "two rows for each picture": Situation(
        across_to(lambda h, x: torch.cat([h, -h], 1).reshape(2 * len(h), 3)), MANY, (FEW,)
    ),
    "first all, then all mirrored": Situation(
        across_to(lambda h, x: torch.cat([h, -h])), MANY, (FEW,)
    ),
    "pictures and a table as long as the batch": Situation(
        lambda: network(
            lambda self, x, table: self.fc(self.body(x)) @ table.T,
            body=thumbnails(),
            fc=nn.Linear(4, 3),
        ),
        call(FEW, normal(7, 3)),
        (call(MANY, normal(64, 3)), call(FEW, normal(3, 3))),
    ),
    "pictures, a number for each, by name": Situation(
        lambda: network(
            lambda self, x, *, gain: self.fc(self.body(x)) * gain[:, None],
            body=thumbnails(),
            fc=nn.Linear(4, 3),
        ),
        call(FEW, gain=normal(3)),
        (call(MANY, gain=normal(64)),),
    ),
    "neighbours among all": Situation(
        across(lambda h: h + torch.cdist(h, h).topk(9, largest=False).values.mean(1)[:, None]),
        MANY,
        (MANY[:16],),
        notes=("batch",),
    ),
    # A state between calls.
    "a membrane's voltage": Situation(
        rows(spiking, v=torch.tensor(0.0)), ROWS, refused="state", changes=True
    ),
    "a membrane that spikes late": Situation(
        rows(late_spikes, v=torch.tensor(0.0)), ROWS, refused="state", changes=True
    ),
    "a membrane that spikes late, kept in a buffer": Situation(
        lambda: (lambda net: net.register_buffer("v", torch.zeros(6, 4)) or net)(
            rows(late_spikes)()
        ),
        ROWS,
        refused="state",
        changes=True,
    ),
    "a counter that scales after five calls": Situation(rows(warm_up, n=0), ROWS, refused="state"),
    "a counter that scales each tenth call": Situation(
        rows(every_tenth, n=0), ROWS, refused="state"
    ),
    "a membrane that each call resets": Situation(
        rows(spiking_that_resets), ROWS, (ROWS[:2],), share=1.0
    ),
    "a counter that scales": Situation(rows(counter, n=0), ROWS, refused="state"),
    "a counter that nothing reads": Situation(
        lambda: (lambda net: net.register_buffer("calls", torch.zeros(())) or net)(
            rows(silent_counter, n=0)()
        ),
        ROWS,
        (ROWS[:2],),
        changes=True,
    ),
    "a running mean in a buffer": Situation(
        lambda: (lambda net: net.register_buffer("mean", torch.zeros(4)) or net)(
            rows(running_mean)()
        ),
        ROWS,
        refused="state",
    ),
    "keys that pile up": Situation(rows(cache_of_keys, keys=[]), ROWS, refused="state"),
    "a sign that alternates": Situation(rows(alternates, flip=False), ROWS, refused="state"),
    "a table of positions, made when first needed": Situation(
        rows(positions, table=None), normal(2, 5, 8), (normal(2, 3, 8), normal(2, 9, 8)), share=1.0
    ),
    "the last activation kept": Situation(
        rows(keeps_last, last=None, log=[]), ROWS, (ROWS[:2],), share=1.0
    ),
    "a loss kept with its graph": Situation(rows(keeps_graph, loss=None), ROWS, share=1.0),
    "a shift that the first batch sets": Situation(
        rows(first_call_sets, shift=nn.Parameter(torch.zeros(8)), ready=False),
        ROWS,
        may_refuse=True,
    ),
    "a shift that an earlier batch has set": Situation(
        rows(first_call_sets, shift=nn.Parameter(torch.ones(8)), ready=True),
        ROWS,
        (ROWS[:2],),
        share=1.0,
    ),
    "a layer that the first call makes": Situation(rows(first_call_makes), ROWS, may_refuse=True),
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
        lambda: nn.Sequential(Noisy(8, 8), nn.ReLU(), nn.Linear(8, 4)), ROWS, notes=("random",)
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
    # The input.
    "x -= mean": Situation(rows(minus_mean), ROWS, (ROWS[:2],), notes=("input",)),
    "ELU in place first": Situation(
        lambda: nn.Sequential(nn.ELU(inplace=True), nn.Linear(8, 4)),
        ROWS,
        (ROWS[:2],),
        notes=("input",),
    ),
    "a view of the input changed": Situation(
        rows(view_changed), ROWS, (ROWS[:2],), notes=("input",)
    ),
    "ReLU in place first, on pictures": Situation(
        lambda: nn.Sequential(nn.ReLU(inplace=True), *thumbnails()), FEW, (MANY,), notes=("input",)
    ),
    "ReLU in place on what is positive already": Situation(
        lambda: nn.Sequential(nn.ReLU(inplace=True), nn.Linear(8, 4)), ROWS.abs(), (ROWS,)
    ),
    "ReLU in place inside": Situation(
        lambda: nn.Sequential(nn.Linear(8, 8), nn.ReLU(inplace=True), nn.Linear(8, 4)),
        ROWS,
        (ROWS[:2],),
    ),
    "a list emptied": Situation(
        rows(pops_a_list), call([ROWS, 2 * ROWS]), (call([ROWS[:2], ROWS[1:3]]),)
    ),
    "a dictionary written to": Situation(
        rows(writes_a_dictionary), call({"x": ROWS}), (call({"x": ROWS[:2]}),)
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_the_forward_pass_is_assumed_to_be(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []
