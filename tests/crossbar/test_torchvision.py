"""Networks that nobody here wrote."""

import pytest
import torch
from torchvision import models

from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from tests.crossbar.nets import relative_error

# Layers on tiles, as counted from the architectures: ResNet18 has 20 convolutions and one linear
# layer; MobileNetV2 34 pointwise convolutions, its first one and one linear layer (17 depthwise
# ones stay digital); ViT-B/16 one convolution, 2 x 12 linear layers, four of each of 12 attentions,
# which are written with linear layers, and the head.
CASES = {"resnet18": 21, "mobilenet_v2": 36, "vit_b_16": 74}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_converts_and_runs(name):
    torch.manual_seed(0)
    net = getattr(models, name)(weights=None).eval()
    if name == "vit_b_16":
        # torchvision starts the head at zero.
        torch.nn.init.normal_(net.heads.head.weight, std=0.02)
    size = 224 if name == "vit_b_16" else 64
    x = torch.randn(2, 3, size, size)
    analog = convert(net, "ideal", "ideal", calibrate=x)
    on_tiles = [line for line in analog.report if line.where == "analog"]
    assert len(on_tiles) == CASES[name]
    assert all(line.why for line in analog.report)
    with torch.no_grad():
        assert relative_error(program(analog)(x), net(x)) < 1e-5
    pcm = program(convert(net, "pcm", "standard", calibrate=x)).drift_(86400.0)
    with torch.no_grad():
        assert bool(torch.isfinite(pcm(x)).all())
    # PCM on normally or uniformly distributed weights: 6 to 11 % of their norm.
    errors = [line.programming_error for line in pcm.report if line.where == "analog"]
    assert all(0.04 < error < 0.2 for error in errors)
