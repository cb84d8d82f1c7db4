"""The search of the equivalent level, on differences that are known."""

import random
from collections import Counter

import pytest

from analogsim.equivalent.search import STEP, equivalent, ladder
from analogsim.errors import InputError
from analogsim.experiment.replay import Missing
from analogsim.experiment.statistics import Interval, interval

RUNGS = ladder()


def line(root: float, half: float = 0.01, n: int = 5):
    """A difference that falls as root - eta, with an interval of constant width."""

    def difference(eta: float) -> Interval:
        mean = root - eta
        if n == 1:
            return Interval(mean=mean, low=None, high=None, std=None, n=1)
        return Interval(mean=mean, low=mean - half, high=mean + half, std=0.1, n=n)

    return difference


def test_ladder():
    assert RUNGS[:2] == (0.0, 0.002)
    assert RUNGS[-1] >= 2.0
    steps = [b / a for a, b in zip(RUNGS[1:-1], RUNGS[2:], strict=True)]
    assert all(abs(step - STEP) < 1e-3 for step in steps)
    with pytest.raises(InputError, match="got 0.5 to 0.1"):
        ladder(0.5, 0.1)


@pytest.mark.parametrize("root", [0.0021, 0.0513, 0.2, 1.7])
def test_root_of_a_line_is_exact_and_bounds_are_the_next_rungs_outwards(root):
    found = equivalent(line(root), RUNGS)
    assert found.eta == pytest.approx(root)
    assert found.reached == "yes"
    assert found.n_chips == 5
    low, high = max(root - 0.01, 0.0), root + 0.01
    assert low / STEP**1.01 <= found.low <= low
    assert high <= found.high <= high * STEP**1.01


def test_no_noise_not_told_apart():
    found = equivalent(line(0.005), RUNGS)
    assert (found.low, found.reached) == (0.0, "yes")


def test_device_without_loss():
    found = equivalent(line(-0.004), RUNGS)
    assert (found.eta, found.low, found.reached) == (None, 0.0, "below")
    assert found.high == pytest.approx(0.006, rel=0.03)
    assert equivalent(line(0.0), RUNGS).eta == 0.0


def test_device_worse_than_the_bracket():
    found = equivalent(line(5.0), RUNGS)
    assert (found.eta, found.high, found.reached) == (None, None, "above")
    assert found.low == RUNGS[-1]
    # Its mean is out of reach, its interval is not.
    near = equivalent(line(2.1, half=0.5), RUNGS)
    assert (near.eta, near.high) == (None, None)
    assert near.low == pytest.approx(1.6, rel=0.03)


def test_one_chip_has_no_interval():
    found = equivalent(line(0.2, n=1), RUNGS)
    assert found.eta == pytest.approx(0.2)
    assert (found.low, found.high, found.n_chips) == (None, None, 1)


def test_each_level_is_paid_once():
    asked: Counter[float] = Counter()
    difference = line(0.1)

    def counting(eta: float) -> Interval:
        asked[eta] += 1
        return difference(eta)

    found = equivalent(counting, RUNGS)
    assert set(asked.values()) == {1}
    assert found.n_levels == len(asked) < 25


def test_what_all_bounds_need_next_is_asked_for_at_once():
    """Levels come in rounds, as trials do: fewer than one after the other."""
    difference = line(0.1)
    there: dict[float, Interval] = {}
    rounds = []
    known: dict[float, Interval] = {}
    while True:
        asked = []

        def read(eta: float, asked: list[float] = asked) -> Interval:
            if eta not in there:
                asked.append(eta)
                raise Missing
            return there[eta]

        try:
            found = equivalent(read, RUNGS, known)
            break
        except Missing:
            rounds.append(len(set(asked)))
            there.update({eta: difference(eta) for eta in asked})
    assert found == equivalent(difference, RUNGS)
    assert sum(rounds) == found.n_levels == len(known)
    assert len(rounds) < 12
    assert max(rounds) == 3


def coverage(shrink: float) -> int:
    """Of 1000 studies of 8 chips, how many intervals hold the true level 0.2."""
    generator = random.Random(20)
    hits = 0
    for _ in range(1000):
        chips = [generator.gauss(0.0, 0.03) for _ in range(8)]

        def difference(eta: float, chips: list[float] = chips) -> Interval:
            # Common random numbers: a chip is off by the same amount at every level.
            over = interval([0.2 - eta + chip for chip in chips])
            assert over.half_width is not None
            half = shrink * over.half_width
            return Interval(
                mean=over.mean, low=over.mean - half, high=over.mean + half, std=over.std, n=8
            )

        found = equivalent(difference, RUNGS)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 0.2 <= found.high
    return hits


def test_interval_holds_the_true_level_as_often_as_it_says():
    """n = 1000, alpha = 1e-4: at 95 % fewer than 924 hits; rounding outwards only adds."""
    assert coverage(1.0) >= 924


def test_half_an_interval_is_found_out():
    """Negative control: half the width covers about 72 %."""
    assert coverage(0.5) < 924
