import pytest
import torch

from analogsim.draws.addresses import seed_of, seeded


def draw(*address: str | int | float) -> float:
    with seeded(*address):
        return float(torch.rand(()))


def test_same_address_same_draw():
    assert draw(0, "program", "conv1", 2, 7) == draw(0, "program", "conv1", 2, 7)


def test_the_draws_are_those_of_torch_s_own_seeding():
    """What was drawn by `torch.manual_seed`, which costs a stack trace, is drawn still."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(3, "forward", 1.0))
        expected = torch.randn(5)
    with seeded(3, "forward", 1.0):
        assert torch.equal(torch.randn(5), expected)


@pytest.mark.parametrize(
    "other",
    [
        (1, "program", "conv1", 2, 7), (0, "drift", "conv1", 2, 7), (0, "program", "conv2", 2, 7),
        (0, "program", "conv1", 3, 7), (0, "program", "conv1", 2, 8),
        (0, "program", "conv1", 2, 7, 1.0), (0, "program", "conv1", 27),
        (0, "program", "conv1", 2, 7.0),
    ],
    ids=str,
)  # fmt: skip
def test_every_part_of_the_address_counts(other):
    assert seed_of(*other) != seed_of(0, "program", "conv1", 2, 7)


def test_torch_takes_half_of_a_seed():
    """The text of the module and of docs/explanation/seeds.md; torch 2.10 to 2.15."""
    seed = seed_of(0, "program", "conv1", 2, 7)
    assert 2**32 < seed < 2**63
    draws = [
        torch.randn(40, generator=torch.Generator().manual_seed(one)).tolist()
        for one in (seed, seed & 0xFFFFFFFF, seed ^ (1 << 40), seed ^ 1)
    ]
    assert draws[0] == draws[1] == draws[2] != draws[3]


def test_times_are_told_apart_to_the_last_bit():
    assert seed_of(0, 1.0) != seed_of(0, 1.0 + 2**-52)


def test_the_callers_generator_is_put_back():
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    draw(5, "x")
    assert torch.equal(torch.rand(3), expected)


def test_the_callers_generator_is_put_back_after_an_error():
    torch.manual_seed(11)
    before = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), seeded(1):
        _ = 1 / 0
    assert torch.equal(torch.get_rng_state(), before)
