"""The smallest member of each of torchvision's families for classification, or a smaller one."""

import pytest
import torch
from torch import nn
from torchvision import models
from torchvision.models import convnext, densenet, efficientnet, maxvit, resnet, swin_transformer
from torchvision.models import vgg as vggs

from tests.families.checks import Family, check_family, of_images


def _named(name: str, floor: float, size: int = 32, **options: object) -> Family:
    def make() -> nn.Module:
        return getattr(models, name)(weights=None, num_classes=10, **options)

    return of_images(make, floor, size)


def _alexnet() -> nn.Module:
    net = models.AlexNet(num_classes=10)
    net.classifier[1] = nn.Linear(9216, 64)
    net.classifier[4] = nn.Linear(64, 64)
    net.classifier[6] = nn.Linear(64, 10)
    return net


def _convnext() -> nn.Module:
    widths = (8, 16, 24, 32, None)
    blocks = [
        convnext.CNBlockConfig(width, wider, 1)
        for width, wider in zip(widths[:-1], widths[1:], strict=True)
    ]
    return convnext.ConvNeXt(blocks, num_classes=10)


def _densenet() -> nn.Module:
    return densenet.DenseNet(8, (2, 2, 2, 2), 16, num_classes=10)


def _efficientnet_v2() -> nn.Module:
    blocks = [
        efficientnet.FusedMBConvConfig(1, 3, 1, 8, 8, 1),
        efficientnet.FusedMBConvConfig(4, 3, 2, 8, 16, 2),
        efficientnet.MBConvConfig(4, 3, 2, 16, 24, 2),
        efficientnet.MBConvConfig(6, 3, 1, 24, 32, 2),
    ]
    return efficientnet.EfficientNet(blocks, 0.2, num_classes=10, last_channel=64)


def _maxvit() -> nn.Module:
    return maxvit.MaxVit((64, 64), 16, 2, [16, 32], [1, 1], 8, 0.0, num_classes=10)


def _resnet(**options: int) -> nn.Module:
    return models.ResNet(resnet.Bottleneck, [1, 1, 1, 1], num_classes=10, **options)


def _swin(block: type[nn.Module], merging: type[nn.Module]) -> nn.Module:
    return swin_transformer.SwinTransformer(
        [4, 4], 24, [2, 2], [2, 4], [4, 4], num_classes=10, block=block, downsample_layer=merging
    )


def _swin_v1() -> nn.Module:
    return _swin(swin_transformer.SwinTransformerBlock, swin_transformer.PatchMerging)


def _swin_v2() -> nn.Module:
    return _swin(swin_transformer.SwinTransformerBlockV2, swin_transformer.PatchMergingV2)


def _vgg(*, norm: bool) -> nn.Module:
    with torch.device("meta"):
        # Its large layers are replaced.
        net = vggs.VGG(nn.Sequential(), num_classes=10, init_weights=False)
    net.features = vggs.make_layers([8, "M", 16, "M", 32, "M", 64, "M"], batch_norm=norm)
    net.avgpool = nn.AdaptiveAvgPool2d(1)
    net.classifier = nn.Sequential(nn.Linear(64, 64), *list(net.classifier)[1:3], nn.Linear(64, 10))
    return net


def _vit() -> nn.Module:
    return models.VisionTransformer(32, 8, 2, 3, 48, 96, num_classes=10)


CASES = {
    "alexnet": of_images(_alexnet, 0.99, 64),
    "convnext": of_images(_convnext, 0.75),
    "densenet": of_images(_densenet, 0.99),
    "efficientnet": _named("efficientnet_b0", 0.91),
    "efficientnet-v2": of_images(_efficientnet_v2, 0.95),
    # Its auxiliary heads are not called in eval mode.
    "googlenet": _named("googlenet", 0.99, init_weights=False),
    "inception-v3": _named("inception_v3", 0.99, 75, init_weights=False, aux_logits=False),
    "maxvit": of_images(_maxvit, 0.95, 64),
    "mnasnet": _named("mnasnet0_5", 0.84),
    "mobilenet-v2": _named("mobilenet_v2", 0.82, width_mult=0.25),
    "mobilenet-v3": _named("mobilenet_v3_small", 0.92),
    "regnet-x": _named("regnet_x_400mf", 0.99),
    "regnet-y": _named("regnet_y_400mf", 0.97),
    "resnet-basic": _named("resnet18", 0.99),
    "resnet-bottleneck": of_images(_resnet, 0.99),
    "resnext": of_images(lambda: _resnet(groups=32, width_per_group=4), 0.99),
    "wide-resnet": of_images(lambda: _resnet(width_per_group=128), 0.99),
    "shufflenet": _named("shufflenet_v2_x0_5", 0.95),
    "squeezenet": _named("squeezenet1_1", 0.99),
    "swin": of_images(_swin_v1, 0.63),
    "swin-v2": of_images(_swin_v2, 0.67),
    "vgg": of_images(lambda: _vgg(norm=False), 0.99),
    "vgg-bn": of_images(lambda: _vgg(norm=True), 0.99),
    "vit": of_images(_vit, 0.93),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_network_of_torchvision_is_the_same_on_an_ideal_chip(name):
    check_family(CASES[name])
