"""An evaluation from data to report, on saved completions: everything but the model is real."""

import json
import os
from pathlib import Path

import pytest

from mmk12.errors import BadInput, MissingData, ModelError, OutputError, UnknownName
from mmk12.evaluation.compare import compare
from mmk12.evaluation.pipeline import evaluate, score
from mmk12.evaluation.run_folder import EvalRun
from mmk12.utils import content
from mmk12.utils.storage import to_json
from tests.conftest import Scripted, picture, response

DERIVED = ("verdicts.jsonl", "results.json", "report.md", "report.html", "samples.jsonl")


@pytest.fixture
def raw(tmp_path):
    """Four invented items in the layout of the public repository, one of them with a gold that cannot be used."""
    folder = tmp_path / "raw" / "k12"
    (folder / "images").mkdir(parents=True)
    golds = ["$$4$$", "$\\frac{1}{2}$", "$70^{\\circ}$", "_"]
    rows = []
    for number, gold in enumerate(golds):
        (folder / "images" / f"{number}.png").write_bytes(picture((number, 0, 0)))
        rows.append(
            {
                "id": f"q{number}",
                "question": f"As shown, {number}: ___.",
                "answer": gold,
                "image_path": f"images/{number}.png",
            }
        )
    (folder / "k12.json").write_text(json.dumps(rows))
    return tmp_path / "raw"


def saved(tmp_path, answers, name="saved.jsonl"):
    rows = [{"id": f"q{number}", "response": text, "completion_tokens": 5} for number, text in answers.items()]
    (tmp_path / name).write_text("".join(to_json(row) + "\n" for row in rows))
    return str(tmp_path / name)


ANSWERS = {0: response("$4$"), 1: response("$\\frac{2}{3}$"), 2: "no idea", 3: response("$1$")}


def run(tmp_path, raw, answers=ANSWERS, out="out", **options):
    model = saved(tmp_path, answers, f"{out}.jsonl")
    return evaluate(model, ["k12"], out=tmp_path / out, raw_dir=raw, **options)


def rows(folder: Path, name="verdicts.jsonl"):
    return [json.loads(line) for line in (folder / name).read_text("utf-8").splitlines()]


def test_the_folder_holds_what_the_contract_says(tmp_path, raw):
    done = run(tmp_path, raw)
    assert {path.name for path in done.folder.iterdir()} >= {"run.json", "completions.jsonl", "images", *DERIVED}
    verdicts = rows(done.folder)
    assert [row["id"] for row in verdicts] == ["k12/q0", "k12/q1", "k12/q2", "k12/q3"]
    assert [row["status"] for row in verdicts[:2]] == ["correct", "wrong"]
    assert verdicts[2]["status"] in ("no_answer", "wrong")
    assert set(verdicts[0]) >= {
        "id", "status", "correct", "answer", "rule", "reason", "format_ok", "profile",
        "benchmark", "groups", "finish_reason", "completion_tokens",
    }  # fmt: skip
    result = json.loads((done.folder / "results.json").read_text())["benchmarks"]["k12"]
    assert set(result) >= {
        "n", "correct", "accuracy", "ci95", "no_answer_rate", "truncation_rate", "format_rate", "mean_tokens", "groups",
    }  # fmt: skip
    assert (result["n"], result["correct"]) == (4, 1)
    assert result["format_rate"] == 0.75
    assert sum(score["n"] for score in result["groups"]["answer_type"].values()) == 4


def test_a_rerun_changes_no_byte_and_no_time(tmp_path, raw):
    folder = run(tmp_path, raw).folder
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
    assert run(tmp_path, raw).generated == 0
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files} == before


def test_completions_are_reused_by_another_version_and_profile(tmp_path, raw, monkeypatch):
    """Only what decides the text is part of a key: engine, item, prompt, images, sampling, rollout."""
    first = run(tmp_path, raw)
    before = (first.folder / "completions.jsonl").read_bytes()
    monkeypatch.setattr("mmk12.evaluation.pipeline.__version__", "9.9.9")
    again = run(tmp_path, raw, profile="paper_instruct")
    assert again.generated == 0
    assert (first.folder / "completions.jsonl").read_bytes() == before
    assert json.loads((first.folder / "run.json").read_text())["mmk12"] == "9.9.9"


def test_only_run_json_knows_the_time(tmp_path, raw):
    first, second = run(tmp_path, raw, out="first").folder, tmp_path / "second"
    evaluate(str(tmp_path / "first.jsonl"), ["k12"], out=second, raw_dir=raw)
    for name in DERIVED:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_a_short_benchmark_is_partial_and_stands_beside_no_published_number(tmp_path, raw):
    done = run(tmp_path, raw)
    assert done.results.benchmarks["k12"].partial, "4 of 500 items"
    text = (done.folder / "report.md").read_text()
    assert "partial" in text
    assert "MM-Eureka-8B" not in text


def test_other_items_under_the_published_name_meet_no_published_number(tmp_path, raw):
    text = (content.root("benchmark") / "k12.py").read_text().replace("size=500", "size=4")
    (tmp_path / "k12.py").write_text(text)
    model = saved(tmp_path, ANSWERS)
    fresh = evaluate(model, [str(tmp_path / "k12.py")], out=tmp_path / "fresh", raw_dir=raw).folder
    (tmp_path / "k12.py").write_text(text.replace("content=", "content=None and "))
    trusting = evaluate(model, [str(tmp_path / "k12.py")], out=tmp_path / "trusting", raw_dir=raw).folder
    assert "MM-Eureka-8B" not in (fresh / "report.md").read_text()
    assert "MM-Eureka-8B" in (trusting / "report.md").read_text()


@pytest.fixture
def scripted(monkeypatch):
    """Has `evaluate` ask a scripted model, which needs the pictures, in the place of the demo's."""

    def use(answer=lambda asked: response("$4$")):
        backend = Scripted(answer)
        monkeypatch.setattr("mmk12.evaluation.pipeline.open_backend", lambda *given: backend)
        return backend

    return use


def damage_picture(raw, how):
    broken = raw / "k12" / "images" / "1.png"
    broken.unlink() if how == "delete" else broken.write_bytes(broken.read_bytes()[:40])


@pytest.mark.parametrize("damage", ["delete", "cut"])
def test_an_unusable_image_stops_the_run_before_it_starts(tmp_path, raw, scripted, damage):
    scripted()
    damage_picture(raw, damage)
    with pytest.raises(MissingData, match=r"1 of 4 items cannot be asked, first k12/q1: unusable image, images/1\.png"):
        evaluate("demo", ["k12"], out=tmp_path / "out", raw_dir=raw)
    done = evaluate("demo", ["k12"], out=tmp_path / "out", raw_dir=raw, allow_missing=True)
    assert done.results.benchmarks["k12"].partial
    assert "images/1.png" in done.notes[0]
    verdict = rows(done.folder)[1]
    assert (verdict["id"], verdict["status"], verdict["rule"]) == ("k12/q1", "error", "not asked")
    assert done.results.benchmarks["k12"].n == 4


@pytest.mark.parametrize("damage", ["delete", "cut"])
def test_saved_answers_are_graded_without_the_pictures(tmp_path, raw, damage):
    with_pictures = run(tmp_path, raw, out="with")
    damage_picture(raw, damage)
    done = run(tmp_path, raw, out="without")
    assert done.results == with_pictures.results
    assert done.notes[0] == "1 items have no picture here; their saved answers are graded all the same"
    assert compare(with_pictures.folder, done.folder).benchmarks["k12"].asked_differently == ()
    assert run(tmp_path, raw, out="with").results == with_pictures.results
    assert rows(with_pictures.folder, "samples.jsonl")[1]["images"], "a picture that was there stays"


def test_a_benchmark_that_cannot_be_read_has_no_accuracy(tmp_path, raw):
    model = saved(tmp_path, ANSWERS)
    done = evaluate(model, ["k12", "mathvista"], out=tmp_path / "out", raw_dir=raw, allow_missing=True)
    assert list(done.results.benchmarks) == ["k12"]
    assert any(note.startswith("mathvista left out") for note in done.notes)


def test_a_benchmark_named_twice_is_refused(tmp_path, raw):
    with pytest.raises(BadInput, match="named twice: k12"):
        evaluate(saved(tmp_path, ANSWERS), ["k12", "k12"], out=tmp_path / "out", raw_dir=raw)


def test_a_missing_completion_is_an_error_not_a_wrong_answer(tmp_path, raw):
    done = run(tmp_path, raw, {0: response("$4$")})
    assert "3 of 4 completions failed, first reason: no saved answer" in done.notes
    assert [row["status"] for row in rows(done.folder)] == ["correct", "error", "error", "error"]
    assert done.results.benchmarks["k12"].partial


def test_answers_to_no_item_are_an_error_and_no_zero(tmp_path, raw):
    model = saved(tmp_path, {}, "empty.jsonl")
    with pytest.raises(BadInput, match=r"empty\.jsonl is an empty file: no format of saved responses"):
        evaluate(model, ["k12"], out=tmp_path / "out", raw_dir=raw)
    (tmp_path / "other.jsonl").write_text(to_json({"id": "zzz", "response": "3"}) + "\n")
    with pytest.raises(BadInput, match="its first is 'zzz'; the first item of k12 is 'q0'"):
        evaluate(str(tmp_path / "other.jsonl"), ["k12"], out=tmp_path / "out", raw_dir=raw)
    with pytest.raises(BadInput, match=r"No saved answer belongs to an item of demo\. Leave it out"):
        evaluate(saved(tmp_path, ANSWERS), ["k12", "demo"], out=tmp_path / "out", raw_dir=raw)
    assert not (tmp_path / "out" / "results.json").exists()
    done = evaluate(saved(tmp_path, ANSWERS), ["k12", "demo"], out=tmp_path / "out", raw_dir=raw, allow_missing=True)
    assert list(done.results.benchmarks) == ["k12"]
    assert "demo left out: no saved answer belongs to an item of it" in done.notes


def test_a_run_without_any_answer_is_an_error_and_has_no_accuracy(tmp_path, raw, scripted):
    scripted(lambda asked: None)
    with pytest.raises(
        ModelError, match=r"None of the 4 requests was answered, so there is no accuracy\. First reason: scr"
    ):
        evaluate("demo", ["k12"], out=tmp_path / "out", raw_dir=raw)
    result = EvalRun(tmp_path / "out").results().benchmarks["k12"]
    assert (result.n, result.unanswered, result.accuracy, result.ci95, result.partial) == (4, 4, None, None, True)
    text = (tmp_path / "out" / "report.md").read_text()
    assert text.index("4 of 4 items have no response.** Nothing was measured") < text.index(
        "| k12 (partial) | 4 | – | – |"
    )
    with pytest.raises(MissingData, match="there is nothing to evaluate"):
        for path in (raw / "k12" / "images").iterdir():
            path.unlink()
        evaluate("demo", ["k12"], out=tmp_path / "out", raw_dir=raw, allow_missing=True)


def test_failures_stand_first_with_what_they_cost(tmp_path, raw, scripted):
    scripted(lambda asked: None if asked.id == "k12/q1" else response("$4$"))
    text = (evaluate("demo", ["k12"], out=tmp_path / "out", raw_dir=raw).folder / "report.md").read_text()
    assert text.index("1 of 4 items have no response.** They count as not correct, which costs up to 25.0 points") < (
        text.index("| benchmark |")
    )


def test_unusable_golds_are_counted_from_the_golds(tmp_path, raw):
    """Two models with other answers agree about the benchmark."""
    first, second = run(tmp_path, raw, out="first"), run(tmp_path, raw, {**ANSWERS, 3: "_"}, out="second")
    counts = [done.results.benchmarks["k12"].unusable_golds for done in (first, second)]
    assert [count.golds for count in counts] == [1, 1]
    assert [count.statuses for count in counts] == [{"gold_unusable": 1}, {"gold_unusable": 1}]
    assert "1 golds cannot be graded by a rule" in (first.folder / "report.md").read_text()


# A run only grows.


def benchmarks_of(folder):
    return {name: one.n for name, one in EvalRun(folder).results().benchmarks.items()}


def test_another_benchmark_leaves_the_first_one_where_it_is(tmp_path, raw, scripted):
    scripted()
    first = evaluate("demo", ["k12"], out=tmp_path / "out", raw_dir=raw)
    both = evaluate("demo", ["demo"], out=tmp_path / "out", limit=5)
    assert benchmarks_of(both.folder) == {"k12": 4, "demo": 5}
    assert both.results.benchmarks["k12"] == first.results.benchmarks["k12"]
    assert "k12/q0" in (both.folder / "report.html").read_text()
    assert evaluate("demo", ["k12"], out=tmp_path / "out", raw_dir=raw).generated == 0
    assert benchmarks_of(both.folder) == {"k12": 4, "demo": 5}


def test_a_limited_run_never_replaces_a_larger_one(tmp_path, raw, scripted):
    model = scripted()
    whole = evaluate("demo", ["k12"], out=tmp_path / "out", raw_dir=raw)
    before = {name: (whole.folder / name).read_bytes() for name in DERIVED}
    limited = evaluate("demo", ["k12"], out=tmp_path / "out", raw_dir=raw, limit=1)
    assert "k12: all 4 items of earlier calls stay, 1 were asked now" in limited.notes
    assert (limited.generated, limited.results) == (0, whole.results)
    assert {name: (whole.folder / name).read_bytes() for name in DERIVED} == before
    assert len(model.asked) == 4


def test_a_limited_run_grows_into_a_whole_one(tmp_path, raw, scripted):
    model = scripted()
    sizes = []
    for limit in (2, 1, 3, None):
        done = evaluate("demo", ["k12"], out=tmp_path / "out", raw_dir=raw, limit=limit)
        result = done.results.benchmarks["k12"]
        sizes.append((result.n, result.limited))
    assert sizes == [(2, True), (2, True), (3, True), (4, False)]
    assert len(model.asked) == 4


def test_a_picture_that_is_lost_takes_no_answer_away(tmp_path, raw, scripted):
    scripted()
    whole = evaluate("demo", ["k12"], out=tmp_path / "out", raw_dir=raw)
    damage_picture(raw, "delete")
    again = evaluate("demo", ["k12"], out=tmp_path / "out", raw_dir=raw, allow_missing=True)
    assert again.results == whole.results


def test_fewer_rows_take_no_answer_away_and_other_rows_are_refused(tmp_path, raw, scripted):
    scripted()
    whole = evaluate("demo", ["k12"], out=tmp_path / "out", raw_dir=raw)
    upstream = json.loads((raw / "k12" / "k12.json").read_text())
    (raw / "k12" / "k12.json").write_text(json.dumps(upstream[:2]))
    assert evaluate("demo", ["k12"], out=tmp_path / "out", raw_dir=raw).results == whole.results
    (raw / "k12" / "k12.json").write_text(json.dumps([{**upstream[0], "id": "new"}, upstream[1]]))
    with pytest.raises(OutputError, match="holds other items of k12 than the data: k12/q0 is not in the data, k12/new"):
        evaluate("demo", ["k12"], out=tmp_path / "out", raw_dir=raw)
    assert EvalRun(whole.folder).results() == whole.results


def test_a_run_that_goes_on_says_how_much_was_there(tmp_path, raw, scripted):
    scripted(lambda asked: None if asked.id == "k12/q3" else response("$4$"))
    evaluate("demo", ["k12"], out=tmp_path / "out", raw_dir=raw)
    assert "going on: 3 of 4 answers were there" in evaluate("demo", ["k12"], out=tmp_path / "out", raw_dir=raw).notes


def test_another_profile_says_how_to_get_the_first_one_back(tmp_path, raw):
    run(tmp_path, raw)
    again = run(tmp_path, raw, profile="paper_instruct")
    assert any("--profile strict brings that back" in note for note in again.notes)


def test_a_file_of_the_user_computes_its_metrics_only_where_it_is_named(tmp_path, raw):
    """A run folder never names code that is then executed."""
    text = (content.root("benchmark") / "k12.py").read_text()
    metrics = "metrics=lambda items: {'all': mmk12.utils.rates.share({one.id: 1.0 for one in items})},"
    (tmp_path / "mine.py").write_text("import mmk12.utils.rates\n" + text.replace("size=500,", f"size=4, {metrics}"))
    model = saved(tmp_path, ANSWERS)
    done = evaluate(model, [str(tmp_path / "mine.py")], out=tmp_path / "out", raw_dir=raw)
    assert done.results.benchmarks["k12"].metrics["all"].n == 4
    assert str(tmp_path / "mine.py") not in (done.folder / "run.json").read_text()
    assert score(done.folder).results.benchmarks["k12"].metrics == {}


def test_another_model_in_the_same_folder_is_refused(tmp_path, raw):
    run(tmp_path, raw)
    other = saved(tmp_path, {0: response("$5$")}, "other.jsonl")
    with pytest.raises(OutputError, match="another fingerprint"):
        evaluate(other, ["k12"], out=tmp_path / "out", raw_dir=raw)
    with pytest.raises(OutputError, match="another prompt"):
        run(tmp_path, raw, prompt="zero")


def test_limit_asks_the_first_items_only(tmp_path, raw):
    done = run(tmp_path, raw, limit=2)
    assert (done.results.benchmarks["k12"].n, done.results.benchmarks["k12"].limited) == (2, True)


@pytest.mark.parametrize(
    ("options", "error", "word"),
    [
        ({"benchmarks": ["k21"]}, UnknownName, "Did you mean 'k12'"),
        ({"prompt": "instrct"}, UnknownName, "Did you mean 'instruct'"),
        ({"profile": "strct"}, UnknownName, "Did you mean 'strict'"),
        ({"backend": "hff"}, UnknownName, "Did you mean 'hf'"),
        ({"model": "no/such/folder"}, MissingData, "No model folder"),
        ({"raw_dir": Path("nowhere")}, MissingData, "not a folder"),
    ],
)
def test_mistakes_are_one_clear_line(tmp_path, raw, options, error, word):
    model = saved(tmp_path, ANSWERS)
    arguments = {"model": model, "benchmarks": ["k12"], "raw_dir": raw, "out": tmp_path / "out", **options}
    with pytest.raises(error, match=word) as caught:
        evaluate(arguments.pop("model"), arguments.pop("benchmarks"), **arguments)
    assert "\n" not in str(caught.value)


def test_score_grades_again_without_model_or_data(tmp_path, raw):
    done = run(tmp_path, raw)
    before = {name: (done.folder / name).read_bytes() for name in DERIVED}
    for path in (raw / "k12" / "k12.json", tmp_path / "out.jsonl"):
        os.unlink(path)
    assert score(done.folder).results == done.results
    assert {name: (done.folder / name).read_bytes() for name in DERIVED} == before
    other = score(done.folder, "paper_instruct")
    assert {row["profile"] for row in rows(done.folder)} == {"paper_instruct"}
    assert other.results.benchmarks["k12"].profile == "paper_instruct"


def test_score_into_another_folder_leaves_the_run_as_it_is(tmp_path, raw):
    done = run(tmp_path, raw)
    before = {path: path.read_bytes() for path in done.folder.rglob("*") if path.is_file()}
    other = score(done.folder, "paper_instruct", tmp_path / "other")
    assert {path: path.read_bytes() for path in before} == before
    assert other.folder == tmp_path / "other"
    assert {row["profile"] for row in rows(other.folder)} == {"paper_instruct"}
    assert (other.folder / "report.html").is_file()
    assert rows(done.folder, "samples.jsonl") == rows(other.folder, "samples.jsonl")
    with pytest.raises(OutputError, match="is not empty"):
        score(done.folder, "strict", other.folder)


def test_score_of_something_else_says_so(tmp_path):
    with pytest.raises(MissingData, match="not an evaluation run"):
        score(tmp_path)


def test_compare_names_the_items_that_flipped(tmp_path, raw):
    first = run(tmp_path, raw, out="first").folder
    better = {**ANSWERS, 0: response("$5$"), 1: response("$0.5$"), 2: response("$70^{\\circ}$")}
    second = run(tmp_path, raw, better, out="second").folder
    found = compare(first, second).benchmarks["k12"]
    assert (found.n, found.a, found.b) == (4, 0.25, 0.5)
    assert found.gained == ("k12/q1", "k12/q2")
    assert found.lost == ("k12/q0",)
    assert found.p_value == 1.0


def test_compare_needs_something_in_common(tmp_path, raw):
    first = run(tmp_path, raw, out="first").folder
    second = run(tmp_path, raw, out="second").folder
    text = (second / "verdicts.jsonl").read_text().replace('"benchmark": "k12"', '"benchmark": "other"')
    (second / "verdicts.jsonl").write_text(text)
    with pytest.raises(BadInput, match="share no benchmark"):
        compare(first, second)


def test_a_response_with_markup_stays_text(tmp_path, raw):
    evil = response("$4$", "</script><script>alert(1)</script><img src=x onerror=alert(2)>")
    page = (run(tmp_path, raw, {**ANSWERS, 0: evil}).folder / "report.html").read_text()
    assert "<script>alert(1)" not in page
    assert "<img src=x" not in page
    assert "\\u003c/script\\u003e\\u003cscript\\u003ealert(1)" in page


def test_a_model_name_with_markup_stays_text(tmp_path, raw):
    model = saved(tmp_path, ANSWERS, "<b>bold|.jsonl")
    done = evaluate(model, ["k12"], out=tmp_path / "out", raw_dir=raw)
    assert "<b>bold" not in (done.folder / "report.html").read_text()
    assert "bold\\|" in (done.folder / "report.md").read_text()
