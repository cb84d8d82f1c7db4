"""Networks whose answer for an image depends on which others are in its batch, or does not."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.strangers.judge import faults
from tests.strangers.parts import FEW, MANY, ROWS, rows, thumbnails
from tests.strangers.situation import Situation, call, network, normal


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


def mixed(change, **more):
    """As `across`: an answer depends on the other images."""
    return Situation(across(change), MANY, (FEW,), notes=("batch",), **more)


def apart(change):
    """As `across_to`: each image by itself."""
    return Situation(across_to(change), MANY, (FEW,))


def batch_norm(**more):
    def make():
        made = nn.Sequential(*thumbnails(), nn.BatchNorm1d(4, **more), nn.Linear(4, 3))
        return made

    return make


class AlwaysTraining(nn.BatchNorm1d):
    def train(self, mode=True):
        return super().train(True)


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
    "centred over the batch": mixed(lambda h: h - h.mean(0)),
    "scaled by the batch's spread": mixed(lambda h: h / h.std()),
    "the batch's largest": mixed(lambda h: h / h.max()),
    "softmax over the batch": mixed(lambda h: h.softmax(0)),
    "ranked within the batch": mixed(lambda h: h.argsort(0).float(), within=1e-3),
    "summed along the batch": mixed(lambda h: h.cumsum(0)),
    "neighbours in the batch": mixed(lambda h: h.roll(1, 0)),
    "the batch turned round": mixed(lambda h: h.flip(0)),
    "the number of images": mixed(lambda h: h / len(h)),
    "attention across the batch": mixed(lambda h: torch.softmax(h @ h.T, -1) @ h, share=None),
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
    "each row with each": Situation(
        rows(similarity), ROWS, (ROWS[:2],), share=32 / (32 + 6 * 4), notes=("batch",)
    ),
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
    "frames of a film": Situation(rows(frames), normal(3, 4, 8), (normal(1, 2, 8),)),
    "each picture by itself, a dictionary out": apart(
        lambda h, x: {"logits": h, "none": None, "parts": (h * 2, [h.sum(1)])}
    ),
    "a row for each picture, and one number": apart(lambda h, x: (h, h.mean())),
    "a row for each picture, and the number of pictures": apart(
        lambda h, x: {"logits": h, "n": len(x)}
    ),
    "a row for each picture, and a table": apart(lambda h, x: (h, torch.arange(4.0))),
    "a row for each picture, and the places": apart(lambda h, x: (h, torch.nonzero(h > 0))),
    "two rows for each picture": apart(lambda h, x: torch.cat([h, -h], 1).reshape(2 * len(h), 3)),
    "first all, then all mirrored": apart(lambda h, x: torch.cat([h, -h])),
    "pictures and a table as long as the batch": Situation(
        lambda: network(
            lambda self, x, table: self.fc(self.body(x)) @ table.T,
            body=thumbnails(),
            fc=nn.Linear(4, 3),
        ),
        call(FEW, normal(7, 3)),
        (call(MANY, normal(64, 3)), call(FEW, normal(3, 3))),
        share=3084 / (3084 + 7 * 3),
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
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_which_images_are_together(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []
