"""Rows become samples or named drops, and paths inside rows stay inside their folder."""

import dataclasses
import json
from collections import Counter

import pytest

from mmk12.datasets.declarations import Benchmark, Source
from mmk12.datasets.files import Files
from mmk12.datasets.loader import locate_dataset
from mmk12.datasets.sources._helpers import read_parquet_files
from mmk12.errors import BadInput, MissingData
from mmk12.types import BrokenLine, DroppedSample, Gold, HubDataset, RawSample, Sample
from mmk12.utils.images import ImageStore
from tests.conftest import load_rows, picture


def source(**changes) -> Source:
    fields = {
        "name": "toy",
        "about": "",
        "license": "CC0",
        "url": "https://example.org/toy",
        "folders": ("toy", "old/toy"),
        "layout": "rows.jsonl and *.png",
        "rows": lambda files: files.jsonl("rows.jsonl"),
        "draft": lambda row: RawSample(row["id"], row["question"], Gold(row["answer"]), images=row.get("images", [])),
    }
    return Source(**{**fields, **changes})


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "raw" / "toy").mkdir(parents=True)
    return tmp_path / "raw"


def loaded(raw, rows, **changes):
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (raw / "toy" / "rows.jsonl").write_text("\n".join(lines) + "\n")
    return list(load_rows(source(**changes), raw, ImageStore(raw / "store")))


@pytest.mark.parametrize("declaration", [Source, Benchmark])
def test_the_old_keyword_licence_still_works_and_warns(declaration) -> None:
    fields = {field.name: None for field in dataclasses.fields(declaration)} | {"name": "toy"}
    old = {name: value for name, value in fields.items() if name != "license"} | {"licence": "CC0"}
    with pytest.warns(DeprecationWarning, match="'licence' is called 'license' now") as caught:
        one = declaration(**old)
    assert caught[0].filename == __file__
    assert one == declaration(**fields | {"license": "CC0"})
    with pytest.warns(DeprecationWarning, match="'licence' is called 'license' now"):
        assert one.licence == "CC0"
    assert dataclasses.replace(one, license="MIT").license == "MIT"
    with pytest.raises(TypeError, match="licence"), pytest.warns(DeprecationWarning):
        declaration(**fields | {"license": "CC0", "licence": "CC0"})


def row(number=1, **changes):
    return {"id": str(number), "question": "What?", "answer": "4", **changes}


def test_images_without_marks_go_in_front(raw):
    (raw / "toy" / "a.png").write_bytes(picture())
    (found,) = loaded(raw, [row(images=["a.png", "a.png"])])
    assert isinstance(found, Sample)
    assert found.id == "toy/1"
    assert found.question == "<image><image>What?"
    assert [image.width for image in found.images] == [40, 40]


@pytest.mark.parametrize(
    ("bad", "reason", "evidence"),
    [
        ("{torn", "broken line", "rows.jsonl:2"),
        ('["list"]', "broken line", "object is expected"),
        ({"id": "x", "question": "?"}, "malformed row", "KeyError: 'answer'"),
        (row(2, images=["none.png"]), "unusable image", "none.png: no such file"),
        (row(2, images=["broken.png"]), "unusable image", "not a readable image"),
        (row(2, images=["../secret.png"]), "unusable image", "outside its folder"),
        (row(2, images=["/etc/passwd"]), "unusable image", "outside its folder"),
        (row(2, images=["a\x00.png"]), "unusable image", "a"),
        (row(2, question="<image> <image>", images=["a.png"]), "image marks do not match", "2 <image> marks"),
        (row(2, question="see <image>"), "image marks do not match", "for 0 images"),
        (row(2, question="  "), "empty question", ""),
        (row(1), "repeated id", "row 1"),
        (row(2, question=7), "malformed row", ""),
        (row(2, images=7), "malformed row", ""),
    ],
)
def test_a_bad_row_is_named_and_the_others_live(raw, bad, reason, evidence):
    (raw / "toy" / "a.png").write_bytes(picture())
    (raw / "toy" / "broken.png").write_bytes(picture(size=(200, 200))[:90])
    (raw / "secret.png").write_bytes(picture())
    before, dropped, after = loaded(raw, [row(1), bad, row(3)])
    assert isinstance(before, Sample)
    assert isinstance(after, Sample)
    assert isinstance(dropped, DroppedSample)
    assert (dropped.stage, dropped.reason) == ("load", reason)
    assert evidence in dropped.evidence


def test_the_second_layout_is_found(raw):
    (raw / "toy").rename(raw / "later")
    (raw / "old").mkdir()
    (raw / "later").rename(raw / "old" / "toy")
    assert locate_dataset(source(), raw).folder == raw / "old" / "toy"


@pytest.mark.parametrize("raw_dir", ["no-such-folder", "."])
def test_missing_data_says_what_to_fetch_from_where_and_whereto(tmp_path, raw_dir):
    with pytest.raises(MissingData) as caught:
        locate_dataset(source(folders=("absent",)), tmp_path / raw_dir)
    if raw_dir == ".":
        for word in ("https://example.org/toy", "CC0", "RAW_DIR/absent", "rows.jsonl and *.png"):
            assert word in str(caught.value)


def test_without_folder_and_hub_the_message_is_the_same():
    with pytest.raises(MissingData, match="RAW_DIR/toy/"):
        locate_dataset(source(), None)


def test_files_come_in_natural_order(tmp_path):
    for name in ("10.json", "2.json", "1.json", "a.json"):
        (tmp_path / name).write_text("{}")
    assert [path.name for path in Files(tmp_path).glob("*.json")] == ["1.json", "2.json", "10.json", "a.json"]


def damage_page(data: bytes) -> bytes:
    return data[:4] + bytes(byte ^ 0xFF for byte in data[4:400]) + data[400:]


def damage_footer(data: bytes) -> bytes:
    return data[:-40] + b"\xff" * 32 + data[-8:]


@pytest.mark.parametrize("damage", [damage_page, damage_footer, lambda data: data[:-9], lambda data: b""])
def test_a_damaged_parquet_file_is_named_and_costs_a_source_its_rows_only(tmp_path, damage):
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = [f"{number} is not {number * 7919}" for number in range(2_000)]
    for name in "ab":
        pq.write_table(pa.table({"id": texts, "text": texts}), tmp_path / f"{name}.parquet", compression="snappy")
    (tmp_path / "a.parquet").write_bytes(damage((tmp_path / "a.parquet").read_bytes()))
    with pytest.raises(BadInput, match=r"a\.parquet is not a readable parquet file"):
        list(Files(tmp_path).parquet("*.parquet"))
    rows = list(read_parquet_files(Files(tmp_path), "*.parquet"))
    broken = [row for row in rows if isinstance(row, BrokenLine)]
    assert ([row.where for row in broken], len(rows)) == (["a.parquet"], 2_001)


def test_text_that_is_not_utf8_costs_its_parquet_file(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    column = pa.array([b"\xff\xfe"], pa.binary()).cast(pa.string(), safe=False)
    pq.write_table(pa.table({"id": column}), tmp_path / "a.parquet")
    with pytest.raises(BadInput, match=r"a\.parquet"):
        list(Files(tmp_path).parquet("*.parquet"))


def test_a_broken_parquet_file_is_named(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(BadInput, match=r"a\.parquet"):
        list(Files(tmp_path).parquet("*.parquet"))


def test_parquet_rows_keep_their_image_bytes(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"id": ["1"], "image": [{"bytes": b"png", "path": None}]}), tmp_path / "a.parquet")
    assert list(Files(tmp_path).parquet("*.parquet")) == [{"id": "1", "image": {"bytes": b"png", "path": None}}]


def test_a_hub_dataset_gives_encoded_pictures(tmp_path, monkeypatch):
    """The loading code of the hub, on a local folder in its layout: `datasets` must not decode the pictures."""
    import datasets
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = picture("red")
    features = datasets.Features({"id": datasets.Value("string"), "image": datasets.Image()})
    table = pa.table({"id": ["1"], "image": [{"bytes": data, "path": "a.png"}]}, schema=features.arrow_schema)
    (tmp_path / "repo").mkdir()
    pq.write_table(table, tmp_path / "repo" / "train-00000.parquet")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (row,) = Files(None).hub(HubDataset(str(tmp_path / "repo"), split="train"))
    assert row["image"]["bytes"] == data


def test_a_hub_dataset_gives_encoded_pictures_however_deep_they_are(tmp_path, monkeypatch):
    import datasets
    import pyarrow as pa
    import pyarrow.parquet as pq

    one = {"bytes": picture("red"), "path": None}
    image = datasets.Image()
    columns = {"images": datasets.List(image), "steps": datasets.List({"figure": image, "id": datasets.Value("int64")})}
    row = {"images": [one, one], "steps": [{"figure": one, "id": 1}]}
    (tmp_path / "repo").mkdir()
    table = pa.Table.from_pylist([row], schema=datasets.Features(columns).arrow_schema)
    pq.write_table(table, tmp_path / "repo" / "train-00000.parquet")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    assert list(Files(None).hub(HubDataset(str(tmp_path / "repo"), split="train"))) == [row]


def test_a_picture_of_many_questions_is_decoded_once(tmp_path, monkeypatch):
    """Also where hundreds of other pictures lie between, and its first row was no sample."""
    folder = tmp_path / "toy"
    folder.mkdir()
    for number in range(100):
        (folder / f"{number}.png").write_bytes(picture((number, 0, 0)))
    rows = [{"id": "0", "question": "<image><image>?", "answer": "1", "images": ["0.png"]}]
    rows += [{"id": str(1 + n), "question": f"{n}?", "answer": "1", "images": [f"{n % 100}.png"]} for n in range(300)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    decoded = Counter()
    monkeypatch.setattr(Files, "image", lambda files, ref: decoded.update([ref]) or (folder / ref).read_bytes())
    store = ImageStore(tmp_path / "images")
    found = [row for row in load_rows(source(), tmp_path, store) if isinstance(row, Sample)]
    assert len(found) == 300
    assert all(store.open(row.images[0]).getpixel((0, 0)) == ((int(row.id[4:]) - 1) % 100, 0, 0) for row in found)
    assert decoded.total() < 150
