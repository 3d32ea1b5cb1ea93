"""What a server may send back: refusals, broken and hostile replies, replies without end, and our own key."""

import gzip
import json
import time
from dataclasses import asdict

import pytest

from mmk12.errors import ModelError
from mmk12.types import Completion, GenerationFailure
from tests.inference.scripted_server import backend, reply, the_only

pytest.importorskip("httpx")
pytest.importorskip("tenacity")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"error": {"message": "maximum context length is 4096 tokens"}}, "maximum context length is 4096 tokens"),
        ({"message": "too long"}, "too long"),
        ({"detail": [{"msg": "bad"}]}, '[{"msg": "bad"}]'),
        ("<html>no</html>\nmore", "<html>no</html>"),
        ("", None),
        ("x" * 5000, "x" * 200),
    ],
)
def test_a_refusal_is_not_repeated_and_gives_its_reason_in_one_line(serve, store, body, reason):
    server = serve(lambda *_: (400, body))
    answer = the_only(backend(server, store))
    assert isinstance(answer, GenerationFailure)
    assert answer.reason.startswith("the server answered 400" + (f": {reason}" if reason else ""))
    assert "\n" not in answer.reason
    assert len(answer.reason) <= 300
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("not JSON", "not a chat completion"),
        ({}, "not a chat completion"),
        ({"choices": []}, "not a chat completion"),
        ({"choices": [{"message": None, "finish_reason": "stop"}]}, "not a chat completion"),
        ([1, 2], "not a chat completion"),
        (reply(finish="content_filter"), "content_filter"),
        (reply(finish=None), "None"),
        (reply(text=["a", "list"]), "stop"),
    ],
)
def test_a_reply_that_is_no_completion_is_a_failure(serve, store, body, reason):
    answer = the_only(backend(serve(lambda *_: (200, body)), store))
    assert isinstance(answer, GenerationFailure)
    assert reason in answer.reason


def test_an_empty_response_is_a_response(serve, store):
    answer = the_only(backend(serve(lambda *_: (200, reply(text=None, usage=()))), store))
    assert (answer.text, answer.prompt_tokens, answer.completion_tokens) == ("", None, None)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"content": None, "reasoning_content": "Let us see"}, "`reasoning_content` and no answer: Let us see"),
        ({"content": "", "reasoning": "Let us see"}, "`reasoning` and no answer"),
        ({"content": None, "refusal": "I cannot help"}, "`refusal` and no answer: I cannot help"),
        ({"content": None, "tool_calls": [{"id": 1}]}, "`tool_calls` and no answer"),
    ],
)
def test_a_reply_with_something_else_than_an_answer_is_a_failure(serve, store, message, reason):
    def answer(finish):
        return the_only(
            backend(serve(lambda *_: (200, {"choices": [{"message": message, "finish_reason": finish}]})), store)
        )

    assert reason in answer("stop").reason
    assert (answer("length").text, answer("length").finish_reason) == ("", "length"), "cut while it was thinking"


@pytest.mark.parametrize("count", ["many", -3, 5.5, 1e300, float("nan"), float("inf"), True, [7], {"n": 7}, 10**40])
def test_a_count_of_tokens_that_is_none_is_not_kept(serve, store, count):
    answer = the_only(backend(serve(lambda *_: (200, reply(usage=(count, count)))), store))
    assert (answer.text, answer.prompt_tokens, answer.completion_tokens) == ("fine", None, None)
    stored = Completion.from_row({**asdict(answer), "prompt_tokens": count, "completion_tokens": count})
    assert (stored.prompt_tokens, stored.completion_tokens) == (None, None), "an earlier run may have stored it"


def test_usage_that_is_no_object_costs_only_the_counts(serve, store):
    for usage in ("7", 7, [1]):
        answer = the_only(backend(serve(lambda *_, u=usage: (200, {**reply(), "usage": u})), store))
        assert (answer.text, answer.prompt_tokens) == ("fine", None)


DEEP = "[" * 200_000
NESTED = '{"detail": ' + "[" * 900 + "]" * 900 + "}"


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, DEEP), (400, DEEP), (400, NESTED), (200, '{"choices": ' + DEEP), (400, '{"error": ' + DEEP)],
)
def test_a_deeply_nested_reply_is_a_failure(serve, store, status, body):
    answer = the_only(backend(serve(lambda *_: (status, body)), store))
    assert isinstance(answer, GenerationFailure)
    assert len(answer.reason) <= 300


def test_a_deeply_nested_list_of_models_is_one_line(store, serve):
    server = serve()
    server.raw_cards = DEEP
    with pytest.raises(ModelError, match="serves no model"):
        backend(server, store)


def drip(data, pause):
    """Sends a byte at a time, for longer than anybody should wait."""
    for number in range(len(data)):
        yield data[number : number + 1]
        time.sleep(pause)


def test_the_time_limit_is_that_of_the_whole_exchange(serve, store):
    whole = json.dumps(reply()).encode()
    server = serve(lambda *_: (200, drip(whole, 0.1), {"Content-Length": str(len(whole))}))
    answer = the_only(backend(server, store, timeout=0.5))
    assert isinstance(answer, GenerationFailure)
    assert answer.reason == "the reply was not complete after 0.5 s"
    assert len(server.asked) == 1, "it would take as long again"


@pytest.mark.parametrize("packed", [False, True])
def test_a_reply_without_end_is_a_failure(serve, store, monkeypatch, packed):
    monkeypatch.setattr("mmk12.inference.http_exchange.MAX_BODY", 2**20)
    headers = {"Content-Length": str(64 * 2**20)}
    body = iter([b" " * 2**20] * 64)
    if packed:
        bomb = gzip.compress(b" " * 64 * 2**20)
        headers, body = {"Content-Length": str(len(bomb)), "Content-Encoding": "gzip"}, iter([bomb])
    answer = the_only(backend(serve(lambda *_: (200, body, headers)), store))
    assert isinstance(answer, GenerationFailure)
    assert answer.reason == "the reply has more than 1 MiB"


SECRET = "sk-SECRET-12345"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"error": {"message": f"Incorrect API key provided: Bearer {SECRET}"}}),
        (401, f"no such key {SECRET}"),
        (400, {"detail": [{"input": {"authorization": f"Bearer {SECRET}"}}]}),
        (200, reply(finish=SECRET)),
        (200, {"choices": [{"message": {"refusal": f"I know {SECRET}"}, "finish_reason": "stop"}]}),
        (200, reply(text=f"your key is {SECRET}")),
    ],
)
def test_the_key_is_in_no_text_that_a_server_sends_back(serve, store, monkeypatch, status, body):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    server = serve(lambda *_: (status, body), cards=[{"id": "toy", "root": f"toy {SECRET}"}])
    engine = backend(server, store)
    answer = the_only(engine)
    assert SECRET not in repr(answer) + engine.fingerprint
    assert "[API key]" in repr(answer)
    several = serve(cards=[{"id": SECRET}, {"id": "b"}])
    with pytest.raises(ModelError, match=r"serves \[API key\], b"):
        backend(several, store)


@pytest.mark.parametrize("key", [f"{SECRET}\n", f" {SECRET}"])
def test_white_space_around_a_key_is_no_part_of_it(serve, store, monkeypatch, key):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    server = serve()
    backend(server, store)
    assert server.keys == {f"Bearer {SECRET}"}


@pytest.mark.parametrize("key", [f"{SECRET}\nX", f"{SECRET}\u00e9"])
def test_a_key_that_no_header_can_hold_is_refused_without_showing_it(serve, store, monkeypatch, key):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ModelError, match="OPENAI_API_KEY has characters") as caught:
        backend(serve(), store)
    assert "SECRET" not in str(caught.value)
