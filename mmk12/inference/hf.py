"""The transformers backend: HF-native InternVL and anything `AutoModelForImageTextToText` loads.

Slower than vLLM, and runs everywhere, also without a GPU. It differs from a plain `generate` in two points. The
checkpoint's own sampling defaults (temperature, top-p, repetition penalty) never apply. Tokens that stand for images
are never sampled: a small model does emit them, and then text and image features no longer match.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from mmk12.errors import MissingExtra, ModelError
from mmk12.inference.chat_template import ChatTemplate
from mmk12.inference.checkpoint import hash_weights, import_torchvision, load_part, read_token_ids
from mmk12.inference.engine import EngineStopped, run_engine
from mmk12.types import IMAGE_MARK, Completion, GenerationFailure, Message, Request
from mmk12.utils.images import ImageStore

try:
    import torch

    import_torchvision()
    import transformers
except ImportError:
    raise MissingExtra("The hf backend", "hf") from None


class HfBackend:
    """Batched generation with left padding; the longest prompts go first, so that a lack of memory shows at once."""

    def __init__(self, model: str, store: ImageStore, batch_size: int = 16) -> None:
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        torch.seed()  # else every process samples the same, and a resumed run repeats its rollouts
        self.capacity = batch_size
        self._store = store
        self._added: list[Request] = []
        device = "cuda" if torch.cuda.is_available() else "cpu"
        # Half precision on a CPU is slow and less exact; weights stored so are widened.
        dtype = "auto" if device == "cuda" else torch.float32
        self._processor = load_part("processor", model, transformers.AutoProcessor)
        self._tokenizer: Any = getattr(self._processor, "tokenizer", None)
        if self._tokenizer is None or not getattr(self._processor, "chat_template", None):
            raise ModelError(
                f"{model} has no multimodal processor with a chat template "
                "(preprocessor_config.json, chat_template.jinja). Copy those files from the base model's folder."
            )
        self._tokenizer.padding_side = "left"
        self._model = load_part("model", model, transformers.AutoModelForImageTextToText, dtype=dtype)
        self._model.eval().to(device)
        self._chat = ChatTemplate(self._processor, getattr(self._processor, "image_token", None) or IMAGE_MARK)
        self._context = int(getattr(self._model.config.get_text_config(), "max_position_embeddings", 1 << 30))
        ends = read_token_ids(self._model.generation_config.eos_token_id) or read_token_ids(
            self._tokenizer.eos_token_id
        )
        self._stops = ends | self._chat.turn_end_ids()
        self._pad = self._tokenizer.pad_token_id if self._tokenizer.pad_token_id is not None else min(self._stops)
        self._banned = sorted(self._chat.placeholder_ids(self._model.config) - self._stops)
        # `generate` takes its defaults from here, so the checkpoint's own sampling settings are removed.
        self._model.generation_config = transformers.GenerationConfig()
        versions = f"transformers-{transformers.__version__} torch-{torch.__version__}"
        self.fingerprint = f"hf {versions} {str(self._model.dtype).removeprefix('torch.')} {hash_weights(model)}"

    def render(self, messages: Sequence[Message]) -> str:
        """Renders the prompt by the model's own chat template; raises `PromptError`."""
        return self._chat.render(messages)

    def generate(self, requests: Sequence[Request]) -> Iterator[Completion | GenerationFailure]:
        """Yields completions batch by batch, longest prompts first."""
        ordered = sorted(requests, key=lambda request: (repr(request.sampling), -len(request.prompt), request.key))
        return run_engine(self, ordered)

    def add(self, request: Request) -> None:
        """Adds a request to the next batch."""
        self._added.append(request)

    def step(self) -> list[Completion | GenerationFailure]:
        """Answers everything that was added. Raises `EngineStopped` when the device is out of memory."""
        added, self._added = self._added, []
        groups = groupby(added, key=lambda request: request.sampling)
        try:
            return [answer for _, same in groups for answer in self._batch(list(same))]
        except torch.OutOfMemoryError as error:
            hint = "Lower it with --engine batch_size=N."
            raise EngineStopped(f"the device is out of memory with {len(added)} requests at a time. {hint}") from error

    def _batch(self, requests: list[Request]) -> Iterator[Completion | GenerationFailure]:
        images = [[self._store.open(image) for image in request.images] for request in requests]
        inputs = self._processor(
            text=[request.prompt for request in requests],
            images=images if any(images) else None,
            padding=True,
            add_special_tokens=False,  # the chat template writes them all itself
            return_tensors="pt",
        ).to(self._model.device, dtype=self._model.dtype)
        inputs.pop("token_type_ids", None)
        width = inputs["input_ids"].shape[1]
        sampling = requests[0].sampling
        room = min(sampling.max_tokens, self._context - width)
        if room < 1:
            if len(requests) == 1:
                reason = f"the prompt has {width} tokens, the model's context {self._context}"
                yield GenerationFailure(requests[0].key, requests[0].id, reason)
            else:  # only the longest prompts are too long
                for request in requests:
                    yield from self._batch([request])
            return
        config = transformers.GenerationConfig(
            max_new_tokens=room,
            do_sample=sampling.temperature > 0,
            temperature=sampling.temperature or None,
            top_p=sampling.top_p if sampling.temperature > 0 else None,
            top_k=sampling.top_k if sampling.temperature > 0 else None,  # None would mean the library's 50
            repetition_penalty=sampling.repetition_penalty,
            eos_token_id=sorted(self._stops),
            pad_token_id=self._pad,
            suppress_tokens=self._banned or None,
        )
        with torch.inference_mode():
            tokens = self._model.generate(**inputs, generation_config=config)[:, width:].tolist()
        prompt_tokens = inputs["attention_mask"].sum(dim=1).tolist()
        for request, row, prompt_length in zip(requests, tokens, prompt_tokens, strict=True):
            end = next((place for place, token in enumerate(row) if token in self._stops), None)
            kept = row if end is None else row[: end + 1]
            yield Completion(
                request.key,
                request.id,
                request.index,
                self._tokenizer.decode(kept, skip_special_tokens=True),
                "length" if end is None else "stop",
                prompt_length,
                len(kept),
            )
