"""One pass: the optimiser's groups, one step by hand, the running average, the NaN."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from analogsim.errors import InputError
from analogsim.inputs.images import Normalise
from analogsim.inputs.zoo import parse_zoo
from analogsim.training.epoch import make_optimiser, train_epoch_, update_average_
from analogsim.training.images import TrainImages
from analogsim.training.method import LABELS
from analogsim.training.recipe import Recipe

PLAIN = Recipe(epochs=1, batch_size=4, crop=0, flip=False, warmup=0, precision="fp32")
AS_IS = Normalise(divisor=1.0, mean=(0.0,), std=(1.0,), source="test")


def data(n=4):
    draws = torch.Generator().manual_seed(0)
    images = torch.rand((n, 1, 4, 4), generator=draws)
    return TrainImages(images=images, labels=torch.arange(n) % 3, normalise=AS_IS)


def linear():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 3))


def one_epoch(network, images, recipe, *, average=None, epoch=0):
    return train_epoch_(
        network,
        make_optimiser(network, recipe),
        average,
        images,
        recipe,
        LABELS.begin(network, recipe, images, 0),
        epoch=epoch,
        on_step=lambda step, loss: None,
        where="training net on data",
    )


@pytest.mark.parametrize("norm", ["batch", "l1", "topk", "group"])
def test_decay_is_on_weights_only(norm):
    network = parse_zoo(f"zoo:resnet20?norm={norm}").build()
    decayed, kept = make_optimiser(network, Recipe()).param_groups
    assert (decayed["weight_decay"], kept["weight_decay"]) == (5e-4, 0)
    by_id = {id(p): name for name, p in network.named_parameters()}
    names = [{by_id[id(p)] for p in group["params"]} for group in (decayed, kept)]
    assert names[0] == {
        name for name in by_id.values() if "conv" in name or name == "linear.weight"
    }
    assert names[0] | names[1] == set(by_id.values())


def test_one_step_is_the_formula():
    """A step of SGD with Nesterov momentum from rest: w - rate * (1 + momentum) * gradient."""
    images = data()
    for smoothing in (0.0, 0.1):
        recipe = replace(PLAIN, label_smoothing=smoothing, weight_decay=0.01)
        network = linear()
        weight, bias = (p.detach().clone() for p in network.parameters())
        x = images.images.flatten(1)
        target = functional.one_hot(images.labels, 3) * (1 - smoothing) + smoothing / 3
        # The gradient of cross-entropy is (softmax - target) / n.
        slope = ((x @ weight.T + bias).softmax(1) - target) / len(x)
        step = recipe.learning_rate * (1 + recipe.momentum)
        result = one_epoch(network, images, recipe)
        moved = dict(network.named_parameters())
        torch.testing.assert_close(
            moved["1.weight"], weight - step * (slope.T @ x + 0.01 * weight), rtol=1e-5, atol=1e-6
        )
        torch.testing.assert_close(
            moved["1.bias"], bias - step * slope.sum(0), rtol=1e-5, atol=1e-6
        )
        expected = -(target * (x @ weight.T + bias).log_softmax(1)).sum(1).mean()
        assert result.loss == pytest.approx(expected.item(), rel=1e-5)


def test_clipping_bounds_the_step():
    network = linear()
    before = copy.deepcopy(network)
    one_epoch(network, data(), replace(PLAIN, clip_norm=1e-3, momentum=0.0, weight_decay=0.0))
    pairs = zip(network.parameters(), before.parameters(), strict=True)
    length = sum(float((a - b).detach().square().sum()) for a, b in pairs) ** 0.5
    assert length == pytest.approx(PLAIN.learning_rate * 1e-3, rel=1e-3)


def test_average_forgets_the_start_then_keeps_its_decay():
    network, average = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    network.running_mean.fill_(1.0)
    network.num_batches_tracked.fill_(5)
    update_average_(average, network, 0.9, step=0)
    assert average.running_mean.tolist() == pytest.approx([0.9, 0.9])  # past weighs 1 / 10
    assert average.num_batches_tracked.item() == 5
    average.running_mean.zero_()
    update_average_(average, network, 0.9, step=10_000)
    assert average.running_mean.tolist() == pytest.approx([0.1, 0.1])


def test_what_is_left_over_is_left_out():
    images = data(10)
    seen = []
    network = linear()
    network.register_forward_hook(lambda module, given, made: seen.append(len(given[0])))
    one_epoch(network, images, PLAIN)
    assert seen == [4, 4]


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_loss_that_is_not_finite_stops_in_words(value):
    network = linear()
    with torch.no_grad():
        network[1].weight.fill_(float(value))
    with pytest.raises(
        InputError,
        match=r"^training net on data loss must be finite, got nan at epoch 3 step 1; lower --lr "
        r"\(now 0.2\) or clip the gradient \(--clip, now 0\)$",
    ):
        one_epoch(network, data(), replace(PLAIN, epochs=5), epoch=2)


def test_global_generator_is_left_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one_epoch(nn.Sequential(linear(), nn.Dropout(0.5)), data(), PLAIN)
    assert torch.equal(torch.random.get_rng_state(), before)
