"""The parquet rows of `mmk12 build-data` as datasets for verl's RL trainer and SFT trainer.

verl's own dataset resizes every image to multiples of 28 pixels for Qwen-VL, and sends decoded pixels through Ray with
each response. Here images keep their size, and their encoded bytes are sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from PIL import Image as Pillow
from torch.utils.data import Dataset
from verl.utils.dataset.rl_dataset import RLHFDataset

from mmk12.types import IMAGE_MARK
from mmk12.utils.images import decode, make_white_png
from mmk12.verl_plugin.internvl import is_internvl


class RlDataset(RLHFDataset):  # type: ignore[misc]
    """Prompts for the RL trainer's `data.custom_cls`; verl's agent loop gets a prompt's images from this class, too."""

    def _build_messages(self, example: dict[str, Any], key: str) -> list[dict[str, Any]]:
        return to_messages(example[key], example.get(self.image_key) or ())

    @classmethod
    def _process_multi_modal_info(
        cls, messages: list[dict[str, Any]], image_patch_size: int, config: Any
    ) -> tuple[list[Pillow.Image], None, None]:
        """Returns (images, videos, audios) of `messages`; images in order, decoded as everywhere in mmk12."""
        return decode_images(messages), None, None


def to_messages(prompt: Sequence[Mapping[str, Any]], images: Sequence[Mapping[str, bytes]]) -> list[dict[str, Any]]:
    """Returns the messages of a row; `<image>` marks become items that hold the encoded bytes of `images`.

    A row without an image gets the white image of the released data: if a batch had images on some ranks only, FSDP
    would wait for the vision tower forever. Raises `ValueError` if the numbers of marks and images differ.
    """
    encoded = [image["bytes"] for image in images]
    messages = [dict(message) for message in prompt]
    if not encoded:
        question = next(message for message in reversed(messages) if message["role"] == "user")
        question["content"] = IMAGE_MARK + question["content"]
        encoded = [make_white_png()]
    unused = iter(encoded)
    for message in messages:
        message["content"] = _split_content(message["content"], unused)
    if next(unused, None) is not None:
        raise ValueError(f"{len(encoded)} images, but fewer {IMAGE_MARK} marks")
    return messages


def decode_images(messages: Sequence[Mapping[str, Any]]) -> list[Pillow.Image]:
    """Returns the decoded images of `messages` in order."""
    items = [item for message in messages for item in message["content"]]
    return [decode(item["image"])[0] for item in items if item["type"] == "image"]


def _split_content(content: str, images: Iterator[bytes]) -> list[dict[str, Any]]:
    """Splits `content` at its marks into the items of a chat template. Raises `ValueError` if images are missing."""
    first, *others = content.split(IMAGE_MARK)
    items: list[dict[str, Any]] = [{"type": "text", "text": first}]
    for text in others:
        image = next(images, None)
        if image is None:
            raise ValueError(f"more {IMAGE_MARK} marks than images")
        items += [{"type": "image", "image": image}, {"type": "text", "text": text}]
    return [item for item in items if item["type"] == "image" or item["text"]]


class SftDataset(Dataset):  # type: ignore[misc]
    """Prompts with golds as answers, for the SFT trainer's `data.custom_cls`; `max_samples` below 0 is all rows."""

    def __init__(
        self, parquet_files: Any, tokenizer: Any, config: Any, processor: Any = None, max_samples: int = -1
    ) -> None:
        import datasets

        if not is_internvl(processor):
            raise ValueError(f"{type(processor).__name__}: recipes with an 'sft' section are for InternVL")
        files = [parquet_files] if isinstance(parquet_files, str) else list(parquet_files)
        rows = datasets.load_dataset("parquet", data_files=files, split="train")
        self.rows = rows if max_samples < 0 else rows.select(range(min(max_samples, len(rows))))
        self.processor, self.settings, self.longest = processor, dict(config.mm_processor_kwargs), config.max_length

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, at: int) -> dict[str, Any]:
        """Returns token ids, positions and loss mask, one number per token, and the pixels of all tiles.

        Raises `ValueError` for a row that is longer than `data.max_length`.
        """
        row = self.rows[at]
        chat = to_messages(row["prompt"], row["images"])
        prompt = self._render(chat, add_generation_prompt=True)
        answer = f"<answer>{row['reward_model']['ground_truth']}</answer>"
        whole = self._render([*chat, {"role": "assistant", "content": [{"type": "text", "text": answer}]}])
        features = self.processor(text=[prompt], images=decode_images(chat), return_tensors="pt", **self.settings)
        answer_ids = self._tokenize(whole[len(prompt) :].rstrip())  # with the end of the turn, which is learned, too
        ids = torch.cat([features["input_ids"][0], answer_ids])
        if len(ids) > self.longest:
            raise ValueError(f"{row['extra_info']['id']} has {len(ids):,} tokens, more than {self.longest:,}")
        return {
            "input_ids": ids,
            "position_ids": torch.arange(len(ids)),
            "loss_mask": (torch.arange(len(ids)) >= len(ids) - len(answer_ids)).long(),
            "multi_modal_inputs": {"pixel_values": features["pixel_values"]},
        }

    def _render(self, chat: list[dict[str, Any]], add_generation_prompt: bool = False) -> str:
        return str(
            self.processor.apply_chat_template(chat, tokenize=False, add_generation_prompt=add_generation_prompt)
        )

    def _tokenize(self, text: str) -> torch.Tensor:
        return torch.tensor(self.processor.tokenizer(text, add_special_tokens=False)["input_ids"])
