"""`--grow`: early epochs on smaller images, of a size that every step of the training shares."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from analogsim.errors import InputError
from analogsim.inputs.images import Normalise
from analogsim.inputs.models import load_model
from analogsim.inputs.zoo import parse_zoo
from analogsim.training.augment import shrink
from analogsim.training.epoch import make_optimiser, train_epoch_
from analogsim.training.images import TrainImages
from analogsim.training.method import LABELS
from analogsim.training.recipe import Recipe
from analogsim.training.task import check_small_images

AS_IS = Normalise(divisor=1.0, mean=(0.0,), std=(1.0,), source="test")


@pytest.mark.parametrize(
    ("grow", "epochs", "sides"),
    [
        (0.0, 3, [32, 32, 32]),
        (0.6, 10, [20, 20, 24, 24, 28, 28, 32, 32, 32, 32]),
        (0.75, 4, [20, 24, 28, 32]),
        (0.9, 1, [20]),
    ],
)
def test_images_grow_in_equal_shares_of_the_first_epochs(
    grow: float, epochs: int, sides: list[int]
) -> None:
    recipe = Recipe(epochs=epochs, grow=grow)
    assert [recipe.side(epoch, 32) for epoch in range(epochs)] == sides


def test_small_images_do_not_shrink_below_four_pixels_at_once() -> None:
    # 8 pixels: five eighths are 5, the next multiple of 4 is all of them.
    assert Recipe(epochs=2, grow=0.9).side(0, 8) == 8


@pytest.mark.parametrize("side", [20, 24, 28])
def test_shrinking_is_the_triangle_filter_of_pillow(side: int) -> None:
    torch.manual_seed(0)
    images = torch.rand(2, 3, 32, 32)
    small = shrink(images, side)
    for image, got in zip(images.flatten(0, 1), small.flatten(0, 1), strict=True):
        resized = Image.fromarray(image.numpy()).resize((side, side), Image.Resampling.BILINEAR)
        np.testing.assert_allclose(got.numpy(), np.asarray(resized), rtol=0, atol=1e-5)


def test_the_shorter_side_counts() -> None:
    assert shrink(torch.zeros(1, 3, 32, 64), 16).shape == (1, 3, 16, 32)
    same = torch.zeros(1, 3, 32, 64)
    assert shrink(same, 32) is same


class Watched(nn.Module):
    """Notes the size of what it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(1, 2)
        self.seen: list[tuple[int, ...]] = []

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append(tuple(images.shape))
        logits: Tensor = self.linear(images.mean(dim=(1, 2, 3))[:, None])
        return logits


def test_each_epoch_sees_its_size() -> None:
    network = Watched()
    recipe = replace(Recipe(), epochs=4, batch_size=2, grow=0.75, precision="fp32")
    images = TrainImages(
        images=torch.rand(6, 1, 32, 32), labels=torch.tensor([0, 1] * 3), normalise=AS_IS
    )
    for epoch in range(4):
        train_epoch_(
            network,
            make_optimiser(network, recipe),
            None,
            images,
            recipe,
            LABELS.begin(network, recipe, images, 0),
            epoch=epoch,
            on_step=lambda step, loss: None,
            where="training net on data",
        )
    assert network.seen == [(2, 1, side, side) for side in (20, 24, 28, 32) for _ in range(3)]


@pytest.mark.parametrize("name", ["resnet20", "resnet44", "vgg16"])
@pytest.mark.parametrize("norm", ["batch", "none"])
def test_networks_of_the_zoo_take_small_images(name: str, norm: str) -> None:
    check_small_images(load_model(f"zoo:{name}?norm={norm}"), Recipe(grow=0.6), (3, 32, 32))


def test_vgg16_rounds_up_only_where_a_side_is_odd() -> None:
    """At 32 pixels every side that is halved is even, and nothing differs."""
    network = parse_zoo("zoo:vgg16").build().eval()
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        rounded_up = network(x)
        for module in network.modules():
            if isinstance(module, nn.MaxPool2d):
                assert module.ceil_mode
                module.ceil_mode = False
        assert torch.equal(rounded_up, network(x))


def test_a_network_that_cannot_take_them_is_refused_at_the_start() -> None:
    fixed = load_model("zoo:digits_cnn")
    with pytest.raises(
        InputError,
        match=r"^recipe grow must be 0 for model 'zoo:digits_cnn\S*', got 0\.6: it fails on images "
        r"of 20 pixels \(.*\); leave --grow out$",
    ):
        check_small_images(fixed, Recipe(grow=0.6), (1, 32, 32))
