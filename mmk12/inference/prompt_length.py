"""How long prompts are: in tokens, pictures included, where a model's processor can say so; in characters where not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from mmk12.errors import MissingExtra, ModelError, PromptError
from mmk12.inference import prompts
from mmk12.types import IMAGE_MARK, Image, Message, Sample
from mmk12.utils.images import make_white_png

if TYPE_CHECKING:
    from mmk12.curation.context import Context


# How a row is asked: the same words and pictures in the rollouts, in train.parquet and in train.jsonl.


class BuiltPrompt(NamedTuple):
    """The messages that ask a question, and as many pictures as they have `<image>` marks; at least one."""

    messages: list[Message]
    images: tuple[Image, ...]


class PromptBuilder:
    """Asks samples by the prompt of a recipe's profile."""

    def __init__(self, context: Context) -> None:
        self._prompt = context.recipe.profile.prompt
        self._store = context.images

    def __call__(self, sample: Sample) -> BuiltPrompt:
        """The prompt of one sample."""
        if sample.images:
            return BuiltPrompt(prompts.render_chat(self._prompt, sample.question, len(sample.images)), sample.images)
        return BuiltPrompt(prompts.render_chat(self._prompt, IMAGE_MARK + sample.question, 1), (self._blank,))

    @cached_property
    def _blank(self) -> Image:
        return self._store.add(make_white_png())


class LengthMeter(NamedTuple):
    """`measure` gives the length of a prompt in `unit`, or None where it cannot be asked."""

    unit: str
    measure: Callable[[Sample, BuiltPrompt], int | None]


def meter_by_characters() -> LengthMeter:
    """Characters of the question: all that is known without a model."""
    return LengthMeter("characters of the question", lambda sample, asked: len(sample.question.replace(IMAGE_MARK, "")))


def meter_by_rollouts(prompt_tokens: Mapping[str, int | None]) -> LengthMeter:
    """What the engine itself has counted for each id."""
    return LengthMeter("tokens", lambda sample, asked: prompt_tokens.get(sample.id))


def meter_by_processor(model: str) -> LengthMeter:
    """What the processor of `model` (hub id, folder, `demo`) would make; it looks at sizes, not at pixels.

    Raises `ModelError` when it has no processor that counts image tokens.
    """
    try:
        from mmk12.inference.checkpoint import import_torchvision

        import_torchvision()
        import transformers

        transformers.logging.set_verbosity_error()  # of a text longer than the context, which is what is asked
    except ImportError:
        raise MissingExtra("--tokenizer", "hf") from None
    from mmk12.inference import find_model
    from mmk12.inference.chat_template import ChatTemplate
    from mmk12.inference.checkpoint import load_part

    processor: Any = load_part("processor", find_model(model, "hf").location, transformers.AutoProcessor)
    if not hasattr(processor, "_get_num_multimodal_tokens") or not getattr(processor, "chat_template", None):
        raise ModelError(f"{model} has no multimodal processor that counts its tokens. Leave --tokenizer out.")
    template = ChatTemplate(processor, processor.image_token)

    def measure(sample: Sample, asked: BuiltPrompt) -> int | None:
        try:
            prompt = template.render(asked.messages)
        except PromptError:
            return None
        sizes = [(image.height, image.width) for image in asked.images]
        pictures: list[int] = processor._get_num_multimodal_tokens(image_sizes=sizes).num_image_tokens
        return len(processor.tokenizer(prompt)["input_ids"]) - len(sizes) + sum(pictures)

    return LengthMeter("tokens", measure)
