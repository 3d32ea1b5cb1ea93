"""The tiny InternVL: the real architecture in transformers' own form, small enough for a laptop and for git.

Everything that a user of a full-size InternVL3 meets is here at scale 1 : 1000: the vision tower with pixel shuffle,
the Qwen2 language tower, image placeholder tokens, chat template, dynamic tiling in the processor. The chat template
and special tokens are those of the HF-native InternVL3 checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GenerationConfig,
    InternVLConfig,
    InternVLForConditionalGeneration,
    PreTrainedTokenizerFast,
)
from transformers.models.got_ocr2 import GotOcr2ImageProcessor
from transformers.models.internvl import InternVLProcessor, InternVLVideoProcessor

from mmk12.demo.drawing import SIZE

IMAGE_TOKEN = "<IMG_CONTEXT>"
END_OF_TURN = "<|im_end|>"
NEVER_GENERATED = (IMAGE_TOKEN, "<img>", "</img>", "<video>", "<|im_start|>", "<|endoftext|>")
"""A sampled image placeholder would ask for features that no image provides."""

IMAGE_MEAN, IMAGE_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

_VOCABULARY = 1024
_PATCH, _DOWNSAMPLE = 14, 0.5
IMAGE_TOKENS = int((SIZE // _PATCH * _DOWNSAMPLE) ** 2)
"""Language tokens per tile."""

_SPECIAL = ("<|endoftext|>", "<|im_start|>", END_OF_TURN, "<img>", "</img>", IMAGE_TOKEN, "<video>")
# Words with their leading space, single digits, runs of punctuation, line ends: the split of Qwen2's tokenizer.
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<IMG_CONTEXT>\n' }}"
    "{% elif part['type'] == 'video' %}{{ '<video>\n' }}"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def build_processor(corpus: Iterable[str]) -> InternVLProcessor:
    """A processor whose byte-level BPE vocabulary is learned from `corpus`; one image of 112 x 112 is one tile."""
    return InternVLProcessor(
        image_processor=GotOcr2ImageProcessor(
            size={"height": SIZE, "width": SIZE},
            crop_to_patches=True,
            min_patches=1,
            max_patches=12,
            image_mean=list(IMAGE_MEAN),
            image_std=list(IMAGE_STD),
        ),
        tokenizer=_tokenizer(corpus),
        video_processor=InternVLVideoProcessor(size={"height": SIZE, "width": SIZE}),
        image_seq_length=IMAGE_TOKENS,
        chat_template=_CHAT_TEMPLATE,
    )


def build_model(tokenizer: PreTrainedTokenizerFast) -> InternVLForConditionalGeneration:
    """A randomly initialised model for that tokenizer, in float32; seed torch before."""
    ids: dict[str, Any] = {
        "bos_token_id": None,
        "eos_token_id": tokenizer.convert_tokens_to_ids(END_OF_TURN),
        "pad_token_id": tokenizer.pad_token_id,
    }
    config = InternVLConfig(
        vision_config={
            "hidden_size": 64,
            "intermediate_size": 192,
            "num_hidden_layers": 3,
            "num_attention_heads": 2,
            "image_size": [SIZE, SIZE],
            "patch_size": [_PATCH, _PATCH],
            "attention_bias": True,
            "norm_type": "layer_norm",
            "layer_scale_init_value": 1.0,
        },
        text_config={
            "model_type": "qwen2",
            "vocab_size": _VOCABULARY,
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 2048,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0},
            "tie_word_embeddings": False,
            **ids,
        },
        image_token_id=tokenizer.convert_tokens_to_ids(IMAGE_TOKEN),
        image_seq_length=IMAGE_TOKENS,
        downsample_ratio=_DOWNSAMPLE,
        tie_word_embeddings=False,
        **ids,
    )
    model = InternVLForConditionalGeneration(config)
    banned = tokenizer.convert_tokens_to_ids(list(NEVER_GENERATED))
    model.generation_config = GenerationConfig(suppress_tokens=banned, **ids)
    return model


def _tokenizer(corpus: Iterable[str]) -> PreTrainedTokenizerFast:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY - len(_SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(corpus, trainer)
    bpe.add_special_tokens(list(_SPECIAL))
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token=END_OF_TURN,
        pad_token="<|endoftext|>",
        padding_side="left",
        model_max_length=2048,
        extra_special_tokens={
            "start_image_token": "<img>",
            "end_image_token": "</img>",
            "context_image_token": IMAGE_TOKEN,
            "video_token": "<video>",
        },
        chat_template=_CHAT_TEMPLATE,
    )
