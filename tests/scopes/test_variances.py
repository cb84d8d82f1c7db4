"""The predicted share of NaN: by hand, and against what the noise does."""

import math
from pathlib import Path

import pytest

from analogsim.errors import InputError
from analogsim.gaussian import Noise, NoiseSpec, flatten_
from analogsim.scopes.levels import ROLES
from analogsim.scopes.measured import measure
from analogsim.scopes.variances import FILE, Variances, nan_share, read_variances, write_variances
from tests.scopes.small import Flat, data, network


def layer(*values: float, eps: float = 0.0, std: float = 1.0, name: str = "bn") -> Variances:
    return Variances(layer=name, eps=eps, std=std, max=max(values), values=list(values))


def phi(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


@pytest.mark.parametrize(
    ("layers", "share"),
    [
        ([], 0.0),
        ([layer(1.0)], 1 - phi(1 / 0.5)),
        ([layer(1.0, eps=0.25)], 1 - phi(1.25 / 0.5)),
        ([layer(1.0, 0.2), layer(0.1, std=0.5)], 1 - phi(2) * phi(0.4) * phi(0.4)),
        # A single variance has no spread: nothing is noised.
        ([layer(1.0, std=0.0)], 0.0),
        ([layer(-1.0, std=0.0)], 1.0),
        # 600 channels, far from zero: no loss of digits.
        ([layer(*[6.0] * 600)], 600 * 0.5 * math.erfc(12 / math.sqrt(2))),
    ],
    ids=["none", "one", "eps", "two-layers", "no-noise", "negative", "far"],
)
def test_prediction_by_hand(layers: list[Variances], share: float) -> None:
    assert nan_share(layers, "std", 0.5) == pytest.approx(share, rel=1e-6, abs=1e-40)


def test_reference_max_takes_the_largest() -> None:
    assert nan_share([layer(1.0, 4.0)], "max", 0.5) == pytest.approx(1 - phi(0.5) * phi(2))
    assert layer(1.0, 4.0, eps=1.0).sigmas("max", 0.5) == pytest.approx(1.0)
    assert layer(1.0, std=0.0).sigmas("std", 0.5) == math.inf


def test_observed_share_is_the_predicted_one() -> None:
    """n = 3000 draws, alpha = 1e-4 (3.9 sigma): a share of 0.3 that is 0.033 off is seen."""
    n = 3000
    flat_net = Flat(0.3, 1.4)
    found = measure(flat_net, next(iter_images()))
    predicted = nan_share(found.variances, "std", 0.6)
    assert 0.2 < predicted < 0.4
    flat = flatten_(flat_net)
    noise = Noise(flat, NoiseSpec(eta=0.6, scope=ROLES["variance"]), seed=0)
    bad = 0
    for draw in range(n):
        noise.apply_(draw)
        variances = flat_net.bn.running_var
        assert variances is not None
        bad += bool((variances + flat_net.bn.eps < 0).any())
    assert abs(bad / n - predicted) < 3.9 * math.sqrt(predicted * (1 - predicted) / n)


def iter_images():  # type: ignore[no-untyped-def]
    from analogsim.inputs import batches

    return (images for images, _ in batches(data(), 2))


def test_a_network_is_measured() -> None:
    found = measure(network(), next(iter_images()))
    assert (found.n_bn, found.n_classes, found.kept) == (3, 10, ())
    assert [one.layer for one in found.variances] == ["bn1", "bn2", "bn3"]
    assert set(found.same) == set(found.same.values())
    bn1 = found.variances[0]
    values = network().get_submodule("bn1").running_var
    assert bn1.values == values.double().tolist()
    assert bn1.std == pytest.approx(float(values.double().std()))


def test_a_file_comes_back(tmp_path: Path) -> None:
    layers = (layer(1.0, 0.25), layer(3.5, eps=1e-5, name="b"))
    write_variances(tmp_path, layers)
    assert read_variances(tmp_path) == layers


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"variances.json must be readable JSON, got 'No such file"),
        ("{", r"variances.json must be readable JSON, got 'Expecting"),
        ('{"format": "x"}', r"format must be 'analogsim-variances', got 'x'"),
        (
            '{"format": "analogsim-variances", "version": 1, "layers": [{"layer": 3}]}',
            r"layers\[0\] must have the fields eps, std, max, values",
        ),
        (
            '{"format": "analogsim-variances", "version": 1, "layers": 7}',
            r"layers must be a list, got 7",
        ),
    ],
    ids=["absent", "torn", "other", "fields", "no-list"],
)
def test_a_broken_file_is_named(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / FILE).write_text(content)
    with pytest.raises(InputError, match=message):
        read_variances(tmp_path)
