"""The openai backend against a real HTTP server that follows a script: what is sent, retried, refused, cancelled."""

import base64
import io
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from PIL import Image as Pillow

from mmk12.errors import BadInput, ModelError
from mmk12.inference import find_model, open_backend
from mmk12.inference.generate import make_request
from mmk12.types import Completion, GenerationFailure, Message, Sampling
from tests.conftest import picture
from tests.inference.scripted_server import asked, backend, reply, the_only

pytest.importorskip("httpx")
pytest.importorskip("tenacity")


def test_a_greedy_question_and_its_answer(serve, store):
    server = serve(lambda body, attempt: (200, reply("so $2$", "length", (12, 9))))
    answer = the_only(backend(server, store))
    assert (answer.text, answer.finish_reason, answer.prompt_tokens, answer.completion_tokens) == (
        "so $2$",
        "length",
        12,
        9,
    )
    (body,) = server.asked
    assert body.keys() == {"model", "messages", "temperature", "max_tokens"}, "no seed, no top-p, nothing of vLLM's"
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("toy", 0.0, 9)
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["messages"][1]["content"] == "Question 0?"


@pytest.mark.parametrize("owner", ["org", "vllm"])
def test_what_is_on_of_the_sampling_is_sent_to_any_server(serve, store, owner):
    server = serve(cards=[{"id": "toy", "owned_by": owner}])
    the_only(backend(server, store), temperature=0.6, top_p=0.95, top_k=20, repetition_penalty=1.05)
    (body,) = server.asked
    assert (body["top_p"], body["top_k"], body["repetition_penalty"]) == (0.95, 20, 1.05)
    assert ("min_p" in body) is (owner == "vllm")


def test_what_the_checkpoint_would_fill_in_is_sent_as_neutral_where_it_is_read(serve, store):
    server = serve(cards=[{"id": "toy", "owned_by": "vllm", "root": "org/toy"}])
    the_only(backend(server, store))
    assert {name: server.asked[0][name] for name in ("top_p", "top_k", "min_p", "repetition_penalty")} == {
        "top_p": 1.0,
        "top_k": -1,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
    }


@pytest.mark.parametrize("format_", ["PNG", "JPEG"])
def test_pictures_travel_as_the_pixels_of_the_store_and_in_their_places(serve, store, format_):
    images = tuple(store.add(picture(color, (50, 40), format_=format_)) for color in ("red", "blue"))
    server = serve()
    the_only(backend(server, store), question="Compare <image> with <image>, question", images=images)
    parts = server.asked[0]["messages"][1]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url", "text", "image_url", "text"]
    assert (parts[0]["text"], parts[2]["text"]) == ("Compare ", " with ")
    for part, image in zip((parts[1], parts[3]), images, strict=True):
        kind, data = part["image_url"]["url"].split(",", 1)
        assert kind == "data:image/png;base64"
        sent = Pillow.open(io.BytesIO(base64.b64decode(data)))
        assert sent.convert("RGB").tobytes() == store.open(image).tobytes()


def test_marks_and_pictures_are_counted_before_anything_is_sent(serve, store):
    server = serve()
    engine = backend(server, store)
    prompt = engine.render([Message("user", "<image> and <image>")])
    image = store.add(picture())
    (answer,) = engine.generate([make_request(engine, "toy/0", prompt, (image,), Sampling(), 0)])
    assert isinstance(answer, GenerationFailure)
    assert "2 <image> marks for 1 images" in answer.reason
    assert not server.asked


def test_a_lone_surrogate_can_be_asked(serve, store):
    server = serve()
    assert isinstance(the_only(backend(server, store), question="\ud800 and \u00e9"), Completion)
    assert server.asked[0]["messages"][1]["content"].startswith("\ud800 and é")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_asked_again(serve, store, status):
    server = serve(lambda body, attempt: (status, {"error": {"message": "busy"}}) if attempt < 3 else (200, reply()))
    assert the_only(backend(server, store)).text == "fine"
    assert len(server.asked) == 4


def test_the_server_may_say_when_to_come_back(serve, store, monkeypatch):
    from mmk12.inference.http_exchange import _Wait

    hurry = {"Retry-After": "0"}
    server = serve(lambda body, attempt: (429, "slow down", hurry) if attempt < 3 else (200, reply()))
    waits, usual = [], _Wait.__call__
    monkeypatch.setattr(_Wait, "__call__", lambda *given: waits.append(usual(*given)) or 0.0)
    assert the_only(backend(server, store, patience=20.0)).text == "fine"
    assert waits == [0.0] * 3


def test_an_error_that_stays_is_a_failure_never_an_answer(serve, store):
    server = serve(lambda body, attempt: (500, {"error": {"message": "CUDA out of memory\nTraceback"}}))
    answer = the_only(backend(server, store))
    assert isinstance(answer, GenerationFailure)
    assert answer.reason == "the server answered 500: CUDA out of memory"
    assert len(server.asked) == 7


def test_concurrency_is_bounded_and_answers_come_as_they_finish(serve, store):
    slow = threading.Event()

    def answer(body, attempt):
        if "first" not in body["messages"][1]["content"]:
            time.sleep(0.005)
        elif not slow.wait(20):
            return 500, "never released"
        return 200, reply(body["messages"][1]["content"])

    server = serve(answer)
    engine = backend(server, store, concurrency=4)
    wanted = [*asked(engine, 1, "first"), *(replace(one, key=one.key + "x") for one in asked(engine, 30))]
    came = []
    for made in engine.generate(wanted):
        came.append(made.text)
        if len(came) == 30:
            slow.set()
    assert came[-1].startswith("first")
    assert len(set(came)) == 31
    assert 2 <= server.most <= 4


def test_a_server_that_went_away_fails_the_rest_at_once(serve, store):
    server = serve()
    engine = backend(server, store, concurrency=2)
    server.shutdown()
    server.server_close()
    answers = list(engine.generate(asked(engine, 40)))
    assert len(answers) == 40
    assert all(isinstance(answer, GenerationFailure) for answer in answers)
    assert sum(answer.reason.startswith("not sent: no server answers at") for answer in answers) == 38


def test_abandoned_answers_leave_nothing_running(serve, store):
    release = threading.Event()
    server = serve(
        lambda body, attempt: (200, reply()) if "0?" in str(body) else (release.wait(20) and None) or (200, reply())
    )
    before = threading.active_count()
    answers = backend(server, store).generate(asked(backend(server, store), 3))
    next(answers)
    answers.close()
    release.set()
    assert threading.active_count() <= before + 3, "only handlers of the server itself"


def test_an_interrupt_does_not_hang(serve, store, tmp_path):
    release = threading.Event()
    server = serve(lambda *_: (release.wait(120), (200, reply()))[1])
    script = (
        "import signal, sys; from pathlib import Path; from mmk12.inference.openai import OpenAIBackend as B\n"
        "from mmk12.inference.generate import make_request; from mmk12.utils.images import ImageStore as I\n"
        "from mmk12.types import *\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background\n"
        f"e = B({server.url!r}, I(Path({str(tmp_path)!r})))\n"
        "p = e.render([Message('user', 'hi')]); print('ready', flush=True)\n"
        "list(e.generate([make_request(e, 'a', p, (), Sampling(), i) for i in range(5)]))\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with child:
        assert child.stdout.readline() == b"ready\n"
        deadline = time.monotonic() + 20
        while server.under_way < 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        child.wait(timeout=60)  # no answer comes before
    release.set()
    assert child.returncode != 0


def test_the_fingerprint_is_what_the_server_says_of_its_model(serve, store):
    card = {"id": "name", "owned_by": "vllm", "root": "org/toy", "created": 1}
    first, second = serve(cards=[card]), serve(cards=[{**card, "id": "alias", "created": 2}])
    first.version = second.version = "0.32.0"
    assert backend(first, store).fingerprint == backend(second, store).fingerprint == "openai vllm 0.32.0 org/toy"
    second.version = "0.33.0"
    assert backend(second, store).fingerprint == "openai vllm 0.33.0 org/toy"
    bare = serve()
    assert backend(bare, store).fingerprint == f"openai 127.0.0.1:{bare.server_port} toy", "a name means little alone"


def test_the_model_is_found_by_name_or_by_being_alone(serve, store):
    from mmk12.inference.openai import OpenAIBackend

    several = serve(cards=[{"id": "a"}, {"id": "b"}])
    assert OpenAIBackend(f"{several.url}/#b", store).fingerprint.endswith(" b")
    for location in (several.url, f"{several.url}#c"):
        with pytest.raises(ModelError, match=r"serves a, b\. Name one of them"):
            OpenAIBackend(location, store)
    unlisted = serve(cards=None)
    assert OpenAIBackend(f"{unlisted.url}#any", store).fingerprint.endswith(" any")
    with pytest.raises(ModelError, match="No usable server"):
        OpenAIBackend(unlisted.url, store)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1#x", "http://127.0.0.1:bad/v1#x", "http://user:word@host/v1#x"])
def test_a_server_that_cannot_be_used_is_one_line_without_secrets(store, url):
    from mmk12.inference.openai import OpenAIBackend

    with pytest.raises(ModelError) as caught:
        OpenAIBackend(url, store)
    assert "\n" not in str(caught.value)
    assert "word" not in str(caught.value).replace("password", "")


def test_the_key_comes_from_the_environment_and_goes_nowhere_else(serve, store, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    server = serve(lambda *_: (401, {"error": {"message": "no"}}))
    engine = backend(server, store)
    answer = the_only(engine)
    assert server.keys == {"Bearer sk-secret"}
    assert "secret" not in repr(answer) + engine.fingerprint


def test_how_a_server_is_named_on_the_command_line(serve, store):
    server = serve()
    found = find_model(server.url)
    assert found.backend == "openai"
    assert isinstance(open_backend(found, store).generate([]), type(x for x in ()))
    with pytest.raises(BadInput, match="is a server"):
        find_model(server.url, "hf")
    with pytest.raises(BadInput, match="URL of a server"):
        find_model("demo", "openai")
