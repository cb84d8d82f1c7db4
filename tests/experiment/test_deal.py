"""Images are named by a few numbers, dealt out evenly, and packed without loss."""

import collections

import pytest

from analogsim.errors import InputError
from analogsim.experiment.deal import all_images, hand, mixed, pack, pilot_images, positions, unpack


@pytest.mark.parametrize(("hands", "total"), [(1, 7), (3, 10), (16, 360), (7, 7)])
def test_a_round_uses_every_image_once(hands: int, total: int) -> None:
    for turn in range(2):
        round_ = [hand(5, turn * hands + n, hands, total) for n in range(hands)]
        used = [image for one in round_ for image in positions(one)]
        assert sorted(used) == list(range(total))
        assert max(one["count"] for one in round_) - min(one["count"] for one in round_) <= 1


def test_rounds_and_seeds_mix_anew() -> None:
    orders = {mixed(seed, turn, 100) for seed in range(3) for turn in range(3)}
    assert len(orders) == 9


def test_the_order_never_changes() -> None:
    # Records name images by this order: a new one would give old records other images.
    assert mixed(0, 1, 12) == (8, 2, 0, 1, 10, 5, 7, 11, 3, 9, 6, 4)


def test_neighbours_of_the_data_set_are_spread() -> None:
    # 200 rounds x 10 hands of 36: each pair of neighbours meets in a hand with probability
    # 35/359; 200 x 359 pairs, standard deviation below 90 of 7,000; bounds 4 of them away.
    met = 0
    for turn in range(200):
        for n in range(10):
            held = set(positions(hand(1, 10 * turn + n, 10, 360)))
            met += sum(image + 1 in held for image in held)
    assert met == pytest.approx(200 * 359 * 35 / 359, abs=360)


def test_the_pilot_shares_images_of_its_own_round() -> None:
    shared = pilot_images(3, 128, 360)
    assert (shared["round"], shared["count"]) == (0, 128)
    assert pilot_images(3, 128, 100)["count"] == 100
    assert hand(3, 0, 4, 360)["round"] == 1


def test_all_images_stand_in_their_own_order() -> None:
    assert list(positions(all_images(5))) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 360])
def test_answers_survive_packing(n: int) -> None:
    bits = [i % 3 == 0 for i in range(n)]
    assert unpack(pack(bits), n) == bits
    assert collections.Counter(bits)[True] == sum(unpack(pack(bits), n))


@pytest.mark.parametrize(
    ("text", "count", "message"),
    [
        ("!!", 8, r"correct must be base64, got '"),
        ("AAA=", 8, r"must hold 8 answers in 1 bytes, got 2 bytes"),
    ],
)
def test_a_broken_packing_is_named(text: str, count: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        unpack(text, count)
