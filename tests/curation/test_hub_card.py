"""A build is a dataset of the hub: the real clients read its head, splits, features and images, and no network."""

import io
import json

import datasets
import pyarrow.parquet as pq
import pytest
from datasets import Features, Image, List, Value
from huggingface_hub import DatasetCard
from PIL import Image as Pillow

from mmk12.curation import build_data, parquet_shards
from mmk12.curation.export import SCHEMA
from mmk12.curation.hub_card import SourceLicense, list_licenses, make_head
from mmk12.curation.hub_features import to_yaml_features
from mmk12.curation.manifest import BenchmarkRecord
from mmk12.curation.plan import make_plan
from mmk12.datasets.registry import load_source
from mmk12.recipes.recipe_loader import load_recipe

FEATURES = Features(
    {
        "prompt": List({"role": Value("string"), "content": Value("string")}),
        "images": List(Image(decode=False)),
        "data_source": Value("string"),
        "reward_model": {"style": Value("string"), "ground_truth": Value("string")},
        "extra_info": {
            "index": Value("int64"),
            **{name: Value("string") for name in ("id", "source", "split", "question", "answer_type")},
            "choices": List(Value("string")),
            "precision": Value("int64"),
            "tolerance": Value("float64"),
            "pass_rate": Value("float64"),
            "tags": Value("string"),
        },
    }
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    work = tmp_path_factory.mktemp("card")
    patch = pytest.MonkeyPatch()
    patch.setattr(parquet_shards, "SHARD_BYTES", 60_000)
    patch.setattr(parquet_shards, "_GROUP_ROWS", 8)
    build_data("demo", out=work / "out", limit=48)
    patch.undo()
    return work / "out"


@pytest.mark.slow
def test_the_folder_loads_with_its_types(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    read = datasets.load_dataset(str(folder), cache_dir=str(tmp_path))
    manifest = json.loads((folder / "manifest.json").read_text())["sources"]["demo"]
    assert {split: rows.num_rows for split, rows in read.items()} == {name: manifest[name] for name in ("train", "val")}
    for rows in read.values():
        assert rows.features == FEATURES
    image = read["train"][0]["images"][0]
    assert Pillow.open(io.BytesIO(image["bytes"])).size
    assert image["path"].endswith((".png", ".jpg"))


def test_one_file_has_the_types_too(folder, tmp_path):
    file = next(folder.glob("train*.parquet"))
    rows = datasets.load_dataset("parquet", data_files=str(file), cache_dir=str(tmp_path))["train"]
    assert rows.features == FEATURES


def test_the_head_is_one_that_the_hub_reads(folder):
    card = DatasetCard.load(folder / "README.md")
    assert card.text.lstrip().startswith("# demo")
    head = card.data.to_dict()
    assert (head["pretty_name"], head["size_categories"]) == ("demo", ["n<1K"])
    (config,) = head["configs"]
    assert config["data_files"] == [
        {"split": "train", "path": "train-*-of-*.parquet"},
        {"split": "val", "path": "val.parquet"},
    ]
    info = datasets.DatasetInfo._from_yaml_dict(head["dataset_info"])
    assert info.features == FEATURES
    files = [path for split in ("train", "val") for path in folder.glob(f"{split}*.parquet")]
    assert info.download_size == sum(path.stat().st_size for path in files)
    assert sum(split.num_examples for split in info.splits.values()) == sum(pq.read_metadata(f).num_rows for f in files)


def test_the_features_of_file_and_head_agree():
    assert Features.from_arrow_schema(SCHEMA) == FEATURES
    assert Features._from_yaml_list(to_yaml_features(SCHEMA)) == FEATURES
    assert SCHEMA.equals(FEATURES.arrow_schema)


@pytest.mark.parametrize(
    ("licenses", "benchmark", "expected"),
    [
        (["MIT", "MIT"], None, "mit"),
        (["CC BY-SA 4.0"], None, "cc-by-sa-4.0"),
        (["MIT", "Apache-2.0"], None, "other"),
        (["MIT (repository)"], None, "other"),
        (["none stated"], None, "other"),
        (["MIT"], BenchmarkRecord(source="a", license="CC0"), "other"),
        (["MIT"], BenchmarkRecord(source="a", missing="https://example.org"), "mit"),
    ],
)
def test_a_license_is_only_named_where_all_sources_have_it(folder, licenses, benchmark, expected):
    listed = [SourceLicense(str(number), one, "", 1, "") for number, one in enumerate(licenses)]
    head = DatasetCard(make_head(folder, "name: with a colon", listed, benchmark) + "# x\n").data
    assert (head.license, head.pretty_name) == (expected, "name: with a colon")
    assert (head.get("license_link") == "LICENSE.md") is (expected == "other")


def test_licenses_of_what_a_mixture_holds_are_listed(folder):
    assert (folder / "LICENSE.md").read_text().count("\n| demo |") == 1
    plan = make_plan(load_recipe("demo"), ("load",), None, None)
    listed = list_licenses(plan, {"demo": 40, "math": 3, "elsewhere": 2}, {"demo": {"train": 40, "val": 5}})
    assert [(one.name, one.rows, one.read_from) for one in listed] == [
        ("demo", 45, "generated"),
        ("math", 3, "inside the above"),
        ("elsewhere", 2, "inside the above"),
    ]
    assert (listed[1].license, listed[2].license) == (load_source("math").license, "not known to mmk12")


def test_every_image_is_the_one_of_its_file(folder):
    """The features do not change what verl reads: a struct of bytes and path."""
    row = pq.read_table(next(folder.glob("train*.parquet"))).to_pylist()[0]
    assert set(row["images"][0]) == {"bytes", "path"}
    assert (folder / "images" / row["images"][0]["path"]).read_bytes() == row["images"][0]["bytes"]
