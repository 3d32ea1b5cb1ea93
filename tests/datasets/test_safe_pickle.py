"""Pickles are read as data: every protocol, pictures, and nothing that a hostile file asks for."""

import io
import os
import pickle
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from mmk12.datasets import safe_pickle
from mmk12.datasets.safe_pickle import DecodedArray
from mmk12.types import BrokenLine
from tests.growth import assert_linear

ROW = {
    "id": 7,
    "big": 1 << 80,
    "minus": -3,
    "subject": "如图,AB∥CD",
    "long": "x" * 300,
    "numbers": [40.0, 0.5],
    "none": None,
    "yes": True,
    "empty": [[], {}, ()],
    "pair": (1, "a", 2.0, b"bytes"),
    "many": tuple(range(600)),
}


def read(tmp_path, data: Any, protocol: int = 3) -> list[Any]:
    path = tmp_path / "rows.pk"
    path.write_bytes(data if isinstance(data, bytes) else pickle.dumps(data, protocol))
    return list(safe_pickle.read_pickle_rows(path))


@pytest.mark.parametrize("protocol", range(6))
def test_plain_rows_of_every_protocol(tmp_path, protocol):
    rows = [ROW, ROW | {"id": 8}]
    assert read(tmp_path, rows, protocol) == rows


def test_many_rows_in_batches(tmp_path):
    rows = [{"id": number, "text": str(number)} for number in range(2500)]
    assert read(tmp_path, rows) == rows


@pytest.mark.parametrize("protocol", range(5))
@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 1), (5, 4, 3), (5, 4, 4)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_become_pictures(tmp_path, protocol, shape, order):
    array = np.asarray(np.random.default_rng(0).integers(0, 256, shape), np.uint8, order=order)
    ((found, again),) = (
        [row["image"], row["twin"]] for row in read(tmp_path, [{"image": array, "twin": array}], protocol)
    )
    assert found is again
    decoded = np.asarray(Pillow.open(io.BytesIO(found.png)))
    assert np.array_equal(decoded, array.squeeze(2) if shape[2:] == (1,) else array)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((5, 4), np.float64),
        np.zeros((5,), np.uint8),
        np.zeros((5, 4, 2), np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros((2, 2, 2, 2), np.uint8),
    ],
)
def test_other_arrays_are_no_pictures(tmp_path, array):
    assert read(tmp_path, [{"image": array}]) == [{"image": DecodedArray(None)}]


def test_names_of_older_numpy_are_known(tmp_path):
    data = pickle.dumps([{"image": np.zeros((5, 4), np.uint8)}], 3).replace(b"numpy._core", b"numpy.core")
    (row,) = read(tmp_path, data)
    assert row["image"].png


class Hostile:
    """What a pickle can do to those who load it."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call[0], self.call[1:]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    ("call", "told"),
    [
        ((os.system, "touch evil"), ".system"),
        ((eval, "open('evil', 'w')"), ".eval"),
        ((open, "evil", "w"), "io.open"),
        ((np.load, "evil"), "load"),
    ],
)
def test_a_program_is_not_run(tmp_path, monkeypatch, protocol, call, told):
    monkeypatch.chdir(tmp_path)
    (end,) = read(tmp_path, [{"id": Hostile(*call)}], protocol)
    assert isinstance(end, BrokenLine)
    assert told in end.reason
    assert "neither data nor an image" in end.reason
    assert "\n" not in end.reason
    assert [path.name for path in tmp_path.iterdir()] == ["rows.pk"]


def test_rows_before_the_fault_stay(tmp_path):
    rows: list[Any] = [{"id": number} for number in range(1500)]
    rows[1200] = Hostile(os.system, "true")
    *found, end = read(tmp_path, rows)
    assert found == rows[:1000]
    assert isinstance(end, BrokenLine)


MARKED = b"\x80\x03](K\x01"
CALLS = [b"cnumpy\ndtype\n", b"cnumpy\nndarray\n", b"c_codecs\nencode\n", b"cnumpy.core.multiarray\n_reconstruct\n"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a pickle",
        b"\x80",
        b"\x80\x03]",
        b"\x80\x03}.",
        b"\x80\x03K\x01.",
        b"\x80\x03e.",
        b"\x80\x03](e",
        b"\x80\x03(((((((",
        b"\x80\x03]q\x00(h\x07e.",
        b"\x80\x03](]]e0.",
        b"\x80\x03]}]]sa.",  # a list as a key
        b"\x80\x03](K\x01K\x02bae.",
        b"\x80\x03](K\x01Pnobody\ne.",
        b"\x80\x03](\x8e\xff\xff\xff\xff\xff\xff\xff\x7fe.",  # BINBYTES8 of 9 exabytes
        b"\x80\x03](B\xff\xff\xff\xff",
        b"\x80\x03](\x8a\xff" + b"\xff" * 10,
        b"\x80\x03](X\x02\x00\x00\x00\xff\xffe.",  # not UTF-8
        b"\x80\x03](I99" + b"9" * 10_000 + b"\ne.",  # more digits than int() takes
        b"\x80\x03](K\x01ios\nsystem\ne.",  # INST
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff",
        *(MARKED + call + b")R" + b"a." for call in CALLS),
        *(MARKED + call + b"K\x07R" + b"a." for call in CALLS),
        *(MARKED + call + b")R(K\x01K\x02K\x03K\x04K\x05tba." for call in CALLS),
        *(MARKED + call + b"a." for call in CALLS),
    ],
)
def test_what_does_not_fit_together_is_one_line(tmp_path, data):
    end = read(tmp_path, data)[-1]
    assert isinstance(end, BrokenLine | DecodedArray | safe_pickle._Name)
    if isinstance(end, BrokenLine):
        assert end.where == "rows.pk"
        assert "\n" not in end.reason


def test_what_it_holds_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(safe_pickle, "MAX_STEPS", 1000)
    assert "no row in 1,000 steps" in read(tmp_path, b"\x80\x03](" + b"]" * 2000)[-1].reason
    monkeypatch.setattr(safe_pickle, "MAX_MEMO", 100)
    assert "more than 100 objects" in read(tmp_path, b"\x80\x04](" + b"]\x94" * 200)[-1].reason
    monkeypatch.setattr(safe_pickle, "MAX_PIECE", 100)
    assert "claims 101 bytes" in read(tmp_path, [b"x" * 101])[-1].reason


def test_a_list_that_is_built_at_once(tmp_path):
    assert read(tmp_path, b"(I1\nI2\nl.") == [1, 2]


def test_a_far_memo_key_costs_nothing(tmp_path):
    assert read(tmp_path, b"\x80\x03](]r\xff\xff\xff\xffe.") == [[]]


def test_time_is_linear(tmp_path):
    start = b"\x80\x03]("
    assert_linear(lambda marks: read(tmp_path, start + marks), b"(" * 50_000)
    assert_linear(lambda lists: read(tmp_path, start + lists + b"e" * len(lists)), b"]" * 50_000)
    assert_linear(lambda opened: read(tmp_path, start + opened + b"t" * len(opened)), b"(]" * 30_000)


@pytest.mark.parametrize("protocol", range(5))
def test_raw_pixels_are_forgotten_and_nothing_else(tmp_path, protocol):
    """The memo of pickle would keep every pixel of the file; texts that rows share must stay."""
    shared = "这道题" * 500
    rows = [{"id": number, "text": shared, "image": np.full((40, 40), number, np.uint8)} for number in range(50)]
    found = read(tmp_path, rows, protocol)
    assert [row["text"] for row in found] == [shared] * 50
    assert [Pillow.open(io.BytesIO(row["image"].png)).getpixel((0, 0)) for row in found] == list(range(50))
    with open(tmp_path / "rows.pk", "rb") as file:
        machine = safe_pickle._Machine()
        for opcode, argument, _ in safe_pickle.pickletools.genops(file):
            list(machine.step(opcode.name, argument))
    assert not [value for value in machine.memo.values() if isinstance(value, bytes) and len(value) > 1000]
    assert not [value for value in machine.memo.values() if isinstance(value, tuple) and len(value) == 5]


NESTED_KEY = b"\x80\x04]}" + b")" + b"\x85" * 150_000 + b"Nsa."
"""A list of one dict whose key is a tuple in a tuple in a tuple: to hash it once ended the interpreter."""


def nested(depth: int) -> bytes:
    """A row with a list in a list in a list, and a sound row behind it."""
    return b"\x80\x04](}X\x02\x00\x00\x00id" + b"]" * depth + b"a" * (depth - 1) + b"s}X\x02\x00\x00\x00idK\x07se."


def shared(times: int) -> bytes:
    """A row with a list that holds one list twice, and so on: 2**times values when it is written out."""
    value: list[Any] = []
    for _ in range(times):
        value = [value, value]
    return pickle.dumps([{"id": value}])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (NESTED_KEY, "a key is neither a text nor a whole number"),
        (b"\x80\x04](" + b"}" * 3 + b"sse.", "neither a text"),
        (nested(100_000), "nested more than 32 deep"),
        (nested(40), "nested more than 32 deep"),
        (shared(26), "more than 1,000,000 values"),
    ],
)
def test_nesting_and_sharing_are_bounded(tmp_path, data, reason):
    found = read(tmp_path, data)
    assert isinstance(found[0], BrokenLine)
    assert reason in found[0].reason


def test_a_row_that_is_too_deep_costs_no_other(tmp_path):
    assert read(tmp_path, nested(40))[1:] == [{"id": 7}]


def test_a_long_text_that_is_referred_to_often_is_bounded(tmp_path):
    text = "x" * 1_000_000
    (found,) = read(tmp_path, [{"id": [text] * 100}], protocol=4)
    assert "more than 67,108,864 characters" in found.reason
