"""Questions of benchmarks leave the mixture in whatever form; questions that only look alike stay."""

import json
import shutil
from pathlib import Path

import pytest

from mmk12.curation import build_data
from mmk12.curation.decontamination import BOTH, IMAGE, TEXT, classify_copy, measure_overlap
from mmk12.curation.similarity import ItemIndex, Match
from mmk12.errors import BadRecipe, MissingData
from mmk12.types import DroppedSample
from tests.curation.copies import compressed, drawn, item

LONG = "As shown in the figure, $AB=5$ and $BC=12$, so the hypotenuse $AC$ is ___."
SHORT = "Find $x$."
CHINESE = "如图所示，直角边为5和12，求斜边。"


def how(row, other, template=False):
    """By what a row is a copy of another one."""
    (found,) = ItemIndex([other]).matches([row])
    return classify_copy(row, other, found.get(0, Match()), template)


ORIGINAL = item("b/1", LONG, [drawn()], "$13$")


@pytest.mark.parametrize(
    ("row", "plain", "template"),
    [
        (item("1", LONG, [drawn()], "$13$"), BOTH, BOTH),
        (item("2", LONG, [drawn().resize((330, 225))], "$13$"), BOTH, BOTH),
        (item("3", LONG, [compressed(drawn(), 40)], "$13$"), BOTH, BOTH),
        (item("4", LONG, [drawn().crop((5, 4, 215, 146))], "$13$"), BOTH, BOTH),
        (item("5", CHINESE, [drawn()], "$13$"), IMAGE, IMAGE),
        (item("6", CHINESE, [drawn()], "$60^{\\circ}$"), IMAGE, ""),
        (item("7", LONG, [drawn()], "$14$"), BOTH, BOTH),
        (item("8", LONG, [drawn(shift=60)], "$13$"), TEXT, ""),
        (item("9", LONG, [], "$13$"), TEXT, ""),
        (item("10", LONG.replace("figure", "given picture"), [], "$13$"), TEXT, ""),
        (item("11", LONG.replace("12", "9"), [], "$13$"), "", ""),
        (item("12", LONG.replace("figure", "given picture"), [drawn(shift=60)], "$13$"), "", ""),
        (item("13", CHINESE, [drawn(shift=60)], "$13$"), "", ""),
    ],
)
def test_what_counts_as_a_copy(row, plain, template):
    assert how(row, ORIGINAL) == plain
    assert how(row, ORIGINAL, template=True) == template


def test_short_words_name_nothing_beside_another_figure():
    other = item("b/1", SHORT, [drawn()])
    assert how(item("1", SHORT, [drawn(shift=60)]), other) == ""
    assert how(item("2", SHORT), other) == ""
    assert how(item("3", SHORT), item("b/2", SHORT)) == TEXT


def test_words_alone_may_be_edited():
    text = "Find the sum of all positive integers $n$ below one hundred that are divisible by three or five."
    other = item("b/1", text)
    assert how(item("1", text.replace("positive ", "").replace("below", "under")), other) == TEXT
    assert how(item("2", "Prove that the sum of two odd numbers is even, whatever the numbers are."), other) == ""


def test_a_template_with_another_label_is_another_question():
    other = item("b/1", SHORT, [drawn("3")], "$3$")
    assert how(item("1", SHORT, [drawn("8")], "$8$"), other, template=True) == ""
    assert how(item("2", SHORT, [drawn("8")], "$3$"), other, template=True) == ""
    assert how(item("3", SHORT, [drawn("3")], "$8$"), other, template=True) == BOTH


def test_overlap_counts_what_the_ledger_says():
    drops = [
        DroppedSample(
            "a/1", "a", "decontaminate", "both of k12; text of mathverse", "k12/1 (text 1.00, image 1.00); …"
        ),
        DroppedSample("a/2", "a", "decontaminate", "image of k12", "…"),
        DroppedSample("b/1", "b", "decontaminate", "both of k12", "…"),
    ]
    assert measure_overlap(drops) == {
        "a": {"k12": {TEXT: 0, IMAGE: 1, BOTH: 1}, "mathverse": {TEXT: 1, IMAGE: 0, BOTH: 0}},
        "b": {"k12": {TEXT: 0, IMAGE: 0, BOTH: 1}},
    }


DECLARATION = """
from mmk12.datasets.declarations import {kind}
from mmk12.types import Gold, RawSample

def draft(row):
    return RawSample(row["id"], row["question"], Gold(row["answer"]), images=row["images"])

{value} = {kind}(name="{name}", about="invented", license="CC0", url="https://example.org/{name}", folders=("{name}",),
                 layout="rows.jsonl", rows=lambda files: files.jsonl("rows.jsonl"), draft=draft{more})
"""


@pytest.fixture
def work(tmp_path):
    """A source `toy` and a benchmark `quiz` in a raw folder, and a recipe that keeps them apart."""
    for name, kind, more in (("toy", "Source", ""), ("quiz", "Benchmark", ", size=2")):
        text = DECLARATION.format(kind=kind, value=kind.lower(), name=name, more=more)
        (tmp_path / f"{name}.py").write_text(text)
        folder = tmp_path / "raw" / name
        folder.mkdir(parents=True)
        for label in "38":
            drawn(label).save(folder / f"{label}.png")
    write(
        tmp_path, "toy", [("1", LONG, "3.png"), ("2", "Name the colour.", "8.png"), ("3", LONG.replace("5", "7"), None)]
    )
    write(tmp_path, "quiz", [("1", LONG, "3.png"), ("2", "Lost picture?", "none.png")])
    recipe = f"about: x\ndata: {{sources: {{{tmp_path}/toy.py: all}}, decontaminate: [{tmp_path}/quiz.py]}}\n"
    (tmp_path / "mix.yaml").write_text(recipe)
    return tmp_path


def write(work, name, rows):
    lines = [
        json.dumps({"id": name_, "question": text, "answer": "$13$", "images": [image] if image else []})
        for name_, text, image in rows
    ]
    (work / "raw" / name / "rows.jsonl").write_text("\n".join(lines) + "\n")


def made(work, **options):
    return build_data(str(work / "mix.yaml"), raw_dir=work / "raw", out=work / "out", until="decontaminate", **options)


def drops(work):
    return [json.loads(line) for line in (work / "out" / "drops.jsonl").read_text().splitlines()]


def test_a_build_takes_copies_out_and_says_what_it_compared(work):
    built = made(work)
    assert built.funnel["toy"] == {
        "read": 3,
        "load": 3,
        "normalise": 3,
        "verifiable": 3,
        "duplicates": 3,
        "decontaminate": 2,
    }
    (drop,) = drops(work)
    assert (drop["id"], drop["stage"], drop["reason"]) == ("toy/1", "decontaminate", "both of quiz")
    assert drop["evidence"] == "quiz/1 (text 1.00, image 1.00)"
    manifest = json.loads((work / "out" / "manifest.json").read_text())
    assert manifest["decontamination"]["compared"] == {
        "quiz": {"items": 2, "pictures": 1, "lost pictures": 1, "broken rows": 0}
    }
    assert len(list((work / "out" / "images").iterdir())) == 2, "pictures of benchmarks are not stored"


def test_another_benchmark_is_compared_again(work):
    made(work)
    write(work, "quiz", [("1", "Something else entirely, with nothing in common at all?", None)])
    assert made(work).funnel["toy"]["decontaminate"] == 3


def test_a_missing_benchmark_stops_the_build_unless_it_is_allowed(work):
    shutil.rmtree(work / "raw" / "quiz")
    with pytest.raises(
        MissingData, match=r"\n  quiz +quiz/ +CC0 +folder not found +https://example\.org/quiz\n"
    ) as caught:
        made(work)
    assert "unread benchmarks (quiz) may be in the mixture" in str(caught.value)
    assert "--allow-missing" in str(caught.value)
    assert not (work / "out").exists()
    built = made(work, allow_missing=True)
    assert list(built.plan.not_compared) == ["quiz"]
    assert built.funnel["toy"]["decontaminate"] == 3
    assert made(work, dry_run=True).plan.not_compared


def test_all_benchmarks_are_kept_apart_by_default(work):
    (work / "mix.yaml").write_text(f"about: x\ndata: {{sources: {{{work}/toy.py: all}}}}\n")
    plan = made(work, dry_run=True).plan
    assert {"k12", "mathvista", "mathverse", "mathvision", "olympiadbench"} <= plan.not_compared.keys()
    assert [planned.name for planned in plan.compared] == ["demo"]


def test_a_benchmark_that_is_none_is_told(work):
    (work / "mix.yaml").write_text("about: x\ndata: {sources: {demo: all}, decontaminate: [k13]}\n")
    with pytest.raises(BadRecipe, match="k12"):
        made(work)


def test_generated_train_problems_survive_the_generated_benchmark(tmp_path, posed_once):
    built = build_data("demo", out=tmp_path, limit=120, until="decontaminate")
    counts = built.funnel["demo"]
    assert counts["decontaminate"] >= 0.99 * counts["duplicates"]
    assert counts["duplicates"] >= 0.95 * counts["verifiable"]


@pytest.mark.slow
@pytest.mark.shared
def test_the_k12_benchmark_as_training_rows_is_removed_to_the_last(shared, tmp_path):
    text = (Path(__file__).resolve().parents[2] / "benchmarks" / "k12.py").read_text()
    text = text[: text.index("benchmark = Benchmark(")].replace("\nHUB =", "\nfrom mmk12 import Source\n\nHUB =", 1)
    text += 'source = Source("leak", "x", "x", "x", ("k12",), "k12.json", rows, draft)\n'
    (tmp_path / "leak.py").write_text(text)
    (tmp_path / "mix.yaml").write_text(
        f"about: x\ndata: {{sources: {{{tmp_path}/leak.py: all}}, decontaminate: [k12]}}\n"
    )
    built = build_data(str(tmp_path / "mix.yaml"), raw_dir=shared / "data", out=tmp_path / "out", until="decontaminate")
    assert built.funnel["leak"]["duplicates"] > 400
    assert built.funnel["leak"]["decontaminate"] == 0
