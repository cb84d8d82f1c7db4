"""What is noised and by how much."""

import math

import pytest
import torch
from torch import nn

from analogsim.batchnorm.layers import L1BatchNorm2d, TopKBatchNorm2d
from analogsim.errors import InputError
from analogsim.gaussian.spec import NoiseSpec, role_of

WEIGHT = torch.tensor([[1.0, -3.0], [2.0, 2.0]])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"reference": "std"}, 0.1 * math.sqrt(17 / 3)),
        ({"reference": "max"}, 0.3),
        ({"reference": "absolute"}, 0.1),
        ({"kind": "multiplicative"}, 0.1),
        ({"reference": "std", "per": "column"}, [0.1 * math.sqrt(8), 0.0]),
        ({"reference": "max", "per": "column"}, [0.3, 0.2]),
        ({"reference": "absolute", "per": "column"}, 0.1),
    ],
    ids=str,
)
def test_sigma(options, expected):
    sigma = NoiseSpec(eta=0.1, **options).sigma(WEIGHT, "weight")
    torch.testing.assert_close(sigma, torch.tensor(expected))


def test_sigma_out_of_scope_is_zero():
    assert NoiseSpec(eta=0.1, reference="absolute").sigma(WEIGHT, "bias") == 0


def test_vector_is_measured_as_a_whole_even_per_column():
    spec = NoiseSpec(eta=1, per="column", scope=frozenset({"bias"}))
    torch.testing.assert_close(spec.sigma(torch.tensor([0.0, 2.0]), "bias"), torch.tensor(2**0.5))


def test_single_value_has_no_spread():
    assert NoiseSpec(scope=frozenset({"bias"})).sigma(torch.tensor([3.0]), "bias") == 0
    column = NoiseSpec(per="column").sigma(torch.tensor([[3.0], [4.0]]), "weight")
    assert column.tolist() == [0, 0]


@pytest.mark.parametrize("layer", [nn.Linear(2, 3), nn.Conv1d(2, 3, 1), nn.Conv2d(2, 3, 1)])
def test_roles_of_layers(layer):
    assert (role_of(layer, "weight"), role_of(layer, "bias")) == ("weight", "bias")
    assert role_of(layer, "other") is None


def test_roles_of_batchnorm():
    names = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    roles = [role_of(nn.BatchNorm2d(2), name) for name in names]
    assert roles == ["bn_affine", "bn_affine", "bn_mean", "bn_variance", None]
    assert role_of(nn.GroupNorm(1, 2), "weight") is None


@pytest.mark.parametrize("kind", [L1BatchNorm2d, TopKBatchNorm2d])
def test_a_running_scale_stands_where_the_variance_stands(kind):
    norm = kind(2)
    roles = {name: role_of(norm, name) for name in norm.state_dict()}
    assert roles.pop(norm.scale_name) == "bn_variance"
    assert roles.pop("num_batches_tracked") is None
    assert roles == {"weight": "bn_affine", "bias": "bn_affine", "running_mean": "bn_mean"}
    assert role_of(norm, "running_var") is None


def test_a_scale_at_the_floor_divides_by_eps():
    norm = L1BatchNorm2d(1).eval()
    norm.running_scale.fill_(NoiseSpec(variance="clamped").floor("bn_variance"))
    assert norm(torch.ones(1, 1, 1, 1)).item() == pytest.approx(1e5)


def test_only_a_clamped_variance_has_a_floor():
    assert NoiseSpec(variance="clamped").floor("bn_variance") == 0
    assert NoiseSpec(variance="clamped").floor("bn_mean") == -math.inf
    assert NoiseSpec().floor("bn_variance") == -math.inf


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"eta": -0.5}, r"eta must be finite and >= 0, got -0\.5;"),
        ({"eta": math.nan}, r"eta must be finite and >= 0, got nan;"),
        ({"kind": "laplace"}, r"kind must be one of additive, multiplicative, got 'laplace';"),
        ({"reference": "mean"}, r"reference must be one of std, max, absolute, got 'mean';"),
        ({"per": "row"}, r"per must be one of tensor, column, got 'row';"),
        ({"variance": "cut"}, r"variance must be one of raw, clamped, got 'cut';"),
        ({"scope": frozenset({"weight", "gamma"})}, r"scope must be of weight, .*, got gamma;"),
        (
            {"kind": "multiplicative", "reference": "max"},
            r"multiplicative must come without reference and per, got 'max' and 'tensor';",
        ),
    ],
    # The message names the value; a set's own text would depend on the hash seed.
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refused(options, message):
    with pytest.raises(InputError, match=message):
        NoiseSpec(**options)


def test_every_problem_is_reported_at_once():
    with pytest.raises(InputError, match=r"(?s)per must be .* got 'row'.*eta must be .* got -1"):
        NoiseSpec(per="row", eta=-1)
