"""The published numbers that a pair is set beside.

O. Fagbohungbe, L. Qian, "The Effect of Batch Normalization on Noise Resistant Property of Deep
Learning Models", IEEE Access 10:127728-127741 (2022), arXiv 2205.07372: average normalized
inference accuracy on CIFAR-10. Only these averages are known to us: not the noise levels, not
what sigma is relative to, not which tensors are noised.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Published:
    """Average normalised accuracy of a pair, fractions.

    `clean_if_chance` is the clean accuracy at which `with_bn` is what guessing one of ten classes
    gives; None where no clean accuracy that such a network has makes it that.
    """

    name: str
    with_bn: float
    without_bn: float
    clean_if_chance: float | None = None


PUBLISHED: Mapping[str, Published] = {
    "resnet44": Published(name="ResNet44", with_bn=0.4132, without_bn=0.9195),
    "vgg16": Published(name="VGG16", with_bn=0.1075, without_bn=0.9380, clean_if_chance=0.930),
}
