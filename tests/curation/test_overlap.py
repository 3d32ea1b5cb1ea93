"""`mmk12 overlap` on a set with planted copies: each class is found and nothing else, and the files tell it."""

import json
import random
import re

import pytest
from PIL import Image as Pillow
from PIL import ImageDraw
from typer.testing import CliRunner

from mmk12.cli import app
from mmk12.curation import overlap as module
from mmk12.curation import overlap_page
from mmk12.curation.decontamination import BenchmarkQuestions
from mmk12.curation.overlap import find_overlap
from mmk12.curation.overlap_record import Pair
from mmk12.errors import BadInput, MissingData
from tests.curation.copies import compressed, encoded
from tests.datasets.hub_server import hub_server
from tests.datasets.raw import parquet_file

BENCHMARK = """
from mmk12.datasets.declarations import Benchmark
from mmk12.types import Gold, RawSample

def draft(row):
    return RawSample(row["id"], row["question"], Gold(row["answer"]), images=row["images"])

benchmark = Benchmark(name="quiz", about="invented", license="CC0", url="https://example.org/quiz", folders=("quiz",),
                      layout="rows.jsonl", rows=lambda files: files.jsonl("rows.jsonl"), draft=draft, size=40)
"""
FIGURES, WORDS = 24, 8
THINGS = ("ladder", "tower", "river", "garden", "bridge", "wheel", "ribbon", "basket", "field", "carpet", "fence")


def figure(number):
    """Seven thick lines, other ones for each number."""
    drawn, chance = Pillow.new("RGB", (240, 180), "white"), random.Random(number)
    draw = ImageDraw.Draw(drawn)
    for _ in range(7):
        ends = [
            chance.randrange(10, 230),
            chance.randrange(10, 170),
            chance.randrange(10, 230),
            chance.randrange(10, 170),
        ]
        draw.line(ends, fill="black", width=5)
    return drawn


def ask(number):
    """A question of more than eight words with numbers of its own."""
    one, two = THINGS[number % len(THINGS)], THINGS[(5 * number + 3) % len(THINGS)]
    return (
        f"In the drawing the {one} {number + 11} has a length of {3 * number + 2} metres and meets the {two} "
        f"at right angles. How many metres lie between point {chr(65 + number % 20)} and the {two}?"
    )


def reword(text):
    return text.replace("In the drawing", "In this sketch").replace("has a length of", "is")


def row(question, picture=None, answer="5"):
    images = [] if picture is None else [{"bytes": picture, "path": None}]
    return {"problem": "<image>" * len(images) + question, "images": images, "answer": answer}


def other(number):
    """A sound row that copies nothing: its own figure under its own words, or the words of a benchmark with others'."""
    if number % 3 == 0:
        return row(f"Which colour does the painter number {number} use for her door?", encoded(figure(900 + number)))
    if number % 3 == 1:
        return row(ask(number).replace(str(number + 11), "7000"), encoded(figure(900 + number)))
    return row(f"Compute the sum of all even numbers from {number} to {number * 90}.")


PLANTED = {
    "both": [
        *(row(ask(number), encoded(figure(number))) for number in range(6)),
        *(row(reword(ask(number)), encoded(figure(number))) for number in range(6, 10)),
        *(row(ask(number), encoded(compressed(figure(number), 45))) for number in range(10, 13)),
        *(row(ask(number), encoded(figure(number).resize((312, 234)))) for number in range(13, 16)),
    ],
    "image": [row(f"Which shape number {number} is it?", encoded(figure(number))) for number in range(16, 20)],
    "text": [
        *(row(ask(number)) for number in range(20, 22)),
        *(row(reword(ask(number))) for number in range(22, 24)),
        *(row(ask(number)) for number in range(FIGURES, FIGURES + WORDS)),
    ],
}
"""Rows by what they must be known by: exact and reworded, JPEG and scaled figures, another question, words alone."""
CLEAN = 60


def write_quiz(raw, ending=""):
    (raw / "quiz").mkdir(parents=True, exist_ok=True)
    lines = []
    for number in range(FIGURES + WORDS):
        images = [f"{number}.png"] if number < FIGURES else []
        if images:
            figure(number).save(raw / "quiz" / images[0])
        lines.append(json.dumps({"id": str(number), "question": ask(number) + ending, "answer": "5", "images": images}))
    (raw / "quiz" / "rows.jsonl").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A raw folder with the benchmark `quiz`, and train.parquet with planted copies among other rows."""
    work = tmp_path_factory.mktemp("planted")
    (work / "quiz.py").write_text(BENCHMARK)
    write_quiz(work / "raw")
    rows = [one for by in PLANTED.values() for one in by] + [other(number) for number in range(CLEAN)]
    parquet_file(work / "train.parquet", rows)
    return work


def compare(work, out, **options):
    options = {"benchmarks": [f"{work}/quiz.py"], "raw_dir": work / "raw", **options}
    return find_overlap(str(work / "train.parquet"), out=out, **options)


def read_pairs(out):
    return [Pair.model_validate(json.loads(line)) for line in (out / "overlap.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def found(planted):
    return compare(planted, planted / "out")


def test_every_planted_copy_is_found_and_nothing_else(planted, found):
    expected = [by for by, rows in PLANTED.items() for _ in rows]
    pairs = read_pairs(planted / "out")
    assert {pair.row: pair.by for pair in pairs} == dict(enumerate(expected))
    assert {pair.row: pair.item for pair in pairs} == {number: f"quiz/{number}" for number in range(FIGURES + WORDS)}


def test_the_counts_have_their_denominators(planted, found):
    written = json.loads((planted / "out" / "overlap.json").read_text())
    assert written == json.loads(found.model_dump_json())
    copies = sum(map(len, PLANTED.values()))
    assert (found.rows, found.compared, found.overlapping) == (copies + CLEAN, copies + CLEAN, copies)
    assert found.share == pytest.approx(copies / (copies + CLEAN))
    quiz = found.benchmarks["quiz"]
    assert (quiz.text, quiz.image, quiz.both) == tuple(len(PLANTED[by]) for by in ("text", "image", "both"))
    assert (quiz.rows, quiz.copied, quiz.questions) == (copies, copies, FIGURES + WORDS)
    assert (found.not_compared, found.notes) == ({}, [])
    assert found.columns["question"] == ("problem",)


def test_the_page_shows_pairs_side_by_side(planted, found):
    page = (planted / "out" / "overlap.html").read_text()
    copies = sum(map(len, PLANTED.values()))
    assert page.count("<article>") == copies
    with_figure = len(PLANTED["both"]) + len(PLANTED["image"])
    assert page.count('<img src="data:image/webp;base64,') == 2 * with_figure + (FIGURES - with_figure)
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert f"{copies} of {copies + CLEAN} compared rows" in page


HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)> {{ 7 * 7 }} of the length 31 of the longest side'


def test_data_on_the_page_is_text(tmp_path, planted):
    (tmp_path / "quiz.py").write_text(BENCHMARK)
    (tmp_path / "raw" / "quiz").mkdir(parents=True)
    line = json.dumps({"id": "<b>1", "question": HOSTILE, "answer": "<i>", "images": []})
    (tmp_path / "raw" / "quiz" / "rows.jsonl").write_text(line + "\n")
    parquet_file(tmp_path / "train.parquet", [{**row(HOSTILE, None, "<u>"), "id": "</article>"}])
    assert compare(tmp_path, tmp_path / "out").overlapping == 1
    page = (tmp_path / "out" / "overlap.html").read_text()
    assert page.count("<article>") == page.count("</article>") == 1
    for tag in ("<script", "<img src=x", "<b>1", "<u>", "<i>"):
        assert tag not in page
    assert "&lt;script&gt;" in page
    assert "{{ 7 * 7 }}" in page


def test_the_page_is_bounded(planted, tmp_path, monkeypatch):
    monkeypatch.setattr(overlap_page, "MAX_PAIRS", 9)
    monkeypatch.setattr(overlap_page, "MAX_BYTES", 3000)
    compare(planted, tmp_path / "out")
    page = (tmp_path / "out" / "overlap.html").read_text()
    assert page.count("<article>") == 9
    assert {"text", "image", "both"} == set(re.findall(r"copy by <b>(\w+)</b>", page))
    assert 1 <= page.count("<img") <= 3
    assert "image is not shown" in page
    assert f"9 of {sum(map(len, PLANTED.values()))} pairs are shown" in page


def test_a_pair_of_every_kind_is_shown():
    pairs = [
        Pair(row=number, id="", benchmark=name, item="", by=by, text=1, image=1, template=False)
        for name, by, count in (("a", "both", 5000), ("b", "text", 3), ("c", "image", 1))
        for number in range(count)
    ]
    chosen = overlap_page.choose_pairs(pairs)
    assert len(chosen) == overlap_page.MAX_PAIRS
    assert {pair.benchmark for pair in chosen} == {"a", "b", "c"}
    assert overlap_page.choose_pairs([]) == []
    assert len(overlap_page.choose_pairs(pairs[-2:])) == 2


def test_a_killed_run_goes_on_and_ends_with_the_same_files(planted, found, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 16)
    asked = []
    original = BenchmarkQuestions.find_copies

    def killed(self, rows, templates):
        asked.append(len(rows))
        if len(asked) == 3:
            raise KeyboardInterrupt
        return original(self, rows, templates)

    monkeypatch.setattr(BenchmarkQuestions, "find_copies", killed)
    with pytest.raises(KeyboardInterrupt):
        compare(planted, tmp_path / "out")
    assert not (tmp_path / "out" / "overlap.json").exists()
    with open(tmp_path / "out" / ".stages" / "compared.jsonl", "a") as log:
        log.write('{"rows": 16, "unrea')  # the line that a kill tears
    compare(planted, tmp_path / "out")
    total = sum(map(len, PLANTED.values())) + CLEAN
    assert sum(asked) == total + 16, "only the batch of the kill is compared again"
    for name in ("overlap.json", "overlap.jsonl", "overlap.html"):
        assert (tmp_path / "out" / name).read_bytes() == (planted / "out" / name).read_bytes(), name


def test_other_questions_and_other_rows_are_compared_again(planted, tmp_path):
    (tmp_path / "quiz.py").write_text(BENCHMARK)
    write_quiz(tmp_path / "raw")
    parquet_file(tmp_path / "train.parquet", [row(ask(1)), row("Who painted this door, and when was it?")])
    assert compare(tmp_path, tmp_path / "out").overlapping == 1
    assert compare(tmp_path, tmp_path / "out", limit=1).rows == 1
    parquet_file(tmp_path / "train.parquet", [row(ask(1)), row(ask(2)), row(ask(3))])
    assert compare(tmp_path, tmp_path / "out").overlapping == 3
    write_quiz(tmp_path / "raw", ending=" Give the 17 numbers on the walls of the old house in the lower town." * 2)
    assert compare(tmp_path, tmp_path / "out").overlapping == 0


def test_template_rows_need_the_figure(planted, tmp_path):
    found = compare(planted, tmp_path, template=True)
    assert found.templates == found.compared
    assert found.benchmarks["quiz"].text == 0
    assert found.benchmarks["quiz"].both >= 13


def test_lost_figures_do_not_make_copies_of_one_pattern(tmp_path):
    """Both sides name figures that are not there: another number is another question."""
    (tmp_path / "quiz.py").write_text(BENCHMARK)
    (tmp_path / "raw" / "quiz").mkdir(parents=True)
    asked = "As shown in the figure, AB is the diameter of circle O and angle ACD = {}, then angle BAD is equal to ()."
    line = json.dumps({"id": "1", "question": asked.format(42), "answer": "48", "images": ["none.png"]})
    (tmp_path / "raw" / "quiz" / "rows.jsonl").write_text(line + "\n")
    rows = [
        {"question": asked.format(number).replace("equal to", what), "answer": "48", "image": image}
        for number, what, image in (
            (42, "equal to", "gone.png"),
            (42, "the same as", "gone.png"),
            (26, "equal to", "gone.png"),
            (26, "equal to", None),
            (42, "the same as", None),
        )
    ]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    found = find_overlap(
        str(tmp_path / "train.jsonl"),
        out=tmp_path / "out",
        benchmarks=[f"{tmp_path}/quiz.py"],
        raw_dir=tmp_path / "raw",
    )
    assert [pair.row for pair in read_pairs(tmp_path / "out")] == [0, 1, 4]
    assert found.lost_images == 3
    assert found.notes[-1] == "quiz: 1 images and 0 rows of it could not be read and compared"


def test_missing_benchmarks_are_named(planted, tmp_path):
    with pytest.raises(
        MissingData, match=r"benchmarks cannot be read:\n  (?s:.)*mathvista: folder not found  https://"
    ):
        compare(planted, tmp_path / "a", benchmarks="all")
    with pytest.raises(MissingData, match=r"1 of 2 benchmarks cannot be read:\n  k12: folder not found (?s:.)*--allow"):
        compare(planted, tmp_path / "b", benchmarks=[f"{planted}/quiz.py", "k12"])
    with pytest.raises(MissingData, match="is not a folder"):
        compare(planted, tmp_path / "c", raw_dir=tmp_path / "none")
    assert list(tmp_path.iterdir()) == []
    found = compare(planted, tmp_path / "b", benchmarks=[f"{planted}/quiz.py", "k12"], allow_missing=True)
    assert found.not_compared == {"k12": "folder not found"}
    assert "not compared with k12" in (tmp_path / "b" / "overlap.html").read_text()


def test_the_command(planted, found, tmp_path):
    words = ["overlap", str(planted / "train.parquet"), "--benchmarks", f"{planted}/quiz.py"]
    words += ["--raw-dir", str(planted / "raw"), "--out", str(tmp_path)]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.output
    copies = sum(map(len, PLANTED.values()))
    assert f"{copies} of {copies + CLEAN} compared rows" in shown.stdout
    assert re.search(rf"quiz +12 +4 +16 +32 +{100 * copies / (copies + CLEAN):.1f} +32 +32", shown.stdout)
    as_json = CliRunner().invoke(app, [*words, "--json", "--columns", "question=problem"])
    assert json.loads(as_json.stdout) == json.loads(found.model_dump_json())
    wrong = CliRunner().invoke(app, [*words, "--columns", "ask=problem"])
    assert isinstance(wrong.exception, BadInput)


@pytest.mark.slow
def test_a_variant_that_was_compared_is_told(planted, tmp_path):
    raw = tmp_path / "raw"
    row_ = {
        "sample_index": "1",
        "problem_index": "1",
        "problem_version": "Text Only",
        "question": ask(1),
        "query_cot": ask(1),
        "image": "",
        "answer": "5",
    }
    row_ |= {
        "question_type": "free-form",
        "metadata": {"split": "testmini", "source": "x", "subject": "y", "subfield": "z"},
    }
    (raw / "mathverse" / "data").mkdir(parents=True)
    (raw / "mathverse" / "data" / "testmini_text_only.json").write_text(json.dumps([row_]))
    found = compare(planted, tmp_path / "out", benchmarks="all", raw_dir=raw)
    assert found.benchmarks["mathverse"].questions == 1
    assert found.not_compared["mathverse"].endswith("; compared was mathverse:text_only")


@pytest.mark.slow
def test_a_dataset_of_the_hub(planted, tmp_path):
    copies = sum(map(len, PLANTED.values()))
    repository = tmp_path / "hub" / "somebody" / "rows"
    parquet_file(
        repository / "data" / "train-00000-of-00001.parquet",
        [one for by in PLANTED.values() for one in by] + [other(number) for number in range(CLEAN)],
    )
    words = ["overlap", "somebody/rows", "--benchmarks", f"{planted}/quiz.py", "--raw-dir", str(planted / "raw")]
    with hub_server(tmp_path / "hub") as hub:
        done = hub.run(tmp_path / "home", *words, "--out", str(tmp_path / "out"), "--json")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["read_from"] == f"hub:somebody/rows@{hub.commit('somebody/rows')}"
        assert (found["rows"], found["overlapping"]) == (copies + CLEAN, copies)
        none = hub.run(tmp_path / "home", "overlap", "somebody/else", *words[2:], "--out", str(tmp_path / "none"))
    assert none.returncode == 1
    assert "Traceback" not in none.stderr
    assert "somebody/else" in none.stderr
    page = (tmp_path / "out" / "overlap.html").read_text()
    assert page.count("<article>") == copies
