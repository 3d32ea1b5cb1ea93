"""Two runs item by item, several in one table: differences with intervals, flips by name, nothing left out unsaid."""

import csv
import dataclasses
import json

import pytest

from mmk12.datasets.registry import load_benchmark
from mmk12.errors import BadInput
from mmk12.evaluation.compare import compare, list_cautions
from mmk12.evaluation.compare_report import write_leaderboard, write_pair_report
from mmk12.evaluation.leaderboard import make_leaderboard
from mmk12.evaluation.records import Accuracy, FlippedItem, LeaderboardCell
from mmk12.evaluation.result_tables import list_flips
from mmk12.inference.prompts import find_template
from tests.conftest import response
from tests.runs import PUBLISHED, graded

RIGHT, WRONG = response("$4$"), response("$5$")


@pytest.fixture
def run(tmp_path):
    """Makes a graded run folder of the name given."""
    return lambda name, texts, **options: graded(tmp_path / name, texts, **options)


def test_flips_are_named_in_both_directions(run):
    a, b = run("a", [RIGHT, WRONG, WRONG, RIGHT]), run("b", [WRONG, RIGHT, RIGHT, RIGHT])
    found = compare(a, b).benchmarks["toy"]
    assert (found.n, found.a, found.b, found.difference) == (4, 0.5, 0.75, 0.25)
    assert (found.gained, found.lost) == (("toy/1", "toy/2"), ("toy/0",))
    assert found.answers["toy/0"] == FlippedItem(gold="$4$", a="$4$", b="$5$")
    assert (found.test, found.p_value) == ("exact McNemar", 1.0)
    assert found.ci95[0] < 0.25 < found.ci95[1]
    assert list_flips(compare(a, b)) == ["toy gained: toy/1, toy/2", "toy lost: toy/0"]


def test_sub_scores_are_compared_and_an_item_counts_under_each_of_its_labels(run):
    tags = [{"topic": ("area", "angle")}, {"topic": "angle"}, {}]
    a, b = run("a", [WRONG, RIGHT, RIGHT], tags=tags), run("b", [RIGHT, RIGHT, WRONG], tags=tags)
    topics = compare(a, b).benchmarks["toy"].groups["topic"]
    assert {name: (score.n, score.a, score.b) for name, score in topics.items()} == {
        "angle": (2, 0.5, 1.0),
        "area": (1, 0.0, 1.0),
        "unknown": (1, 1.0, 0.0),
    }


def test_items_that_are_not_in_both_runs_are_named_and_left_out(run):
    a, b = run("a", [RIGHT, None, RIGHT]), run("b", [RIGHT, RIGHT, None, WRONG])
    found = compare(a, b).benchmarks["toy"]
    assert (found.n, found.a, found.b) == (1, 1.0, 1.0)
    assert (found.only_a, found.only_b) == (("toy/2",), ("toy/1", "toy/3"))
    assert "toy left out, only in B: toy/1, toy/3" in list_flips(compare(a, b))


def test_items_that_were_asked_differently_are_left_out_loudly(run):
    a = run("a", [RIGHT, RIGHT], golds=["$4$", "$4$"])
    b = run("b", [RIGHT, RIGHT], golds=["$4$", "$5$"])
    found = compare(a, b).benchmarks["toy"]
    assert (found.n, found.asked_differently) == (1, ("toy/1",))
    assert any(line.startswith("toy LEFT OUT, ASKED DIFFERENTLY") for line in list_flips(compare(a, b)))


def test_runs_that_were_all_asked_differently_are_refused(run):
    a, b = run("a", [RIGHT], golds=["$4$"]), run("b", [RIGHT], golds=["$5$"])
    with pytest.raises(BadInput, match=r"no item of toy in common: 1 were asked differently"):
        compare(a, b)


def test_what_differs_in_the_settings_is_said(run):
    zero = {"name": "zero", "system": "s", "user": "u {question}"}
    a, b = run("a", [RIGHT]), run("b", [RIGHT], prompt=zero, profile="paper_instruct")
    assert list_cautions(a, a) == []
    assert list_cautions(a, b) == [
        f"the prompt differs: instruct in {a}, zero in {b}",
        f"the profile differs: strict in {a}, paper_instruct in {b}",
    ]


def test_rollouts_count_by_their_mean(run):
    a = run("a", [[RIGHT, WRONG], [WRONG, WRONG]], n=2)
    b = run("b", [[RIGHT, RIGHT], [WRONG, WRONG]], n=2)
    found = compare(a, b).benchmarks["toy"]
    assert (found.a, found.b, found.gained, found.test) == (0.25, 0.5, ("toy/0",), "t over clusters")


def test_items_that_share_a_problem_are_one_observation(run):
    clusters = [str(number // 3) for number in range(9)]
    a, b = run("a", [WRONG] * 9, clusters=clusters), run("b", [RIGHT] * 3 + [WRONG] * 6, clusters=clusters)
    found = compare(a, b).benchmarks["toy"]
    assert found.test == "t over clusters"
    assert found.ci95[0] < 0 < found.ci95[1], "three flips of one problem out of three"


def test_several_runs_stand_beside_the_published_numbers(run):
    a, b = run("a", [RIGHT, WRONG]), run("b", [RIGHT, RIGHT])
    found = make_leaderboard([a, b, a])
    assert [row.name for row in found.runs] == [str(a), str(b)], "the same folder twice is one run"
    assert found.runs[1].accuracy["toy"].accuracy == 1.0
    (published,) = found.published
    assert (published.model, published.grader, published.source) == (
        "MM-Eureka-8B",
        "GPT-4o yes/no",
        "a paper",
    )
    assert published.accuracy["toy"] == LeaderboardCell(accuracy=0.27, ci95=None, mark="")
    assert found.differences[str(b)]["toy"].difference == 0.5


def test_a_limited_run_takes_the_published_numbers_out_of_the_table(run):
    found = make_leaderboard([run("a", [RIGHT]), run("b", [RIGHT], benchmark={"limit": 1})])
    assert found.published == ()
    assert [row.accuracy["toy"].mark for row in found.runs] == ["", "limited"]


def two_benchmarks(folder):
    """Gives a run folder a second benchmark, with results and a printed number of its own."""
    results = json.loads((folder / "results.json").read_text())
    benchmarks = results["benchmarks"]
    benchmarks["other"] = {**benchmarks["toy"], "accuracy": 0.75, "ci95": [0.7, 0.8]}
    (folder / "results.json").write_text(json.dumps(results))
    known = json.loads((folder / "run.json").read_text())
    printed = [{**PUBLISHED, "accuracy": 40.0}, {**PUBLISHED, "model": "half", "accuracy": 1.0}]
    known["benchmarks"]["other"] = {**known["benchmarks"]["toy"], "published": printed}
    (folder / "run.json").write_text(json.dumps(known))
    return folder


def test_averages_are_recomputed_and_need_every_benchmark(run):
    found = make_leaderboard([two_benchmarks(run("a", [RIGHT, WRONG])), run("b", [RIGHT])])
    assert found.benchmarks == ("toy", "other")
    ours, without = found.runs
    assert ours.average.accuracy == 0.625
    assert ours.average.ci95[0] < 0.625 < ours.average.ci95[1]
    assert without.average is None
    averages = {row.model: row.average for row in found.published}
    assert averages == {"MM-Eureka-8B": Accuracy(accuracy=0.335, ci95=None), "half": None}


@pytest.mark.parametrize("suffix", [".md", ".html"])
def test_a_pair_is_written_for_people(run, tmp_path, suffix):
    tags = [{"topic": "<b>|x\u202ey"}] * 2
    a, b = run("a", [RIGHT, WRONG], tags=tags), run("b", [WRONG, RIGHT], tags=tags)
    path = tmp_path / f"out{suffix}"
    write_pair_report(path, (a, b), compare(a, b), ["the prompt differs: <i>"])
    text = path.read_text()
    for word in ("exact McNemar", "toy/0", "toy/1", "gained", "lost", "the prompt differs", "Agresti"):
        assert word in text
    assert ("\\<b>\\|x[U+202E]y" if suffix == ".md" else "&lt;b&gt;|x[U+202E]y") in text
    assert "<b>|x" not in text.replace("\\<b>", "")


def test_a_pair_is_written_as_tidy_csv(run, tmp_path):
    a, b = run("a", [RIGHT, WRONG]), run("b", [RIGHT, RIGHT])
    write_pair_report(tmp_path / "out.csv", (a, b), compare(a, b), [])
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert [(row["benchmark"], row["group"], row["value"], row["n"]) for row in rows] == [
        ("toy", "", "", "2"),
        ("toy", "topic", "a|b", "2"),
    ]
    assert float(rows[0]["difference"]) == 0.5


@pytest.mark.parametrize("suffix", [".md", ".html", ".csv"])
def test_standings_are_written(run, tmp_path, suffix):
    runs = [run("a", [RIGHT]), run("b", [WRONG]), run("c", [RIGHT])]
    path = tmp_path / f"out{suffix}"
    write_leaderboard(path, make_leaderboard(runs), runs)
    text = path.read_text()
    assert "MM-Eureka-8B" in text
    assert ("27.0" if suffix != ".csv" else "0.27") in text
    assert "GPT-4o yes/no" in text


def test_another_kind_of_file_is_refused(run, tmp_path):
    with pytest.raises(BadInput, match=r"\.md, \.html or \.csv"):
        folder = run("a", [RIGHT])
        write_leaderboard(tmp_path / "out.xlsx", make_leaderboard([folder]), [folder])


def test_the_papers_rows_come_with_averages_of_their_own_numbers(run):
    """Five files declare the numbers of one table; a model that is spelt differently in one of them would fall out."""
    instruct = dataclasses.asdict(find_template("instruct"))
    folder = run("a", [RIGHT], prompt=instruct, sampling={"temperature": 0.0, "max_tokens": 4096})
    results = json.loads((folder / "results.json").read_text())
    known = json.loads((folder / "run.json").read_text())
    result, toy = results["benchmarks"].pop("toy"), known["benchmarks"].pop("toy")
    for name in ("mathvista", "mathverse", "mathvision", "olympiadbench", "k12"):
        results["benchmarks"][name] = result
        printed = [dataclasses.asdict(number) for number in load_benchmark(name).published]
        known["benchmarks"][name] = {**toy, "published": printed}
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "run.json").write_text(json.dumps(known))
    averages = {row.model: 100 * row.average.accuracy for row in make_leaderboard([folder]).published}
    assert len(averages) == 8
    assert averages["MM-Eureka-8B"] == pytest.approx(33.06)
    assert averages["InternVL2.5-8B-Instruct + SFT"] == pytest.approx(25.66), "the paper prints 25.5"
    assert averages["MM-Eureka-Zero-38B"] == pytest.approx(44.68)
