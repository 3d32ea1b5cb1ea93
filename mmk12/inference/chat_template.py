"""Renders prompts by the model's chat template, and finds its control, image and end-of-turn tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmk12.errors import PromptError
from mmk12.types import IMAGE_MARK, Message

_NAMED = ("image_token", "start_image_token", "end_image_token", "context_image_token", "video_token")
_PLACEHOLDERS = ("<img>", "</img>", "<IMG_CONTEXT>")
"""The image tokens of InternVL, whose remote-code tokenizers do not name them."""
_TURN_ENDS = ("<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>")
"""Tokens that end a turn. Remote-code InternVL declares `</s>` but its template writes the first of these."""


class ChatTemplate:
    """Renders messages by a processor, whose template places image tokens, or by a tokenizer, which knows only text.

    `inline` is the text for an image in the latter case (`<image>` and a line break for remote-code InternVL).
    """

    def __init__(self, owner: Any, image_token: str, inline: str | None = None) -> None:
        self._owner = owner
        self._tokenizer = getattr(owner, "tokenizer", owner)
        self._image_token = image_token
        self._inline = inline
        # Some tokenizers do not list all control tokens as special ones; then they are among the added tokens.
        added = getattr(self._tokenizer, "added_tokens_decoder", {}).values()
        special = {*self._tokenizer.all_special_tokens, *(str(token) for token in added if token.special)}
        self._control_tokens = sorted(special)

    def render(self, messages: Sequence[Message]) -> str:
        """Renders messages by the chat template, with one image token per image.

        Raises `PromptError` if a message contains a control token of the model, or the template loses an image.
        """
        chat, images = [], 0
        for message in messages:
            texts = message.content.split(IMAGE_MARK)
            for token in self._control_tokens:
                if any(token in text for text in texts):
                    raise PromptError(f"the text holds the model's control token {token}")
            images += len(texts) - 1
            chat.append({"role": message.role, "content": self._content(texts)})
        prompt: str = self._owner.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        marks = self.marks(prompt)
        if marks != images:
            raise PromptError(f"the chat template has {marks} image tokens for {images} images")
        return prompt

    def marks(self, prompt: str) -> int:
        """Returns the number of image tokens in a rendered prompt."""
        return prompt.count(self._image_token)

    def placeholder_ids(self, config: Any) -> set[int]:
        """Returns the ids of the tokens that stand for images; the model's `config` may name more of them."""
        named = {getattr(owner, name, None) for owner in (self._owner, self._tokenizer) for name in _NAMED}
        tokens = {token for token in named if isinstance(token, str)} | {*_PLACEHOLDERS}
        known = self._tokenizer.get_vocab()
        ids = {known.get(token) for token in tokens}
        ids |= {getattr(config, name, None) for name in ("image_token_id", "video_token_id", "vision_start_token_id")}
        return {token for token in ids if isinstance(token, int)}

    def turn_end_ids(self) -> set[int]:
        """Returns the ids of the tokens that end a turn in the template: a response that writes one has ended."""
        template, known = str(self._owner.chat_template), self._tokenizer.get_vocab()
        return {known[token] for token in _TURN_ENDS if token in template and token in known}

    def _content(self, texts: Sequence[str]) -> str | list[dict[str, str]]:
        if len(texts) == 1:
            return texts[0]
        if self._inline is not None:
            return self._inline.join(texts)
        parts: list[dict[str, str]] = []
        for number, text in enumerate(texts):
            if number:
                parts.append({"type": "image"})
            if text:
                parts.append({"type": "text", "text": text})
        return parts
