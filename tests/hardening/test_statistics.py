"""BatchNorm's statistics after a training with noise: the mean over chips as they are."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

import analogsim
from analogsim.errors import InputError
from analogsim.hardening.statistics import estimate_statistics_
from analogsim.studies.harden_method import default_hardening_recipe
from tests.hardening.networks import images, small


def noise_of(network: nn.Module) -> analogsim.TrainingNoise:
    return analogsim.TrainingNoise(network, injection=analogsim.Injection(scale=2.5, seed=3))


def test_they_are_the_mean_over_chips_without_the_scale() -> None:
    network, x = small(), images(150)
    noise = noise_of(network)
    means, variances = [], []
    for k in range(4):
        rows = torch.arange(100 * k, 100 * (k + 1)) % 150
        with torch.no_grad(), noise.step(7 + k, scale=1.0):
            y = network[0](x[rows]).transpose(0, 1).flatten(1)
        means.append(y.mean(1))
        variances.append(y.var(1))
    before = {name: p.clone() for name, p in network.named_parameters()}
    network.train()
    estimate_statistics_(network, noise, x, chips=4, first=7)
    torch.testing.assert_close(network[1].running_mean, torch.stack(means).mean(0))
    torch.testing.assert_close(network[1].running_var, torch.stack(variances).mean(0))
    assert not torch.equal(means[0], means[1])
    assert not network.training
    # Only statistics change.
    assert all(torch.equal(p, before[name]) for name, p in network.named_parameters())
    assert network[1].momentum == pytest.approx(0.1)


def test_fewer_images_than_a_batch_are_all_taken_by_each_chip() -> None:
    network, x = small(), images(6)
    noise = noise_of(network)
    with torch.no_grad(), noise.step(0, scale=1.0):
        mean = network[0](x).mean((0, 2, 3))
    estimate_statistics_(network, noise, x, chips=1, first=0)
    torch.testing.assert_close(network[1].running_mean, mean)


def test_they_do_not_depend_on_what_was_there() -> None:
    found = []
    for start in (0.0, 50.0):
        network = small()
        network[1].running_mean.fill_(start)
        estimate_statistics_(network, noise_of(network), images(6), chips=2, first=0)
        found.append(network[1].running_mean)
    assert torch.equal(*found)


def test_a_network_without_running_statistics_stays() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).train()
    estimate_statistics_(network, noise_of(network), images(1), chips=2, first=0)
    assert network.training


def test_one_image_is_too_few() -> None:
    network = small()
    with pytest.raises(InputError, match="at least 2"):
        estimate_statistics_(network, noise_of(network), images(1), chips=2, first=0)


@pytest.mark.usefixtures("few_digits")
def test_harden_leaves_those_of_its_chips(tmp_path: Path) -> None:
    """As the same training without them, but for the statistics."""
    recipe = default_hardening_recipe("zoo:digits_cnn", "digits")
    recipe = replace(recipe, epochs=1, batch_size=80, precision="fp32")
    found = {}
    for chips in (0, 5):
        made = analogsim.harden(
            "zoo:digits_cnn",
            "digits",
            tmp_path / str(chips),
            recipe=recipe,
            times="1s,1d",
            chips=2,
            limit=20,
            statistics=chips,
        )
        found[chips] = made.module.state_dict()
        assert made.provenance["recipe"]["hardening"].get("statistics", 0) == chips
    names = [name for name in found[0] if "running" in name]
    assert names
    assert not any(torch.equal(found[0][name], found[5][name]) for name in names)
    others = [name for name in found[0] if "running" not in name and "tracked" not in name]
    assert all(torch.equal(found[0][name], found[5][name]) for name in others)
