"""Tiny random checkpoints of the model families beside the demo's, with the demo model's tokenizer."""

from pathlib import Path

import transformers as hf

from mmk12.demo import model_path

IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"
MARKS = ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]


def tokenizer():
    """The demo model's, with Qwen's image marks and a chat template of them."""
    made = hf.AutoTokenizer.from_pretrained(model_path("demo"))
    made.add_special_tokens({"additional_special_tokens": MARKS})
    made.image_token, made.video_token = MARKS[2], MARKS[3]
    made.chat_template = (
        "{% for message in messages %}<|im_start|>{{ message.role }}\n"
        "{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}"
        "{% if part.type == 'image' %}" + IMAGE + "{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}"
        "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    return made


def language(tokens, **more):
    """The configuration of a language model of two layers. vLLM's attention on a CPU needs heads of 32."""
    end, pad = tokens.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    return {
        "hidden_size": 128,
        "intermediate_size": 192,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": len(tokens),
        "max_position_embeddings": 4096,
        "eos_token_id": end,
        "pad_token_id": pad if pad is not None else end,
        "bos_token_id": None,
        "tie_word_embeddings": False,
        **more,
    }


def qwen(tokens):
    """What both families of Qwen have in their configurations."""
    start, end, image, video = tokens.convert_tokens_to_ids(MARKS)
    named = {"vision_start_token_id": start, "vision_end_token_id": end}
    return {**named, "image_token_id": image, "video_token_id": video, "tie_word_embeddings": False}


def build_qwen2_5_vl():
    """A model and its processor; patches of 14 pixels, merged two by two."""
    tokens = tokenizer()
    rope = {"rope_type": "default", "mrope_section": [4, 6, 6], "rope_theta": 10_000.0}
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "out_hidden_size": 128}
    config = hf.Qwen2_5_VLConfig(
        text_config=language(tokens, rope_parameters=rope),
        vision_config={**vision, "fullatt_block_indexes": [1]},
        **qwen(tokens),
    )
    images = hf.Qwen2VLImageProcessor(min_pixels=4 * 28 * 28, max_pixels=64 * 28 * 28)
    videos = hf.Qwen2VLVideoProcessor()
    processor = hf.Qwen2_5_VLProcessor(images, tokens, videos, chat_template=tokens.chat_template)
    return hf.Qwen2_5_VLForConditionalGeneration(config), processor


def build_qwen3_vl():
    """A model and its processor; patches of 16 pixels, and features of two layers of the tower."""
    tokens = tokenizer()
    rope = {"rope_type": "default", "mrope_section": [6, 5, 5], "mrope_interleaved": True, "rope_theta": 10_000.0}
    vision = {"depth": 3, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "out_hidden_size": 128}
    config = hf.Qwen3VLConfig(
        text_config=language(tokens, head_dim=32, rope_parameters=rope),
        vision_config={**vision, "deepstack_visual_indexes": [0, 1], "num_position_embeddings": 256},
        **qwen(tokens),
    )
    images = hf.Qwen2VLImageProcessor(patch_size=16, min_pixels=4 * 32 * 32, max_pixels=64 * 32 * 32)
    videos = hf.Qwen3VLVideoProcessor()
    processor = hf.Qwen3VLProcessor(images, tokens, videos, chat_template=tokens.chat_template)
    return hf.Qwen3VLForConditionalGeneration(config), processor


def build_internvl3_5():
    """InternVL with a Qwen3 text model, in the demo model's own processor; patches of 14 pixels, merged two by two."""
    processor = hf.AutoProcessor.from_pretrained(model_path("demo"))
    vision = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = language(processor.tokenizer, head_dim=32)
    config = hf.InternVLConfig(
        text_config=hf.Qwen3Config(**text),
        vision_config={
            **vision,
            "image_size": [112, 112],
            "patch_size": [14, 14],
            "use_absolute_position_embeddings": True,
        },
        image_token_id=processor.image_token_id,
        image_seq_length=processor.image_seq_length,
        tie_word_embeddings=False,
    )
    return hf.InternVLForConditionalGeneration(config), processor


BUILDERS = {"internvl3_5": build_internvl3_5, "qwen2_5_vl": build_qwen2_5_vl, "qwen3_vl": build_qwen3_vl}


def save(name, folder: Path):
    """Writes a checkpoint of the family `name` to `folder`."""
    model, processor = BUILDERS[name]()
    model.generation_config = hf.GenerationConfig(eos_token_id=model.config.text_config.eos_token_id)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def part(name):
    """The part of a model that a tensor belongs to, by its name in transformers or in a checkpoint."""
    name = f".{name}"
    if ".multi_modal_projector." in name or ".merger." in name or ".deepstack_merger_list." in name:
        return "projector"
    return "tower" if ".vision_tower." in name or ".visual." in name else "language"
