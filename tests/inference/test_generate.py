"""Nothing is generated twice, altered or lost."""

import hashlib

import pytest

from mmk12.errors import BadInput
from mmk12.inference.generate import CompletionLog, generate, make_request
from mmk12.types import Image, Sampling
from mmk12.utils import storage
from tests.conftest import Scripted

GREEDY = Sampling()
IMAGE = Image("a", 1, 1)


def requests(backend, count):
    return [make_request(backend, f"toy/{i}", f"prompt {i}", (), GREEDY, 0) for i in range(count)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "completions.jsonl"


class Killed(BaseException):
    """Stands for SIGKILL: nothing may catch it."""


@pytest.mark.parametrize("survived", [0, 1, 4, 5])
def test_a_killed_run_goes_on_where_it_stopped(path, survived):
    def dying(asked):
        if len(first.asked) > survived:
            raise Killed
        return f"answer to {asked.id}"

    first = Scripted(dying)
    if survived < 5:
        with pytest.raises(Killed):
            generate(first, requests(first, 5), CompletionLog(path))
    else:
        generate(first, requests(first, 5), CompletionLog(path))
    stored = path.read_bytes() if path.exists() else b""

    second = Scripted(lambda asked: f"answer to {asked.id}")
    log = CompletionLog(path)
    made = generate(second, requests(second, 5), log)
    assert [asked.id for asked in second.asked] == [f"toy/{i}" for i in range(survived, 5)]
    assert path.read_bytes().startswith(stored)
    assert made.new == 5 - survived
    assert [completion.text for completion in log.values()] == [f"answer to toy/{i}" for i in range(5)]

    third = Scripted(lambda asked: pytest.fail("asked again"))
    before = path.read_bytes()
    assert generate(third, requests(third, 5), CompletionLog(path)).new == 0
    assert path.read_bytes() == before


def test_two_samples_that_are_asked_the_same_are_answered_apart(path):
    """Their saved completions differ in `replay`, and so must sampled ones."""
    backend = Scripted(lambda asked: f"answer to {asked.id}")
    asked = [make_request(backend, name, "one prompt", (), GREEDY, 0) for name in ("toy/a", "toy/b")]
    log = CompletionLog(path)
    generate(backend, asked, log)
    assert [log[one.key].text for one in asked] == ["answer to toy/a", "answer to toy/b"]


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "other"},
        {"images": (Image("b", 1, 1),)},
        {"sampling": Sampling(temperature=1.0)},
        {"sampling": Sampling(max_tokens=5)},
        {"sampling": Sampling(top_p=0.9)},
        {"sampling": Sampling(top_k=20)},
        {"sampling": Sampling(repetition_penalty=1.05)},
        {"index": 1},
        {"backend": "other model"},
    ],
)
def test_whatever_decides_the_text_is_in_the_key(change):
    def key(backend="model", prompt="p", images=(IMAGE,), sampling=GREEDY, index=0):
        engine = Scripted(str)
        engine.fingerprint = backend
        return make_request(engine, "toy/1", prompt, images, sampling, index).key

    assert key() == key()
    assert key(**change) != key()


def test_settings_that_are_off_leave_the_key_as_it_was_before_they_existed():
    """Completions of older versions are found again."""
    engine = Scripted(str)
    content = storage.to_json(
        [engine.fingerprint, "toy/1", "p", [IMAGE.sha256], {"temperature": 0.0, "max_tokens": 4096}, 0]
    )
    expected = hashlib.sha256(content.encode()).hexdigest()
    assert make_request(engine, "toy/1", "p", (IMAGE,), GREEDY, 0).key == expected


def test_a_failure_is_reported_and_tried_again(path):
    flaky = Scripted(lambda asked: None if asked.id == "toy/1" else "fine")
    log = CompletionLog(path)
    made = generate(flaky, requests(flaky, 3), log)
    assert len(log) == 2
    assert list(made.failures.values()) == ["scripted to fail"]
    mended = Scripted(lambda asked: "mended")
    again = generate(mended, requests(mended, 3), log)
    assert [asked.id for asked in mended.asked] == ["toy/1"]
    assert len(log) == len(CompletionLog(path)) == 3
    assert not again.failures


def test_an_engine_that_returns_too_little_is_noticed(path):
    class Lazy(Scripted):
        def generate(self, requests):
            yield from super().generate(requests[:1])

    lazy = Lazy(lambda asked: "only one")
    assert list(generate(lazy, requests(lazy, 2), CompletionLog(path)).failures.values()) == [
        "the engine returned nothing"
    ]


def test_what_was_mended_is_said(path):
    backend = Scripted(lambda asked: "fine")
    generate(backend, requests(backend, 2), CompletionLog(path))
    path.write_bytes(path.read_bytes() + b'broken\n{"key": "k"}\n{"torn')
    log = CompletionLog(path)
    assert len(log) == 2
    assert "torn last line" in log.notes[0]
    assert "2 unreadable lines" in log.notes[1]


def test_completions_are_read_from_disk_when_they_are_asked_for(path):
    """Whatever the text holds: lone surrogates, line separators, nothing; new ones and those of an earlier run."""
    texts = ["", "é\u2028x\x85y", "broken \ud83d emoji", "a\nb\r\nc", "x" * 100_000]
    backend = Scripted(lambda asked: texts[int(asked.id.rpartition("/")[2])])
    log = CompletionLog(path)
    asked = requests(backend, len(texts))
    generate(backend, asked[:3], log)
    log = CompletionLog(path)
    generate(backend, asked, log)
    written = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
    assert [log[one.key].text for one in asked] == written
    assert list(log) == [one.key for one in asked]
    assert "nobody's" not in log and log.get("nobody's") is None
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(BadInput, match="Another process modified the file"):
        log[asked[-1].key]


def test_progress_counts_what_is_there_already(path):
    backend, seen = Scripted(lambda asked: "fine"), []
    generate(backend, requests(backend, 2), CompletionLog(path))
    generate(backend, requests(backend, 3), CompletionLog(path), lambda *step: seen.append(step))
    assert seen == [("generate", 2, 3), ("generate", 3, 3)]
