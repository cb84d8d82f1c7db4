"""Small configurations of Hugging Face's families: images, and tokens with a mask."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from analogsim.call import Inputs
from tests.families.checks import Family, check_family

transformers = pytest.importorskip("transformers", reason="needs transformers")

_WORDS = 50
_SIZES = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 3}
_SIZES |= {"intermediate_size": 96, "num_labels": 5}
_ENCODER = {**_SIZES, "vocab_size": _WORDS, "max_position_embeddings": 32}
_DECODER = {**_ENCODER, "num_labels": 2, "num_key_value_heads": 3, "use_cache": False}
_VISION = {**_SIZES, "image_size": 32, "patch_size": 8}
_T5 = {"vocab_size": _WORDS, "d_model": 48, "d_kv": 16, "d_ff": 96, "num_layers": 2, "num_heads": 3}
_BART = {"vocab_size": _WORDS, "d_model": 48, "encoder_layers": 2, "encoder_attention_heads": 3}
_BART |= {"encoder_ffn_dim": 96}
_STAGES = {"depths": [1, 1, 1, 1], "hidden_sizes": [8, 16, 24, 32], "num_labels": 5}
_CONVOLUTIONS = {"conv_dim": [16, 16], "conv_stride": [5, 4], "conv_kernel": [10, 4]}


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
    model: str, floor: float, inputs: Callable[[int], Inputs] = _tokens, **options: object
) -> Family:
    def make() -> nn.Module:
        kind = getattr(transformers, model)
        return kind(kind.config_class(**options))

    return Family(make=make, inputs=inputs, floor=floor)


def _seen(model: str, floor: float, **options: object) -> Family:
    return _family(model, floor, _pixels(32), **options)


CASES = {
    "vit": _seen("ViTForImageClassification", 0.93, **_VISION),
    "deit": _seen("DeiTForImageClassification", 0.92, **_VISION),
    "beit": _seen("BeitForImageClassification", 0.93, **_VISION),
    "clip-vision": _seen(
        "CLIPVisionModelWithProjection", 0.93, **{**_VISION, "num_labels": 2}, projection_dim=16
    ),
    "dinov2": _seen("Dinov2ForImageClassification", 0.94, **_VISION),
    "swin": _seen(
        "SwinForImageClassification", 0.92, image_size=32, patch_size=2, embed_dim=24,
        depths=[2, 2], num_heads=[2, 4], window_size=4, num_labels=5,
    ),
    "mobilenet-v2": _seen(
        "MobileNetV2ForImageClassification", 0.82, depth_multiplier=0.25, image_size=32,
        num_labels=5,
    ),
    "resnet": _seen(
        "ResNetForImageClassification", 0.99,
        **{**_STAGES, "hidden_sizes": [16, 24, 32, 48]}, embedding_size=8,
    ),
    "convnext": _seen("ConvNextForImageClassification", 0.75, **_STAGES),
    "segformer": _seen(
        "SegformerForSemanticSegmentation", 0.9, **_STAGES, num_attention_heads=[1, 2, 2, 4],
        decoder_hidden_size=16,
    ),
    "bert": _family("BertForSequenceClassification", 0.96, **_ENCODER),
    "bert-masked-lm": _family("BertForMaskedLM", 0.96, **_ENCODER),
    "roberta": _family("RobertaForSequenceClassification", 0.96, **_ENCODER),
    "albert": _family("AlbertForSequenceClassification", 0.96, **_ENCODER, embedding_size=16),
    "electra": _family("ElectraForSequenceClassification", 0.96, **_ENCODER, embedding_size=16),
    "deberta-v2": _family("DebertaV2ForSequenceClassification", 0.96, **_ENCODER),
    "distilbert": _family(
        "DistilBertForSequenceClassification", 0.96, vocab_size=_WORDS, dim=48, n_layers=2,
        n_heads=3, hidden_dim=96, max_position_embeddings=32, num_labels=5,
    ),
    "t5-encoder": _family("T5EncoderModel", 0.96, **_T5),
    "gpt2": _family(
        "GPT2LMHeadModel", 0.97, vocab_size=_WORDS, n_embd=48, n_layer=2, n_head=3,
        n_positions=32, bos_token_id=1, eos_token_id=2, use_cache=False,
    ),
    "llama": _family("LlamaForCausalLM", 0.97, **_DECODER),
    "qwen2": _family("Qwen2ForCausalLM", 0.97, **_DECODER),
    "mixtral": _family("MixtralForCausalLM", 0.26, **_DECODER, num_local_experts=4),
    "t5": _family("T5ForConditionalGeneration", 0.96, _pairs, **_T5, use_cache=False),
    "bart": _family(
        "BartForConditionalGeneration", 0.96, _pairs, **_BART, decoder_layers=2,
        decoder_attention_heads=3, decoder_ffn_dim=96, max_position_embeddings=32, use_cache=False,
    ),
    "clip": _family(
        "CLIPModel", 0.93, _captioned, projection_dim=16,
        text_config={**_ENCODER, "num_labels": 2, "eos_token_id": 2},
        vision_config={**_VISION, "num_labels": 2},
    ),
    "wav2vec2": _family(
        "Wav2Vec2ForCTC", 0.9, _waves, **{**_SIZES, "num_labels": 2}, **_CONVOLUTIONS,
        vocab_size=_WORDS, num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=4,
    ),
    "whisper-encoder": _family(
        "WhisperForAudioClassification", 0.92, _spectra, **_BART, num_mel_bins=16,
        max_source_positions=20, classifier_proj_size=16, num_labels=5,
    ),
    "mamba": _family(
        "MambaForCausalLM", 0.92, vocab_size=_WORDS, hidden_size=48, num_hidden_layers=2,
        state_size=4, use_cache=False,
    ),
}  # fmt: skip


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
