"""What the engine tests share: demo problems, one vLLM per session, and a report of greedy texts that flip."""

import os
from importlib.util import find_spec

import pytest

from mmk12.demo import generate_problems
from mmk12.inference.generate import make_request
from mmk12.inference.prompts import render_chat
from mmk12.types import Sampling
from mmk12.utils.images import ImageStore

for name, value in (("HF_HUB_OFFLINE", "1"), ("OMP_NUM_THREADS", "1"), ("OMP_WAIT_POLICY", "PASSIVE")):
    os.environ.setdefault(name, value)

GREEDY = Sampling(max_tokens=64)
COUNT = 24

# They run in the environment of `make test-engines` only.
collect_ignore_glob = [] if find_spec("vllm") else ["test_*.py"]

_told = pytest.StashKey[list[str]]()


def pytest_configure(config):
    config.stash[_told] = []


def pytest_terminal_summary(terminalreporter, config):
    for line in config.stash[_told]:
        terminalreporter.write_line(line)


@pytest.fixture
def tell(request):
    """Says a measured fact at the end of the run."""
    return request.config.stash[_told].append


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    return ImageStore(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="session")
def vllm(store):
    from mmk12.inference import find_model, open_backend

    return open_backend(find_model("demo", "vllm"), store)


@pytest.fixture(scope="session")
def hf(store):
    from mmk12.inference import find_model, open_backend

    return open_backend(find_model("demo", "hf"), store)


def asked(backend, store, sampling=GREEDY, count=COUNT, n=1):
    """Requests for the first `count` demo problems, `n` of each."""
    made = []
    for problem in generate_problems("test", count):
        prompt = backend.render(render_chat("instruct", f"<image>{problem.question}", 1))
        images = (store.add(problem.png),)
        made += [make_request(backend, problem.id, prompt, images, sampling, index) for index in range(n)]
    return made


def flips(name, tokenizer, first, second):
    """One line per text that differs between two engines, after a line that counts them.

    `first` and `second` are completions by problem; the first differing token is named, with its place.
    """
    lines = []
    for id_, one in first.items():
        texts = one.text, second[id_].text
        if texts[0] != texts[1]:
            left, right = (tokenizer.tokenize(text) for text in texts)
            place = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), len(left))
            tokens = [(*part[place : place + 1], "the end")[0] for part in (left, right)]
            lines.append(f"  {id_}: token {place}, {tokens[0]!r} and {tokens[1]!r}")
    return [f"{name}: {len(lines)} of {len(first)} greedy texts differ", *lines]
