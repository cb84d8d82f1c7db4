"""Write-verify against the loop itself, run pulse by pulse in numpy."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from device_models.effects import Cells, WriteVerify
from device_models.errors import DeviceError
from tests.device_models.drawn import Drawn

ALPHA = 1e-4
N = 20_000


def written(effect, level=0.5):
    g = torch.full((100, N // 100), level)
    cells = effect.apply(Cells(g_plus=g, g_minus=torch.zeros_like(g)), Drawn())
    assert float(cells.g_minus.abs().max()) == 0
    return cells.g_plus.numpy().ravel() - level


def loop(accept, spread, read_noise, reads, seed=0):
    """Errors of cells that are pulsed until the mean of their readings is accepted, and pulses."""
    rng = np.random.default_rng(seed)
    error, pulses = np.zeros(N), np.zeros(N)
    left = np.ones(N, bool)
    while left.any():
        error[left] = spread * rng.standard_normal(left.sum())
        noise = rng.normal(0, read_noise, (left.sum(), reads)).mean(1)
        pulses[left] += 1
        left[left] = np.abs(error[left] + noise) > accept
    return error, pulses


@pytest.mark.parametrize(
    ("accept", "spread", "read_noise", "reads"),
    [(0.02, 0.05, 0.01, 1), (0.02, 0.05, 0.03, 4), (0.05, 0.02, 0.0, 1), (0.01, 0.03, 0.02, 1)],
)
def test_it_is_the_loop(accept, spread, read_noise, reads):
    effect = WriteVerify(accept=accept, spread=spread, read_noise=read_noise, reads=reads)
    error, pulses = loop(accept, spread, read_noise, reads)
    got = written(effect)
    assert stats.ks_2samp(got, error).pvalue > ALPHA / 4
    # Geometric with the probability of being accepted.
    q = 1 / effect.pulses
    margin = stats.norm.ppf(1 - ALPHA / 8) * math.sqrt((1 - q) / q**2 / N)
    assert abs(pulses.mean() - effect.pulses) < margin + 1e-9
    if not read_noise:
        assert np.abs(got).max() <= accept * (1 + 1e-5)
    # A law that forgets the reading's noise is told apart.
    elif read_noise > 0.5 * accept:
        bare = loop(accept, spread, 0.0, 1)[0]
        assert stats.ks_2samp(got, bare).pvalue < 1e-9


def test_coarse_pulses_leave_a_flat_error_and_the_reading_s_noise():
    got = written(WriteVerify(accept=0.03))
    assert stats.kstest(got, stats.uniform(-0.03, 0.06).cdf).pvalue > ALPHA / 2
    noisy = written(WriteVerify(accept=0.03, read_noise=0.02, reads=4))
    assert noisy.std() == pytest.approx(math.sqrt(0.03**2 / 3 + 0.01**2), rel=0.03)
    # The limit of the loop with pulses that are wide against the range.
    wide = loop(0.03, 0.6, 0.02, 4)[0]
    assert stats.ks_2samp(noisy, wide).pvalue > ALPHA / 2


def test_idle_cells_are_left_alone_and_none_conducts_less_than_nothing():
    low = written(WriteVerify(accept=0.05), level=0.01) + 0.01
    assert low.min() == 0
    assert (low == 0).mean() == pytest.approx(0.4, abs=0.02)


def test_notes_say_how_many_pulses():
    (note,) = WriteVerify(accept=0.02, spread=0.04, reads=2).notes
    assert note == ("Write-verify: 2.61 pulses a cell on average, 2 readings each.")
    assert WriteVerify(accept=0.02).notes == ()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"accept": -0.1}, "accept must be finite and >= 0, got -0.1"),
        ({"accept": 0.1, "reads": 0}, "reads must be a whole number >= 1, got 0"),
        ({"accept": 0.1, "reads": 1.5}, "reads must be a whole number >= 1, got 1.5"),
        ({"spread": 0.1}, "accept must be above 0 with spread or noise, got 0"),
        ({"accept": 0.1, "read_noise": math.inf}, "read_noise must be finite and >= 0, got inf"),
    ],
)
def test_what_is_refused(options, said):
    with pytest.raises(DeviceError, match=said):
        WriteVerify(**options)
