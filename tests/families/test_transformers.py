"""Small configurations of Hugging Face's families: images, and tokens with a mask."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from analogsim.call import Inputs
from tests.families.checks import Family, check_family

transformers = pytest.importorskip("transformers", reason="needs transformers")

_WORDS = 50
_ENCODER = {
    "vocab_size": _WORDS,
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 96,
    "max_position_embeddings": 32,
    "num_labels": 5,
}
_VISION = {
    "image_size": 32,
    "patch_size": 8,
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 96,
    "num_labels": 5,
}


def _tokens(n: int) -> Inputs:
    """Rows of 7 tokens, each masked after its own length."""
    ids = torch.randint(3, _WORDS, (n, 7))
    lengths = torch.arange(n)[:, None] % 4 + 4
    return Inputs((), {"input_ids": ids, "attention_mask": (torch.arange(7) < lengths).long()})


def _pixels(size: int) -> Callable[[int], Inputs]:
    return lambda n: Inputs((), {"pixel_values": torch.randn(n, 3, size, size)})


def _pairs(n: int) -> Inputs:
    tokens = _tokens(n)
    return Inputs((), {**tokens.kwargs, "decoder_input_ids": torch.randint(3, _WORDS, (n, 4))})


def _captioned(n: int) -> Inputs:
    tokens = _tokens(n)
    return Inputs((), {**tokens.kwargs, "pixel_values": torch.randn(n, 3, 32, 32)})


def _waves(n: int) -> Inputs:
    return Inputs((), {"input_values": torch.randn(n, 400)})


def _spectra(n: int) -> Inputs:
    return Inputs((), {"input_features": torch.randn(n, 16, 40)})


def _family(
    model: str,
    config: str,
    floor: float,
    inputs: Callable[[int], Inputs] = _tokens,
    **options: object,
) -> Family:
    def make() -> nn.Module:
        made = getattr(transformers, config)(**options)
        return getattr(transformers, model)(made)

    return Family(make=make, inputs=inputs, floor=floor)


CASES = {
    "vit": _family("ViTForImageClassification", "ViTConfig", 0.93, _pixels(32), **_VISION),
    "deit": _family("DeiTForImageClassification", "DeiTConfig", 0.92, _pixels(32), **_VISION),
    "beit": _family("BeitForImageClassification", "BeitConfig", 0.93, _pixels(32), **_VISION),
    "clip-vision": _family(
        "CLIPVisionModelWithProjection",
        "CLIPVisionConfig",
        0.93,
        _pixels(32),
        **{**_VISION, "num_labels": 2},
        projection_dim=16,
    ),
    "dinov2": _family("Dinov2ForImageClassification", "Dinov2Config", 0.94, _pixels(32), **_VISION),
    "swin": _family(
        "SwinForImageClassification",
        "SwinConfig",
        0.92,
        _pixels(32),
        image_size=32,
        patch_size=2,
        embed_dim=24,
        depths=[2, 2],
        num_heads=[2, 4],
        window_size=4,
        num_labels=5,
    ),
    "mobilenet-v2": _family(
        "MobileNetV2ForImageClassification",
        "MobileNetV2Config",
        0.82,
        _pixels(32),
        depth_multiplier=0.25,
        image_size=32,
        num_labels=5,
    ),
    "resnet": _family(
        "ResNetForImageClassification",
        "ResNetConfig",
        0.99,
        _pixels(32),
        embedding_size=8,
        hidden_sizes=[16, 24, 32, 48],
        depths=[1, 1, 1, 1],
        num_labels=5,
    ),
    "convnext": _family(
        "ConvNextForImageClassification",
        "ConvNextConfig",
        0.75,
        _pixels(32),
        hidden_sizes=[8, 16, 24, 32],
        depths=[1, 1, 1, 1],
        num_labels=5,
    ),
    "segformer": _family(
        "SegformerForSemanticSegmentation",
        "SegformerConfig",
        0.9,
        _pixels(32),
        hidden_sizes=[8, 16, 24, 32],
        num_attention_heads=[1, 2, 2, 4],
        depths=[1, 1, 1, 1],
        decoder_hidden_size=16,
        num_labels=5,
    ),
    "bert": _family("BertForSequenceClassification", "BertConfig", 0.96, **_ENCODER),
    "bert-masked-lm": _family("BertForMaskedLM", "BertConfig", 0.96, **_ENCODER),
    "roberta": _family("RobertaForSequenceClassification", "RobertaConfig", 0.96, **_ENCODER),
    "albert": _family(
        "AlbertForSequenceClassification", "AlbertConfig", 0.96, **_ENCODER, embedding_size=16
    ),
    "electra": _family(
        "ElectraForSequenceClassification", "ElectraConfig", 0.96, **_ENCODER, embedding_size=16
    ),
    "deberta-v2": _family(
        "DebertaV2ForSequenceClassification", "DebertaV2Config", 0.96, **_ENCODER
    ),
    "distilbert": _family(
        "DistilBertForSequenceClassification",
        "DistilBertConfig",
        0.96,
        vocab_size=_WORDS,
        dim=48,
        n_layers=2,
        n_heads=3,
        hidden_dim=96,
        max_position_embeddings=32,
        num_labels=5,
    ),
    "t5-encoder": _family(
        "T5EncoderModel",
        "T5Config",
        0.96,
        vocab_size=_WORDS,
        d_model=48,
        d_kv=16,
        d_ff=96,
        num_layers=2,
        num_heads=3,
    ),
    "gpt2": _family(
        "GPT2LMHeadModel",
        "GPT2Config",
        0.97,
        vocab_size=_WORDS,
        n_embd=48,
        n_layer=2,
        n_head=3,
        n_positions=32,
        bos_token_id=1,
        eos_token_id=2,
        use_cache=False,
    ),
    "llama": _family(
        "LlamaForCausalLM",
        "LlamaConfig",
        0.97,
        **{**_ENCODER, "num_labels": 2},
        num_key_value_heads=3,
        use_cache=False,
    ),
    "qwen2": _family(
        "Qwen2ForCausalLM",
        "Qwen2Config",
        0.97,
        **{**_ENCODER, "num_labels": 2},
        num_key_value_heads=3,
        use_cache=False,
    ),
    "mixtral": _family(
        "MixtralForCausalLM",
        "MixtralConfig",
        0.26,
        **{**_ENCODER, "num_labels": 2},
        num_key_value_heads=3,
        num_local_experts=4,
        use_cache=False,
    ),
    "t5": _family(
        "T5ForConditionalGeneration",
        "T5Config",
        0.96,
        _pairs,
        vocab_size=_WORDS,
        d_model=48,
        d_kv=16,
        d_ff=96,
        num_layers=2,
        num_heads=3,
        use_cache=False,
    ),
    "bart": _family(
        "BartForConditionalGeneration",
        "BartConfig",
        0.96,
        _pairs,
        vocab_size=_WORDS,
        d_model=48,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=3,
        decoder_attention_heads=3,
        encoder_ffn_dim=96,
        decoder_ffn_dim=96,
        max_position_embeddings=32,
        use_cache=False,
    ),
    "clip": _family(
        "CLIPModel",
        "CLIPConfig",
        0.93,
        _captioned,
        text_config={**_ENCODER, "num_labels": 2, "eos_token_id": 2},
        vision_config={**_VISION, "num_labels": 2},
        projection_dim=16,
    ),
    "wav2vec2": _family(
        "Wav2Vec2ForCTC",
        "Wav2Vec2Config",
        0.9,
        _waves,
        vocab_size=_WORDS,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=96,
        conv_dim=[16, 16],
        conv_stride=[5, 4],
        conv_kernel=[10, 4],
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=4,
    ),
    "whisper-encoder": _family(
        "WhisperForAudioClassification",
        "WhisperConfig",
        0.92,
        _spectra,
        vocab_size=_WORDS,
        d_model=48,
        encoder_layers=2,
        encoder_attention_heads=3,
        encoder_ffn_dim=96,
        num_mel_bins=16,
        max_source_positions=20,
        classifier_proj_size=16,
        num_labels=5,
    ),
    "mamba": _family(
        "MambaForCausalLM",
        "MambaConfig",
        0.92,
        vocab_size=_WORDS,
        hidden_size=48,
        num_hidden_layers=2,
        state_size=4,
        use_cache=False,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_network_of_transformers_is_the_same_on_an_ideal_chip(name):
    check_family(CASES[name])


@pytest.mark.slow
def test_products_of_experts_are_counted_as_digital():
    # They are one operator over a parameter of three axes, which torch's counter does not know.
    # A token takes, in each of 2 layers, 2 experts of 3 x 48 x 96, and 4 x 48 x 48 in attention; it
    # takes 48 x 50 at the end: 72.6 % are the experts', and 71.0 % with scores and routers.
    analog = check_family(CASES["mixtral"])
    experts = [one.macs for one in analog.coverage.digital if one.name.endswith("experts")]
    assert 0.7 < sum(experts) / analog.coverage.total < 0.72
