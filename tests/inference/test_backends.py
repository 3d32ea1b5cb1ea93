"""Which backend a model gets, what may be said about its engine, and how an engine is fed."""

import importlib
import subprocess
import sys

import pytest

from mmk12 import inference
from mmk12.demo import model_path
from mmk12.errors import BadInput, MissingData, MissingExtra, UnknownName
from mmk12.inference import engine_options, find_model, open_backend
from mmk12.inference.deployment import Deployment, Model
from mmk12.inference.engine import EngineStopped, run_engine
from mmk12.types import Completion, GenerationFailure, Request, Sampling
from mmk12.utils.images import ImageStore


@pytest.fixture
def places(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "completions.jsonl").touch()
    (tmp_path / "saved.jsonl").touch()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "answers.json").write_text("{}")
    (tmp_path / "data").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("model", "backend", "fast", "expected"),
    [
        ("http://localhost:8000/v1#m", "auto", True, "openai"),
        ("https://host/v1", "openai", False, "openai"),
        ("{}/run", "auto", True, "replay"),
        ("{}/saved.jsonl", "auto", True, "replay"),
        ("{}/model", "auto", False, "hf"),
        ("{}/model", "auto", True, "vllm"),
        ("{}/model", "hf", True, "hf"),
        ("org/name", "auto", True, "vllm"),
        ("org/name", "auto", False, "hf"),
        ("{}/answers.json", "auto", True, "replay"),
        ("demo", "auto", True, "hf"),
        ("demo", "vllm", False, "vllm"),
    ],
)
def test_auto_takes_what_fits(places, monkeypatch, model, backend, fast, expected):
    monkeypatch.setattr(inference, "_can_use_vllm", lambda: fast)
    assert find_model(model.format(places), backend).backend == expected


@pytest.mark.parametrize(
    ("model", "backend", "error", "words"),
    [
        ("demo", "vlm", UnknownName, "Did you mean 'vllm'"),
        ("http://host/v1", "vllm", BadInput, "is a server"),
        ("org/name", "openai", BadInput, "needs the URL of a server"),
        ("./nowhere", "hf", MissingData, "No model folder"),
        ("{}/answers.json", "hf", BadInput, "is a file, and a model is a folder"),
        ("{}/data", "auto", BadInput, "without config.json"),
        ("{}/model", "replay", MissingData, "No saved completions"),
    ],
)
def test_what_does_not_fit_is_said(places, model, backend, error, words):
    with pytest.raises(error, match=words):
        find_model(model.format(places), backend)


def test_engine_options_are_read_as_yaml():
    given = ["max-model-len=8192", "dtype=bfloat16", "enforce_eager=true", "mm_processor_kwargs={max_dynamic_patch: 6}"]
    assert engine_options(given) == {
        "max_model_len": 8192,
        "dtype": "bfloat16",
        "enforce_eager": True,
        "mm_processor_kwargs": {"max_dynamic_patch": 6},
    }


@pytest.mark.parametrize("pair", ["dtype", "", "a={", "a=!!python/object:os.system"])
def test_an_engine_option_that_is_none_is_refused(pair):
    with pytest.raises(BadInput, match="KEY=VALUE"):
        engine_options([pair])


@pytest.mark.parametrize(
    ("backend", "deployment", "error", "words"),
    [
        ("hf", Deployment(options={"batch_sise": 2}), UnknownName, "Did you mean 'batch_size'"),
        ("hf", Deployment(options={"batch_size": 0}), BadInput, "positive int, not 0"),
        ("hf", Deployment(options={"batch_size": True}), BadInput, "positive int, not True"),
        ("openai", Deployment(options={"timeout": "long"}), BadInput, "positive float, not 'long'"),
        ("hf", Deployment(tensor_parallel=2), BadInput, "no tensor parallelism"),
        ("openai", Deployment(replicas=2), BadInput, "does not run the model itself"),
        ("replay", Deployment(ray_address="auto"), BadInput, "does not run the model itself"),
    ],
)
def test_a_deployment_that_a_backend_does_not_know_is_refused(tmp_path, backend, deployment, error, words):
    with pytest.raises(error, match=words):
        open_backend(Model(backend, "x"), ImageStore(tmp_path), deployment)


@pytest.mark.parametrize(("module", "extra"), [("vllm", "gpu"), ("ray", "ray"), ("tenacity", "openai")])
def test_a_missing_extra_is_named(monkeypatch, module, extra):
    file = {"vllm": "vllm", "ray": "ray_replicas", "tenacity": "openai"}[module]
    monkeypatch.setitem(sys.modules, module, None)
    for name in (file, "http_exchange"):
        monkeypatch.delitem(sys.modules, f"mmk12.inference.{name}", raising=False)
    with pytest.raises(MissingExtra, match=rf"mmk12\[{extra}\]"):
        importlib.import_module(f"mmk12.inference.{file}")


class Engine:
    """Answers the oldest request of those it holds; stops at one that is named `stop`."""

    capacity = 3

    def __init__(self):
        self.held, self.most = [], 0

    def add(self, request):
        self.held.append(request)
        self.most = max(self.most, len(self.held))

    def step(self):
        if len(self.held) > 1 and self.held[0].id == "slow":
            self.held.append(self.held.pop(0))
        request = self.held.pop(0)
        if request.id == "stop":
            raise EngineStopped("out of memory")
        return [Completion(request.key, request.id, 0, "", "stop", 1, 1)]


def requests(*ids):
    return [Request(f"key {id_}", id_, "", (), Sampling()) for id_ in ids]


def test_an_engine_is_kept_full_and_never_waits_for_a_slow_answer():
    engine = Engine()
    assert [answer.id for answer in run_engine(engine, requests("slow", *"abcdefgh"))] == [*"abcdefgh", "slow"]
    assert engine.most == 3


def test_an_engine_that_stops_fails_what_it_held_and_what_was_still_waiting():
    answers = list(run_engine(Engine(), requests("a", "stop", *"bcdefg")))
    assert isinstance(answers[0], Completion)
    assert [answer.id for answer in answers[1:]] == ["stop", *"bcdefg"]
    assert all(isinstance(answer, GenerationFailure) and answer.reason == "out of memory" for answer in answers[1:])


@pytest.mark.model
def test_short_memory_is_a_failure_with_advice(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    from mmk12.inference.hf import HfBackend

    def full(self, requests):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(HfBackend, "_batch", full)
    backend = open_backend(find_model("demo", "hf"), ImageStore(tmp_path), Deployment(options={"batch_size": 2}))
    answers = list(backend.generate(requests(*"abc")))
    assert len(answers) == 3
    assert all("--engine batch_size=N" in answer.reason for answer in answers)


@pytest.mark.slow
@pytest.mark.model
def test_two_processes_do_not_sample_alike(tmp_path):
    pytest.importorskip("torch")
    script = (
        "import torch; from pathlib import Path; from mmk12.inference import *; "
        "from mmk12.inference.deployment import Model; from mmk12.utils.images import ImageStore\n"
        f"open_backend(Model('hf', {str(model_path('demo'))!r}), ImageStore(Path({str(tmp_path)!r})))\n"
        "print(torch.rand(1).item())"
    )
    seen = {subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout for _ in range(2)}
    assert len(seen) == 2
    assert "" not in seen
