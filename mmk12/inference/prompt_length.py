"""Builds the prompts of samples and measures them, in tokens (images included) or in characters."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

from mmk12.errors import MissingExtra, ModelError, PromptError
from mmk12.inference import find_model, prompts
from mmk12.inference.chat_template import ChatTemplate
from mmk12.inference.checkpoint import import_torchvision, load_part
from mmk12.types import IMAGE_MARK, Image, Message, Sample
from mmk12.utils.image_tokens import count_image_tokens
from mmk12.utils.images import ImageStore, make_white_png


class BuiltPrompt(NamedTuple):
    """The messages of a question, and one image for each of their `<image>` marks; at least one."""

    messages: list[Message]
    images: tuple[Image, ...]


class PromptBuilder:
    """Builds the messages of samples with one prompt template; `store` takes the blank image of text-only rows.

    Rollouts and train.parquet use the same builder, so a question is asked with the same words and images in both.
    """

    def __init__(self, prompt: str, store: ImageStore) -> None:
        self._prompt = prompt
        self._store = store

    def __call__(self, sample: Sample) -> BuiltPrompt:
        """Returns the prompt of one sample."""
        if sample.images:
            return BuiltPrompt(prompts.render_chat(self._prompt, sample.question, len(sample.images)), sample.images)
        return BuiltPrompt(prompts.render_chat(self._prompt, IMAGE_MARK + sample.question, 1), (self._blank,))

    @cached_property
    def _blank(self) -> Image:
        return self._store.add(make_white_png())


class LengthMeter(NamedTuple):
    """`measure` returns the length of a prompt in `unit`, or None where it cannot be measured.

    `ignored` are the settings of images that the processor does not know.
    """

    unit: str
    measure: Callable[[Sample, BuiltPrompt], int | None]
    ignored: tuple[str, ...] = ()


def meter_by_characters() -> LengthMeter:
    """Measures in characters of the question: all that is known without a model."""
    return LengthMeter(
        "characters of the question", lambda sample, prompt: len(sample.question.replace(IMAGE_MARK, ""))
    )


def meter_by_rollouts(prompt_tokens: Mapping[str, int | None]) -> LengthMeter:
    """Measures in the tokens that the engine itself has counted, {id: tokens}."""
    return LengthMeter("tokens", lambda sample, prompt: prompt_tokens.get(sample.id))


def meter_by_processor(model: str, images: Mapping[str, Any] = MappingProxyType({})) -> LengthMeter:
    """Measures in tokens of the processor of `model` (hub id, folder, `demo`), from image sizes, not pixels.

    `images` are settings of the image processor that a training passes to it, such as the number of tiles. Raises
    `ModelError` if the processor cannot count image tokens.
    """
    try:
        import_torchvision()
        import transformers

        transformers.logging.set_verbosity_error()  # it would warn of prompts that are longer than the context
    except ImportError:
        raise MissingExtra("--tokenizer", "hf") from None
    processor: Any = load_part("processor", find_model(model, "hf").location, transformers.AutoProcessor)
    if not hasattr(processor, "_get_num_multimodal_tokens") or not getattr(processor, "chat_template", None):
        raise ModelError(f"{model} has no multimodal processor that counts its tokens. Leave --tokenizer out.")
    template = ChatTemplate(processor, processor.image_token)

    def measure(sample: Sample, prompt: BuiltPrompt) -> int | None:
        try:
            text = template.render(prompt.messages)
        except PromptError:
            return None
        sizes = [(image.height, image.width) for image in prompt.images]
        counted = count_image_tokens(processor, sizes, images)
        image_tokens: list[int] = counted.num_image_tokens
        return len(processor.tokenizer(text)["input_ids"]) - len(sizes) + sum(image_tokens)

    known = typing.get_type_hints(processor.image_processor.valid_kwargs)
    return LengthMeter("tokens", measure, tuple(name for name in images if name not in known))
