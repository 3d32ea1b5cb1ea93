"""Replicas on a local Ray: the work is shared, deaths lose nothing, trouble has a name."""

import os
import time

import pytest

from mmk12.errors import ModelError, PromptError
from mmk12.inference import find_model, open_backend
from mmk12.inference.deployment import Deployment
from mmk12.inference.engine import EngineStopped, run_engine
from mmk12.inference.generate import make_request
from mmk12.inference.ray_replicas import Replicas
from mmk12.types import Completion, GenerationFailure, Message, Sampling
from tests.conftest import picture
from tests.engines.conftest import asked

TWO = Deployment(replicas=2)


class Toy:
    """An engine that says who it is and how wide the picture is; some questions are fatal to it."""

    fingerprint = "toy"
    capacity = 4

    def __init__(self, store):
        self.store = store
        self.added = []

    def render(self, messages):
        if "control" in messages[0].content:
            raise PromptError("a control token")
        return messages[0].content

    def add(self, request):
        self.added.append(request)

    def step(self):
        request = self.added.pop(0)
        if request.prompt == "die":
            os._exit(1)
        if request.prompt.startswith("die once ") and not os.path.exists(path := request.prompt[9:]):
            open(path, "w").close()
            os._exit(1)
        if request.prompt == "stop":
            raise EngineStopped("out of memory")
        time.sleep(0.01)
        widths = [self.store.open(image).width for image in request.images]
        text = f"{os.getpid()} {request.prompt} {widths}"
        return [Completion(request.key, request.id, request.index, text, "stop", 1, 1)]

    def generate(self, requests):
        return run_engine(self, requests)


def differing(store):
    engine = Toy(store)
    engine.fingerprint = str(os.getpid())
    return engine


def failing(store):
    raise ModelError("No such weights.")


def dying(store):
    os._exit(1)


@pytest.fixture(scope="module")
def ray():
    """Two processors, whatever the machine has."""
    import ray

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    yield ray
    ray.shutdown()


@pytest.fixture
def two(ray, store):
    return Replicas(Toy, store, TWO)


def requests(backend, prompts, images=()):
    return [make_request(backend, f"toy/{i}", prompt, images, Sampling(), 0) for i, prompt in enumerate(prompts)]


def test_all_copies_work_and_every_request_is_answered_once(two, store):
    images = (store.add(picture("red", (70, 30))),)
    answers = list(two.generate(requests(two, [f"q{i}" for i in range(60)], images)))
    assert sorted(answer.id for answer in answers) == sorted(f"toy/{i}" for i in range(60))
    pids = [answer.text.split()[0] for answer in answers]
    assert min(pids.count(pid) for pid in set(pids)) > 15
    assert len(set(pids)) == 2
    assert all(answer.text.endswith("[70]") for answer in answers)
    assert list(two.generate([])) == []


def test_fewer_requests_than_one_copy_holds_are_shared_too(two):
    answers = list(two.generate(requests(two, ["a", "b", "c", "d"])))
    assert len({answer.text.split()[0] for answer in answers}) == 2


def test_prompts_are_rendered_by_the_model_and_refused_in_its_words(two):
    assert two.render([Message("user", "hello")]) == "hello"
    with pytest.raises(PromptError, match=r"^a control token$"):
        two.render([Message("user", "control")])


def test_what_a_dead_copy_held_is_asked_of_the_others(two, tmp_path):
    prompts = [f"q{i}" for i in range(30)]
    prompts[7] = f"die once {tmp_path / 'died'}"
    answers = list(two.generate(requests(two, prompts)))
    assert len(answers) == 30
    assert all(isinstance(answer, Completion) for answer in answers), "the next copy survived the question"
    (note,) = two.notes
    assert "died" in note
    assert "requests were taken from it" in note
    again = list(two.generate(requests(two, ["later"])))
    assert isinstance(again[0], Completion), "one copy goes on"


def test_a_request_that_kills_two_copies_is_a_failure_and_so_is_what_nobody_is_left_for(two):
    answers = {answer.id: answer for answer in two.generate(requests(two, ["q", "die", *(f"q{i}" for i in range(20))]))}
    assert len(answers) == 22
    assert answers["toy/1"].reason.startswith("2 replicas died while they held it")
    assert len(two.notes) == 2
    others = {answer.reason for answer in answers.values() if isinstance(answer, GenerationFailure)} - {
        answers["toy/1"].reason
    }
    assert all(reason.startswith("no replica is left: replica") for reason in others)


def test_an_engine_that_stops_is_a_copy_less(two):
    answers = {answer.id: answer for answer in two.generate(requests(two, ["q0", "stop", "q2"]))}
    assert isinstance(answers["toy/1"], GenerationFailure)
    assert answers["toy/1"].reason == "2 replicas died while they held it: out of memory"
    assert "out of memory" in two.notes[0]


@pytest.mark.parametrize(
    ("opener", "word"),
    [(failing, "No such weights"), (dying, "has not started"), (differing, "is not the same as replica 1")],
)
def test_copies_that_cannot_be_used_are_one_clear_line(ray, store, opener, word):
    with pytest.raises(ModelError, match=word) as caught:
        Replicas(opener, store, TWO)
    assert "\n" not in str(caught.value)


def test_a_cluster_that_is_too_small_is_said_before_anything_waits(ray, store):
    with pytest.raises(ModelError, match="99 replicas need 99 CPUs, the Ray cluster has 2"):
        Replicas(Toy, store, Deployment(replicas=99))


def test_two_copies_of_the_demo_model_say_what_one_says(ray, hf, store):
    two = open_backend(find_model("demo", "hf"), store, TWO)
    assert two.fingerprint == hf.fingerprint
    mine, others = (
        {answer.id: answer.text for answer in engine.generate(asked(engine, store, count=12))} for engine in (two, hf)
    )
    assert mine == others or sum(mine[id_] != others[id_] for id_ in mine) <= 1, "batches differ, texts hardly"
