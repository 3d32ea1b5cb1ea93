"""Saved responses of other frameworks are recognized, read and graded; what is no such file is named for what it is."""

import json
import re
import zipfile
from pathlib import Path

import pytest

from mmk12.curation.validate import check
from mmk12.errors import BadInput, MissingData
from mmk12.evaluation.pipeline import evaluate
from mmk12.evaluation.verify_file import verify_file
from mmk12.formats.data_file import open_data_file
from mmk12.formats.responses import list_formats, open_responses, parse_columns
from mmk12.inference import find_model
from mmk12.inference.replay import read_saved_answers
from mmk12.inference.saved_answers import join_answers
from mmk12.types import Gold, Sample
from tests.formats import files

SHARED = Path(__file__).resolve().parents[3] / "shared"
FOREIGN = SHARED / "foreign"


def items(first=1, numbers=range(3)):
    return [Sample(f"toy/{n + first}", "toy", files.QUESTIONS[n], (), Gold(files.GOLDS[n])) for n in numbers]


@pytest.mark.parametrize("name", files.ALL)
def test_a_format_is_recognized_by_itself_alone(tmp_path, name):
    make, file = files.ALL[name]
    opened = open_data_file(make(tmp_path / file))
    assert [one.name for one in list_formats() if one.recognizes(opened)] == [name.split()[0]]
    rows = [row for _, row in open_responses(tmp_path / file).rows()]
    assert [row["response"] for row in rows] == list(files.ANSWERS)
    assert {row["gold"] for row in rows if "gold" in row} <= set(files.GOLDS)
    assert all(files.QUESTIONS[n] in row["question"] for n, row in enumerate(rows) if "question" in row)


@pytest.mark.parametrize("name", [name for name in files.ALL if name.split()[0] not in ("trl", "verl_dump", "easyr1")])
def test_its_answers_are_joined_with_the_items(tmp_path, name):
    make, file = files.ALL[name]
    told = []
    answers = read_saved_answers(make(tmp_path / file), note=told.append)
    joined = join_answers(answers, items(), 1, file)
    assert [answer.text for answer in joined.answers.values()] == list(files.ANSWERS)
    assert (told[0].startswith(f"{file}: read as "), joined.notes) == (True, ())


@pytest.mark.parametrize("name", [name for name in files.ALL if name not in ("mathvision", "openai_batch")])
def test_its_golds_are_used(tmp_path, name):
    make, file = files.ALL[name]
    told = []
    assert verify_file(make(tmp_path / file), tmp_path / "out.jsonl", note=told.append) == {"correct": 2, "wrong": 1}
    assert "read as" in told[0]
    assert [row["usable"] for row in check(str(tmp_path / file)).rows][:2] == [True, True]


def test_rows_of_a_part_may_be_counted_in_the_whole_release(tmp_path):
    """lmms-eval counts the rows of the test split; the evaluated part has two of them, whose ids count from 1."""
    answers = read_saved_answers(files.lmms_eval(tmp_path / "a.jsonl"))
    joined = join_answers(answers, items(numbers=(1, 2)), 1, "a.jsonl")
    assert {item: answer.text for (item, _), answer in joined.answers.items()} == {
        "toy/2": files.ANSWERS[1],
        "toy/3": files.ANSWERS[2],
    }


@pytest.mark.parametrize("first", [0, 1])
def test_an_index_may_start_anywhere(tmp_path, first):
    path = files.tsv(tmp_path / "a.tsv", files.vlmevalkit_rows(first))
    joined = join_answers(read_saved_answers(path), items(), 1, "a.tsv")
    assert [answer.text for answer in joined.answers.values()] == list(files.ANSWERS)


def test_rows_of_another_benchmark_are_refused(tmp_path):
    path = files.lmms_eval(tmp_path / "a.jsonl")
    other = [Sample(f"toy/{n}", "toy", f"Another question, number {n}?", (), Gold(str(100 + n))) for n in range(1, 4)]
    with pytest.raises(BadInput, match="answers are to other questions than the items"):
        join_answers(read_saved_answers(path), other, 1, "a.jsonl")


def test_repeats_are_samples(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(files.jsonl([{"doc_id": 0, "target": "3", "resps": [["one", "two"]]}]))
    assert [(one.text, one.index) for one in read_saved_answers(path)] == [("one", 0), ("two", 1)]


def test_rows_without_a_response_are_told(tmp_path):
    rows = [{"custom_id": "1", "response": None, "error": {"code": "timeout"}}]
    path = tmp_path / "a.jsonl"
    path.write_text(files.openai_batch(tmp_path / "b.jsonl").read_text() + files.jsonl(rows))
    told = []
    assert len(read_saved_answers(path, note=told.append)) == 3
    assert told[1] == "1 rows of a.jsonl have no response and are left out"


COLUMNS = {"response": "said", "gold": "truth", "id": "nr"}


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "json", "xlsx"])
def test_any_table_is_read_by_its_columns(tmp_path, suffix):
    rows = [{"nr": n + 1, "said": answer, "truth": gold} for n, _, gold, answer in files.ROWS]
    path = tmp_path / f"table.{suffix}"
    if suffix == "xlsx":
        files.excel(path, rows)
    elif suffix == "csv":
        path.write_text("nr,said,truth\n" + "".join('{nr},"{said}",{truth}\n'.format(**row) for row in rows))
    else:
        path.write_text(files.jsonl(rows) if suffix == "jsonl" else json.dumps(rows))
    with pytest.raises(
        BadInput, match=re.escape("with columns nr, said, truth: no format of saved responses. Known: ")
    ):
        open_responses(path)
    answers = read_saved_answers(path, COLUMNS)
    assert [answer.text for answer in join_answers(answers, items(), 1, "t").answers.values()] == list(files.ANSWERS)
    assert verify_file(path, tmp_path / "out.jsonl", columns=COLUMNS) == {"correct": 2, "wrong": 1}


@pytest.mark.parametrize("text", ["", "response", "response=", "answr=x", "response=a,response=b", "id=a"])
def test_columns_that_say_nothing_are_refused(text):
    with pytest.raises(BadInput, match="--columns"):
        parse_columns(text)


def test_a_column_that_is_missing_is_named(tmp_path):
    path = files.tsv(tmp_path / "a.tsv", files.vlmevalkit_rows())
    with pytest.raises(BadInput, match=r"is a TSV file with columns index, .*: it has no column said"):
        open_responses(path, COLUMNS)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"a": 1}\n{"a": 2}\n', "a JSONL file with columns a"),
        (b'[\n {"a": 1}\n]', "a JSON file with columns a"),
        (b"step 1\nstep 2\n", "a text file that begins with 'step 1'"),
        (b"\x80\x02}q\x00.", "a binary file"),
        (b"\x1f\x8b\x08", "a binary file"),
        (b" \n", "an empty file"),
        (b"PK\x03\x04 torn", "not a readable zip archive"),
        (b"PAR1 torn", "not a readable parquet file"),
        (b'{"id": 1,\n "resp', "not valid JSON"),
        (b"[" * 200_000, "not valid JSON"),
    ],
)
def test_a_wrong_file_is_named_for_what_it_is(tmp_path, content, words):
    path = tmp_path / "given.json"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=re.escape(words)) as caught:
        open_responses(path)
    assert "\n" not in str(caught.value)
    assert "remove that line" not in str(caught.value)


def test_an_excel_bomb_is_refused(tmp_path):
    path = files.excel(tmp_path / "a.xlsx", files.vlmevalkit_rows())
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet2.xml", b" " * (80 << 20))
    with pytest.raises(BadInput, match="decompression bomb"):
        open_responses(path)


@pytest.mark.slow
def test_a_sheet_with_a_far_cell_costs_little(tmp_path):
    import openpyxl

    book = openpyxl.Workbook()
    for n, row in enumerate(files.vlmevalkit_rows(), 1):
        for column, name in enumerate(row, 1):
            book.active.cell(1, column, name)
            book.active.cell(n + 1, column, row[name])
    book.active.cell(300_000, 16_000, "far away")
    book.save(tmp_path / "a.xlsx")
    assert len(list(open_responses(tmp_path / "a.xlsx").rows())) == 3


def test_a_file_is_never_a_hub_id(tmp_path):
    path = tmp_path / "notes"
    path.write_text("some text")
    assert find_model(str(path)).backend == "replay"
    (tmp_path / "run").mkdir()
    files.lmms_eval(tmp_path / "run" / "samples.jsonl")
    assert find_model(str(tmp_path / "run")).backend == "replay"
    files.verl_dump(tmp_path / "run" / "2.jsonl")
    with pytest.raises(BadInput, match=re.escape("holds 2 files of saved answers: 2.jsonl, samples.jsonl. Name one")):
        find_model(str(tmp_path / "run"))
    with pytest.raises(MissingData, match="No saved completions"):
        find_model(str(tmp_path / "nowhere.xlsx"), "replay")


@pytest.mark.shared
@pytest.mark.skipif(not FOREIGN.is_dir(), reason="no shared rows")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "benchmark", "accuracy"),
    [
        ("GeminiPro_MathVision.xlsx", "mathvision:testmini", 16.1),
        ("GeminiPro_MathVision.tsv", "mathvision:testmini", 16.1),
        ("lmms_eval/gemini", "mathvision:testmini", 16.1),
        ("mathv_llava.jsonl", "mathvision:testmini", 11.2),
        ("mathvista_output_bard.json", "mathvista", 30.5),
    ],
)
def test_strangers_files_give_the_known_figures(tmp_path, file, benchmark, accuracy):
    done = evaluate(str(FOREIGN / file), [benchmark], out=tmp_path / "run", raw_dir=SHARED / "data")
    assert round(100 * done.results.benchmarks[benchmark].accuracy, 1) == accuracy
    assert "read as" in done.notes[0]


@pytest.mark.shared
@pytest.mark.skipif(not FOREIGN.is_dir(), reason="no shared rows")
@pytest.mark.parametrize(
    ("file", "rows"),
    [
        ("inspect.eval", 1),
        ("mathv_gemini_cot.400.jsonl", 400),
        ("verl_run/rollout_data/1.jsonl", 64),
        ("easyr1/generations.log", 5),
        ("trl/completions/completions_00002.parquet", 8),
    ],
)
def test_strangers_files_are_read_as_they_are(file, rows):
    assert len(list(open_responses(FOREIGN / file).rows())) == rows
