"""Protocols: what they set, how files name their faults, and whose published numbers may stand beside a run."""

import dataclasses
import json
from pathlib import Path

import pytest

from mmk12.cli.evaluation import default_out
from mmk12.datasets.registry import load_benchmark
from mmk12.errors import BadRecipe, MissingData, OutputError, UnknownName
from mmk12.evaluation import pipeline
from mmk12.evaluation.compare import list_scaled_pictures
from mmk12.evaluation.leaderboard import make_leaderboard
from mmk12.evaluation.pipeline import evaluate
from mmk12.evaluation.protocol import PROTOCOLS, Protocol, list_differences, load_protocol
from mmk12.evaluation.run_folder import EvalRun
from mmk12.inference.prompts import TEMPLATES, Template
from mmk12.types import Sampling
from mmk12.utils.images import PixelBounds
from tests.conftest import Scripted, response
from tests.runs import PUBLISHED, graded, settings


def test_the_paper_is_greedy_with_4096_tokens_and_the_prompt_of_its_model():
    paper = load_protocol("paper")
    assert (paper.sampling, paper.runs, paper.bounds) == (Sampling(0.0, 4096), 1, PixelBounds())
    assert paper.template == TEMPLATES["instruct"]


def test_the_other_harnesses_ask_the_bare_question():
    opencompass, lmms = PROTOCOLS["opencompass"], PROTOCOLS["lmms_reasoning"]
    assert opencompass.template == Template("opencompass", None, "{question}")
    assert opencompass.sampling == Sampling(0.01, 2048, 0.001, 1)
    assert opencompass.bounds == PixelBounds(1_003_520, 12_845_056)
    assert (lmms.sampling, lmms.template.user) == (Sampling(0.0, 49_152), "{question}")
    assert "<answer>...</answer>" in lmms.template.system


def test_a_file_sets_what_it_names(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(
        "prompt: zero\ntemperature: 0.6\ntop_p: 0.95\ntop_k: 20\nrepetition_penalty: 1.05\nmax_tokens: 8192\n"
        "runs: 4\nmin_pixels: 3136\nmax_pixels: 1003520\nsource: a paper\n"
    )
    mine = load_protocol(str(file))
    assert (mine.name, mine.template, mine.runs) == ("mine", TEMPLATES["zero"], 4)
    assert mine.sampling == Sampling(0.6, 8192, 0.95, 20, 1.05)
    assert mine.sampling.describe() == (
        "temperature 0.6, top-p 0.95, top-k 20, repetition penalty 1.05, at most 8,192 tokens"
    )
    assert mine.bounds == PixelBounds(3136, 1003520)


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("user: 'Solve: {question}'", Template("mine", None, "Solve: {question}")),
        ("user: '{question}'\nsystem: Be brief.", Template("mine", "Be brief.", "{question}")),
        ("system: Be brief.", Template("mine", "Be brief.", TEMPLATES["instruct"].user)),
        ("prompt: plain\nsystem: null", Template("mine", None, "{question}")),
        ("prompt: plain", TEMPLATES["plain"]),
    ],
)
def test_a_file_may_have_its_own_prompt(tmp_path, text, template):
    (tmp_path / "mine.yaml").write_text(text)
    assert load_protocol(str(tmp_path / "mine.yaml")).template == template


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("temprature: 1", "Did you mean 'temperature'"),
        ("temperature: -1", "temperature"),
        ("temperature: .nan", "temperature"),
        ("top_p: 0", "top_p"),
        ("runs: 4", "several runs at temperature 0"),
        ("user: no place", "{question}"),
        ("prompt: instrcut", "Did you mean 'instruct'"),
        ("prompt: zero\nuser: '{question}'", "leave one of prompt and user out"),
        ("min_pixels: 200\nmax_pixels: 100", "larger than max_pixels"),
        ("max_pixels: 99999999999", "max_pixels"),
        ("name: paper", "built-in"),
        ("- a", "key: value"),
    ],
)
def test_a_fault_in_a_file_is_named(tmp_path, text, fault):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(BadRecipe) as caught:
        load_protocol(str(tmp_path / "mine.yaml"))
    assert fault in str(caught.value)
    assert "mine.yaml" in str(caught.value)


def test_an_unknown_protocol_suggests_the_nearest(tmp_path):
    with pytest.raises(UnknownName, match="Did you mean 'paper'"):
        load_protocol("papr")
    with pytest.raises(MissingData, match="opencompass"):
        load_protocol(str(tmp_path / "none.yaml"))


def test_changes_are_told_by_the_name():
    paper = PROTOCOLS["paper"]
    assert paper.change() is paper.change(prompt="instruct", runs=1, max_tokens=4096) is paper
    several = paper.change(prompt="zero", runs=8, max_tokens=512)
    assert (several.label, several.template) == ("paper-zero-8runs-512tokens", TEMPLATES["zero"])
    assert several.sampling == Sampling(1.0, 512), "greedy runs would all be the same"
    assert PROTOCOLS["opencompass"].change(runs=4).sampling.temperature == 0.01
    shorter = PROTOCOLS["lmms_reasoning"].change(max_tokens=512)
    assert (shorter.label, shorter.template) == ("lmms_reasoning-512tokens", PROTOCOLS["lmms_reasoning"].template)
    asked = PROTOCOLS["lmms_reasoning"].change(prompt="plain")
    assert (asked.template, asked.max_tokens) == (TEMPLATES["plain"], 49_152)


INSTRUCT = dataclasses.asdict(TEMPLATES["instruct"])
GREEDY = dataclasses.asdict(Sampling())


@pytest.mark.parametrize(
    ("changes", "differences"),
    [
        ({}, []),
        ({"prompt": dataclasses.asdict(TEMPLATES["zero"])}, []),
        ({"prompt": {"name": "mine", "system": None, "user": "{question}"}}, ["prompt mine, there instruct"]),
        ({"sampling": {**GREEDY, "max_tokens": 512}}, ["max_tokens 512, there 4,096"]),
        (
            {"sampling": {**GREEDY, "temperature": 0.6, "top_p": 0.9}, "n": 4},
            ["temperature 0.6, there 0", "top_p 0.9, there 1", "runs 4, there 1"],
        ),
        ({"max_pixels": 1000}, ["max_pixels 1,000, there none"]),
    ],
)
def test_differences_are_named_one_by_one(changes, differences):
    run = settings(1, **{"prompt": INSTRUCT, "sampling": GREEDY, **changes})
    assert list_differences("paper", run) == differences


PAPER = {"benchmark": {"published": [{**PUBLISHED, "protocol": "paper"}]}, "prompt": INSTRUCT}
RESPONSES = [response("$4$"), response("$5$")]


def test_a_published_number_stands_beside_ours_only_where_the_protocols_agree(tmp_path):
    same = graded(tmp_path / "same", RESPONSES, **PAPER, sampling=GREEDY)
    other = graded(tmp_path / "other", RESPONSES, **PAPER, sampling={**GREEDY, "max_tokens": 512})
    text = (same / "report.md").read_text()
    assert "| 27.0 | +23.0 |" in text
    text = (other / "report.md").read_text()
    assert "| MM-Eureka-8B (this model) | 27.0 | – | – | differs: max_tokens 512, there 4,096 |" in text
    assert "| 27.0 | +23.0 |" not in text
    for page in ((same / "report.html").read_text(), (other / "report.html").read_text()):
        assert ("differs: max_tokens 512, there 4,096" in page) is ("at most 512 tokens" in page)
    assert [row.model for row in make_leaderboard([same]).published] == ["MM-Eureka-8B"]
    both = make_leaderboard([same, other])
    assert both.published == ()
    (note,) = both.notes
    assert "toy" in note
    assert "max_tokens 512, there 4,096" in note


def test_nobody_knows_the_protocol_of_saved_answers(tmp_path):
    folder = graded(tmp_path / "run", RESPONSES, **PAPER, backend="replay")
    assert "| 27.0 | +23.0 | yes | unknown, these are saved answers |" in (folder / "report.md").read_text()
    assert len(make_leaderboard([folder]).published) == 1


def test_a_published_metric_stands_beside_that_metric(tmp_path):
    number = {**PUBLISHED, "metric": "worst case"}
    text = (graded(tmp_path / "run", RESPONSES, benchmark={"published": [number]}) / "report.md").read_text()
    assert "| MM-Eureka-8B (this model), worst case | 27.0 | – | – |" in text, "this run has no such number"


@pytest.fixture
def engine(monkeypatch):
    """A backend that answers from the demo's golds, in the place of every model."""
    found = Scripted(lambda request: response(f"$ {request.index} $"))
    monkeypatch.setattr(pipeline, "open_backend", lambda model, store, deployment: found)
    return found


def test_a_protocol_decides_what_is_asked_and_is_written_down(tmp_path, engine):
    mine = Protocol(name="mine", user="Q: {question}", temperature=0.6, top_k=20, runs=2, max_tokens=9, max_pixels=9000)
    out = tmp_path / "run"
    done = evaluate("demo", ["demo"], out=out, protocol=mine, limit=2)
    assert len(engine.asked) == 4
    assert {request.sampling for request in engine.asked} == {Sampling(0.6, 9, 1.0, 20)}
    assert all(request.prompt.startswith("user: ") for request in engine.asked), "no system prompt"
    assert all(image.width * image.height <= 9000 for request in engine.asked for image in request.images)
    kept = EvalRun(out).settings()
    assert (kept.protocol, kept.n, kept.max_pixels) == ("mine", 2, 9000)
    assert len(done.results.benchmarks["demo"].per_run) == 2
    text = (out / "report.md").read_text()
    assert "| protocol | mine |" in text
    assert "temperature 0.6, top-k 20, at most 9 tokens, 2 runs, pictures of at most 9,000 pixels" in text
    with pytest.raises(OutputError, match="max_pixels"):
        evaluate("demo", ["demo"], out=out, protocol=mine.model_copy(update={"max_pixels": 8000}), limit=2)


def test_the_same_completions_are_found_by_the_paper_and_by_no_protocol_at_all(tmp_path, engine):
    evaluate("demo", ["demo"], out=tmp_path / "run", limit=1)
    row = json.loads((tmp_path / "run" / "completions.jsonl").read_text())
    request = engine.asked[0]
    from mmk12.inference.generate import make_request

    again = make_request(engine, request.id, request.prompt, request.images, Sampling(0.0, 4096), 0)
    assert row["key"] == again.key == request.key


def test_the_papers_numbers_name_its_protocol():
    for name in ("k12", "mathvista", "mathverse", "mathvision", "olympiadbench"):
        assert {number.protocol for number in load_benchmark(name).published} == {"paper"}


@pytest.mark.parametrize(
    ("protocol", "changes", "folder"),
    [
        ("paper", {}, "eval-ORG-NAME-instruct"),
        ("paper", {"prompt": "zero", "runs": 8}, "eval-ORG-NAME-zero-8runs"),
        ("paper", {"max_tokens": 512}, "eval-ORG-NAME-instruct-512tokens"),
        ("opencompass", {}, "eval-ORG-NAME-opencompass"),
        ("lmms_reasoning", {"prompt": "plain", "runs": 2}, "eval-ORG-NAME-lmms_reasoning-plain-2runs"),
    ],
)
def test_every_protocol_has_a_folder_of_its_own(protocol, changes, folder):
    assert default_out("ORG/NAME", load_protocol(protocol).change(**changes)) == Path("runs") / folder


def test_runs_with_pictures_of_other_sizes_are_no_pair(tmp_path):
    a, b = graded(tmp_path / "a", RESPONSES), graded(tmp_path / "b", RESPONSES, max_pixels=9000)
    assert list_scaled_pictures(a, a) == []
    assert len(list_scaled_pictures(a, b)) == 1
    assert [row.protocol for row in make_leaderboard([a, b]).runs] == ["", ""]
