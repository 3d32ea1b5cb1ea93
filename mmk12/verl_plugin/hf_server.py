"""Rollouts by `transformers.generate`: for machines where vLLM cannot be installed, and to cross-check vLLM.

Requests that arrive within a short time are answered in one batch. Slower than vLLM except for tiny models.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import transformers
from verl.workers.rollout.replica import TokenOutput

from mmk12.verl_plugin.internvl import compute_pixel_values

_QUIET_SECONDS = 0.1
"""A batch is closed when no new request has arrived for this long."""


@dataclass(eq=False)
class _Request:
    prompt: Sequence[int]
    sampling: Mapping[str, Any]
    images: Sequence[Any]
    tiling: Mapping[str, Any]
    answer: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def kind(self) -> tuple[Any, ...]:
        """The settings that all requests of one batch have in common."""
        return tuple(self.sampling.get(key) for key in ("temperature", "top_p", "top_k"))


class HfServer:
    """A Ray actor with one copy of the model on one device."""

    def __init__(self, config: Any, path: str, rank: int) -> None:
        self._limits = config
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._processor = transformers.AutoProcessor.from_pretrained(path)
        self._model = transformers.AutoModelForImageTextToText.from_pretrained(path, dtype=torch.float32)
        self._model.eval().to(self._device)
        ends = self._model.generation_config.eos_token_id
        self._ends = list(ends) if isinstance(ends, list) else [ends]
        self._pad = self._processor.tokenizer.pad_token_id
        # A sampled image token would have no pixels.
        self._banned = [[self._processor.image_token_id]]
        # The checkpoint's sampling defaults would replace settings that a call leaves out.
        self._model.generation_config = transformers.GenerationConfig()
        self._waiting: list[_Request] = []
        self._work: asyncio.Task[None] | None = None
        self._step = 0
        torch.manual_seed(config.seed + rank)

    def load_weights(self, weights: Mapping[str, Any], step: int | None) -> None:
        """Loads the actor's parameters, arrays by name, all that the model has. `step` is their version."""
        self._model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()}, strict=True)
        self._step = self._step if step is None else step

    async def generate(
        self,
        prompt_ids: Sequence[int],
        sampling_params: Mapping[str, Any],
        request_id: str,
        image_data: Sequence[Any] | None = None,
        mm_processor_kwargs: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> Any:
        """Returns the tokens of one response and their log-probabilities, as verl's LLM client expects them."""
        request = _Request(prompt_ids, sampling_params, image_data or (), mm_processor_kwargs or {})
        self._waiting.append(request)
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._drain())
        return await request.answer

    async def _drain(self) -> None:
        while self._waiting:
            count = 0
            while count != len(self._waiting):
                count = len(self._waiting)
                await asyncio.sleep(_QUIET_SECONDS)
            kind = self._waiting[0].kind
            batch = [request for request in self._waiting if request.kind == kind][: self._limits.max_num_seqs]
            self._waiting = [request for request in self._waiting if request not in batch]
            task = asyncio.create_task(asyncio.to_thread(self._generate_batch, batch))
            await asyncio.wait([task])
            failure = task.exception()
            for at, request in enumerate(batch):
                if failure is not None:
                    request.answer.set_exception(failure)
                else:
                    request.answer.set_result(task.result()[at])

    def _generate_batch(self, batch: Sequence[_Request]) -> list[Any]:
        width = max(len(request.prompt) for request in batch)
        ids = torch.full((len(batch), width), self._pad)
        mask = torch.zeros_like(ids)
        tiles = []
        for at, request in enumerate(batch):
            ids[at, width - len(request.prompt) :] = torch.tensor(request.prompt)
            mask[at, width - len(request.prompt) :] = 1
            if request.images:
                tokens = list(request.prompt).count(self._processor.image_token_id)
                tiles.append(compute_pixel_values(self._processor, request.images, request.tiling, tokens))
        temperature = float(batch[0].sampling.get("temperature", 1.0))
        output = self._model.generate(
            input_ids=ids.to(self._device),
            attention_mask=mask.to(self._device),
            **({"pixel_values": torch.cat(tiles).to(self._device)} if tiles else {}),
            **_sampling_arguments(batch[0].sampling, temperature),
            max_new_tokens=self._limits.response_length,
            bad_words_ids=self._banned,
            eos_token_id=self._ends,
            pad_token_id=self._pad,
            return_dict_in_generate=True,
            output_logits=True,
        )
        responses = output.sequences[:, width:]
        # The logits before top-p and top-k, as the actor computes them.
        logits = torch.stack(output.logits, 1).float() / (temperature or 1.0)
        logprobs = torch.log_softmax(logits, -1).gather(-1, responses[..., None])[..., 0]
        return [self._cut_at_end(*pair) for pair in zip(responses.tolist(), logprobs.tolist(), strict=True)]

    def _cut_at_end(self, ids: list[int], logprobs: list[float]) -> Any:
        size = next((at + 1 for at, token in enumerate(ids) if token in self._ends), len(ids))
        extra = {"global_steps": self._step}
        return TokenOutput(token_ids=ids[:size], log_probs=logprobs[:size], stop_reason="completed", extra_fields=extra)

    async def set_global_steps(self, step: int) -> None:
        """Sets the version of the weights, which is part of each response."""
        self._step = step

    async def abort_all_requests(self, reject_request: bool = False) -> dict[str, Any]:
        """Does nothing: requests are never aborted."""
        return {"aborted_count": 0, "request_ids": []}

    async def _nothing(self, *_: Any, **__: Any) -> None:
        """Does nothing: there is no cache to clear, and the server never sleeps."""

    wake_up = sleep = resume_generation = clear_kv_cache = release_kv_cache = resume_kv_cache = _nothing
    start_profile = stop_profile = _nothing


def _sampling_arguments(sampling: Mapping[str, Any], temperature: float) -> dict[str, Any]:
    if not temperature:
        return {"do_sample": False}
    return {
        "do_sample": True,
        "temperature": temperature,
        "top_p": sampling.get("top_p", 1.0),
        "top_k": max(0, sampling.get("top_k", 0)),
    }
