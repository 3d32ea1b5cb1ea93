"""Exchanges with a server that is not trusted: bounded in time and size, repeated where that helps, the key hidden.

The deadline holds for a whole exchange: a server that sends a byte a second never keeps a request open for longer. What
a server sends back, such as the header of a refused request, is shown without the key.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NamedTuple

from mmk12.errors import MissingExtra, ModelError, first_line
from mmk12.utils.storage import to_json

try:
    import httpx
    import tenacity
    from httpx import AsyncClient
except ImportError:
    raise MissingExtra("The openai backend", "openai") from None

MAX_BODY = 64 * 2**20
"""Bytes of a reply after decompression; the longest completions are far below one of them."""
_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""The statuses after which the same request may succeed later."""
_ATTEMPTS = 7
_MAX_WAIT = 30.0
"""Seconds."""
_MAX_LINE = 300
_HIDDEN = "[API key]"
_SHORTEST_KEY = 8
"""Characters; a shorter key, such as the `EMPTY` that local servers are given, is no secret, but a word."""


__all__ = ["AsyncClient", "Exchange", "ExchangeError", "Reply", "to_one_line"]


class ExchangeError(Exception):
    """An exchange that gave no reply, or one that refuses the request; the message is one line without the key.

    `may_pass` says whether the same request may succeed later, `wait` how many seconds the server asks to wait, and
    `unreachable` whether no server listens at all, so that other requests would wait in vain, too.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        may_pass: bool = False,
        wait: float | None = None,
        unreachable: bool = False,
    ) -> None:
        super().__init__(message)
        self.status, self.may_pass, self.wait, self.unreachable = status, may_pass, wait, unreachable


class Reply(NamedTuple):
    """The body of a reply with a good status."""

    body: bytes

    def json(self) -> Any:
        """Returns the JSON value in the body. Raises `ValueError` for anything else, and for one nested too deeply."""
        return _parse_json(self.body)


def to_one_line(text: str) -> str:
    """Returns the first line of `text`, cut to 300 characters."""
    line = (text.strip().splitlines() or [""])[0]
    return line if len(line) <= _MAX_LINE else line[: _MAX_LINE - 1] + "…"


class Exchange:
    """The exchanges with one server, whose key is that of OPENAI_API_KEY.

    Args:
        url: The address that all paths are below.
        connections: The number of connections that may be open at a time.
        timeout: The seconds that one exchange may take, from the first byte sent to the last one received.
        patience: The seconds of the first wait before a request is repeated; later waits double.

    Raises:
        ModelError: The key has characters that no header can hold.
    """

    def __init__(self, url: str, *, connections: int, timeout: float, patience: float) -> None:
        self._url = url
        self._timeout = timeout
        self._key = os.environ.get("OPENAI_API_KEY", "").strip()
        if not (self._key.isascii() and self._key.isprintable()):
            raise ModelError("OPENAI_API_KEY has characters that no header can hold. Set it again.")
        self._options: dict[str, Any] = {
            "headers": {"Authorization": f"Bearer {self._key}"} if self._key else {},
            "timeout": httpx.Timeout(timeout, connect=10.0, pool=None),
            "limits": httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        }
        self._retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, ExchangeError) and error.may_pass),
            wait=_Wait(patience),
            stop=tenacity.stop_after_attempt(_ATTEMPTS),
            reraise=True,
        )

    def redact(self, text: str) -> str:
        """Returns a text without the key."""
        return text.replace(self._key, _HIDDEN) if len(self._key) >= _SHORTEST_KEY else text

    def get(self, path: str) -> Reply:
        """Asks once for a path below the address. Raises `ExchangeError`."""
        deadline = time.monotonic() + self._timeout
        with self._named_errors(), httpx.Client(**self._options) as client:
            with client.stream("GET", f"{self._url}{path}") as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if time.monotonic() > deadline:
                        raise TimeoutError
                    self._check_size(body)
            return self._accept(response, bytes(body))

    @asynccontextmanager
    async def client(self) -> AsyncIterator[AsyncClient]:
        """Opens what `post` needs, for many requests."""
        async with AsyncClient(**self._options) as client:
            yield client

    async def post(self, client: AsyncClient, path: str, value: Mapping[str, Any]) -> Reply:
        """Sends JSON to a path below the address, up to seven times. Raises `ExchangeError`."""
        # Escaped to ASCII: a lone surrogate in a question has no other form.
        content = json.dumps(value).encode("ascii")
        reply: Reply = await self._retrying(self._post_once, client, path, content)
        return reply

    async def _post_once(self, client: AsyncClient, path: str, content: bytes) -> Reply:
        headers = {"Content-Type": "application/json"}
        with self._named_errors():
            async with asyncio.timeout(self._timeout):
                async with client.stream("POST", f"{self._url}{path}", content=content, headers=headers) as response:
                    body = bytearray()
                    async for chunk in response.aiter_bytes():
                        body += chunk
                        self._check_size(body)
            return self._accept(response, bytes(body))

    def _check_size(self, body: bytearray) -> None:
        if len(body) > MAX_BODY:
            raise ExchangeError(f"the reply has more than {MAX_BODY // 2**20} MiB")

    def _accept(self, response: httpx.Response, body: bytes) -> Reply:
        status = response.status_code
        if 200 <= status < 300:
            return Reply(body)
        asked = response.headers.get("retry-after", "")
        raise ExchangeError(
            self.redact(to_one_line(": ".join(filter(None, (f"the server answered {status}", _find_message(body)))))),
            status=status,
            may_pass=status in _RETRIED,
            wait=min(float(asked), _MAX_WAIT) if asked.isascii() and asked.isdecimal() else None,
        )

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Turns what httpx raises into `ExchangeError`."""
        try:
            yield
        except (TimeoutError, httpx.ReadTimeout):
            # A response that took too long would take as long again, so it is not asked for again.
            raise ExchangeError(f"the reply was not complete after {self._timeout:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise ExchangeError(
                self.redact(to_one_line(first_line(error))),
                may_pass=isinstance(error, httpx.TransportError),
                unreachable=isinstance(error, httpx.ConnectError | httpx.ConnectTimeout),
            ) from None


class _Wait(tenacity.wait.wait_base):
    """Exponential back-off with jitter, unless the server says how long to wait."""

    def __init__(self, initial: float) -> None:
        self._usual = tenacity.wait_exponential(initial, max=_MAX_WAIT) + tenacity.wait_random(0, initial)

    def __call__(self, retry_state: tenacity.RetryCallState) -> float:
        error = retry_state.outcome and retry_state.outcome.exception()
        asked = error.wait if isinstance(error, ExchangeError) else None
        return self._usual(retry_state) if asked is None else asked


def _find_message(body: bytes) -> str:
    """Returns what the body of a refusal says: the text under `error`, `message` or `detail`, or all of it."""
    text = body.decode("utf-8", "replace")
    try:
        message = _parse_json(body)
    except ValueError:
        return text
    for name in ("error", "message", "detail"):
        if isinstance(message, dict) and name in message:
            message = message[name]
    if isinstance(message, str):
        return message
    try:
        return to_json(message)
    except RecursionError:
        return text


def _parse_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
