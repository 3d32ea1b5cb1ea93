"""The difficulty filter: bands, rates, reuse of rollouts, failures, kills; the same rows for the same answers."""

import dataclasses
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mmk12.__main__ import main
from mmk12.curation import DifficultyModel, build_data
from mmk12.curation import difficulty as rollouts
from mmk12.curation.difficulty import PassRateEstimator, difficulty
from mmk12.curation.stage_cache import StageOutput, save_outputs
from mmk12.errors import BadInput, BadRecipe, MissingData, ModelError, PromptError
from mmk12.inference.deployment import Deployment
from mmk12.plotting import plot
from mmk12.recipes.data_schema import PassRateRange
from mmk12.recipes.recipe_loader import load_recipe
from mmk12.types import DroppedSample, Gold, Sample
from mmk12.utils import storage
from mmk12.utils.images import ImageStore
from tests.conftest import Scripted, picture, response

pytestmark = pytest.mark.usefixtures("drawn_once", "hashed_once", "posed_once")
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("0 < p < 1", [1, 2, 3, 4, 5, 6, 7]),
        ("all", [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        ("0.25 <= p <= 0.75", [2, 3, 4, 5, 6]),
        ("0.25<p≤.75", [3, 4, 5, 6]),
        ("p < 1", [0, 1, 2, 3, 4, 5, 6, 7]),
        (" 0.9 <= p ", [8]),
        ("1 <= p", [8]),
        ("p <= 0", [0]),
    ],
)
def test_a_band_holds_the_rates_between_its_bounds(text, inside):
    assert [right for right in range(9) if PassRateRange.parse(text).side(right, 8) == 0] == inside


def test_a_band_is_exact_where_floats_are_not():
    assert PassRateRange.parse("0.1 <= p <= 0.3").side(3, 10) == 0
    assert PassRateRange.parse("p < 0.3").side(3, 10) == 1


@pytest.mark.parametrize(
    "text", ["", "p", "0 < q < 1", "0 > p > 1", "2 < p", "0 < p < 1 < 2", "0.8 < p < 0.2", "1 < p", "0.5 <= p < 0.5"]
)
def test_what_is_no_band_is_refused_in_a_recipe(tmp_path, text):
    (tmp_path / "r.yaml").write_text(f"extends: demo\ndata: {{difficulty: {{keep: '{text}'}}}}\n")
    with pytest.raises(BadRecipe, match=r"data\.difficulty\.keep: (no pass rate|'.*' is not a band)"):
        load_recipe(str(tmp_path / "r.yaml"))


def sample(right, images=(), question=None):
    """A question that the scripted model answers right the first `right` times."""
    question = question or f"How many of {right}?"
    return Sample(f"toy/{right}", "toy", "<image>" * len(images) + question, images, Gold("$4$"), {"topic": "counts"})


def first_right(request):
    """The scripted answer: right while the index is below the number in the id."""
    return response("$4$" if request.index < int(request.id.split("/")[1]) else "$5$")


@pytest.fixture
def filtered(tmp_path, monkeypatch):
    """Runs the stage over samples with a scripted model; returns its outcomes and what the model was asked."""

    def run(samples, answer=first_right, *, keep="0 < p < 1", **options):
        path, store = tmp_path / "in.jsonl", ImageStore(tmp_path / "images")
        save_outputs(path, "key", samples)
        model = Scripted(answer)
        monkeypatch.setattr(rollouts, "open_backend", lambda found, store, deployment: opened.append(model) or model)
        opened: list[Scripted] = []
        recipe = load_recipe("demo")
        data = recipe.data.model_copy(
            update={"difficulty": recipe.data.difficulty.model_copy(update={"keep": keep, "max_tokens": 64})}
        )
        asked = DifficultyModel("demo", "hf", folder=tmp_path / "rollouts", **options)
        estimator = PassRateEstimator(asked, recipe.model_copy(update={"data": data}), store)
        outcomes = list(difficulty(StageOutput(path), estimator=estimator, keep=keep))
        return outcomes, model.asked if opened else None

    return run


def kept(outcomes):
    return [outcome.id for outcome in outcomes if isinstance(outcome, Sample)]


def rates(folder):
    return {row["id"]: row for row in storage.read_jsonl(folder / "rollouts" / "pass_rates.jsonl")}


def test_rows_are_kept_by_their_pass_rate_and_carry_it(filtered, tmp_path):
    outcomes, asked = filtered([sample(right) for right in (0, 1, 4, 8)])
    assert len(asked) == 32
    assert {request.sampling.temperature for request in asked} == {1.0}
    assert [outcome.tags["pass_rate"] for outcome in outcomes if isinstance(outcome, Sample)] == ["0.125", "0.5"]
    dropped = [(one.id, one.stage, one.reason, one.evidence) for one in outcomes if isinstance(one, DroppedSample)]
    assert dropped == [
        ("toy/0", "difficulty", "solved too rarely", "0 of 8 right, kept are 0 < p < 1"),
        ("toy/8", "difficulty", "solved too often", "8 of 8 right, kept are 0 < p < 1"),
    ]
    row = rates(tmp_path)["toy/1"]
    assert (row["right"], row["n"], row["pass_rate"], row["truncated"]) == (1, 8, 0.125, 0)
    assert row["statuses"] == ["correct"] + ["wrong"] * 7
    assert row["answers"] == ["$4$"] + ["$5$"] * 7
    assert row["prompt_tokens"] == 10


def test_another_band_needs_no_model(filtered):
    samples = [sample(right) for right in range(9)]
    filtered(samples)
    outcomes, asked = filtered(samples, keep="0.5 <= p")
    assert asked is None
    assert kept(outcomes) == ["toy/4", "toy/5", "toy/6", "toy/7", "toy/8"]


@pytest.mark.parametrize(("n", "new"), [(4, 0), (8, 0), (12, 8)])
def test_another_n_asks_only_what_is_not_there(filtered, tmp_path, n, new):
    samples = [sample(3), sample(5)]
    filtered(samples)
    _, asked = filtered(samples, n=n)
    assert len(asked or []) == new
    assert [(row["right"], row["n"]) for row in rates(tmp_path).values()] == [(3, n), (min(5, n), n)]


@pytest.mark.parametrize(
    "change",
    [{"question": "How many circles?"}, {"gold": Gold("$5$")}, {"images": ("new",)}],
    ids=["question", "gold", "picture"],
)
def test_a_changed_row_is_measured_anew_and_the_others_are_not(filtered, tmp_path, change):
    store = ImageStore(tmp_path / "images")
    samples = [sample(3, (store.add(picture("red")),)), sample(5, (store.add(picture("blue")),))]
    filtered(samples)
    if "images" in change:
        change = {"images": (store.add(picture("green")),)}
    elif "question" in change:
        change = {"question": "<image>" + change["question"]}
    samples[0] = dataclasses.replace(samples[0], **change)
    outcomes, asked = filtered(samples)
    assert {request.id for request in asked} <= {"toy/3"}
    assert [outcome.tags["pass_rate"] for outcome in outcomes][1] == "0.625"


def test_rows_are_asked_as_they_are_trained(filtered, tmp_path):
    image = ImageStore(tmp_path / "images").add(picture("red"))
    _, asked = filtered([sample(3, (image,)), sample(5)])
    shown, blank = asked[0], asked[-1]
    assert shown.images == (image,)
    assert "user: <image>You should first thinks" in shown.prompt
    assert [(one.width, one.height) for one in blank.images] == [(224, 224)]


def test_a_failing_engine_stops_the_build_and_loses_nothing(filtered):
    samples = [sample(3), sample(5)]

    def sometimes(request):
        return None if request.id == "toy/5" and request.index > 5 else first_right(request)

    with pytest.raises(ModelError, match=r"2 of 16 rollouts failed, first reason: scripted to fail.*--allow-failures"):
        filtered(samples, sometimes)
    outcomes, asked = filtered(samples)
    assert [(request.id, request.index) for request in asked] == [("toy/5", 6), ("toy/5", 7)]
    assert kept(outcomes) == ["toy/3", "toy/5"]


def test_failures_that_are_allowed_cost_their_rows(filtered):
    def never(request):
        return None if request.id == "toy/5" else first_right(request)

    outcomes, _ = filtered([sample(3), sample(5)], never, allow_failures=True)
    assert kept(outcomes) == ["toy/3"]
    assert [(one.reason, one.evidence) for one in outcomes if isinstance(one, DroppedSample)] == [
        ("no rollouts", "scripted to fail")
    ]


def test_a_row_that_cannot_be_asked_is_a_drop(filtered, monkeypatch):
    def refuse(self, messages):
        if "forbidden" in messages[-1].content:
            raise PromptError("the text holds the model's control token <s>")
        return messages[-1].content

    monkeypatch.setattr(Scripted, "render", refuse)
    outcomes, asked = filtered([sample(3), sample(5, question="forbidden")])
    assert {request.id for request in asked} == {"toy/3"}
    (drop,) = (one for one in outcomes if isinstance(one, DroppedSample))
    assert (drop.reason, drop.evidence) == (
        "no rollouts",
        "the prompt cannot be built: the text holds the model's control token <s>",
    )


def test_damaged_rates_are_told(filtered, tmp_path):
    filtered([sample(3)])
    (tmp_path / "rollouts" / "pass_rates.jsonl").write_text("{torn")
    with pytest.raises(BadInput, match=r"pass_rates\.jsonl is damaged\. Delete it"):
        filtered([sample(3)])


def saved_answers(work, count, n=8):
    """A file of answers to the first demo questions: number k is right k times in nine."""
    from mmk12.demo import generate_problems

    rows = []
    for number, problem in zip(range(count), generate_problems("train", count), strict=True):
        for index in range(n):
            text = response(problem.answer if index < number % 9 else "$0.123$")
            rows.append({"id": f"demo/{problem.id}", "index": index, "response": text})
    storage.write_jsonl(work / "saved.jsonl", rows)
    return str(work / "saved.jsonl")


def built(work, out="out", *, recipe="demo", limit=40, **options):
    return build_data(recipe, out=work / out, limit=limit, rollouts=DifficultyModel(**options) if options else None)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A build with a model, only read by the tests."""
    work = tmp_path_factory.mktemp("measured")
    return built(work, model=saved_answers(work, 40))


def tree(folder):
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.mark.slow
def test_a_build_with_a_model_says_what_it_measured(measured):
    assert (measured.funnel["demo"]["benchmark"], measured.funnel["demo"]["difficulty"]) == (40, 31)
    manifest = storage.read_json(measured.out / "manifest.json")
    assert manifest["difficulty"]["right"] == {"demo": [5, 5, 5, 5, 4, 4, 4, 4, 4]}
    assert (manifest["difficulty"]["n"], manifest["difficulty"]["keep"]) == (8, "0 < p < 1")
    card = (measured.out / "README.md").read_text()
    assert "| demo | 5 | 5 | 5 | 5 | 4 | 4 | 4 | 4 | 4 |" in card
    assert "Not filtered by difficulty" not in card
    assert (measured.out / "figures" / "difficulty.png").is_file()
    row = pq.read_table(measured.out / "train.parquet")["extra_info"].to_pylist()[0]
    assert 0 < row["pass_rate"] < 1
    assert "pass_rate" not in json.loads(row["tags"])


@pytest.mark.slow
def test_without_a_model_the_filter_is_skipped_and_said(tmp_path):
    made = built(tmp_path)
    assert made.funnel["demo"]["difficulty"] == 40
    assert storage.read_json(tmp_path / "out" / "manifest.json")["difficulty"] is None
    assert "**Not filtered by difficulty:** no model was given" in (tmp_path / "out" / "README.md").read_text()
    assert not (tmp_path / "out" / "figures" / "difficulty.png").exists()
    with pytest.raises(MissingData, match="no pass rates"):
        plot("difficulty", [tmp_path / "out"], tmp_path / "x.png")


@pytest.mark.slow
def test_a_curriculum_is_sorted_by_pass_rate(tmp_path):
    (tmp_path / "c.yaml").write_text("extends: demo\ndata: {order: pass_rate, difficulty: {keep: all}}\n")
    recipe = str(tmp_path / "c.yaml")
    built(tmp_path, recipe=recipe, model=saved_answers(tmp_path, 40))
    for split in ("train", "val"):
        column = pq.read_table(tmp_path / "out" / f"{split}.parquet")["extra_info"].to_pylist()
        order = [row["pass_rate"] for row in column]
        assert order == sorted(order, reverse=True)
    with pytest.raises(BadInput, match=r"order is pass_rate, but no pass rate was measured"):
        built(tmp_path, "other", recipe=recipe)


def test_a_model_that_is_not_there_is_told_before_any_work(tmp_path):
    with pytest.raises(MissingData, match="No model folder"):
        built(tmp_path, model="./none")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_build_does_not_replay_its_own_rollouts(measured, tmp_path):
    rollouts = str(measured.out / "rollouts")
    with pytest.raises(BadInput, match="rollouts of this very folder"):
        built(measured.out.parent, model=rollouts)
    copied = built(tmp_path, "copy", model=rollouts)
    assert copied.funnel["demo"]["difficulty"] == 31


@pytest.mark.slow
def test_taking_the_model_away_is_as_if_there_had_been_none(tmp_path):
    built(tmp_path, model=saved_answers(tmp_path, 40))
    built(tmp_path)
    built(tmp_path, "fresh")
    left = {path: digest for path, digest in tree(tmp_path / "out").items() if not path.startswith("rollouts/")}
    assert left == tree(tmp_path / "fresh")


@pytest.mark.slow
def test_the_command_line_passes_the_model_on(tmp_path, monkeypatch, capsys):
    model = saved_answers(tmp_path, 40)
    out = ["--out", str(tmp_path / "out"), "--limit", "40", "--json"]
    monkeypatch.setattr(sys, "argv", ["mmk12", "build-data", "demo", *out, "--model", model, "--n", "4"])
    with pytest.raises(SystemExit, match=r"^0$"):
        main()
    told = capsys.readouterr()
    assert json.loads(told.out)["demo"]["difficulty"] == 15
    assert "skipped" not in told.err
    monkeypatch.setattr(sys, "argv", ["mmk12", "build-data", "demo", *out])
    with pytest.raises(SystemExit, match=r"^0$"):
        main()
    assert "note: the difficulty filter was skipped: it needs --model" in capsys.readouterr().err


def test_rows_that_are_all_gone_before_need_no_rates(tmp_path):
    (tmp_path / "none.yaml").write_text("extends: demo\ndata: {benchmark: {source: demo, size: 4}}\n")
    with pytest.raises(BadInput, match="No row is left"):
        built(tmp_path, recipe=str(tmp_path / "none.yaml"), limit=4, model=saved_answers(tmp_path, 4))


KILLED = """
import os, signal, sys
from pathlib import Path
from mmk12.utils import storage
from mmk12.curation import DifficultyModel, build_data
left = int(sys.argv[3])
real = storage.AppendLog.append
def append(log, rows):
    global left
    left -= 1
    if left < 0:
        with open(log.path, "ab") as file:
            file.write(storage.to_json(rows[0]).encode()[:50])
        os.kill(os.getpid(), signal.SIGKILL)
    return real(log, rows)
storage.AppendLog.append = append
build_data("demo", out=Path(sys.argv[1]), limit=40, rollouts=DifficultyModel(sys.argv[2]))
"""


@pytest.mark.slow
def test_killed_between_rollouts_the_same_command_ends_the_same(tmp_path):
    model = saved_answers(tmp_path, 40)
    built(tmp_path, "whole", model=model)
    for appended in (0, 97, 150):
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, str(tmp_path / "out"), model, str(appended)],
            cwd=ROOT,
            env={**os.environ, "MPLBACKEND": "Agg"},
        )
        assert killed.returncode == -signal.SIGKILL
    completions = tmp_path / "out" / "rollouts" / "completions.jsonl"
    before = completions.read_bytes().rpartition(b"\n")[0]
    assert before.count(b"\n") + 1 == 97 + 150
    built(tmp_path, model=model)
    assert completions.read_bytes().startswith(before)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.model
def test_the_embedded_model_measures_rates(tmp_path):
    (tmp_path / "short.yaml").write_text("extends: demo\ndata: {difficulty: {n: 2, keep: all, max_tokens: 24}}\n")
    made = built(tmp_path, recipe=str(tmp_path / "short.yaml"), limit=3, model="demo")
    assert made.funnel["demo"]["difficulty"] == 3
    assert {row["n"] for row in rates(tmp_path / "out").values()} == {2}
    lengths = storage.read_json(tmp_path / "out" / "statistics.json")["prompt_lengths"]
    counted = build_data("demo", out=tmp_path / "counted", limit=3, tokenizer="demo")
    assert lengths["unit"] == "tokens"
    assert storage.read_json(counted.out / "statistics.json")["prompt_lengths"] == lengths


def test_a_changed_verifier_grades_again_and_asks_nothing(filtered, monkeypatch):
    samples = [sample(right) for right in (0, 4)]
    outcomes, asked = filtered(samples)
    assert len(asked) == 16
    monkeypatch.setattr(rollouts, "hash_code", lambda *roots: "another rule")
    assert filtered(samples) == (outcomes, [])
    assert filtered(samples) == (outcomes, None)


def test_rates_do_not_depend_on_what_is_done_about_failures(filtered):
    samples = [sample(right) for right in (0, 4)]
    outcomes, _ = filtered(samples)
    assert filtered(samples, allow_failures=True) == (outcomes, None)


def test_other_settings_of_the_engine_are_another_model(filtered):
    samples = [sample(4)]
    outcomes, _ = filtered(samples)
    for options in ({"batch_size": 2}, {"batch_size": 3}):
        assert filtered(samples, deployment=Deployment(options=options)) == (outcomes, [])
