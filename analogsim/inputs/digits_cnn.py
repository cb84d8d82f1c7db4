"""A small convolutional network for scikit-learn's digits (1 x 8 x 8)."""

from torch import Tensor, nn
from torch.nn import functional

from analogsim.inputs.layers import conv3x3, he_start_, or_identity
from analogsim.inputs.norms import NormFactory


class DigitsCnn(nn.Module):
    """Three 3x3 convolutions (16, 32, 64 maps), two halvings of the image, one linear layer.

    Each convolution is a stage of its own.
    """

    def __init__(self, *, norm: NormFactory, classes: int) -> None:
        super().__init__()
        norms = [norm(stage, maps) for stage, maps in ((1, 16), (2, 32), (3, 64))]
        self.conv1 = conv3x3(1, 16, bias=norms[0] is None)
        self.bn1 = or_identity(norms[0])
        self.conv2 = conv3x3(16, 32, bias=norms[1] is None)
        self.bn2 = or_identity(norms[1])
        self.conv3 = conv3x3(32, 64, bias=norms[2] is None)
        self.bn3 = or_identity(norms[2])
        self.linear = nn.Linear(64 * 2 * 2, classes)
        he_start_(self)

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, 1, 8, 8) to logits (n, classes)."""
        maps = functional.relu(self.bn1(self.conv1(images)))
        maps = functional.relu(self.bn2(self.conv2(maps)))
        maps = functional.max_pool2d(maps, 2)
        maps = functional.relu(self.bn3(self.conv3(maps)))
        maps = functional.max_pool2d(maps, 2)
        logits: Tensor = self.linear(maps.flatten(1))
        return logits
