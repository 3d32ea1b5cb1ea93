"""What is unfit for use is said before hours are spent."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from mmk12.cli import app
from mmk12.curation.validate import check
from mmk12.errors import BadInput, MissingData, ModelError, UnknownName
from mmk12.utils.storage import to_json
from tests.conftest import picture
from tests.evaluation.judges import judge_server


def test_golds_of_a_file(tmp_path):
    rows = [{"id": "a", "gold": "$\\frac{1}{2}$"}, {"id": "b", "gold": ""}, {"id": "c"}, {"gold": "$30^{\\circ}$"}]
    (tmp_path / "golds.jsonl").write_text("".join(to_json(row) + "\n" for row in rows))
    found = check(str(tmp_path / "golds.jsonl"))
    assert [(row["id"], row["usable"]) for row in found.rows] == [("a", True), ("b", False), ("c", False), ("4", True)]
    assert all(set(row) == {"id", "type", "usable", "reason"} for row in found.rows)
    assert all(row["reason"] for row in found.unusable)


def test_a_broken_line_of_golds_is_named(tmp_path):
    (tmp_path / "golds.jsonl").write_text('{"gold": "1"}\n{"gold"\n')
    with pytest.raises(BadInput, match=r"golds\.jsonl:2"):
        check(str(tmp_path / "golds.jsonl"))


def test_a_benchmark_shows_its_golds_and_one_prompt(tmp_path):
    (tmp_path / "k12" / "images").mkdir(parents=True)
    (tmp_path / "k12" / "images" / "1.png").write_bytes(picture())
    rows = [
        {"id": "1", "question": "As shown, ___.", "answer": "$4$", "image_path": "images/1.png"},
        {"id": "2", "question": "As shown, ___.", "answer": "$4$", "image_path": "images/none.png"},
    ]
    (tmp_path / "k12" / "k12.json").write_text(json.dumps(rows))
    found = check("k12", raw_dir=tmp_path)
    assert found.kind == "benchmark"
    assert "As shown, ___." in found.prompt
    assert [row["id"] for row in found.unusable] == ["k12/2"]
    assert "none.png" in found.unusable[0]["reason"]


@pytest.mark.parametrize(
    "name", ["unigeo", "geoqa_plus", "dvqa", "mapqa", "geos", "iconqa", "mm_eureka_released", "m3cot"]
)
def test_a_folder_without_a_row_is_not_fit(tmp_path, name):
    from mmk12.datasets.registry import load_source

    (tmp_path / load_source(name).folders[0]).mkdir(parents=True)
    with pytest.raises(MissingData, match=load_source(name).url.split()[0]):
        check(name, raw_dir=tmp_path)


def test_nothing_usable_ends_with_exit_code_1(tmp_path):
    (tmp_path / "golds.jsonl").write_text('{"id": "a", "gold": ""}\n{"id": "b", "gold": ""}\n')
    done = CliRunner().invoke(app, ["check", str(tmp_path / "golds.jsonl")])
    assert (done.exit_code, done.stdout.count("unusable: ")) == (1, 2)


def test_a_recipe_and_nothing():
    assert check("mm_eureka_8b").about["name"] == "mm_eureka_8b"
    with pytest.raises(MissingData, match="No model folder"):
        check("./nothing")


def test_a_server_is_checked_like_a_model():
    pytest.importorskip("httpx")
    with judge_server(lambda asked: "a number") as server:
        found = check(f"{server.url}#wise")
        assert (found.kind, found.about["says"], found.unusable) == ("model", "a number", [])
        server.answer = lambda asked: 400
        assert "out of order" in check(f"{server.url}#wise").unusable[0]["reason"]


@pytest.mark.parametrize(
    ("ref", "suggestion"),
    [
        ("mathvsta", "mathvista"),
        ("mathvsta:test", "mathvista"),
        ("geoqa-plus", "geoqa_plus"),
        ("demmo", "demo"),
        ("mm_eureka_8", "mm_eureka_8b"),
    ],
)
def test_a_misspelt_name_is_not_taken_for_a_model(ref: str, suggestion: str) -> None:
    with pytest.raises(UnknownName, match=f"'{ref}'. Did you mean '{suggestion}'"):
        check(ref)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "mathvsta"),
        ("eval", "--model", "demmo"),
        ("eval", "--model", "demo", "--benchmarks", "mathvsta"),
        ("build-data", "demo", "--model", "demmo", "--out", "OUT"),
    ],
)
def test_a_misspelt_name_is_refused_without_loading_a_model_library(arguments: tuple[str, ...], tmp_path) -> None:
    code = (
        "import sys\nfrom mmk12.__main__ import main\n"
        "try:\n    main()\n"
        "finally:\n    print(*({'torch', 'transformers', 'huggingface_hub'} & sys.modules.keys()), file=sys.stdout)"
    )
    words = [word.replace("OUT", str(tmp_path / "out")) for word in arguments]
    command, environment = [sys.executable, "-c", code, *words], {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "Did you mean" in done.stderr
    assert done.stdout.strip() == ""


def test_a_name_that_is_similar_to_none_may_be_a_model_of_the_hub(monkeypatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="of gpt2"):
        check("gpt2")


def test_an_existing_folder_is_a_model_whatever_it_is_called(tmp_path, monkeypatch) -> None:
    (tmp_path / "mathvsta").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=r"mathvsta is a folder without config\.json"):
        check("mathvsta")
