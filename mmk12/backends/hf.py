"""The transformers backend: HF-native InternVL and anything `AutoModelForImageTextToText` loads.

Slow beside vLLM and runs everywhere, also without a GPU. Two things it takes care of that a bare `generate` does
not: the checkpoint's own sampling defaults (temperature, top-p, repetition penalty) never apply, and tokens that
stand for pictures are never sampled: a small model does emit them, and then text and features no longer match.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from mmk12.backends._torchvision import make_importable
from mmk12.errors import MissingExtra, ModelError, PromptError
from mmk12.images import ImageStore
from mmk12.types import IMAGE_MARK, Completion, Failure, Message, Request

try:
    import torch

    make_importable()
    import transformers
except ImportError:
    raise MissingExtra("The hf backend", "hf") from None

_SMALL = 64 * 2**20
_IMAGE_TOKEN_NAMES = ("image_token", "start_image_token", "end_image_token", "context_image_token", "video_token")


class HfBackend:
    """Batched generation with left padding; the longest prompts go first, so that memory trouble shows at once."""

    def __init__(self, model: str, store: ImageStore, batch_size: int = 16) -> None:
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        self._store = store
        self._batch_size = batch_size
        device = "cuda" if torch.cuda.is_available() else "cpu"
        # Half precision on a CPU is slow and less exact; weights stored so are widened.
        dtype = "auto" if device == "cuda" else torch.float32
        self._processor = _loaded("processor", model, transformers.AutoProcessor)
        self._tokenizer: Any = getattr(self._processor, "tokenizer", None)
        if self._tokenizer is None or not getattr(self._processor, "chat_template", None):
            raise ModelError(
                f"{model} has no multimodal processor with a chat template "
                "(preprocessor_config.json, chat_template.jinja). Copy those files from the base model's folder."
            )
        self._tokenizer.padding_side = "left"
        self._model = _loaded("model", model, transformers.AutoModelForImageTextToText, dtype=dtype)
        self._model.eval().to(device)
        self._image_token: str = getattr(self._processor, "image_token", None) or IMAGE_MARK
        self._context = int(getattr(self._model.config.get_text_config(), "max_position_embeddings", 1 << 30))
        self._stops = _ids(self._model.generation_config.eos_token_id) or _ids(self._tokenizer.eos_token_id)
        self._pad = self._tokenizer.pad_token_id if self._tokenizer.pad_token_id is not None else min(self._stops)
        self._banned = self._image_token_ids()
        # What a call leaves open is filled from here, so the checkpoint's own sampling habits must go.
        self._model.generation_config = transformers.GenerationConfig()
        versions = f"transformers-{transformers.__version__} torch-{torch.__version__}"
        self.fingerprint = f"hf {versions} {str(self._model.dtype).removeprefix('torch.')} {_weights_id(model)}"

    def render(self, messages: Sequence[Message]) -> str:
        """The prompt after the model's own chat template, one image token per picture.

        Raises `PromptError` when the text itself holds one of the model's control tokens.
        """
        chat, images = [], 0
        for message in messages:
            texts = message.content.split(IMAGE_MARK)
            for token in self._tokenizer.all_special_tokens:
                if any(token in text for text in texts):
                    raise PromptError(f"the text holds the model's control token {token}")
            parts: list[dict[str, str]] = []
            for number, text in enumerate(texts):
                if number:
                    parts.append({"type": "image"})
                if text:
                    parts.append({"type": "text", "text": text})
            images += len(texts) - 1
            chat.append({"role": message.role, "content": parts if len(texts) > 1 else message.content})
        prompt: str = self._processor.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        marks = prompt.count(self._image_token)
        if marks != images:
            raise PromptError(f"the chat template made {marks} image tokens of {images} images")
        return prompt

    def generate(self, requests: Sequence[Request]) -> Iterator[Completion | Failure]:
        """Completions batch by batch, longest prompts first."""
        ordered = sorted(requests, key=lambda request: (repr(request.sampling), -len(request.prompt), request.key))
        for _, same in groupby(ordered, key=lambda request: request.sampling):
            group = list(same)
            for start in range(0, len(group), self._batch_size):
                yield from self._batch(group[start : start + self._batch_size])

    def _batch(self, requests: list[Request]) -> Iterator[Completion | Failure]:
        pictures = [[self._store.open(image) for image in request.images] for request in requests]
        inputs = self._processor(
            text=[request.prompt for request in requests],
            images=pictures if any(pictures) else None,
            padding=True,
            return_tensors="pt",
        ).to(self._model.device, dtype=self._model.dtype)
        inputs.pop("token_type_ids", None)
        width = inputs["input_ids"].shape[1]
        sampling = requests[0].sampling
        room = min(sampling.max_tokens, self._context - width)
        if room < 1:
            if len(requests) == 1:
                reason = f"the prompt has {width} tokens, the model's context {self._context}"
                yield Failure(requests[0].key, requests[0].id, reason)
            else:  # only the longest prompts are too long
                for request in requests:
                    yield from self._batch([request])
            return
        config = transformers.GenerationConfig(
            max_new_tokens=room,
            do_sample=sampling.temperature > 0,
            temperature=sampling.temperature or None,
            top_k=0 if sampling.temperature > 0 else None,  # None would mean the library's 50
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

    def _image_token_ids(self) -> list[int]:
        owners = (self._processor, self._tokenizer)
        tokens = {getattr(owner, name, None) for owner in owners for name in _IMAGE_TOKEN_NAMES}
        found = {self._tokenizer.convert_tokens_to_ids(token) for token in tokens if isinstance(token, str)}
        config = self._model.config
        found |= {getattr(config, name, None) for name in ("image_token_id", "video_token_id", "vision_start_token_id")}
        return sorted(token for token in found if isinstance(token, int) and token not in self._stops)


def _loaded(what: str, model: str, loader: Any, **options: Any) -> Any:
    """`loader.from_pretrained(model)`, its many failures as one line."""
    try:
        return loader.from_pretrained(model, **options)
    except (OSError, ValueError, KeyError, TypeError, ImportError, RuntimeError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"Cannot load the {what} of {model}: {first}") from error


def _ids(value: int | list[int] | None) -> set[int]:
    return set() if value is None else {value} if isinstance(value, int) else set(value)


def _weights_id(model: str) -> str:
    """What tells one checkpoint from another: the hub's commit, or a hash over the folder's files.

    Of a file over 64 MB only size, first and last MB are hashed: fine-tuning changes all of a tensor file.
    """
    folder = Path(model)
    if not folder.is_dir():
        import huggingface_hub

        return Path(huggingface_hub.snapshot_download(model, local_files_only=True)).name
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".json", ".jinja", ".safetensors", ".bin", ".model", ".txt"):
            size = path.stat().st_size
            digest.update(f"{path.relative_to(folder)} {size} ".encode())
            with open(path, "rb") as file:
                if size <= _SMALL:
                    digest.update(file.read())
                else:
                    digest.update(file.read(2**20))
                    file.seek(-(2**20), 2)
                    digest.update(file.read())
    return f"sha256:{digest.hexdigest()}"
