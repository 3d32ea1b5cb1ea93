"""Our rows in other trainers' columns: nothing is lost without a word, and every reward gets what it needs."""

import json
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from mmk12.cli import app
from mmk12.curation.export import SCHEMA
from mmk12.curation.exports import TARGETS, export_for
from mmk12.curation.exports.trl import split_parts
from mmk12.errors import BadInput, MissingData, UnknownName
from mmk12.rewards import easyr1, trl
from mmk12.rewards.scoring import read_label
from mmk12.utils.images import decode
from tests.conftest import picture, response

CHOICES = ["3 cm", "4 cm"]


def row(at, prompt, pictures, gold="4", **extra):
    return {
        "prompt": [{"role": "system", "content": "Think."}, {"role": "user", "content": prompt}],
        "images": [
            {"bytes": picture(size=(40 + at, 40 + number)), "path": f"{at}-{number}.png"} for number in range(pictures)
        ],
        "data_source": "mmk12/paper_zero",
        "reward_model": {"style": "rule", "ground_truth": gold},
        "extra_info": {"index": at, "id": f"toy/{at}", "source": "toy", "split": "train", "tags": "{}", **extra},
    }


ROWS = [
    row(0, "<image>\nHow long?", 1, "B", choices=CHOICES, answer_type="choice", question="How long?"),
    row(1, "Compare <image> with <image>: by how much?", 2, "3.14", precision=2, tolerance=0.5),
]


@pytest.fixture
def data(tmp_path):
    write(tmp_path / "data", ROWS)
    return tmp_path / "data"


def write(folder, rows):
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), folder / "train.parquet")
    pq.write_table(pa.Table.from_pylist(rows[:1], schema=SCHEMA), folder / "val.parquet")


def lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def load(path, tmp_path):
    kind = "parquet" if path.suffix == ".parquet" else "json"
    return datasets.load_dataset(kind, data_files=str(path), cache_dir=str(tmp_path / "cache"), split="train")


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_is_read_by_datasets_and_counts_its_rows(target, data, tmp_path):
    done = export_for(data, target, tmp_path / "out")
    assert done.counts == {"train": 2, "val": 1}
    assert [len(load(path, tmp_path)) for path in done.files[:2]] == [2, 1]
    assert str(done.files[0]) in done.use or target == "llamafactory"
    assert any("pass rate" in lost for lost in done.lost)


def test_trl_gets_parts_pictures_and_the_columns_of_the_reward(data, tmp_path):
    rows = list(load(export_for(data, "trl", tmp_path / "out").files[0], tmp_path))
    assert rows[1]["prompt"][1]["content"] == [
        {"type": "text", "text": "Compare "},
        {"type": "image", "text": None},
        {"type": "text", "text": " with "},
        {"type": "image", "text": None},
        {"type": "text", "text": ": by how much?"},
    ]
    assert [image.size for image in rows[1]["images"]] == [(41, 40), (41, 41)]
    columns = {name: [one[name] for one in rows] for name in rows[0] if name not in ("prompt", "images")}
    completions = [[{"role": "assistant", "content": response(text)}] for text in ("4 cm", "3.6")]
    assert trl.reward(completions=completions, **columns) == [2.0, 2.0]


def test_parts_hold_no_empty_text():
    assert split_parts("<image>") == [{"type": "image", "text": None}]
    assert split_parts("a") == [{"type": "text", "text": "a"}]


def test_easyr1_gets_all_in_the_answer(data, tmp_path):
    first = load(export_for(data, "easyr1", tmp_path / "out").files[0], tmp_path)[0]
    assert first["prompt"] == "Think.\n\n<image>\nHow long?"
    assert first["images"][0].size == (40, 40)
    given = {"response": response("4 cm"), "response_length": 3, "ground_truth": first["answer"]}
    assert easyr1.compute_score([given])[0]["overall"] == 2.0


@pytest.mark.parametrize("target", ["swift", "openrlhf", "llamafactory"])
def test_pictures_of_lines_are_files_once_each(target, data, tmp_path):
    rows = lines(export_for(data, target, tmp_path / "out").files[0])
    assert [len(one["images"]) for one in rows] == [1, 2]
    assert {decode(Path(path).read_bytes())[0].size for one in rows for path in one["images"]} == {
        (40, 40),
        (41, 40),
        (41, 41),
    }
    assert sorted(path.name for path in (tmp_path / "out" / "images").iterdir()) == ["0-0.png", "1-0.png", "1-1.png"]
    turns = rows[1]["input" if target == "openrlhf" else "messages"]
    assert turns[1]["content"].count("<image>") == 2


def test_lines_carry_the_gold_as_each_trainer_hands_it_on(data, tmp_path):
    swift = lines(export_for(data, "swift", tmp_path / "swift").files[0])[1]
    assert (swift["solution"], swift["precision"], swift["tolerance"], swift["profile"]) == (
        "3.14",
        2,
        0.5,
        "paper_zero",
    )
    label = read_label(lines(export_for(data, "openrlhf", tmp_path / "openrlhf").files[0])[0]["label"])
    assert (label["gold"], label["choices"], label["profile"]) == ("B", CHOICES, "paper_zero")
    done = export_for(data, "llamafactory", tmp_path / "factory")
    assert lines(done.files[0])[0]["messages"][-1] == {"role": "assistant", "content": "<answer>B</answer>"}
    assert json.loads(done.files[-1].read_text())["mmk12_train"]["file_name"] == "train.jsonl"
    assert any("no function for it" in lost for lost in done.lost)


def test_the_same_data_gives_the_same_bytes(data, tmp_path):
    for target in TARGETS:
        first = [path.read_bytes() for path in export_for(data, target, tmp_path / target).files]
        assert [path.read_bytes() for path in export_for(data, target, tmp_path / target).files] == first


def test_what_is_not_ours_is_named(tmp_path):
    with pytest.raises(MissingData, match=r"No train.parquet"):
        export_for(tmp_path, "trl", tmp_path / "out")
    (tmp_path / "a.parquet").write_text("no")
    with pytest.raises(BadInput, match="no parquet file"):
        export_for(tmp_path / "a.parquet", "trl", tmp_path / "out")
    pq.write_table(pa.table({"prompt": ["?"]}), tmp_path / "b.parquet")
    with pytest.raises(BadInput, match="no column data_source, extra_info, images, reward_model"):
        export_for(tmp_path / "b.parquet", "trl", tmp_path / "out")
    write(tmp_path / "marks", [row(0, "no mark", 1)])
    with pytest.raises(BadInput, match="row 1: 0 <image> marks and 1 pictures"):
        export_for(tmp_path / "marks", "swift", tmp_path / "out")
    with pytest.raises(UnknownName, match="trl"):
        export_for(tmp_path, "tlr", tmp_path / "out")


def test_the_command_names_what_is_not_carried(data):
    done = CliRunner().invoke(app, ["export", str(data), "--for", "llamafactory"])
    assert done.exit_code == 0, done.output
    assert "not carried: the reward" in done.stderr
    assert "use: dataset_dir:" in done.stdout
    assert (data / "llamafactory" / "dataset_info.json").is_file()
