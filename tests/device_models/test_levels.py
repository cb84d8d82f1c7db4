"""Finite levels, and the file of NeuroSim that names them."""

import numpy as np
import pytest
import torch
from scipy import stats

from device_models.effects import Cells, Levels, parse_effect, spec_of_effect
from device_models.errors import DeviceError
from tests.device_models.drawn import Drawn

ALPHA = 1e-4
# neurosim/NeuroSim, branch 2DInferenceV1.5-dev, mem_states.csv, byte for byte its form.
THEIRS = b"\xef\xbb\xbfstates,mean,std\r\n0,1e-15,0\r\n1,1e-14,0\r\n"
FOUR = "states,mean,std\n0,2e-6,1e-7\n1,8e-6,2e-7\n2,1.2e-5,4e-7\n3,2.2e-5,8e-7\n"


@pytest.fixture
def four(tmp_path):
    path = tmp_path / "four.csv"
    path.write_text(FOUR)
    return Levels(states=str(path))


def target_of(n=2000):
    return torch.rand(n // 50, 50, generator=torch.Generator().manual_seed(1)) * 2 - 1


def nearest(levels, w):
    at = np.abs(np.abs(w)[..., None] - levels).argmin(-1)
    return at, np.sign(w) * levels[at]


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_weights_are_the_nearest_of_equally_spaced_levels(bits):
    target = target_of()
    programmed, here = Levels(bits=bits).settle(target, Drawn())
    _, expected = nearest(np.linspace(0, 1, 2**bits), target.numpy())
    np.testing.assert_allclose(programmed.numpy(), expected, atol=1e-7)
    assert len(np.unique(np.abs(programmed.numpy()))) == 2**bits
    cells = Cells.of(programmed)
    assert here.apply(cells, Drawn()) is cells


def test_crosssim_s_rule_gives_the_same_levels():
    """Its quantizer rounds to a grid of 2^bits values over the conductances of a cell."""
    target = target_of()
    steps = 2**3 - 1
    expected = np.sign(target.numpy()) * np.round(np.abs(target.numpy()) * steps) / steps
    programmed, _ = Levels(bits=3).settle(target, Drawn())
    np.testing.assert_allclose(programmed.numpy(), expected, atol=1e-7)


def test_levels_of_a_file_are_its_means_from_the_lowest(four):
    target = target_of()
    means = (np.array([2, 8, 12, 22]) - 2) / 20
    at, expected = nearest(means, target.numpy())
    programmed, here = four.settle(target, Drawn())
    np.testing.assert_allclose(programmed.numpy(), expected, atol=1e-6)
    got = here.apply(Cells.of(programmed), Drawn())
    plus, minus = got.g_plus.numpy(), got.g_minus.numpy()
    up = expected >= 0
    active, idle = np.where(up, plus, minus), np.where(up, minus, plus)
    std = np.array([1e-7, 2e-7, 4e-7, 8e-7]) / 2e-5
    for level in range(1, 4):
        z = ((active - means[level]) / std[level])[at == level]
        assert stats.kstest(z, "norm").pvalue > ALPHA / 4
    assert stats.kstest(idle[at > 0].ravel() / std[0], "norm").pvalue > ALPHA / 4
    again = here.apply(Cells.of(programmed), Drawn())
    assert torch.equal(again.weights, got.weights)


def test_no_cell_conducts_less_than_nothing(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text("states,mean,std\n0,1,5\n1,11,0\n")
    got = Levels(states=str(path)).settle(torch.zeros(50, 50), Drawn())[1]
    cells = got.apply(Cells.of(torch.zeros(50, 50)), Drawn())
    # The lowest level is a tenth of the range above no conductance.
    assert float(cells.g_plus.min()) == pytest.approx(-0.1)


def test_their_file_as_it_is(tmp_path):
    path = tmp_path / "mem_states.csv"
    path.write_bytes(THEIRS)
    effect = Levels(states=str(path))
    programmed, _ = effect.settle(target_of(), Drawn())
    assert torch.equal(programmed, target_of().round())
    again = parse_effect(spec_of_effect(effect))
    assert again == effect
    path.write_bytes(THEIRS + b"2,1e-13,0\r\n")
    with pytest.raises(DeviceError, match="states must be the file with digest .* it has changed"):
        parse_effect(spec_of_effect(effect))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must begin with states,mean,std, got ''"),
        ("mean,std\n0,1,1\n", "must begin with states,mean,std, got 'mean,std'"),
        ("states,mean,std\n0,1,0\n", "must have 2 to 65536 states, got 1"),
        ("states,mean,std\n0,1,0\n2,2,0\n", "line 3 must be state 1 with a mean .*, got '2,2,0'"),
        ("states,mean,std\n0,1,0\n1,1,0\n", "line 3 must be state 1 .* above the one before"),
        ("states,mean,std\n0,1,-1\n", "line 2 must be state 0 .* a std >= 0, got '0,1,-1'"),
        ("states,mean,std\n0,nan,0\n", "line 2 must be state 0 with a mean"),
        ("states,mean,std\n0,1\n", "line 2 must be three numbers"),
        ("states,mean,std\n0,one,0\n", "line 2 must be three numbers"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path, text, said):
    path = tmp_path / "states.csv"
    path.write_text(text)
    with pytest.raises(DeviceError, match=said):
        Levels(states=str(path))


def test_what_is_refused(four):
    for options, said in (
        ({"bits": 1.5}, "bits must be 0 or a whole number up to 16, got 1.5"),
        ({"bits": 17}, "bits must be 0 or a whole number up to 16, got 17"),
        ({"bits": 2, "states": four.states}, "must have either bits or states, got 2 bits and"),
    ):
        with pytest.raises(DeviceError, match=said):
            Levels(**options)
