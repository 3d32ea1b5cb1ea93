"""The parquet rows of `mmk12 build-data` as verl's agent loop takes them, with their pictures as they are.

verl's own dataset resizes every picture to multiples of 28 pixels, as Qwen-VL wants them, before any processor sees
it. It also carries decoded pixels through Ray with each response; here the encoded bytes travel.
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
    """For verl's `data.custom_cls`. Its agent loop takes the pictures of a prompt through this class, too."""

    def _build_messages(self, example: dict[str, Any], key: str) -> list[dict[str, Any]]:
        return to_messages(example[key], example.get(self.image_key) or ())

    @classmethod
    def _process_multi_modal_info(
        cls, messages: list[dict[str, Any]], image_patch_size: int, config: Any
    ) -> tuple[list[Pillow.Image], None, None]:
        """The pictures of `messages` in order, decoded as everywhere in mmk12: (images, videos, audios)."""
        return decode_images(messages), None, None


def to_messages(prompt: Sequence[Mapping[str, Any]], images: Sequence[Mapping[str, bytes]]) -> list[dict[str, Any]]:
    """The messages of a row, each picture an item of its own that holds encoded bytes.

    A row without a picture shows the white one of the released data: where some ranks had no picture in a batch and
    others had, FSDP would wait for the vision tower forever. Raises `ValueError` where marks and pictures do not fit.
    """
    pictures = [picture["bytes"] for picture in images]
    made = [dict(message) for message in prompt]
    if not pictures:
        asked = next(message for message in reversed(made) if message["role"] == "user")
        asked["content"] = IMAGE_MARK + asked["content"]
        pictures = [make_white_png()]
    unused = iter(pictures)
    for message in made:
        message["content"] = _items(message["content"], unused)
    if next(unused, None) is not None:
        raise ValueError(f"{len(pictures)} pictures, but fewer {IMAGE_MARK} marks")
    return made


def decode_images(messages: Sequence[Mapping[str, Any]]) -> list[Pillow.Image]:
    """The pictures of `messages` in order."""
    items = [item for message in messages for item in message["content"]]
    return [decode(item["image"])[0] for item in items if item["type"] == "image"]


def _items(content: str, pictures: Iterator[bytes]) -> list[dict[str, Any]]:
    """`content` cut at its marks, as chat templates take it. Raises `ValueError` when the pictures run out."""
    first, *others = content.split(IMAGE_MARK)
    items: list[dict[str, Any]] = [{"type": "text", "text": first}]
    for text in others:
        picture = next(pictures, None)
        if picture is None:
            raise ValueError(f"more {IMAGE_MARK} marks than pictures")
        items += [{"type": "image", "image": picture}, {"type": "text", "text": text}]
    return [item for item in items if item["type"] == "image" or item["text"]]


# The parquet rows of `mmk12 build-data` as demonstrations for verl's SFT trainer: prompt, pictures, and the gold.


class SftDataset(Dataset):  # type: ignore[misc]
    """For the SFT trainer's `data.custom_cls`. `max_samples` below 0 is all rows."""

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
        """Token ids, positions and loss mask, one number per token; the pixels of all tiles. Raises `ValueError` for a
        row that is longer than `data.max_length`."""
        row = self.rows[at]
        chat = to_messages(row["prompt"], row["images"])
        prompt = self._text(chat, add_generation_prompt=True)
        answer = f"<answer>{row['reward_model']['ground_truth']}</answer>"
        whole = self._text([*chat, {"role": "assistant", "content": [{"type": "text", "text": answer}]}])
        asked = self.processor(text=[prompt], images=decode_images(chat), return_tensors="pt", **self.settings)
        told = self._ids(whole[len(prompt) :].rstrip())  # with the end of the turn, which is learned, too
        ids = torch.cat([asked["input_ids"][0], told])
        if len(ids) > self.longest:
            raise ValueError(f"{row['extra_info']['id']} has {len(ids):,} tokens, more than {self.longest:,}")
        return {
            "input_ids": ids,
            "position_ids": torch.arange(len(ids)),
            "loss_mask": (torch.arange(len(ids)) >= len(ids) - len(told)).long(),
            "multi_modal_inputs": {"pixel_values": asked["pixel_values"]},
        }

    def _text(self, chat: list[dict[str, Any]], add_generation_prompt: bool = False) -> str:
        made: str = self.processor.apply_chat_template(
            chat, tokenize=False, add_generation_prompt=add_generation_prompt
        )
        return made

    def _ids(self, text: str) -> torch.Tensor:
        made: torch.Tensor = self.processor.tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"][
            0
        ]
        return made
