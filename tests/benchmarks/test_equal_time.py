"""The peers that harden for the same time: without their noise they do what SGD does."""

import copy
import importlib
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from analogsim.draws.addresses import seeded
from analogsim.inputs.images import Normalise, TensorImages
from analogsim.training.augment import augment, epoch_order

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def equal_time(monkeypatch):
    # The scripts import each other as neighbours.
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("equal_time")


def task():
    """A network with BatchNorm, and images of two batches."""
    with seeded(1, "equal time"):
        network = nn.Sequential(
            nn.Conv2d(3, 6, 3, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(216, 5),
        )
        pixels = torch.randint(256, (256, 3, 8, 8), dtype=torch.uint8)
    normalise = Normalise(divisor=255.0, mean=(0.5,) * 3, std=(0.25,) * 3, source="test")
    return network.eval(), TensorImages(pixels, torch.zeros(256, dtype=torch.long), normalise)


@pytest.mark.parametrize("of", ["layer", "channel"])
def test_a_step_of_aihwkit_without_noise_is_a_step_of_sgd(equal_time, of):
    network, images = task()
    recipe = equal_time.Recipe(noise=0.0, clip=1e6, of=of, rate=0.1)
    peer = equal_time.aihwkit(network, recipe)
    equal_time.Steps(peer, network, images, 3, "fp32")()
    made = peer.digital(peer.network).state_dict()

    plain = copy.deepcopy(network).train()
    rule = torch.optim.SGD(plain.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    chosen = images.images[epoch_order(256, seed=3, epoch=0)[:128]]
    x = images.normalise(augment(chosen, crop=4, flip=True, seed=3, epoch=0, step=0))
    wanted = functional.log_softmax(network(x).detach(), dim=1)
    given = functional.log_softmax(plain(x), dim=1)
    functional.kl_div(given, wanted, reduction="batchmean", log_target=True).backward()
    rule.step()
    want = plain.state_dict()
    assert list(made) == list(want)
    for name, value in made.items():
        # In tiles weights are divided by their largest, which rounds.
        torch.testing.assert_close(value, want[name], rtol=1e-5, atol=1e-6)
    assert (want["0.weight"] - network.state_dict()["0.weight"]).abs().max() > 1e-4


def test_weights_stay_within_their_clip(equal_time):
    network, images = task()
    peer = equal_time.aihwkit(network, equal_time.Recipe(clip=1.5))
    steps = equal_time.Steps(peer, network, images, 3, "fp32")
    for _ in range(2):
        steps(0.005)
    assert steps.number == 2
    weight = peer.digital(peer.network).state_dict()["4.weight"]
    # Clipping narrows the spread, too: the uniform start had its largest at 1.73.
    start = network.state_dict()["4.weight"]
    assert start.abs().max() / start.std() > 1.7
    assert weight.abs().max() / weight.std() < 1.7
