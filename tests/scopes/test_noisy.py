"""What noise does to a network, exactly: which tensors, which draws, and what is left behind."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from analogsim.batchnorm import fold_batchnorm
from analogsim.draws.stream import Address, normals, tensor_index
from analogsim.errors import AccuracyWarning
from analogsim.experiment.score import score
from analogsim.inputs import batches
from analogsim.scopes import noisy as module
from analogsim.scopes.levels import ROLES, SCOPES, Level, Scope
from analogsim.scopes.measured import measure
from analogsim.scopes.noisy import NoisyNetwork, make_noisy
from tests.scopes.small import Flat, data, network, noisy

SEED, DRAW = 3, 5


def under_noise(
    net: NoisyNetwork, level: Level, draw: int = DRAW, seed: int = SEED
) -> dict[str, Tensor]:
    """The network's tensors while it computes."""
    seen: dict[str, Tensor] = {}

    def look(_module: nn.Module, _args: Any) -> None:
        seen.update({k: v.clone() for k, v in net.flat.module.state_dict().items()})

    hook = net.flat.module.register_forward_pre_hook(look)
    try:
        net.score(level, seed=seed, draw=draw)
    finally:
        hook.remove()
    return seen


def level(scope: Scope, eta: float = 0.1, reference: Any = "std") -> Level:
    return Level(scope=scope, reference=reference, eta=eta)


@pytest.fixture(scope="module")
def net() -> NoisyNetwork:
    return noisy()


def test_clean_is_the_network_itself(net: NoisyNetwork) -> None:
    assert net.clean() == score(network(), batches(data(), 40))


@pytest.mark.parametrize("scope", SCOPES)
def test_noise_of_no_size_is_the_clean_network(net: NoisyNetwork, scope: Scope) -> None:
    before = {k: v.clone() for k, v in net.flat.module.state_dict().items()}
    seen = under_noise(net, level(scope, eta=0.0))
    assert all(torch.equal(seen[name], value) for name, value in before.items())
    assert net.score(level(scope, eta=0.0), seed=SEED, draw=DRAW) == net.clean()


@pytest.mark.parametrize("scope", [scope for scope in SCOPES if not scope.startswith("folded")])
def test_a_scope_changes_its_tensors_and_no_other(net: NoisyNetwork, scope: Scope) -> None:
    before = {k: v.clone() for k, v in net.flat.module.state_dict().items()}
    seen = under_noise(net, level(scope))
    roles = {segment.name: segment.role for segment in net.flat.segments}
    for name, value in before.items():
        same = torch.equal(seen[name], value)
        assert same == (roles.get(name) not in ROLES[scope]), name
    after = net.flat.module.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize("reference", ["std", "max"])
def test_a_draw_is_that_of_its_address(net: NoisyNetwork, reference: str) -> None:
    seen = under_noise(net, level("variance", reference=reference))
    clean = network().state_dict()
    for segment in net.flat.segments:
        value = clean[segment.name].numpy()
        z = normals(
            Address(seed=SEED, tensor=tensor_index(segment.name), trial=DRAW), 0, value.size
        )
        measure = torch.std(clean[segment.name]) if reference == "std" else np.abs(value).max()
        expected = value + np.float32(0.1 * float(measure)) * z.reshape(value.shape)
        np.testing.assert_allclose(seen[segment.name].numpy(), expected, rtol=2e-6, atol=2e-6)


def test_draws_are_common_to_scopes_etas_and_references(net: NoisyNetwork) -> None:
    """Paired differences: the same normals, scaled."""
    name = net.flat.segments[0].name
    clean = network().state_dict()[name]

    def z(one: Level) -> Tensor:
        noise = under_noise(net, one)[name] - clean
        return noise / noise.norm()

    first = z(level("weights"))
    for other in (level("variance"), level("affine", eta=0.3), level("weights", reference="max")):
        torch.testing.assert_close(z(other), first, rtol=1e-3, atol=1e-4)
    folded = fold_batchnorm(network(), next(batches(data(), 2))[0]).module
    twin = noisy(folded)
    noise = under_noise(twin, level("folded"))[name] - folded.state_dict()[name]
    torch.testing.assert_close(noise / noise.norm(), first, rtol=1e-3, atol=1e-4)


def test_a_network_that_needs_contiguous_maps_is_left_contiguous() -> None:
    flat = Flat()
    found = noisy(flat)
    # It is not trained.
    with pytest.warns(AccuracyWarning, match=r"1\.042 % of 96 images, is no better than guessing"):
        assert found.clean() == score(flat, batches(data(), 40))
    assert not any(segment.permuted for segment in found.flat.segments)
    assert any(segment.permuted for segment in noisy().flat.segments)


def nan_level(net: NoisyNetwork) -> int:
    """A draw that makes a variance of `Flat(1e-6, 1.0)` negative."""
    for draw in range(50):
        seen = under_noise(net, level("variance", eta=0.5), draw)
        if bool((seen["bn.running_var"] + 1e-5 < 0).any()):
            return draw
    raise AssertionError("no draw of 50 is negative")


def test_a_negative_variance_gives_nan_which_is_class_0() -> None:
    net = noisy(Flat(1e-6, 1.0))
    draw = nan_level(net)
    found = net.score(level("variance", eta=0.5), seed=SEED, draw=draw)
    labels = [label for _, part in batches(data(), 40) for label in part.tolist()]
    assert (found.n_nan, found.n_images) == (96, 96)
    assert found.n_correct == labels.count(0)
    clamped = net.score(level("variance-clamped", eta=0.5), seed=SEED, draw=draw)
    assert clamped.n_nan == 0


def test_the_short_cut_of_nan_says_what_the_network_says(monkeypatch: pytest.MonkeyPatch) -> None:
    net = noisy(Flat(1e-6, 1.0))
    levels = [level("variance", eta=eta) for eta in (0.1, 0.5)]
    short = [net.score(one, seed=SEED, draw=draw) for one in levels for draw in range(4)]
    assert {found.n_nan for found in short} == {0, 96}
    monkeypatch.setattr(module, "_gives_nan", lambda layer: False)
    assert [net.score(one, seed=SEED, draw=draw) for one in levels for draw in range(4)] == short


def test_many_images_are_read_again_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = noisy()
    monkeypatch.setattr(module, "_KEEP_BYTES", 1000)
    read = noisy()
    assert read.batches.kept is None
    assert kept.batches.kept is not None
    assert read.score(level("affine"), seed=SEED, draw=1) == kept.score(
        level("affine"), seed=SEED, draw=1
    )


def test_the_given_network_stays_as_it_is() -> None:
    flat = Flat()
    before = copy.deepcopy(flat.state_dict())
    make_noisy(flat, data(), batch_size=40, device="cpu").score(
        level("variance"), seed=SEED, draw=0
    )
    assert all(torch.equal(flat.state_dict()[name], value) for name, value in before.items())


class Changing(Flat):
    """It changes the images that it is given."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.sub_(1).mul_(2))


class Wrapped(Flat):
    """Its logits come beside other things."""

    def forward(self, x: Tensor) -> Any:
        return {"logits": super().forward(x), "images": x}


@pytest.mark.parametrize("kept", [True, False], ids=["kept images", "images read again"])
def test_a_network_that_changes_its_images_meets_the_same_ones_in_each_trial(
    monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    if not kept:
        monkeypatch.setattr(module, "_KEEP_BYTES", 1000)
    net = noisy(Changing())
    pure = noisy(Pure())
    for one in (net, pure):
        assert one.batches.kept is None or kept
    scores = [one.score(level("weights"), seed=SEED, draw=DRAW) for one in (net, net, pure)]
    assert scores[0] == scores[1] == scores[2]


class Pure(Flat):
    """As `Changing`, on images of its own."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward((x - 1) * 2)


def test_logits_beside_other_things_are_scored() -> None:
    want = noisy(Flat()).score(level("weights"), seed=SEED, draw=DRAW)
    assert noisy(Wrapped()).score(level("weights"), seed=SEED, draw=DRAW) == want
    assert measure(Wrapped().eval(), next(batches(data(), 2))[0]).n_classes == 10
