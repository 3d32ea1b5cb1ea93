"""Rollouts by `transformers.generate`: a server for verl where vLLM cannot be installed, and a second opinion on it.

Requests that arrive together are answered in one batch. Slow beside vLLM except for tiny models.
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

_QUIET = 0.1
"""Seconds without a new request after which a batch is closed."""


@dataclass(eq=False)
class _Request:
    prompt: Sequence[int]
    sampling: Mapping[str, Any]
    images: Sequence[Any]
    tiling: Mapping[str, Any]
    answer: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def kind(self) -> tuple[Any, ...]:
        """What the requests of one batch share."""
        return tuple(self.sampling.get(key) for key in ("temperature", "top_p", "top_k"))


class HfServer:
    """A Ray actor that holds one copy of the model, on the one device that it was given."""

    def __init__(self, config: Any, path: str, rank: int) -> None:
        self._limits = config
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._processor = transformers.AutoProcessor.from_pretrained(path)
        self._model = transformers.AutoModelForImageTextToText.from_pretrained(path, dtype=torch.float32)
        self._model.eval().to(self._device)
        ends = self._model.generation_config.eos_token_id
        self._ends = list(ends) if isinstance(ends, list) else [ends]
        self._pad = self._processor.tokenizer.pad_token_id
        # A sampled image token would have no pixels behind it.
        self._banned = [[self._processor.image_token_id]]
        # The checkpoint's own sampling habits would fill in what a call leaves open.
        self._model.generation_config = transformers.GenerationConfig()
        self._waiting: list[_Request] = []
        self._work: asyncio.Task[None] | None = None
        self._step = 0
        torch.manual_seed(config.seed + rank)

    def load_weights(self, weights: Mapping[str, Any], step: int | None) -> None:
        """Takes the actor's parameters, by name, as arrays; every one, and no other."""
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
        """The tokens of one response and their log-probabilities, as verl's LLM client asks for them."""
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
                await asyncio.sleep(_QUIET)
            kind = self._waiting[0].kind
            batch = [request for request in self._waiting if request.kind == kind][: self._limits.max_num_seqs]
            self._waiting = [request for request in self._waiting if request not in batch]
            working = asyncio.create_task(asyncio.to_thread(self._answers, batch))
            await asyncio.wait([working])
            failure = working.exception()
            for at, request in enumerate(batch):
                if failure is not None:
                    request.answer.set_exception(failure)
                else:
                    request.answer.set_result(working.result()[at])

    def _answers(self, batch: Sequence[_Request]) -> list[Any]:
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
        made = self._model.generate(
            input_ids=ids.to(self._device),
            attention_mask=mask.to(self._device),
            **({"pixel_values": torch.cat(tiles).to(self._device)} if tiles else {}),
            **_sampling(batch[0].sampling, temperature),
            max_new_tokens=self._limits.response_length,
            bad_words_ids=self._banned,
            eos_token_id=self._ends,
            pad_token_id=self._pad,
            return_dict_in_generate=True,
            output_logits=True,
        )
        responses = made.sequences[:, width:]
        # The logits before any warper: what the actor computes, too.
        logits = torch.stack(made.logits, 1).float() / (temperature or 1.0)
        chosen = torch.log_softmax(logits, -1).gather(-1, responses[..., None])[..., 0]
        return [self._output(*pair) for pair in zip(responses.tolist(), chosen.tolist(), strict=True)]

    def _output(self, ids: list[int], logprobs: list[float]) -> Any:
        size = next((at + 1 for at, token in enumerate(ids) if token in self._ends), len(ids))
        extra = {"global_steps": self._step}
        return TokenOutput(token_ids=ids[:size], log_probs=logprobs[:size], stop_reason="completed", extra_fields=extra)

    async def set_global_steps(self, step: int) -> None:
        """The version of the weights, which each answer tells."""
        self._step = step

    async def abort_all_requests(self, reject_request: bool = False) -> dict[str, Any]:
        """Nothing is ever aborted."""
        return {"aborted_count": 0, "request_ids": []}

    async def _nothing(self, *_: Any, **__: Any) -> None:
        """What a server without a cache and without sleep has to do when verl manages its memory."""

    wake_up = sleep = resume_generation = clear_kv_cache = release_kv_cache = resume_kv_cache = _nothing
    start_profile = stop_profile = _nothing


def _sampling(asked: Mapping[str, Any], temperature: float) -> dict[str, Any]:
    if not temperature:
        return {"do_sample": False}
    return {
        "do_sample": True,
        "temperature": temperature,
        "top_p": asked.get("top_p", 1.0),
        "top_k": max(0, asked.get("top_k", 0)),
    }
