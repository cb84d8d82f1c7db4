"""The definition: known answers, addresses, distribution."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from analogsim.draws import cpu, stream
from analogsim.draws.stream import Address, Stream, tensor_index
from analogsim.errors import InputError
from tests.gaussian.stream_checks import (
    ALPHA,
    TOLERANCE,
    exact_normals,
    exact_pair,
    normal_error,
    without_numba_too,
)

pytestmark = without_numba_too

ADDRESS = Address(seed=2**63 + 12345, tensor=2**32 - 3, trial=2**31 + 7, stream=1)
N = 1_000_000

# Random123, tests/kat_vectors, the three lines "philox4x32 10": counter, key, answer. (numpy's
# Philox is the variant of four 64-bit words and cannot be compared.)
KNOWN_ANSWERS = {
    "zeros": ("0 0 0 0", "0 0", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    "ones": (
        "ffffffff ffffffff ffffffff ffffffff",
        "ffffffff ffffffff",
        "408f276d 41c83b0e a20bc7c6 6d5451fd",
    ),
    "pi": (
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
}

FIRST_INTEGERS = ["0xfee1c856", "0xe8554b1d", "0x855fae63", "0xacd186d3"]
FIRST_NORMALS = [-0.0513423, -0.0782163, -1.0177175, -0.5179722]


@pytest.mark.parametrize("name", KNOWN_ANSWERS)
def test_philox_gives_the_known_answers(name):
    counter, key, answer = ([int(w, 16) for w in row.split()] for row in KNOWN_ANSWERS[name])
    got = stream.philox(tuple(np.array([c], dtype=np.uint32) for c in counter), tuple(key))
    assert [int(word[0]) for word in got] == answer


def test_layout_of_the_counter():
    """Written a second time: one call for position 4 * 25 + 2."""
    words = (25, ADDRESS.tensor, ADDRESS.trial, 1)
    counter = tuple(np.array([w], dtype=np.uint32) for w in words)
    x = stream.philox(counter, (12345, 2**31))
    assert stream.integers(ADDRESS, 102, 103)[0] == x[2][0]


def test_first_draws_stay_what_they_are():
    """Published results hang on these: a change of the definition must fail here."""
    address = Address(seed=1, tensor=tensor_index("conv1.weight"), trial=0)
    assert address.tensor == 0x602B313A
    assert [hex(x) for x in stream.integers(address, 0, 4)] == FIRST_INTEGERS
    np.testing.assert_allclose(stream.normals(address, 0, 4), FIRST_NORMALS, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (0, 1), (3, 9), (6, 7), (32_765, 32_771)])
def test_any_part_is_the_part_of_the_whole(start, stop):
    whole = stream.normals(ADDRESS, 0, 40_000)
    assert np.array_equal(stream.normals(ADDRESS, start, stop), whole[start:stop])
    integers = stream.integers(ADDRESS, 0, 40_000)
    assert np.array_equal(stream.integers(ADDRESS, start, stop), integers[start:stop])


@pytest.mark.parametrize("field", ["seed", "tensor", "trial", "stream"])
def test_each_part_of_the_address_gives_other_draws(field):
    """Independent words agree in about n / 2^32 places; 0 of 10,000 expected."""
    other = dataclasses.replace(ADDRESS, **{field: getattr(ADDRESS, field) - 1})
    same = stream.integers(ADDRESS, 0, 10_000) == stream.integers(other, 0, 10_000)
    assert int(same.sum()) == 0
    pair = (stream.normals(ADDRESS, 0, 10_000), stream.normals(other, 0, 10_000))
    assert abs(np.corrcoef(*pair)[0, 1]) < stats.norm.isf(ALPHA / 4 / 2) / np.sqrt(10_000)


def test_high_half_of_the_seed_counts():
    low = Address(seed=5, tensor=1, trial=1)
    high = Address(seed=5 + 2**32, tensor=1, trial=1)
    assert not np.array_equal(stream.integers(low, 0, 4), stream.integers(high, 0, 4))


def test_last_position():
    last = stream.integers(ADDRESS, 2**34 - 1, 2**34)
    words = (2**32 - 1, ADDRESS.tensor, ADDRESS.trial, 1)
    counter = tuple(np.array([w], dtype=np.uint32) for w in words)
    assert last[0] == stream.philox(counter, ADDRESS.key)[3][0]


def test_normals_are_the_real_numbers_to_float32():
    """n = 10^6; measured 2.8e-7."""
    assert normal_error(stream.normals(ADDRESS, 0, N), exact_normals(ADDRESS, N)) < TOLERANCE


@pytest.mark.parametrize("x", [0, 1, 2**31, 2**32 - 257, 2**32 - 256, 2**32 - 129, 2**32 - 1])
@pytest.mark.parametrize("y", [0, 2**29 - 1, 2**29, 2**30 - 1, 2**30, 2**31, 2**32 - 1])
def test_extreme_integers_give_finite_exact_normals(x, y):
    x, y = (np.array([word], dtype=np.uint32) for word in (x, y))
    for got, exact in zip(stream.box_muller(x, y), exact_pair(x, y), strict=True):
        assert normal_error(got, exact) < TOLERANCE
        assert abs(float(got[0])) < 6.77


def test_every_bit_of_the_integers_is_fair():
    """Chi-square over the 32 bits, n = 10^6 integers; sees a bias of 0.4 % of one bit."""
    x = stream.integers(ADDRESS, 0, N)
    ones = np.array([int(((x >> np.uint32(bit)) & 1).sum()) for bit in range(32)])
    statistic = float(((ones - N / 2) ** 2 / (N / 4)).sum())
    assert stats.chi2.sf(statistic, 32) > ALPHA


def test_integers_are_uniform():
    """Chi-square over 1024 classes of the high bits, and of the low bits; n = 10^6."""
    x = stream.integers(ADDRESS, 0, N)
    for part in (x >> np.uint32(22), x & np.uint32(1023)):
        result = stats.chisquare(np.bincount(part, minlength=1024))
        assert result.pvalue > ALPHA / 2


def test_normals_are_normal():
    """Kolmogorov-Smirnov, n = 10^6; sees a distance of 0.0022."""
    assert stats.kstest(stream.normals(ADDRESS, 0, N).astype(float), "norm").pvalue > ALPHA


def test_normality_check_can_fail():
    """Negative control: a spread wrong by 1 % is seen."""
    wrong = stream.normals(ADDRESS, 0, N).astype(float) * 1.01
    assert stats.kstest(wrong, "norm").pvalue < ALPHA


def test_lanes_are_independent_and_tails_are_there():
    """Correlations of the 4 lanes (6 comparisons), and the count beyond 4 (63.3 expected)."""
    z = stream.normals(ADDRESS, 0, N).reshape(-1, 4)
    correlation = np.corrcoef(z.T)[np.triu_indices(4, 1)]
    assert np.abs(correlation).max() < stats.norm.isf(ALPHA / 6 / 2) / np.sqrt(N / 4)
    beyond = int((np.abs(z) > 4).sum())
    assert stats.binomtest(beyond, N, 2 * stats.norm.sf(4)).pvalue > ALPHA


def test_numba_equals_numpy_bit_for_bit():
    pytest.importorskip("numba", reason="needs numba: pip install 'analogsim-aimc[fast]'")
    count = 100_001
    assert cpu.backend() == "numba"
    assert np.array_equal(cpu.integers(ADDRESS, count), stream.integers(ADDRESS, 0, count))
    compiled, plain = cpu.normals(ADDRESS, count), stream.normals(ADDRESS, 0, count)
    assert np.array_equal(compiled.view(np.int32), plain.view(np.int32))


def test_streams_keep_their_numbers():
    numbers = {
        "WEIGHT_NOISE": 0,
        "PCM_READ": 1,
        "OUTPUT": 2,
        "PCM_PROGRAM": 3,
        "PCM_DRIFT": 4,
        "READ_OUT": 5,
    }
    assert {s.name: s.value for s in Stream} == numbers


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seed_out_of_range(seed):
    with pytest.raises(InputError, match=rf"seed must be in 0 \.\.\. 2\^64 - 1, got {seed};"):
        Address(seed=seed, tensor=0, trial=0)


@pytest.mark.parametrize("word", ["tensor", "trial", "stream"])
def test_word_out_of_range(word):
    with pytest.raises(InputError, match=rf"stream {word} must be in .*, got 4294967296;"):
        Address(**{"seed": 0, "tensor": 0, "trial": 0, word: 2**32})


def test_positions_out_of_range():
    with pytest.raises(InputError, match=r"positions must satisfy .*, got 5 and 4; split"):
        stream.integers(ADDRESS, 5, 4)
    with pytest.raises(InputError, match=r"got 0 and 17179869185;"):
        stream.normals(ADDRESS, 0, 2**34 + 1)
