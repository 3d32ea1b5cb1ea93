"""Damage and hostility cost a row, with its reason in drops.jsonl, and never the build."""

import io
import json
import pickle
import zipfile

import pytest
from PIL import Image as Pillow

from mmk12.curation import build_data
from mmk12.datasets.files import Files
from tests.conftest import picture
from tests.datasets.raw import parquet_file
from tests.utils.test_images import long_line, with_chunk

SOURCE = """
about: damaged in every way
license: CC0
url: https://example.org
files: ["*.jsonl", "*.parquet"]
archives: "*.zip"
columns: {question: q, answer: a, images: images, id: id}
"""


def encode(form, mode="RGB"):
    buffer = io.BytesIO()
    Pillow.effect_noise((60, 40), 50).convert(mode).save(buffer, form)
    return buffer.getvalue()


def turned(data, place):
    """The bytes with some of them turned over."""
    return data[:place] + bytes(255 - byte for byte in data[place : place + 40]) + data[place + 40 :]


SOUND = {
    "plain": picture("red", (50, 40)),
    "exif": with_chunk(b"eXIf", b"XXXXXXXXXXXX"),
    "exif in text": with_chunk(b"tEXt", b"Raw profile type exif\0no hexadecimal digits"),
    "one pixel": picture("blue", (1, 1)),
}
BROKEN = {
    "high": long_line(1, 64_000_000, bytes(100)),
    "wide": long_line(64_000_000, 1, bytes(100)),
    "square": long_line(8_100, 8_100, bytes(100)),
    "no data": long_line(60, 40, b""),
    "torn": encode("PNG")[:700],
    "torn jpeg": encode("JPEG")[:300],
    "webp": turned(encode("WEBP"), 20),
    "tiff": turned(encode("TIFF"), 0),
    "dds": encode("DDS", "RGBA")[:76] + b"\xff" * 40,
    "eps": encode("EPS"),
    "text": b"<html>404</html>",
    "nothing": b"",
    "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n",
}


def ask(name, images=()):
    return {
        "id": name,
        "q": f"What does the picture called {name} show, in words of its own?",
        "a": "12",
        "images": images,
    }


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw" / "damaged"
    folder.mkdir(parents=True)
    (tmp_path / "damaged.yaml").write_text(SOURCE)
    (tmp_path / "mix.yaml").write_text(
        f"about: x\ndata: {{sources: {{{tmp_path}/damaged.yaml: all}}, decontaminate: [], val_fraction: 0}}\n"
    )
    return folder


def build(raw):
    work = raw.parent.parent
    built = build_data(str(work / "mix.yaml"), raw_dir=raw.parent, out=work / "out", until="load")
    lines = (work / "out" / "drops.jsonl").read_text().splitlines()
    return built.funnel["damaged"], {row["id"].partition("/")[2]: row for row in map(json.loads, lines)}


def write_rows(raw, rows, name="rows.jsonl"):
    (raw / name).write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))


def test_pictures(raw):
    pictures = {**SOUND, **BROKEN}
    for name, data in pictures.items():
        (raw / f"{name}.png").write_bytes(data)
    write_rows(raw, [ask(name, [f"{name}.png"]) for name in pictures])
    funnel, drops = build(raw)
    assert (funnel["read"], funnel["load"]) == (len(pictures), len(SOUND))
    assert {name for name, drop in drops.items() if drop["reason"] == "unusable image"} == set(BROKEN)
    for name in ("high", "wide", "square"):
        assert "pixels, more than" in drops[name]["evidence"]


def test_members_of_archives(raw):
    methods = {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED, "bzip2": zipfile.ZIP_BZIP2}
    methods["lzma"] = zipfile.ZIP_LZMA
    for name, method in methods.items():
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as archive:
            archive.writestr(f"{name}/a.png", encode("BMP"))
            archive.writestr(f"{name}/b.png", SOUND["plain"])
        (raw / f"{name}.zip").write_bytes(turned(buffer.getvalue(), 400))
    write_rows(raw, [ask(f"{name} {one}", [f"{name}/{one}.png"]) for name in methods for one in "ab"])
    funnel, drops = build(raw)
    assert (funnel["read"], funnel["load"]) == (8, 4)
    assert set(drops) == {f"{name} a" for name in methods}
    assert {drop["reason"] for drop in drops.values()} == {"unusable image"}


@pytest.mark.parametrize("damage", ["cut", "page", "footer", "text", "empty"])
def test_parquet(raw, damage):
    parquet_file(raw / "a.parquet", [ask(f"a{number}") for number in range(3)])
    parquet_file(raw / "b.parquet", [ask(f"b{number}") for number in range(300)])
    parquet_file(raw / "c.parquet", [ask(f"c{number}") for number in range(3)])
    whole = (raw / "b.parquet").read_bytes()
    damaged = {
        "cut": whole[: len(whole) // 2],
        "page": turned(whole, 60),
        "footer": turned(whole, len(whole) - 120),
        "text": whole.replace(b"What does", b"\xff\xfe\xfd\xfc does"),
        "empty": b"",
    }[damage]
    assert damaged != whole
    (raw / "b.parquet").write_bytes(damaged)
    funnel, drops = build(raw)
    assert funnel["load"] == 6
    (drop,) = drops.values()
    assert drop["reason"] == "broken line"
    assert "b.parquet is not a readable parquet file" in drop["evidence"]


def test_lines(raw):
    lines = [
        ask("sound"),
        "{torn",
        "[1, 2]",
        '{"id": "deep", "q": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"id": "nul", "q": "a\\u0000b\\ud800?", "a": "1", "images": []}',
        '{"id": 5, "q": {"x": [1]}, "a": "1", "images": []}',
        '{"id": "' + "x" * 300 + '", "q": "long id?", "a": "1", "images": ["../../../etc/passwd"]}',
        '{"id": "many", "q": "many?", "a": "1", "images": ["none.png"]}',
    ]
    write_rows(raw, lines)
    funnel, drops = build(raw)
    assert funnel["read"] == len(lines)
    assert funnel["load"] == len(lines) - len(drops)
    assert {"row 1", "row 2", "row 3", "row 5", "many"} <= set(drops)


def nest(depth):
    value = ()
    for _ in range(depth):
        value = (value,)
    return value


def share(times):
    value = ["x" * 100]
    for _ in range(times):
        value = [value, value]
    return value


@pytest.mark.parametrize(("key", "value"), [("id", nest(300)), ("answer", share(26))], ids=["nested", "shared"])
def test_pickles(tmp_path, key, value):
    """GeoQA+ is published as a pickle; a row with a hostile value is left out, the others stay."""
    rows = [{"id": 1, "subject": "a", "answer": "b"}, {"id": 2, "subject": "c", "answer": "d", key: value}]
    (tmp_path / "train.pk").write_bytes(pickle.dumps([*rows, {"id": 3}], protocol=4))
    read = list(Files(tmp_path).pickled("*.pk"))
    assert read[0] == rows[0]
    assert not isinstance(read[1], dict)
    assert read[2:] in ([{"id": 3}], [])
