"""VGG16 for CIFAR: Simonyan and Zisserman, ICLR 2015, configuration D, with one linear layer.

The convolutions keep their biases beside a BatchNorm, as in torchvision and in the widespread
CIFAR checkpoints with the names `features.*` and `classifier`.
"""

from torch import Tensor, nn

from analogsim.inputs.layers import conv3x3, he_start_
from analogsim.inputs.norms import NormFactory

STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class CifarVgg16(nn.Module):
    """Thirteen 3x3 convolutions in five stages, each ending in a halving, and a classifier."""

    def __init__(self, *, norm: NormFactory, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        in_maps = 3
        for stage, widths in enumerate(STAGES, start=1):
            for maps in widths:
                layers.append(conv3x3(in_maps, maps, bias=True))
                layer_norm = norm(stage, maps)
                if layer_norm is not None:
                    layers.append(layer_norm)
                layers.append(nn.ReLU())
                in_maps = maps
            # rounding up changes nothing at 32 pixels and lets training start on smaller images
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(in_maps, classes)
        he_start_(self)

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, 3, 32, 32) to logits (n, classes)."""
        logits: Tensor = self.classifier(self.features(images).flatten(1))
        return logits
