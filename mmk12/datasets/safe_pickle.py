"""Reads rows from a pickle file without unpickling it: plain data and images are decoded, code is never executed.

GeoQA and UniGeo were published as pickles, and `pickle.load` executes any program in such a file. Here the opcodes
are read one by one (`pickletools.genops`) by a machine that knows numbers, texts, lists, tuples, dicts and one kind
of object, the numpy array of bytes. Any other name in the file ends the reading with a `BrokenLine`.

The items of the outermost list are yielded as they are read, images re-encoded as PNG, so a file of a gigabyte does
not need a gigabyte of memory. The sizes of one value, one batch of rows and the memo are bounded, and so are the
depth and the size of a row when it is written out: a file of a kilobyte can refer to one list 2**26 times.
"""

from __future__ import annotations

import io
import math
import pickletools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from mmk12.types import BrokenLine

MAX_PIECE = 64 << 20
"""Largest text or image in bytes."""
MAX_STEPS = 8_000_000
"""Most opcodes between two batches of rows (pickle writes 1,000 rows a batch, about 300 opcodes a row)."""
MAX_MEMO = 8_000_000
"""Most objects in the memo, to which the file can refer back."""

MAX_DEPTH = 32
"""Deepest nesting of a row; those of GeoQA have 2."""
MAX_NODES = 1_000_000
"""Most values in a row, a shared one counted each time that it is referred to."""

_NUMBERS = ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT")
_TEXTS = ("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING")
_BYTES = ("BINBYTES", "SHORT_BINBYTES", "BINBYTES8")
_LITERALS = frozenset(_NUMBERS + _TEXTS + _BYTES)
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_LIST": list, "EMPTY_DICT": dict}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_IGNORED = frozenset({"PROTO", "FRAME"})
_FAULTS = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, Warning)
"""What a malformed file raises; `Warning` if warnings are errors, for an invalid escape in a text."""


@dataclass(slots=True)
class DecodedArray:
    """A decoded numpy array: PNG bytes, or None if its shape or type is not that of an image."""

    png: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Name:
    """A global name in the file. It is never imported."""

    text: str


@dataclass(frozen=True, slots=True)
class _DType:
    code: str


_FORGOTTEN = object()
_NEW_ARRAY = frozenset({"numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct"})
_DTYPE, _ENCODE = "numpy dtype", "_codecs encode"
_KNOWN = _NEW_ARRAY | {"numpy ndarray", _DTYPE, _ENCODE}


def read_pickle_rows(path: Path) -> Iterator[Any | BrokenLine]:
    """Yields the items of the list in a pickle one at a time; a `BrokenLine` if reading ends early."""
    with open(path, "rb") as file:
        machine = _Machine()
        try:
            for opcode, argument, _ in pickletools.genops(_Guarded(file)):  # type: ignore[arg-type]
                for row in machine.step(opcode.name, argument):
                    fault = _find_excess(row)
                    yield BrokenLine(path.name, fault) if fault else row
        except _FAULTS as error:
            yield BrokenLine(path.name, f"not a pickle of plain rows: {error}")


def _find_excess(row: Any) -> str:
    """Returns why a row is too deep or too large to be written out; "" if it is not."""
    nodes = size = 0
    open_values: list[tuple[Any, int]] = [(row, 0)]
    while open_values:
        value, depth = open_values.pop()
        nodes += 1
        if isinstance(value, str | bytes):
            size += len(value)
        elif isinstance(value, list | tuple | dict):
            parts = [*value, *value.values()] if isinstance(value, dict) else value
            nodes_to_come = nodes + len(open_values) + len(parts)
            if depth >= MAX_DEPTH:
                return f"a row nested more than {MAX_DEPTH} deep"
            if nodes_to_come > MAX_NODES:
                return f"a row of more than {MAX_NODES:,} values"
            open_values.extend((part, depth + 1) for part in parts)
        if size > MAX_PIECE:
            return f"a row of more than {MAX_PIECE:,} characters"
    return ""


def _pairs(items: list[Any]) -> dict[str | int, Any]:
    """Returns the dict of keys and values in turn. Raises `ValueError` for a key that is neither text nor number.

    To hash a deeply nested tuple would overflow the interpreter's own stack.
    """
    keys = items[::2]
    if not all(isinstance(key, str | int) for key in keys):
        raise ValueError("a key is neither a text nor a whole number")
    return dict(zip(keys, items[1::2], strict=True))


class _Guarded:
    """A file that refuses to read more than `MAX_PIECE` bytes at once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        if size > MAX_PIECE:
            raise ValueError(f"one piece claims {size:,} bytes")
        return self._file.read(size)

    def readline(self) -> bytes:
        return self._file.readline(MAX_PIECE)


class _Machine:
    """The stack machine of the pickle protocol, for plain data."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.keys: dict[int, int] = {}  # id of a long text, bytes or tuple in the memo -> its memo key
        self.steps = 0

    def step(self, name: str, argument: Any) -> Iterator[Any]:
        """Executes one opcode and yields the rows that it completes."""
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise ValueError(f"no row in {MAX_STEPS:,} steps")
        if name in _LITERALS:
            self.stack.append(argument)
        elif name in ("BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE"):
            self._remember(len(self.memo) if name == "MEMOIZE" else argument)
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            self.stack.append(self._recall(argument))
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name == "MARK":
            self.marks.append(len(self.stack))
        elif name in ("APPEND", "APPENDS"):
            items = [self.stack.pop()] if name == "APPEND" else self._since_mark()
            if len(self.stack) == 1 and not self.marks and isinstance(self.stack[0], list):
                self.steps = 0
                yield from items
            else:
                self._top(list).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = self._pop(2) if name == "SETITEM" else self._since_mark()
            self._top(dict).update(_pairs(items))
        elif name == "STOP":
            if len(self.stack) != 1:
                raise ValueError("it holds no list of rows")
            yield from self._top(list)
        elif name not in _IGNORED:
            self._step_rare(name, argument)

    def _step_rare(self, name: str, argument: Any) -> None:
        if name in _TUPLES:
            self.stack.append(tuple(self._pop(_TUPLES[name])))
        elif name == "TUPLE":
            self.stack.append(tuple(self._since_mark()))
        elif name == "LIST":
            self.stack.append(self._since_mark())
        elif name == "DICT":
            items = self._since_mark()
            self.stack.append(_pairs(items))
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            global_name = argument if name == "GLOBAL" else " ".join(self._pop(2))
            if global_name not in _KNOWN:
                raise ValueError(
                    f"it asks for {global_name.replace(' ', '.', 1)[:80]}, which is neither data nor an image"
                )
            self.stack.append(_Name(global_name))
        elif name == "REDUCE":
            function, arguments = self._pop(2)
            self.stack.append(self._call(function.text, arguments))
        elif name == "BUILD":
            (state,) = self._pop(1)
            if isinstance(self.stack[-1], DecodedArray):
                self._paint(self.stack[-1], *state)
                self._forget(state, state[-1])
            elif not isinstance(self.stack[-1], _DType):  # whose state is the byte order
                raise ValueError("it builds an object that is not an array")
        else:
            raise ValueError(f"it holds the instruction {name}, which rows do not need")

    def _call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        if name in _NEW_ARRAY:
            return DecodedArray()
        if name == _DTYPE:
            return _DType(str(arguments[0]))
        if name == _ENCODE:
            return arguments[0].encode("latin-1")
        raise ValueError(f"it calls {name.replace(' ', '.')}")

    def _paint(self, array: DecodedArray, _version: int, shape: Any, dtype: Any, fortran: Any, data: Any) -> None:
        """Encodes the pixels of an array into `array`."""
        pixels = data.encode("latin-1") if isinstance(data, str) else data  # a text in pickles of Python 2
        if isinstance(pixels, bytes) and isinstance(dtype, _DType) and dtype.code in ("u1", "uint8"):
            array.png = _png(pixels, shape, order="F" if fortran else "C")

    def _remember(self, key: int) -> None:
        if len(self.memo) >= MAX_MEMO:
            raise ValueError(f"it refers back to more than {MAX_MEMO:,} objects")
        value = self.memo[key] = self.stack[-1]
        if isinstance(value, tuple) or (isinstance(value, bytes | str) and len(value) > 1024):
            self.keys[id(value)] = key

    def _recall(self, key: int) -> Any:
        value = self.memo.get(key, _FORGOTTEN)
        if value is _FORGOTTEN:
            raise ValueError(f"it refers back to object {key}, which is not there")
        return value

    def _forget(self, *values: Any) -> None:
        """Removes raw pixels and their tuple from the memo; only their array refers to them."""
        for value in values:
            key = self.keys.pop(id(value), None)
            if key is not None:
                self.memo[key] = _FORGOTTEN

    def _top(self, kind: type) -> Any:
        if not isinstance(self.stack[-1], kind):
            raise ValueError(f"a {kind.__name__} is missing where one is filled or handed out")
        return self.stack[-1]

    def _pop(self, count: int) -> list[Any]:
        items = self.stack[-count:]
        if len(items) < count:
            raise ValueError("its instructions do not fit together")
        del self.stack[-count:]
        return items

    def _since_mark(self) -> list[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items


def _png(pixels: bytes, shape: Any, order: str) -> bytes | None:
    """Encodes pixels as PNG; None if `shape` is not height x width, or height x width x 1, 3 or 4."""
    import numpy as np
    from PIL import Image as Pillow

    flat = len(shape) == 2 or (len(shape) == 3 and shape[2] == 1)
    coloured = len(shape) == 3 and shape[2] in (3, 4)
    if not (flat or coloured) or min(shape) < 1 or math.prod(shape) != len(pixels):
        return None
    array = np.frombuffer(pixels, np.uint8).reshape(shape, order="F" if order == "F" else "C")
    buffer = io.BytesIO()
    Pillow.fromarray(np.ascontiguousarray(array.squeeze(2) if flat and array.ndim == 3 else array)).save(buffer, "PNG")
    return buffer.getvalue()
