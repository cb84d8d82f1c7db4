"""Moved and mirrored images: each is exactly one of the possible views, all equally often."""

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from analogsim.training.augment import augment, epoch_order, mirror

ALPHA = 1e-4


def numbered(n, channels=3, height=5, width=6):
    """Images in which each pixel of an image has a value of its own."""
    one = torch.arange(channels * height * width, dtype=torch.uint8)
    return one.view(1, channels, height, width).repeat(n, 1, 1, 1)


def views(image, crop):
    """All possible results, by numpy's own mirrored padding: (mirrored, down, right) -> image."""
    array = image.numpy()
    padded = np.pad(array, ((0, 0), (crop, crop), (crop, crop)), mode="reflect")
    _, height, width = array.shape
    found = {}
    for down in range(2 * crop + 1):
        for right in range(2 * crop + 1):
            view = padded[:, down : down + height, right : right + width]
            found[False, down, right] = view
            found[True, down, right] = view[:, :, ::-1]
    return found


@pytest.mark.parametrize(
    ("index", "expected"), [(-2, 2), (-1, 1), (0, 0), (4, 4), (5, 3), (6, 2)], ids=str
)
def test_mirror(index, expected):
    assert mirror(torch.tensor(index), 5).item() == expected


def test_nothing_asked_changes_nothing():
    images = numbered(4)
    same = augment(images, crop=0, flip=False, seed=0, epoch=0, step=0)
    assert torch.equal(same, images)
    assert same.dtype == torch.uint8


def test_every_view_comes_equally_often():
    """n = 3600 images over 18 views (200 each): a view that came 1.5 times too often is seen."""
    crop, n = 1, 3600
    images = numbered(n)
    known = {view.tobytes(): key for key, view in views(images[0], crop).items()}
    assert len(known) == 18
    counts = dict.fromkeys(known.values(), 0)
    for image in augment(images, crop=crop, flip=True, seed=7, epoch=1, step=2):
        counts[known[np.ascontiguousarray(image.numpy()).tobytes()]] += 1
    assert chisquare(list(counts.values())).pvalue > ALPHA


def test_uneven_counts_fail_the_check():
    """Negative control: one view 1.5 times as often."""
    counts = [300, *[3300 / 17] * 17]
    assert chisquare(counts).pvalue < ALPHA


def test_without_flip_no_image_is_mirrored():
    images = numbered(200)
    plain = {v.tobytes() for (mirrored, *_), v in views(images[0], 2).items() if not mirrored}
    moved = augment(images, crop=2, flip=False, seed=1, epoch=0, step=0)
    assert {np.ascontiguousarray(image.numpy()).tobytes() for image in moved} <= plain


def test_flip_moves_no_other_draw():
    """With a symmetric image, flipping or not gives the same picture: the moves are the same."""
    image = torch.tensor([[0, 1, 2, 1, 0]] * 5, dtype=torch.uint8)
    rows = torch.arange(5, dtype=torch.uint8).view(5, 1) * 10
    images = (image + rows).expand(64, 1, 5, 5)
    address = {"seed": 3, "epoch": 0, "step": 0}
    still = augment(images, crop=1, flip=False, **address)
    flipped = augment(images, crop=1, flip=True, **address)
    same = (still == flipped).flatten(1).all(1) | (still == flipped.flip(3)).flatten(1).all(1)
    assert bool(same.all())


@pytest.mark.parametrize("other", [{"seed": 1}, {"epoch": 1}, {"step": 1}], ids=str)
def test_draws_depend_on_their_address_alone(other):
    address = {"seed": 0, "epoch": 0, "step": 0}
    images = numbered(64)
    torch.manual_seed(0)
    first = augment(images, crop=2, flip=True, **address)
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    again = augment(images, crop=2, flip=True, **address)
    assert torch.equal(first, again)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not torch.equal(augment(images, crop=2, flip=True, **{**address, **other}), first)


def test_order_is_a_permutation_of_its_own_for_each_epoch():
    orders = [epoch_order(100, seed=0, epoch=epoch) for epoch in (0, 1)]
    for order in orders:
        assert order.sort().values.tolist() == list(range(100))
    assert not torch.equal(*orders)
    assert torch.equal(orders[0], epoch_order(100, seed=0, epoch=0))
