"""The manifest is typed, has a version, and folders of other releases are read or refused with one line."""

import json

import pytest

from mmk12.curation import build_data
from mmk12.curation.manifest import (
    SCHEMA_VERSION,
    BenchmarkRecord,
    ComparedBenchmark,
    DecontaminationRecord,
    DifficultyRecord,
    Manifest,
    OverlapCounts,
    read_manifest,
)
from mmk12.errors import BadInput, MissingData
from mmk12.recipes.recipe_loader import load_recipe


@pytest.fixture
def manifest():
    return Manifest(
        recipe=load_recipe("demo"),
        instead_of="",
        limit=None,
        stages=["load", "export"],
        sources={"demo": {"read": 3, "load": 2}},
        missing=["math"],
        licenses={"demo": "Apache-2.0"},
        read_from={"demo": "generated"},
        decontamination=DecontaminationRecord(
            compared={"k12": ComparedBenchmark(items=500, images=499, lost_images=1, broken_rows=0)},
            not_compared=["mathvista"],
            overlap={"demo": {"k12": OverlapCounts(text=1)}},
        ),
        difficulty=DifficultyRecord(
            model="demo",
            fingerprint="hf",
            prompt={"name": "zero", "system": "", "user": "{question}"},
            reward="strict",
            sampling={"temperature": 1.0, "max_tokens": 64},
            n=8,
            keep="0 < p < 1",
            right={"demo": [1] * 9},
        ),
        benchmark=BenchmarkRecord(source="demo", size=24, license="Apache-2.0", digest="0" * 64),
        hashes={"drops.jsonl": "0" * 64},
        versions={"mmk12": "0.1.0"},
    )


def as_written_by_0_1_0(manifest):
    """The JSON object that release 0.1.0 wrote of the same build."""
    row = manifest.model_dump(by_alias=True)
    del row["schema_version"]
    row["licences"] = row.pop("licenses")
    row["benchmark"]["licence"] = row["benchmark"].pop("license")
    del row["benchmark"]["missing"]
    return row


def test_what_is_written_is_read_back(manifest, tmp_path):
    manifest.write(tmp_path)
    assert read_manifest(tmp_path) == manifest
    row = json.loads((tmp_path / "manifest.json").read_text())
    assert row["schema_version"] == SCHEMA_VERSION
    assert row["decontamination"]["compared"]["k12"] == {
        "items": 500,
        "pictures": 499,
        "lost pictures": 1,
        "broken rows": 0,
    }


def test_a_manifest_of_release_0_1_0_is_read(manifest, tmp_path):
    row = as_written_by_0_1_0(manifest)
    (tmp_path / "manifest.json").write_text(json.dumps(row))
    assert read_manifest(tmp_path) == manifest
    row["benchmark"] = {"source": "official", "missing": "https://example.org"}
    row["difficulty"] = row["decontamination"] = None
    (tmp_path / "manifest.json").write_text(json.dumps(row))
    assert read_manifest(tmp_path).benchmark == BenchmarkRecord(source="official", missing="https://example.org")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": SCHEMA_VERSION + 1}, "Update mmk12"),
        ({"schema_version": "new"}, "Update mmk12"),
        ({"sources": {"demo": 3}}, r"sources\.demo: .*same command"),
        ({"colour": "red"}, r"colour: .*same command"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(manifest, tmp_path, change, message):
    row = manifest.model_dump(by_alias=True) | change
    (tmp_path / "manifest.json").write_text(json.dumps(row))
    with pytest.raises(BadInput, match=message) as caught:
        read_manifest(tmp_path)
    assert str(tmp_path / "manifest.json") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_manifest_and_no_object(tmp_path):
    with pytest.raises(MissingData):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(BadInput, match="no manifest"):
        read_manifest(tmp_path)


def test_a_build_reads_back_and_a_folder_of_a_newer_release_is_left_alone(tmp_path):
    build = build_data("demo", out=tmp_path, limit=4, until="load")
    manifest = read_manifest(tmp_path)
    assert manifest.sources == build.funnel
    assert manifest.recipe == build.plan.recipe
    row = manifest.model_dump(by_alias=True) | {"schema_version": SCHEMA_VERSION + 1}
    (tmp_path / "manifest.json").write_text(json.dumps(row))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(BadInput, match="another --out"):
        build_data("demo", out=tmp_path, limit=5)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
