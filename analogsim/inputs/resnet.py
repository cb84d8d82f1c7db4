"""ResNets for CIFAR: He et al., CVPR 2016, section 4.2, with the option A shortcut.

Parameter names are those of the widespread public checkpoints (`conv1`, `bn1`,
`layer1.0.conv1`, ..., `linear`), so that foreign weight files load.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from analogsim.inputs.layers import conv3x3, he_start_, or_identity
from analogsim.inputs.norms import NormFactory

WIDTHS = (16, 32, 64)


class Shortcut(nn.Module):
    """Option A: every second pixel, and zeros for the new maps; it has no parameters."""

    def __init__(self, new_maps: int) -> None:
        super().__init__()
        self.before = new_maps // 2
        self.after = new_maps - self.before

    def forward(self, maps: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c + new_maps, ceil(h / 2), ceil(w / 2))."""
        return functional.pad(maps[:, :, ::2, ::2], (0, 0, 0, 0, self.before, self.after))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(
        self, in_maps: int, maps: int, *, stride: int, stage: int, norm: NormFactory
    ) -> None:
        super().__init__()
        first, second = norm(stage, maps), norm(stage, maps)
        self.conv1 = conv3x3(in_maps, maps, stride=stride, bias=first is None)
        self.bn1 = or_identity(first)
        self.conv2 = conv3x3(maps, maps, bias=second is None)
        self.bn2 = or_identity(second)
        changes = stride != 1 or in_maps != maps
        self.shortcut = Shortcut(maps - in_maps) if changes else nn.Identity()
        self.has_norm = second is not None

    def forward(self, maps: Tensor) -> Tensor:
        """(n, in_maps, h, w) to (n, maps, h / stride, w / stride)."""
        branch = functional.relu(self.bn1(self.conv1(maps)))
        branch = self.bn2(self.conv2(branch))
        return functional.relu(branch + self.shortcut(maps))


class CifarResNet(nn.Module):
    """A stem and three stages of `blocks` basic blocks with 16, 32 and 64 maps.

    The stem belongs to stage 1. In a stage without normalisation the last convolution of
    each branch starts smaller by 1 / sqrt(number of branches), which keeps the activations of
    a deep network bounded (SkipInit with alpha = 1 / sqrt(d): De and Smith, "Batch
    Normalization Biases Residual Blocks Towards the Identity Function in Deep Networks",
    NeurIPS 2020). The factor goes into the weights, so that the network has no layer or
    parameter that the one with normalisation lacks, except the biases.
    """

    def __init__(self, *, blocks: int, norm: NormFactory, classes: int) -> None:
        super().__init__()
        stem_norm = norm(1, WIDTHS[0])
        self.conv1 = conv3x3(3, WIDTHS[0], bias=stem_norm is None)
        self.bn1 = or_identity(stem_norm)
        stages = []
        in_maps = WIDTHS[0]
        for stage, maps in enumerate(WIDTHS, start=1):
            row = []
            for index in range(blocks):
                stride = 2 if stage > 1 and index == 0 else 1
                row.append(BasicBlock(in_maps, maps, stride=stride, stage=stage, norm=norm))
                in_maps = maps
            stages.append(nn.Sequential(*row))
        self.layer1, self.layer2, self.layer3 = stages
        self.linear = nn.Linear(WIDTHS[-1], classes)
        he_start_(self)
        scale = (len(WIDTHS) * blocks) ** -0.5
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, BasicBlock) and not module.has_norm:
                    module.conv2.weight.mul_(scale)

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, 3, 32, 32) to logits (n, classes)."""
        maps = functional.relu(self.bn1(self.conv1(images)))
        maps = self.layer3(self.layer2(self.layer1(maps)))
        maps = functional.adaptive_avg_pool2d(maps, 1)
        logits: Tensor = self.linear(maps.flatten(1))
        return logits
