"""The parquet rows of `mmk12 build-data` as demonstrations for verl's SFT trainer: prompt, pictures, and the gold.

The rows hold no solutions, so what is learned is the answer alone, in its tags. verl's own dataset knows the processor
of Qwen-VL; here the prompt is made exactly as for rollouts.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import Dataset

from mmk12.verl_plugin import required as required
from mmk12.verl_plugin.dataset import decoded, messages
from mmk12.verl_plugin.processor import is_internvl


class Demonstrations(Dataset):  # type: ignore[misc]
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
        chat = messages(row["prompt"], row["images"])
        prompt = self._text(chat, add_generation_prompt=True)
        answer = f"<answer>{row['reward_model']['ground_truth']}</answer>"
        whole = self._text([*chat, {"role": "assistant", "content": [{"type": "text", "text": answer}]}])
        asked = self.processor(text=[prompt], images=decoded(chat), return_tensors="pt", **self.settings)
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
