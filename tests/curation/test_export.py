"""The parquet files hold what verl 0.9.1's `RLHFDataset` reads, row by row; train.jsonl what MM-Eureka's code does."""

import io
import json
import re

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image as Pillow

from mmk12.curation import parquet_shards
from mmk12.curation.export import SCHEMA, export
from mmk12.curation.stage_cache import StageOutput, save_outputs
from mmk12.datasets.registry import load_source
from mmk12.inference import prompts
from mmk12.recipes.recipe_loader import load_recipe
from mmk12.types import Gold, Sample
from mmk12.utils.images import ImageStore
from tests.conftest import load_rows, picture


@pytest.fixture
def exported(tmp_path):
    store = ImageStore(tmp_path / "images")
    red, blue = store.add(picture("red")), store.add(picture("blue", format_="JPEG"))
    rows = [
        Sample("toy/two", "toy", "<image>Compare with <image>.", (red, blue), Gold("$2$"), {"topic": "π"}),
        Sample("toy/text", "toy", "What is $1+{1}$?", (), Gold("7.50", "number", precision=2, tolerance=0.01)),
        Sample("toy/choice", "toy", "<image>Which?", (red,), Gold("B", "choice", ("x", "y"))),
    ]
    rows += [Sample(f"toy/{number}", "toy", f"{number} = ?", (), Gold(f"${number}$")) for number in range(40)]
    save_outputs(tmp_path / "in.jsonl", "key", rows)
    export(StageOutput(tmp_path / "in.jsonl"), load_recipe("demo"), store, tmp_path)
    tables = {split: pq.read_table(tmp_path / f"{split}.parquet") for split in ("train", "val")}
    found = {row["extra_info"]["id"]: row for table in tables.values() for row in table.to_pylist()}
    return tmp_path, tables, found, rows


def test_columns_and_types_are_those_that_verl_reads(exported):
    """`RLHFDataset`: prompt a list of {role, content}; images a list of {bytes, path}; data_source a string;
    reward_model a struct with style and ground_truth; extra_info one struct with an integer index."""
    text = pa.string()
    for table in exported[1].values():
        schema = table.schema
        assert schema.equals(SCHEMA)
        assert schema.field("prompt").type == pa.list_(pa.struct([("role", text), ("content", text)]))
        assert schema.field("images").type == pa.list_(pa.struct([("bytes", pa.binary()), ("path", text)]))
        assert schema.field("data_source").type == text
        assert schema.field("reward_model").type == pa.struct([("style", text), ("ground_truth", text)])
        extra = schema.field("extra_info").type
        assert extra.field("index").type == pa.int64()
        assert extra.field("pass_rate").type == pa.float64()
        assert {"id", "source", "split", "answer_type", "tags"} <= {field.name for field in extra}


def test_rows_read_as_verl_reads_them(exported):
    """The steps of `RLHFDataset._build_messages`, on rows as `datasets` gives them."""
    folder = exported[0]
    for split in ("train", "val"):
        cache = str(folder / "cache")
        read = datasets.load_dataset("parquet", data_files=str(folder / f"{split}.parquet"), cache_dir=cache)["train"]
        for row in read:
            contents = [message["content"] for message in row["prompt"]]
            marks = sum(len(re.findall("<image>", content)) for content in contents)
            assert marks == len(row["images"]) >= 1
            assert not any(re.search("<video>|<audio>", content) for content in contents)
            for image in row["images"]:
                assert Pillow.open(io.BytesIO(image["bytes"])).convert("RGB").size
            assert isinstance(row["extra_info"]["index"], int)


def test_every_row_is_exported_once_with_its_own_index(exported):
    _, tables, found, rows = exported
    assert sum(table.num_rows for table in tables.values()) == len(rows) == len(found)
    assert len({row["extra_info"]["index"] for row in found.values()}) == len(rows)
    for split, table in tables.items():
        assert {row["extra_info"]["split"] for row in table.to_pylist()} == {split}


def test_pictures_stand_in_the_order_of_their_marks(exported):
    row = exported[2]["toy/two"]
    colours = [Pillow.open(io.BytesIO(image["bytes"])).convert("RGB").getpixel((5, 5)) for image in row["images"]]
    assert colours[0] == (255, 0, 0)
    assert colours[1][2] > 200 > 50 > colours[1][0]
    asked = prompts.render_chat("instruct", "<image>Compare with <image>.", 2)
    assert row["prompt"] == [{"role": message.role, "content": message.content} for message in asked]


def test_a_text_only_row_has_the_white_picture(exported):
    row = exported[2]["toy/text"]
    (image,) = row["images"]
    white = Pillow.open(io.BytesIO(image["bytes"]))
    assert white.size == (224, 224)
    assert white.convert("RGB").getcolors() == [(224 * 224, (255, 255, 255))]
    assert row["prompt"][1]["content"] == prompts.render_chat("instruct", "<image>What is $1+{1}$?", 1)[1].content
    assert row["extra_info"]["question"] == "What is $1+{1}$?"


def test_the_reward_gets_what_the_verifier_takes(exported):
    found = exported[2]
    keys = ("answer_type", "choices", "precision", "tolerance", "pass_rate")
    extra = {
        name: tuple(found[name]["extra_info"][key] for key in keys) for name in ("toy/two", "toy/text", "toy/choice")
    }
    assert extra == {
        "toy/two": ("auto", None, None, None, None),
        "toy/text": ("number", None, 2, 0.01, None),
        "toy/choice": ("choice", ["x", "y"], None, None, None),
    }
    row = found["toy/two"]
    assert row["reward_model"] == {"style": "rule", "ground_truth": "$2$"}
    assert row["data_source"] == "mmk12/paper_instruct"
    assert json.loads(row["extra_info"]["tags"]) == {"topic": "π"}


@pytest.mark.parametrize(("limit", "value"), [("_GROUP_ROWS", 2), ("_GROUP_BYTES", 200)])
def test_row_groups_are_bounded(tmp_path, monkeypatch, limit, value):
    store = ImageStore(tmp_path / "images")
    image = store.add(picture("red"))
    rows = [Sample(f"toy/{n}", "toy", "<image>?", (image,), Gold("$1$")) for n in range(9)]
    save_outputs(tmp_path / "in.jsonl", "key", rows)
    monkeypatch.setattr(parquet_shards, limit, value)
    export(StageOutput(tmp_path / "in.jsonl"), load_recipe("demo"), store, tmp_path)
    file = pq.ParquetFile(tmp_path / "train.parquet")
    assert file.num_row_groups >= 3
    assert pq.read_table(tmp_path / "val.parquet").num_rows == 1


@pytest.mark.parametrize(("rows", "train", "val"), [(1, 1, 0), (2, 1, 1), (16, 14, 2)])
def test_both_files_get_rows_where_there_are_two(tmp_path, rows, train, val):
    samples = [Sample(f"toy/{n}", "toy", f"{n}?", (), Gold("$1$")) for n in range(rows)]
    save_outputs(tmp_path / "in.jsonl", "key", samples)
    store = ImageStore(tmp_path / "images")
    counts = export(StageOutput(tmp_path / "in.jsonl"), load_recipe("demo"), store, tmp_path)
    assert {split: count.total() for split, count in counts.items()} == {"train": train, "val": val}


def test_the_released_schema_is_upstreams(exported):
    """README of ModalMinds/MM-EUREKA, "Custom dataset": no marks, the question behind its word, paths to pictures."""
    folder, tables, _, rows = exported
    lines = {row["id"]: row for row in map(json.loads, (folder / "train.jsonl").read_text().splitlines())}
    assert list(lines) == [row["extra_info"]["id"] for row in tables["train"].to_pylist()]
    assert len(lines) == len(rows) - tables["val"].num_rows
    for row in lines.values():
        assert list(row) == ["id", "conversations", "answer", "image_urls"]
        assert [turn["role"] for turn in row["conversations"]] == ["system", "user"]
        assert "\nQuestion:\n" in row["conversations"][1]["content"]
        assert row["image_urls"]
        for path in row["image_urls"]:
            assert Pillow.open(io.BytesIO((folder / path).read_bytes())).size
    text_only = lines.get("toy/text") or lines["toy/3"]
    assert text_only["image_urls"] == ["images/blank.png"]


def test_the_released_schema_is_read_back_by_its_own_source(exported, tmp_path):
    folder, _, _, rows = exported
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "mm_eureka_released").symlink_to(folder)
    read = {
        row.id: row
        for row in load_rows(load_source("mm_eureka_released"), tmp_path / "raw", ImageStore(tmp_path / "i"))
    }
    trained = [json.loads(line)["id"] for line in (folder / "train.jsonl").read_text().splitlines()]
    originals = {row.id: row for row in rows}
    assert len(read) == len(trained) >= 38
    for name in trained:
        original, again = originals[name], read[f"mm_eureka_released/{name}"]
        assert again.question.replace("<image>", "") == original.question.replace("<image>", "")
        assert (again.images, again.gold.text) == (original.images, original.gold.text)
