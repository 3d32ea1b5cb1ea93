"""Makes the inputs of the tiny model: the prompt text, and tensors equal to those of its processor.

Training calls the processor's parts directly, because the processor itself (made for photographs of any size)
takes longer than a training step. A test asserts that both give the same bits.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from transformers.models.internvl import InternVLProcessor

from mmk12.inference.prompts import render_chat
from mmk12.types import IMAGE_MARK
from tools.train_demo_model.architecture import IMAGE_MEAN, IMAGE_STD, IMAGE_TOKEN, IMAGE_TOKENS


def prompt_text(processor: InternVLProcessor, prompt: str, question: str) -> str:
    """Renders `question` about one image with the prompt of that name and the chat template."""
    turns = []
    for message in render_chat(prompt, f"{IMAGE_MARK}{question}", 1):
        before, mark, after = message.content.partition(IMAGE_MARK)
        parts = [{"type": "text", "text": before}, {"type": "image"}, {"type": "text", "text": after}]
        kept = [part for part in parts if part.get("text", mark)]
        turns.append({"role": message.role, "content": kept})
    text: str = processor.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    return text


def token_ids(processor: InternVLProcessor, text: str) -> list[int]:
    """Returns the token ids of a rendered prompt, with the placeholders of one image tile filled in."""
    filled = text.replace(IMAGE_TOKEN, f"<img>{IMAGE_TOKEN * IMAGE_TOKENS}</img>")
    ids: list[int] = processor.tokenizer(filled)["input_ids"]
    return ids


def raw_pixels(png: bytes) -> torch.Tensor:
    """Returns the decoded figure, uint8 (3, 112, 112)."""
    with Image.open(io.BytesIO(png)) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)


def pixel_values(figures: Sequence[torch.Tensor]) -> torch.Tensor:
    """Returns what the image processor makes of raw pixels: normalized float32 (n, 3, 112, 112)."""
    mean = torch.tensor(IMAGE_MEAN).view(3, 1, 1) * 255
    std = torch.tensor(IMAGE_STD).view(3, 1, 1) * 255
    return (torch.stack(list(figures)).float() - mean) / std
