"""Networks that nobody here wrote."""

import pytest
import torch
from torchvision import models

from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from tests.crossbar.nets import relative_error

# Layers on tiles, as counted from the architectures: ResNet18 has 20 convolutions and one linear
# layer; MobileNetV2 34 pointwise convolutions, its first one and one linear layer (17 depthwise
# ones stay digital); ViT-B/16 one convolution, two linear layers a block, four of each attention,
# which are written with linear layers, and the head: 74 with its 12 blocks, which are all alike.
CASES = {"resnet18": 21, "mobilenet_v2": 36, "vit_b_16 of two blocks": 14}


def network(name):
    if name in models.list_models():
        return getattr(models, name)(weights=None)
    made = models.VisionTransformer(
        image_size=64, patch_size=16, num_layers=2, num_heads=12, hidden_dim=768, mlp_dim=3072
    )
    # torchvision starts the head at zero.
    torch.nn.init.normal_(made.heads.head.weight, std=0.02)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_converts_and_runs(name):
    torch.manual_seed(0)
    net = network(name).eval()
    x = torch.randn(2, 3, 64, 64)
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
