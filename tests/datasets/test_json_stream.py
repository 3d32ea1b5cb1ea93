"""A JSON array is read one item at a time, wherever the chunks of the file fall."""

import json
import time

import pytest

from mmk12.datasets import json_stream
from mmk12.types import BrokenLine

ITEMS = [{"id": 1, "text": 'a ] } , " 如'}, [1, [2]], "x", 12345, -0.5, None, True, {}, []]


def read(tmp_path, text, key=None):
    path = tmp_path / "rows.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(json_stream.iter_items(path, key))


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("chunk", [1, 2, 7, 65536])
def test_items_of_an_array_and_under_a_key(tmp_path, monkeypatch, chunk, indent):
    monkeypatch.setattr(json_stream, "_CHUNK", chunk)
    assert read(tmp_path, json.dumps(ITEMS, indent=indent)) == ITEMS
    held = {"info": {"data": [0]}, "number": 12, "data": ITEMS, "after": [1]}
    assert read(tmp_path, json.dumps(held, indent=indent), "data") == ITEMS
    assert read(tmp_path, json.dumps(ITEMS, indent=indent, ensure_ascii=False), "data") == ITEMS


@pytest.mark.parametrize("text", ["[]", " [ ] ", "\ufeff[]"])
def test_no_items(tmp_path, text):
    assert read(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "items", "told"),
    [
        ("", 0, "it breaks off"),
        ("{}", 0, "where one of '['"),
        ("[1, 2", 2, "it breaks off"),
        ("[1 2]", 1, "'2' where one of ',]'"),
        ("[1, ]", 1, "Expecting value"),
        ("[1, {]", 1, "Expecting property name"),
        ('[1, "torn', 1, "Unterminated string"),
        ("[" * 200_000, 0, "recursion"),
        (b"[1, \xff\xff]", 0, "decode"),
        ("[1, " + "9" * 10_000 + "]", 1, "digit"),
    ],
)
def test_where_it_ends_early_is_said(tmp_path, text, items, told):
    *found, end = read(tmp_path, text)
    assert len(found) == items
    assert isinstance(end, BrokenLine)
    assert end.where == "rows.json"
    assert told in end.reason
    assert f"after {items:,} items" in end.reason


@pytest.mark.parametrize("text", ['{"other": []}', '{"data": {}}', '{"data"}', "{}", "{7: []}"])
def test_a_key_that_holds_no_array(tmp_path, text):
    (end,) = read(tmp_path, text, "data")
    assert isinstance(end, BrokenLine)


def test_one_item_may_not_be_the_whole_file(tmp_path, monkeypatch):
    monkeypatch.setattr(json_stream, "MAX_ITEM", 1000)
    monkeypatch.setattr(json_stream, "_CHUNK", 100)
    (end,) = read(tmp_path, '["' + "x" * 5000)
    assert isinstance(end, BrokenLine)


def test_time_is_linear(tmp_path):
    start = time.process_time()
    read(tmp_path, "[" + ",".join(['{"a": 1}'] * 50_000) + "]")
    read(tmp_path, '["' + "x" * json_stream.MAX_ITEM)
    assert time.process_time() - start < 10
