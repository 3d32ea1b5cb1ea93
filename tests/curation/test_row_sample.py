"""A person can read some rows of a dataset as they will be used; the images of the others are not opened."""

import json

import pytest
from typer.testing import CliRunner

from mmk12.cli import app
from tests.conftest import picture


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw" / "k12"
    (folder / "images").mkdir(parents=True)
    rows = [
        {"id": str(n), "question": f"As shown, {n} + 1 = ___.", "answer": f"${n + 1}$", "image_path": f"images/{n}.png"}
        for n in range(20)
    ]
    rows[3]["answer"] = 4
    for number in range(20):
        (folder / "images" / f"{number}.png").write_bytes(picture((number, 0, 0)))
    (folder / "k12.json").write_text(json.dumps(rows))
    return tmp_path / "raw"


def run(raw, *words):
    return CliRunner().invoke(app, ["check", *words, "--raw-dir", str(raw), "--images", str(raw / "seen")])


def test_rows_are_printed_with_question_gold_kind_and_picture(raw):
    done = run(raw, "k12", "--sample", "5")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("[math, number]") == 5
    assert done.stdout.count("As shown, ") == done.stdout.count("→ $") == done.stdout.count(".png") == 5
    assert "dropped 1: malformed row" in done.stdout
    assert "5 of 19 usable rows, of 20 read" in done.stderr
    assert len(list((raw / "seen").iterdir())) == 5
    assert run(raw, "k12", "--sample", "5").stdout == done.stdout


def test_the_json_form_has_the_same_rows(raw):
    value = json.loads(run(raw, "k12", "--sample", "3", "--json").stdout)
    assert (value["read"], value["usable"], len(value["rows"]), len(value["drops"])) == (20, 19, 3, 1)
    assert set(value["rows"][0]) == {"id", "question", "gold", "kind", "type", "images"}


def test_what_has_no_rows_is_refused(raw):
    done = run(raw, "mm_eureka_8b", "--sample", "5")
    assert done.exit_code == 1
    (raw / "k12" / "k12.json").write_text("[]")
    assert run(raw, "k12", "--sample", "5").exit_code == 1
