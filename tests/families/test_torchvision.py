"""The smallest member of each of torchvision's families for classification."""

import pytest
from torch import nn
from torchvision import models
from torchvision.models import densenet, maxvit, swin_transformer, vgg

from tests.families.checks import Family, check_family, images


def _family(name: str, floor: float, size: int = 32, **options: object) -> Family:
    def make() -> nn.Module:
        return getattr(models, name)(weights=None, num_classes=10, **options)

    return Family(make=make, inputs=images(size), floor=floor)


def _densenet() -> nn.Module:
    return densenet.DenseNet(8, (2, 2, 2, 2), 16, num_classes=10)


def _maxvit() -> nn.Module:
    return maxvit.MaxVit((64, 64), 16, 2, [16, 32], [1, 1], 8, 0.0, num_classes=10)


def _swin(block: type[nn.Module], merging: type[nn.Module]) -> nn.Module:
    return swin_transformer.SwinTransformer(
        [4, 4],
        24,
        [2, 2],
        [2, 4],
        [4, 4],
        num_classes=10,
        block=block,
        downsample_layer=merging,
    )


def _vgg(*, norm: bool) -> nn.Module:
    features = vgg.make_layers([8, "M", 16, "M", 32, "M", 512, "M"], batch_norm=norm)
    net = vgg.VGG(features, num_classes=10, init_weights=False)
    net.avgpool = nn.AdaptiveAvgPool2d(1)
    net.classifier[0] = nn.Linear(512, 64)
    net.classifier[3] = nn.Linear(64, 64)
    net.classifier[6] = nn.Linear(64, 10)
    return net


def _vit() -> nn.Module:
    return models.VisionTransformer(32, 8, 2, 3, 48, 96, num_classes=10)


CASES = {
    "alexnet": _family("alexnet", 0, 64),
    "convnext": _family("convnext_tiny", 0),
    "densenet": Family(make=_densenet, inputs=images(32), floor=0),
    "efficientnet": _family("efficientnet_b0", 0),
    "efficientnet-v2": _family("efficientnet_v2_s", 0),
    "googlenet": _family("googlenet", 0, init_weights=False, aux_logits=False),
    "inception-v3": _family("inception_v3", 0, 75, init_weights=False, aux_logits=False),
    "maxvit": Family(make=_maxvit, inputs=images(64), floor=0),
    "mnasnet": _family("mnasnet0_5", 0),
    "mobilenet-v2": _family("mobilenet_v2", 0, width_mult=0.25),
    "mobilenet-v3": _family("mobilenet_v3_small", 0),
    "regnet-x": _family("regnet_x_400mf", 0),
    "regnet-y": _family("regnet_y_400mf", 0),
    "resnet-basic": _family("resnet18", 0),
    "resnet-bottleneck": _family("resnet50", 0),
    "resnext": _family("resnext50_32x4d", 0),
    "wide-resnet": _family("resnet50", 0, width_per_group=128),
    "shufflenet": _family("shufflenet_v2_x0_5", 0),
    "squeezenet": _family("squeezenet1_1", 0),
    "swin": Family(
        make=lambda: _swin(swin_transformer.SwinTransformerBlock, swin_transformer.PatchMerging),
        inputs=images(32),
        floor=0,
    ),
    "swin-v2": Family(
        make=lambda: _swin(
            swin_transformer.SwinTransformerBlockV2, swin_transformer.PatchMergingV2
        ),
        inputs=images(32),
        floor=0,
    ),
    "vgg": Family(make=lambda: _vgg(norm=False), inputs=images(32), floor=0),
    "vgg-bn": Family(make=lambda: _vgg(norm=True), inputs=images(32), floor=0),
    "vit": Family(make=_vit, inputs=images(32), floor=0),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_network_of_torchvision_is_the_same_on_an_ideal_chip(name):
    check_family(CASES[name])
