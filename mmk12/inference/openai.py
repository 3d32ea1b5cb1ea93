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
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from mmk12.errors import MissingExtra, ModelError, first_line
from mmk12.inference.engine import request_seed
from mmk12.types import IMAGE_MARK, Completion, GenerationFailure, Image, Message, Request
from mmk12.utils.images import ImageStore
from mmk12.utils.storage import to_json

try:
    import httpx
    import tenacity
    from anyio.from_thread import start_blocking_portal
except ImportError:
    raise MissingExtra("The openai backend", "openai") from None

_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""The statuses after which the same request may succeed later."""
_ATTEMPTS = 7
_MAX_WAIT = 30.0
"""Seconds."""
_MAX_LINE = 300


def make_retrying(patience: float) -> tenacity.AsyncRetrying:
    """Returns a caller of async functions: up to seven attempts, the first wait about `patience` s, then doubled."""
    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception(_may_succeed_later),
        wait=_Wait(patience),
        stop=tenacity.stop_after_attempt(_ATTEMPTS),
        reraise=True,
    )


def is_unreachable(error: Exception) -> bool:
    """Whether no server listens at all, so that other requests would wait in vain too."""
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)


def describe_error(error: Exception) -> str:
    """Describes an error in one line, with the server's own message where there is one."""
    if not isinstance(error, httpx.HTTPStatusError):
        return to_one_line(first_line(error))
    status = f"the server answered {error.response.status_code}"
    try:
        message: Any = error.response.json()
    except ValueError:
        message = error.response.text
    for name in ("error", "message", "detail"):
        if isinstance(message, dict) and name in message:
            message = message[name]
    return to_one_line(f"{status}: {message}" if message else status)


def to_one_line(text: str) -> str:
    """Returns the first line of `text`, cut to 300 characters."""
    line = (text.strip().splitlines() or [""])[0]
    return line if len(line) <= _MAX_LINE else line[: _MAX_LINE - 1] + "…"


class _Wait(tenacity.wait.wait_base):
    """Exponential back-off with jitter, unless the server sends Retry-After."""

    def __init__(self, initial: float) -> None:
        self._usual = tenacity.wait_exponential(initial, max=_MAX_WAIT) + tenacity.wait_random(0, initial)

    def __call__(self, retry_state: tenacity.RetryCallState) -> float:
        error = retry_state.outcome and retry_state.outcome.exception()
        retry_after = error.response.headers.get("retry-after", "") if isinstance(error, httpx.HTTPStatusError) else ""
        return min(float(retry_after), _MAX_WAIT) if retry_after.isdecimal() else self._usual(retry_state)


def _may_succeed_later(error: BaseException) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in _RETRIED
    # A response that took too long would take as long again, so a read timeout is final.
    return isinstance(error, httpx.TransportError) and not isinstance(error, httpx.ReadTimeout)


_NEUTRAL = {"top_p": 1.0, "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}
"""Sent only to servers that are known to read these fields: some are not OpenAI's own, and others refuse them."""
_READS_NEUTRAL = ("vllm", "sglang")


class OpenAIBackend:
    """Sends requests with bounded concurrency and exponential back-off.

    An error that remains after all attempts is a `GenerationFailure`, never an answer.

    `location` is `http(s)://HOST/v1#NAME`; without a name the server must serve one model only. The key is taken
    from OPENAI_API_KEY. `timeout` bounds one response, `patience` is the first wait before a retry, in seconds.
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
        self._retrying = make_retrying(patience)
        self._lost: str | None = None
        key = os.environ.get("OPENAI_API_KEY")
        self._client: dict[str, Any] = {
            "headers": {"Authorization": f"Bearer {key}"} if key else {},
            "timeout": httpx.Timeout(timeout, connect=10.0, pool=None),
            "limits": httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
        }
        card = self._find_card(name)
        self._model = str(card["id"])
        owner = str(card.get("owned_by") or "")
        self._extra = _NEUTRAL if owner in _READS_NEUTRAL else {}
        # `root` is the checkpoint behind the name; a name alone means something on its own host only.
        identity = str(card.get("root") or f"{parts.netloc} {self._model}")
        self.fingerprint = " ".join(filter(None, ("openai", owner, card.get("version"), identity)))

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
        async with httpx.AsyncClient(**self._client) as client:
            first = islice(waiting, self._concurrency)
            running = {asyncio.create_task(self._answer(client, request)) for request in first}
            while running:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                upcoming = islice(waiting, len(done))
                running |= {asyncio.create_task(self._answer(client, request)) for request in upcoming}
                for task in done:
                    yield task.result()

    async def _answer(self, client: httpx.AsyncClient, request: Request) -> Completion | GenerationFailure:
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
            **({} if (drawn := request_seed(request)) is None else {"seed": drawn}),
        }
        try:
            response: httpx.Response = await self._retrying(self._post, client, body)
        except httpx.HTTPError as error:
            if is_unreachable(error):
                self._lost = f"no server answers at {self._url}"
            return GenerationFailure(request.key, request.id, describe_error(error))
        return _completion(request, response)

    async def _post(self, client: httpx.AsyncClient, body: dict[str, Any]) -> httpx.Response:
        # Escaped to ASCII: a lone surrogate in a question has no other form.
        content = json.dumps(body).encode("ascii")
        response = await client.post(
            f"{self._url}/chat/completions", content=content, headers={"Content-Type": "application/json"}
        )
        return response.raise_for_status()

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
            with httpx.Client(**self._client) as client:
                response = client.get(f"{self._url}/models")
                if name and response.status_code in (404, 405, 501):  # the server has no list of models
                    return {"id": name}
                cards = _cards(response.raise_for_status())
                version = client.get(f"{self._url.removesuffix('/v1')}/version")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ModelError(f"No usable server at {self._url}: {describe_error(error)}.") from None
        if not name and len(cards) == 1:
            name = next(iter(cards))
        if name not in cards:
            known = ", ".join(list(cards)[:10]) or "no model"
            raise ModelError(f"The server at {self._url} serves {known}. Name one of them: --model {self._url}#NAME")
        card = cards[name]
        return {**card, "version": _version(version) if card.get("owned_by") == "vllm" else None}


def _cards(response: httpx.Response) -> dict[str, dict[str, Any]]:
    """Returns the entries of a list of models by name; none if the reply is something else."""
    try:
        return {card["id"]: card for card in response.json()["data"]}
    except (ValueError, LookupError, TypeError):
        return {}


def _version(response: httpx.Response) -> str | None:
    try:
        return str(response.json()["version"])
    except (ValueError, LookupError, TypeError):
        return None


def _completion(request: Request, response: httpx.Response) -> Completion | GenerationFailure:
    try:
        reply = response.json()
        choice, usage = reply["choices"][0], reply.get("usage") or {}
        text, finish = choice["message"].get("content") or "", choice["finish_reason"]
        counts = usage.get("prompt_tokens"), usage.get("completion_tokens")
    except (ValueError, LookupError, TypeError, AttributeError):
        return GenerationFailure(request.key, request.id, "the server's reply is not a chat completion")
    if finish not in ("stop", "length") or not isinstance(text, str):
        return GenerationFailure(request.key, request.id, to_one_line(f"the server ended the response with {finish!r}"))
    return Completion(request.key, request.id, request.index, text, finish, *counts)
