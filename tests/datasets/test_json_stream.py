"""A JSON array is read one item at a time, wherever the chunks of the file fall."""

import json

import pytest

from mmk12.datasets import json_stream
from mmk12.types import BrokenLine

ITEMS = [{"id": 1, "text": 'a ] } , " 如'}, [1, [2]], "x", 12345, -0.5, None, True, {}, []]


def read(tmp_path, text, key=None):
    path = tmp_path / "rows.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(json_stream.iter_items(lambda: open(path, "rb"), path.name, key))


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
        ("", 0, "unexpected end of file"),
        ("{}", 0, "where one of '['"),
        ("[1, 2", 2, "unexpected end of file"),
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


class Decoder(json.JSONDecoder):
    """Counts the characters that it looks at."""

    looked_at = 0

    def raw_decode(self, text, at=0):
        end = len(text)
        try:
            value, end = super().raw_decode(text, at)
        finally:
            self.looked_at += end - at
        return value, end


@pytest.mark.parametrize(
    "text",
    ["[" + ",".join(['{"a": 1}'] * 50_000) + "]", '["' + "x" * 400_000, '["' + "x" * 400_000 + '", 1]'],
    ids=["many items", "a torn item", "a long item"],
)
def test_work_is_linear(tmp_path, monkeypatch, text):
    decoder, held = Decoder(), []
    more = json_stream._Reader._more

    def counted(reader):
        found = more(reader)
        held.append(len(reader._text))
        return found

    monkeypatch.setattr(json_stream, "_DECODER", decoder)
    monkeypatch.setattr(json_stream, "_CHUNK", 1000)
    monkeypatch.setattr(json_stream._Reader, "_more", counted)
    read(tmp_path, text)
    # Each character is copied and looked at a few times, however many chunks its item is spread over.
    assert decoder.looked_at < 4 * len(text)
    assert sum(held) < 4 * len(text)
