"""The backend for OpenAI-compatible servers: `vllm serve`, SGLang, a hosted API.

The server applies its own chat template and holds the weights. So `fingerprint` is what the server says of itself, and
image tokens are not banned. Servers of open models fill what a request leaves out from the checkpoint's
`generation_config.json`; so settings that must not apply are sent with neutral values.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import io
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from mmk12.errors import MissingExtra, ModelError
from mmk12.inference.engine import request_seed
from mmk12.inference.http_exchange import AsyncClient, Exchange, ExchangeError, Reply, to_one_line
from mmk12.types import (
    IMAGE_MARK,
    Completion,
    GenerationFailure,
    Image,
    Message,
    Request,
    Sampling,
    read_token_count,
)
from mmk12.utils.images import ImageStore
from mmk12.utils.storage import to_json

try:
    from anyio.from_thread import start_blocking_portal
except ImportError:
    raise MissingExtra("The openai backend", "openai") from None

_NEUTRAL = {"top_p": 1.0, "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}
"""Sent only to servers that are known to read these fields: some are not OpenAI's own, and others refuse them."""
_READS_NEUTRAL = ("vllm", "sglang")
_INSTEAD = ("refusal", "reasoning_content", "reasoning", "tool_calls", "function_call")
"""Where a server puts what is no answer; a reply that ends with nothing else has not answered."""
_SHORT = 10.0
"""Seconds for a question about the server itself."""


class OpenAIBackend:
    """Sends requests with bounded concurrency and exponential back-off.

    An error that remains after all attempts is a `GenerationFailure`, never an answer.

    `location` is `http(s)://HOST/v1#NAME`; without a name the server must serve one model only. The key is taken
    from OPENAI_API_KEY. `timeout` bounds one exchange as a whole, and `patience` is the first wait before a retry, both
    in seconds.
    Raises `ModelError` if the server cannot be used.
    """

    def __init__(
        self,
        location: str,
        store: ImageStore,
        *,
        concurrency: int = 64,
        timeout: float = 3600.0,
        patience: float = 1.0,
    ) -> None:
        address, _, name = location.partition("#")
        parts = urlsplit(address)
        if parts.username or parts.password:
            raise ModelError("The URL holds a password, and run.json would keep it. Put the key in OPENAI_API_KEY.")
        self._url = address.rstrip("/")
        self._store = store
        self._concurrency = concurrency
        self._exchange = Exchange(self._url, connections=concurrency, timeout=timeout, patience=patience)
        self._lost: str | None = None
        card = self._find_card(name)
        self._model = str(card["id"])
        owner = str(card.get("owned_by") or "")
        self._extra = _NEUTRAL if owner in _READS_NEUTRAL else {}
        # `root` is the checkpoint behind the name; a name alone means something on its own host only.
        identity = str(card.get("root") or f"{parts.netloc} {self._model}")
        said = " ".join(filter(None, ("openai", owner, card.get("version"), identity)))
        self.fingerprint = self._exchange.redact(said)

    def render(self, messages: Sequence[Message]) -> str:
        """Returns the messages as JSON: the chat template is the server's own."""
        return to_json([dataclasses.asdict(message) for message in messages])

    def generate(self, requests: Sequence[Request]) -> Iterator[Completion | GenerationFailure]:
        """Yields completions as they come, with at most `concurrency` open requests; an interrupt cancels them."""
        self._lost = None
        with start_blocking_portal() as portal:  # a loop of its own, so that it works inside a notebook's loop too
            answers = self._answers(requests)

            async def upcoming() -> Completion | GenerationFailure | None:
                return await anext(answers, None)

            while (answer := portal.call(upcoming)) is not None:
                yield answer

    async def _answers(self, requests: Sequence[Request]) -> AsyncIterator[Completion | GenerationFailure]:
        waiting = iter(requests)
        async with self._exchange.client() as client:
            first = islice(waiting, self._concurrency)
            running = {asyncio.create_task(self._answer(client, request)) for request in first}
            while running:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                upcoming = islice(waiting, len(done))
                running |= {asyncio.create_task(self._answer(client, request)) for request in upcoming}
                for task in done:
                    yield task.result()

    async def _answer(self, client: AsyncClient, request: Request) -> Completion | GenerationFailure:
        marks = request.prompt.count(IMAGE_MARK)
        if self._lost or marks != len(request.images):
            cause = self._lost or f"{marks} {IMAGE_MARK} marks for {len(request.images)} images"
            return GenerationFailure(request.key, request.id, f"not sent: {cause}")
        body = {
            "model": self._model,
            "messages": self._messages(request),
            "temperature": request.sampling.temperature,
            "max_tokens": request.sampling.max_tokens,
            **self._extra,
            **_list_settings(request.sampling),
            **({} if (drawn := request_seed(request)) is None else {"seed": drawn}),
        }
        try:
            reply = await self._exchange.post(client, "/chat/completions", body)
        except ExchangeError as error:
            if error.unreachable:
                self._lost = f"no server answers at {self._url}"
            return GenerationFailure(request.key, request.id, str(error))
        return _read_completion(request, reply, self._exchange)

    def _messages(self, request: Request) -> list[dict[str, Any]]:
        images = iter(request.images)
        return [
            {"role": message["role"], "content": self._content(message["content"], images)}
            for message in json.loads(request.prompt)
        ]

    def _content(self, text: str, images: Iterator[Image]) -> str | list[dict[str, Any]]:
        """Returns the content of a message, its marks replaced by the next of `images`."""
        if IMAGE_MARK not in text:
            return text
        parts: list[dict[str, Any]] = []
        for number, piece in enumerate(text.split(IMAGE_MARK)):
            if number:
                parts.append({"type": "image_url", "image_url": {"url": self._data_url(next(images))}})
            if piece:
                parts.append({"type": "text", "text": piece})
        return parts

    def _data_url(self, image: Image) -> str:
        """Encodes the pixels that every backend sees, lossless: another JPEG decoder could give other pixels."""
        path = self._store.path(image)
        if path.suffix == ".png":
            data = path.read_bytes()
        else:
            buffer = io.BytesIO()
            self._store.open(image).save(buffer, "PNG", compress_level=1)
            data = buffer.getvalue()
        return f"data:image/png;base64,{base64.b64encode(data).decode('ascii')}"

    def _find_card(self, name: str) -> dict[str, Any]:
        """Asks for the server's entry about the model, and for the `version` of a vLLM. Raises `ModelError`."""
        try:
            cards = _read_cards(self._exchange.get("/models"))
        except ExchangeError as error:
            if name and error.status in (404, 405, 501):  # the server has no list of models
                return {"id": name}
            raise ModelError(f"No usable server at {self._url}: {error}.") from None
        if not name and len(cards) == 1:
            name = next(iter(cards))
        if name not in cards:
            known = self._exchange.redact(", ".join(list(cards)[:10])) or "no model"
            raise ModelError(f"The server at {self._url} serves {known}. Name one of them: --model {self._url}#NAME")
        card = cards[name]
        return {**card, "version": self._find_version() if card.get("owned_by") == "vllm" else None}

    def _find_version(self) -> str | None:
        """Asks for the version of a vLLM, which stands beside the API, not below it."""
        root = Exchange(self._url.removesuffix("/v1"), connections=1, timeout=_SHORT, patience=0.0)
        try:
            return str(root.get("/version").json()["version"])
        except (ExchangeError, ValueError, LookupError, TypeError):
            return None


def _list_settings(sampling: Sampling) -> dict[str, float]:
    """Returns what is on of the sampling, for any server: one that cannot do it refuses the request."""
    off = Sampling()
    wanted = {name: getattr(sampling, name) for name in ("top_p", "top_k", "repetition_penalty")}
    return {name: value for name, value in wanted.items() if value != getattr(off, name)}


def _read_cards(reply: Reply) -> dict[str, dict[str, Any]]:
    """Returns the entries of a list of models by name; none if the reply is something else."""
    try:
        return {str(card["id"]): card for card in reply.json()["data"] if isinstance(card, dict)}
    except (ValueError, LookupError, TypeError):
        return {}


def _read_completion(request: Request, reply: Reply, exchange: Exchange) -> Completion | GenerationFailure:
    """Returns the completion in a reply; one that holds something else, such as a refusal, is a failure."""

    def fail(reason: str) -> GenerationFailure:
        return GenerationFailure(request.key, request.id, exchange.redact(to_one_line(reason)))

    try:
        value = reply.json()
        choice, usage = value["choices"][0], value.get("usage")
        message, finish = choice["message"], choice["finish_reason"]
        text = message.get("content")
    except (ValueError, LookupError, TypeError, AttributeError):
        return fail("the server's reply is not a chat completion")
    if finish not in ("stop", "length") or not isinstance(text, str | None):
        return fail(f"the server ended the response with {str(finish)[:100]!r}")
    if not text and finish == "stop" and (other := [name for name in _INSTEAD if message.get(name)]):
        said = f": {message[other[0]]}" if isinstance(message[other[0]], str) else ""
        return fail(f"the server's reply has `{other[0]}` and no answer{said}")
    counts = usage if isinstance(usage, dict) else {}
    return Completion(
        request.key,
        request.id,
        request.index,
        exchange.redact(text or ""),
        finish,
        read_token_count(counts.get("prompt_tokens")),
        read_token_count(counts.get("completion_tokens")),
    )
