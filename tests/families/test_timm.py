"""Small members of timm's families: random weights, small images."""

import pytest
from torch import nn

from tests.families.checks import Family, check_family, of_images

timm = pytest.importorskip("timm", reason="needs timm")

_VIT = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_heads": 3}
_SWIN = {
    "img_size": 32,
    "patch_size": 2,
    "embed_dim": 24,
    "depths": (2, 2),
    "num_heads": (2, 4),
    "window_size": 4,
}
_DIMS = {"depths": (1, 1, 1, 1), "dims": (8, 16, 24, 32)}
_WIDE = {"depths": (1, 1, 1, 1), "embed_dims": (16, 32, 48, 64)}
_RESNET = {"layers": (1, 1, 1, 1), "channels": (8, 16, 24, 32)}
_LEVIT = {
    "img_size": 64,
    "depth": (1, 1, 1),
    "embed_dim": (32, 48, 64),
    "key_dim": 8,
    "num_heads": (2, 2, 2),
}
_MIXER = {"num_classes": 10, "img_size": 32, "patch_size": 8, "num_blocks": 2, "embed_dim": 48}


def _family(name: str, floor: float, size: int = 32, **options: object) -> Family:
    def make() -> nn.Module:
        return timm.create_model(name, pretrained=False, num_classes=10, **options)

    return of_images(make, floor, size)


CASES = {
    # Convolutions.
    "resnet": _family("resnet18", 0.99, **_RESNET),
    "resnet-d": _family("resnet50d", 0.99, **_RESNET),
    "resnext": _family("resnext50_32x4d", 0.99, layers=(1, 1, 1, 1)),
    "res2net": _family("res2net50_26w_4s", 0.99, layers=(1, 1, 1, 1)),
    "resnest": _family("resnest14d", 0.99),
    "sknet": _family("skresnet18", 0.99),
    "resnetv2": _family("resnetv2_50", 0.99, layers=(1, 1, 1, 1)),
    "regnetx": _family("regnetx_002", 0.95),
    "regnety": _family("regnety_002", 0.95),
    "densenet": _family("densenet121", 0.99, growth_rate=8, block_config=(2, 2, 2, 2)),
    "dla": _family("dla46_c", 0.99),
    "hrnet": _family("hrnet_w18_small", 0.99),
    "inception-next": _family("inception_next_atto", 0.98),
    "vovnet": _family("ese_vovnet19b_slim_dw", 0.95),
    "hgnet": _family("hgnetv2_b0", 0.98),
    "gernet": _family("gernet_s", 0.99),
    "lambda-resnet": _family("lambda_resnet26t", 0.96, size=64),
    "botnet": _family("botnet26t_256", 0.99, size=64, img_size=64),
    "test-byobnet": _family("test_byobnet", 0.99),
    # Small convolutional networks, mostly depthwise.
    "mobilenetv2": _family("mobilenetv2_035", 0.85),
    "mobilenetv3": _family("mobilenetv3_small_050", 0.88),
    "mobilenetv4": _family("mobilenetv4_conv_small_035", 0.95),
    "efficientnet": _family("test_efficientnet", 0.99),
    "efficientnet-tf": _family("tf_efficientnet_b0", 0.88),
    "efficientnet-gn": _family("test_efficientnet_gn", 0.99),
    "efficientnet-evos": _family("test_efficientnet_evos", 0.99),
    "lcnet": _family("lcnet_035", 0.84),
    "ghostnet": _family("ghostnet_050", 0.89),
    "rexnet": _family("rexnet_100", 0.94),
    "repvgg": _family("repvgg_a0", 0.99),
    "fasternet": _family("fasternet_t0", 0.99),
    "starnet": _family("starnet_s1", 0.9),
    "nfnet": _family("test_nfnet", 0.001),
    "convnext": _family("convnext_atto", 0.75, **_DIMS),
    "convnextv2": _family("convnextv2_atto", 0.75, **_DIMS),
    "mambaout": _family("mambaout_femto", 0.8, **_DIMS),
    "convmixer": of_images(lambda: timm.models.convmixer.ConvMixer(32, 2, num_classes=10), 0.56),
    "focalnet": of_images(
        lambda: timm.models.focalnet.FocalNet(num_classes=10, embed_dim=16, depths=(1, 1, 1, 1)),
        0.93,
    ),
    "poolformer": _family("poolformer_s12", 0.99),
    # Attention.
    "vit": _family("vit_tiny_patch16_224", 0.94, **_VIT),
    "vit-relpos": _family("vit_relpos_small_patch16_224", 0.95, **_VIT),
    "vit-dinov2": _family("vit_small_patch14_reg4_dinov2", 0.93, **_VIT),
    "vit-siglip": _family("vit_base_patch16_siglip_224", 0.95, **_VIT),
    "vit-clip": _family("vit_base_patch16_clip_quickgelu_224", 0.94, **_VIT),
    "vit-parallel": _family("vit_small_patch16_18x2_224", 0.94, **_VIT),
    "vit-sam": _family(
        "samvit_base_patch16", 0.44, img_size=32, embed_dim=48, depth=2, num_heads=3
    ),
    "vit-hybrid": _family(
        "vit_tiny_r_s16_p8_224", 0.09, 64, img_size=64, embed_dim=48, depth=2, num_heads=3
    ),
    "naflexvit": _family("naflexvit_base_patch16_gap", 0.97, embed_dim=48, depth=2, num_heads=3),
    "deit": _family("deit_tiny_distilled_patch16_224", 0.94, **_VIT),
    "deit3": _family("deit3_small_patch16_224", 0.94, **_VIT),
    "beit": _family("beit_base_patch16_224", 0.74, **_VIT),
    "beitv2": _family("beitv2_base_patch16_224", 0.74, **_VIT),
    "eva": _family("eva_giant_patch14_224", 0.75, **_VIT),
    "eva02": _family("eva02_tiny_patch14_224", 0.74, **_VIT),
    "cait": _family("cait_xxs24_224", 0.95, **{**_VIT, "num_heads": 4}),
    "convit": _family("convit_tiny", 0.97, **{**_VIT, "depth": 3}, local_up_to_layer=2),
    "xcit": _family("xcit_nano_12_p16_224", 0.96, img_size=32, depth=2, embed_dim=48),
    "swin": _family("swin_tiny_patch4_window7_224", 0.92, **_SWIN),
    "swinv2": _family("swinv2_tiny_window8_256", 0.71, **_SWIN),
    "swinv2-cr": _family("swinv2_cr_tiny_ns_224", 0.93, **_SWIN),
    "nest": of_images(
        lambda: timm.models.nest.Nest(
            32, 3, 2, embed_dims=(16, 32, 48), num_heads=(2, 2, 2), depths=(1, 1, 1), num_classes=10
        ),
        0.94,
    ),
    "pvt-v2": _family(
        "pvt_v2_b0", 0.83, depths=(1, 1, 1, 1), embed_dims=(8, 16, 24, 32), num_heads=(1, 2, 2, 2)
    ),
    "twins-svt": _family("twins_svt_small", 0.67, 64, img_size=64, **_WIDE),
    "twins-pcpvt": _family(
        "twins_pcpvt_small", 0.96, 64, img_size=64, num_heads=(1, 2, 4, 8), **_WIDE
    ),
    "davit": _family("davit_tiny", 0.71, num_heads=(2, 2, 2, 2), **_WIDE),
    "coat": _family(
        "coat_lite_tiny",
        0.91,
        64,
        img_size=64,
        serial_depths=(1, 1, 1, 1),
        embed_dims=(16, 32, 48, 64),
    ),
    "hiera": _family("hiera_tiny_224", 0.84, img_size=32, embed_dim=16, stages=(1, 1, 1, 1)),
    "tnt": _family("tnt_s_legacy_patch16_224", 0.99, img_size=32, depth=2),
    "gcvit": of_images(
        lambda: timm.models.gcvit.GlobalContextVit(
            num_classes=10,
            img_size=64,
            depths=(1, 1, 1, 1),
            num_heads=(2, 2, 2, 2),
            embed_dim=16,
            window_ratio=(32, 32, 16, 32),
        ),
        0.92,
        64,
    ),
    "tiny-vit": _family(
        "tiny_vit_5m_224",
        0.9,
        64,
        embed_dims=(16, 32, 48, 64),
        depths=(1, 1, 2, 1),
        num_heads=(1, 2, 3, 4),
        window_sizes=(4, 4, 4, 2),
    ),
    # Convolutions and attention.
    "levit": _family("levit_128s", 0.96, 64, **_LEVIT),
    "levit-conv": _family("levit_conv_128s", 0.96, 64, **_LEVIT),
    "mobilevit": _family("mobilevit_xxs", 0.95, 64),
    "mobilevitv2": _family("mobilevitv2_050", 0.96, 64),
    "coatnet": _family("test_coatnet", 0.96, 64, img_size=64),
    "maxvit": _family("test_maxvit", 0.97, 64, img_size=64),
    "visformer": _family(
        "visformer_tiny", 0.99, 64, img_size=64, embed_dim=48, depth=(1, 1, 1), num_heads=3
    ),
    "pit": _family("pit_ti_224", 0.97, 64, img_size=64),
    "edgenext": _family("edgenext_xx_small", 0.94, 64),
    "efficientvit-mit": _family("efficientvit_b0", 0.92),
    "efficientvit-msra": _family("efficientvit_m0", 0.94, 224),
    "efficientformer-v2": _family("efficientformerv2_s0", 0.94, 64, img_size=64),
    "swiftformer": _family("swiftformer_xs", 0.98, 64),
    "repvit": _family("repvit_m0_9", 0.98),
    "shvit": _family("shvit_s1", 0.98, 64),
    "fastvit": _family("fastvit_t8", 0.9, 64),
    # Products over the positions, and recurrence.
    "mlp-mixer": of_images(lambda: timm.models.mlp_mixer.MlpMixer(**_MIXER), 0.99),
    "gmlp": of_images(
        lambda: timm.models.mlp_mixer.MlpMixer(
            **_MIXER,
            mlp_ratio=4.0,
            block_layer=timm.models.mlp_mixer.SpatialGatingBlock,
            mlp_layer=timm.models.mlp_mixer.GatedMlp,
        ),
        0.99,
    ),
    "resmlp": of_images(
        lambda: timm.models.mlp_mixer.MlpMixer(
            **_MIXER,
            mlp_ratio=4.0,
            block_layer=timm.models.mlp_mixer.ResBlock,
            norm_layer=timm.models.mlp_mixer.Affine,
        ),
        0.99,
    ),
    "sequencer": _family("sequencer2d_s", 0.61, 64, layers=(1, 1, 1, 1)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_network_of_timm_is_the_same_on_an_ideal_chip(name):
    check_family(CASES[name])
