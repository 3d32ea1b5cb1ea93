"""A split that is too large is written in shards, which verl's readers, `datasets` and ours read as one."""

import json
import random

import datasets
import pyarrow.parquet as pq
import pytest

from mmk12.curation import parquet_shards
from mmk12.curation.decontamination import read_questions
from mmk12.curation.export import SCHEMA
from mmk12.curation.exports import export_for
from mmk12.curation.parquet_shards import open_writer
from mmk12.curation.training_set import open_training_set
from mmk12.errors import BadInput
from mmk12.recipes.recipe_loader import load_recipe
from mmk12.runlog.training_rows import read_training_rows
from mmk12.training.preflight import check_node
from mmk12.training.training_plan import make_plan
from mmk12.training.verl_keys import hydra_arguments
from mmk12.utils.shards import find_files


def row(number, size=3000):
    data = random.Random(number).randbytes(size)
    info = {"index": number, "id": f"a/{number}", "source": "a", "split": "train", "question": f"Is it {number}?"}
    return {
        "prompt": [{"role": "user", "content": f"<image>Is it {number}?"}],
        "images": [{"bytes": data, "path": "a.png"}],
        "data_source": "mmk12/strict",
        "reward_model": {"style": "rule", "ground_truth": "1"},
        "extra_info": info,
    }


def write(folder, count, size=3000, split="train"):
    with open_writer(folder, split, SCHEMA) as writer:
        for number in range(count):
            writer.add(row(number, size))


def names(folder):
    return sorted(path.name for path in folder.glob("*.parquet"))


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(parquet_shards, "SHARD_BYTES", 20_000)
    monkeypatch.setattr(parquet_shards, "_GROUP_ROWS", 4)


def test_rows_and_sizes_of_shards(small, tmp_path):
    write(tmp_path, 23)
    files = find_files(tmp_path, "train")
    assert [file.name for file in files] == [f"train-{n:05}-of-{len(files):05}.parquet" for n in range(len(files))]
    assert len(files) > 3
    read = [one["extra_info"]["index"] for file in files for one in pq.read_table(file).to_pylist()]
    assert read == list(range(23))
    for file in files:
        assert pq.read_schema(file).metadata == SCHEMA.metadata
        images = sum(len(one["images"][0]["bytes"]) for one in pq.read_table(file).to_pylist())
        assert images <= parquet_shards.SHARD_BYTES
    assert not list((tmp_path / ".stages").iterdir())


def test_one_file_below_the_limit_and_an_empty_split(tmp_path):
    write(tmp_path, 5)
    write(tmp_path, 0, split="val")
    assert names(tmp_path) == ["train.parquet", "val.parquet"]
    assert pq.read_metadata(tmp_path / "val.parquet").num_rows == 0
    assert pq.read_schema(tmp_path / "val.parquet").equals(SCHEMA)


def test_a_row_above_the_limit_has_a_file_of_its_own(small, tmp_path):
    write(tmp_path, 3, size=30_000)
    assert [pq.read_metadata(file).num_rows for file in find_files(tmp_path, "train")] == [1, 1, 1]


def test_the_files_of_an_earlier_build_are_replaced(small, tmp_path, monkeypatch):
    write(tmp_path, 23)
    shards = names(tmp_path)
    before = {name: (tmp_path / name).stat().st_mtime_ns for name in shards}
    write(tmp_path, 23)
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in shards} == before, "the same bytes are left alone"
    write(tmp_path, 12)
    assert 1 < len(names(tmp_path)) < len(shards)
    monkeypatch.undo()
    write(tmp_path, 12)
    assert names(tmp_path) == ["train.parquet"]


def test_a_kill_leaves_the_earlier_files_and_the_next_build_is_whole(small, tmp_path):
    write(tmp_path, 23)
    before = names(tmp_path)
    with pytest.raises(KeyboardInterrupt), open_writer(tmp_path, "train", SCHEMA) as writer:
        for number in range(9):
            writer.add(row(number))
        raise KeyboardInterrupt
    assert names(tmp_path) == before
    assert list((tmp_path / ".stages").iterdir())
    write(tmp_path, 6)
    assert sum(pq.read_metadata(file).num_rows for file in find_files(tmp_path, "train")) == 6
    assert not list((tmp_path / ".stages").iterdir())


def test_an_incomplete_set_is_no_split(small, tmp_path):
    assert find_files(tmp_path, "train") == []
    write(tmp_path, 23)
    files = find_files(tmp_path, "train")
    for lost in (files[0], files[1], files[-1]):
        data = lost.read_bytes()
        lost.unlink()
        with pytest.raises(BadInput, match=f"{lost.name} is missing. Build or fetch it again"):
            find_files(tmp_path, "train")
        lost.write_bytes(data)
    for stray in ("train.parquet", "train-00000-of-00002.parquet", "train-00009-of-00010.parquet"):
        (tmp_path / stray).write_bytes(b"")
        with pytest.raises(BadInput, match="has no complete train split"):
            find_files(tmp_path, "train")
        (tmp_path / stray).unlink()
    (tmp_path / "train-notes.parquet").write_bytes(b"")
    assert find_files(tmp_path, "train") == files
    assert find_files(tmp_path, "val") == []


def test_our_reader_and_datasets_read_all_shards(small, tmp_path):
    write(tmp_path, 23)
    opened = open_training_set(str(tmp_path))
    read = [one.item.text.words[-1] for one in read_questions(opened.source, opened.files)]
    assert read == [str(number) for number in range(23)]
    find_files(tmp_path, "train")[2].unlink()
    with pytest.raises(BadInput, match=r"train-00002-of-000.*is missing"):
        open_training_set(str(tmp_path))
    write(tmp_path, 23)
    rows = datasets.load_dataset("parquet", data_files=str(tmp_path / "train-*.parquet"), cache_dir=str(tmp_path / "c"))
    assert [one["extra_info"]["index"] for one in rows["train"]] == list(range(23))


def test_a_training_plan_names_and_counts_all_shards(small, tmp_path):
    write(tmp_path, 23)
    write(tmp_path, 1, split="val")
    files = [str(path) for path in find_files(tmp_path, "train")]
    plan = make_plan(load_recipe("demo"), data=tmp_path, out=tmp_path / "run")
    assert plan.rows == 23
    assert plan.keys["data.train_files"] == files
    assert plan.keys["data.val_files"] == str(tmp_path / "val.parquet")
    assert f"data.train_files=[{','.join(files)}]" in hydra_arguments(plan.trainer, plan.keys)
    (data,) = [check for check in check_node({}, files, str(tmp_path), 1) if check.name == "data"]
    assert (data.passed, data.message) == (True, f"{files[0]} and {len(files) - 1} more: 23 rows")


def test_pages_of_a_run_find_rows_in_all_shards(small, tmp_path):
    write(tmp_path, 23)
    (tmp_path / "run" / "attempts" / "001").mkdir(parents=True)
    names = [str(path) for path in find_files(tmp_path, "train")]
    (tmp_path / "run" / "attempts" / "001" / "config.yaml").write_text(json.dumps({"data.train_files": names}))
    for data in (tmp_path, None):
        found = read_training_rows(tmp_path / "run", ["a/0", "a/22", "a/99"], data)
        assert {name: one.question for name, one in found.items()} == {"a/0": "Is it 0?", "a/22": "Is it 22?"}


def test_an_export_for_another_trainer_reads_all_shards(small, tmp_path):
    write(tmp_path, 23)
    done = export_for(tmp_path, "trl", tmp_path / "trl")
    assert done.counts == {"train": 23}
    rows = pq.read_table(done.files[0]).to_pylist()
    assert [f"Is it {number}?" in str(row["prompt"]) for number, row in enumerate(rows)] == [True] * 23
