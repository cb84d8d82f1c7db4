"""Networks that keep a state between calls, or write into their inputs."""

import pytest
import torch
from torch import nn

from tests.strangers.judge import faults
from tests.strangers.parts import FEW, MANY, ROWS, rows, thumbnails
from tests.strangers.situation import Situation, call, normal


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


SITUATIONS = {
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
    "a membrane that each call resets": Situation(rows(spiking_that_resets), ROWS, (ROWS[:2],)),
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
        rows(positions, table=None), normal(2, 5, 8), (normal(2, 3, 8), normal(2, 9, 8))
    ),
    "the last activation kept": Situation(rows(keeps_last, last=None, log=[]), ROWS, (ROWS[:2],)),
    "a loss kept with its graph": Situation(rows(keeps_graph, loss=None), ROWS),
    "a shift that the first batch sets": Situation(
        rows(first_call_sets, shift=nn.Parameter(torch.zeros(8)), ready=False),
        ROWS,
        may_refuse=True,
    ),
    "a shift that an earlier batch has set": Situation(
        rows(first_call_sets, shift=nn.Parameter(torch.ones(8)), ready=True), ROWS, (ROWS[:2],)
    ),
    "a layer that the first call makes": Situation(rows(first_call_makes), ROWS, may_refuse=True),
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
def test_states_and_inputs_written_to(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []
