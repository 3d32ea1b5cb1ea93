"""Hostile inputs, drawn by a seeded generator: files, replies and texts that somebody made to break the reader.

`ATTACKS` has one generator for each class: it takes a `Random` and returns the bytes of one input. No foreign bytes
are kept here. Most inputs begin as a sound one, so that they get past the first check, and are then damaged.
"""

import io
import json
import pickle
import struct
import tarfile
import zipfile
import zlib
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image as Pillow


def damage(random: Random, data: bytes) -> bytes:
    """Changes, cuts, repeats or swaps a few pieces of `data`; one time in eight it stays as it is."""
    made = bytearray(data)
    for _ in range(random.choice([0, 1, 1, 2, 3, 5, 8, 20])):
        at = random.randrange(len(made) + 1)
        kind = random.randrange(5)
        if kind == 0:
            made[at : at + 1] = bytes([random.randrange(256)])
        elif kind == 1:
            made[at : at + 4] = random.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80\0\0\0"])
        elif kind == 2:
            del made[at : at + random.choice([1, 4, 64])]
        elif kind == 3:
            made[at:at] = made[max(0, at - random.choice([4, 32])) : at]
        elif random.random() < 0.2:
            del made[at:]
    return bytes(made)


def nest(random: Random, opening: str, inner: str, closing: str) -> str:
    depth = random.choice([3, 50, 1_000, 100_000])
    return opening * depth + inner + closing * random.choice([0, depth])


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def make_picture(random: Random) -> bytes:
    """A picture: damaged in any of nine formats, a bomb by its size or its ratio, or one with damaged metadata."""
    kind = random.randrange(10)
    if kind == 0:  # announces far more than it holds
        wide, high = random.choice([(1, 64_000_000), (64_000_000, 1), (60_000, 60_000), (2**31 - 1, 1), (0, 5)])
        header = struct.pack(">IIBBBBB", wide, high, random.choice([1, 8, 16]), random.choice([0, 2, 3, 4, 6]), 0, 0, 0)
        pixels = zlib.compress(bytes(random.choice([100, 1 << 22])))
        return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")
    mode = random.choice(["RGB", "L", "P", "RGBA", "CMYK", "1", "I;16"])
    picture = Pillow.new(mode, (random.randrange(1, 60), random.randrange(1, 60)))
    buffer, extra = io.BytesIO(), {}
    format_ = random.choice(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO", "DDS"])
    if kind == 1:
        extra = {"exif": b"Exif\0\0" + random.randbytes(40)}
    try:
        picture.save(buffer, format_, **extra)
    except (OSError, ValueError, KeyError, SyntaxError):  # a format that does not know the mode, or such metadata
        picture.convert("RGB").save(buffer, "PNG")
    data = buffer.getvalue()
    if kind == 2 and data.startswith(b"\x89PNG"):
        text = random.choice([b"Raw profile type exif\0zz", b"x\0" + zlib.compress(bytes(1 << 24))])
        return data[:33] + _chunk(random.choice([b"tEXt", b"zTXt", b"eXIf", b"iCCP"]), text) + data[33:]
    return damage(random, data)


def make_pickle(random: Random) -> bytes:
    """A pickle: damaged, deeply nested, self-sharing, calling a name, or of endless numbers."""
    kind = random.randrange(6)
    depth = random.choice([10, 1_000, 200_000])
    if kind == 0:
        return b"\x80\x04]})" + b"\x85" * depth + b"Nsa."
    if kind == 1:  # one list, shared a power of two times
        return b"\x80\x04]" + b"".join(b"\x94]h" + bytes([k]) + b"ah" + bytes([k]) + b"a" for k in range(26)) + b"."
    if kind == 2:
        name = random.choice(["os system", "builtins eval", "builtins getattr", "numpy load"])
        return b"\x80\x02c" + name.replace(" ", "\n").encode() + b"\nX\x02\0\0\0id\x85R."
    if kind == 3:
        return b"\x80\x04]\x8e" + struct.pack("<Q", random.choice([1 << 20, 1 << 40, 1 << 62])) + b"xx."
    shape = (random.randrange(1, 9), random.randrange(1, 9), 3)
    rows = [{"id": k, "t": "x" * k, "big": 1 << 70, "image": np.zeros(shape, "uint8")} for k in range(3)]
    return damage(random, pickle.dumps(rows, random.randrange(6)))


_NAMES = ["a.json", "../b", "/etc/c", "d\0e", "é" * 90, "f/" * 60 + "g", "h\\i", "C:\\k", "", ".", "x.json/"]


def make_zip(random: Random) -> bytes:
    """A zip: damaged, with hostile names, or a bomb."""
    buffer = io.BytesIO()
    method = random.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name in set(random.sample(_NAMES, 4)):
            data = bytes(8 << 20) if random.random() < 0.05 else random.randbytes(random.randrange(200))
            archive.writestr(zipfile.ZipInfo(name or "empty"), data, method)
    return damage(random, buffer.getvalue())


def make_tar(random: Random) -> bytes:
    """A tar: damaged, with hostile names, links, devices and sizes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in set(random.sample(_NAMES, 4)):
            member = tarfile.TarInfo(name)
            member.type = random.choice([tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
            member.linkname = "../../etc/passwd"
            data = random.randbytes(random.randrange(600))
            member.size = len(data) if member.type == tarfile.REGTYPE else 0
            archive.addfile(member, io.BytesIO(data))
    return damage(random, buffer.getvalue())


def make_parquet(random: Random) -> bytes:
    """A parquet file, damaged, or with text that is not Unicode."""
    texts = [b"\xff\xfe" if random.random() < 0.1 else f"row {k}".encode() for k in range(30)]
    column = pa.array(texts, pa.binary())
    table = pa.table({"id": pa.array(range(30)), "text": column.cast(pa.string(), safe=False), "raw": column})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression=random.choice(["snappy", "zstd", "none", "gzip"]))
    return damage(random, buffer.getvalue())


_VALUES = [
    "1",
    "-2",
    "1e400",
    "NaN",
    "-Infinity",
    "null",
    "true",
    '"x"',
    '"\\ud800"',
    "[]",
    "{}",
    "9" * 5_000,
    '"' + "y" * 5_000,
    '"\\u0000"',
    "1.5",
    "1e-400",
    '"=1+1"',
    '"<script>"',
    "[1,[2]]",
    '{"a":1,"a":2}',
    "0x10",
    "'z'",
]


def _pairs(random: Random, keys: list[str]) -> str:
    return ", ".join(f'"{random.choice(keys)}": {random.choice(_VALUES)}' for _ in range(random.randrange(1, 7)))


def make_json(random: Random) -> bytes:
    """Lines of JSON with the keys of graded rows and any values, nested, repeated, damaged, in other encodings."""
    keys = ["id", "response", "gold", "choices", "precision", "tolerance", "answer_type", "question", "step", "data"]
    lines = ['{"id": 1, "response": "2", "gold": "2"}']
    for _ in range(random.randrange(5)):
        lines.append("{" + _pairs(random, keys) + "}")
    if random.random() < 0.2:
        lines.append('{"response": ' + nest(random, "[", "1", "]") + "}")
    random.shuffle(lines)
    text = random.choice(["\n", "\r\n", "\n\n", "\r"]).join(lines)
    data = text.encode(random.choice(["utf-8"] * 6 + ["utf-16", "utf-8-sig"]))
    return damage(random, data) if random.random() < 0.5 else data


def make_yaml(random: Random) -> bytes:
    """A recipe: sound keys with any values, aliases, tags, mappings as keys, deep nesting, damage."""
    odd = [
        "&a [*a]",
        "!!python/object/apply:os.system [id]",
        "? [a, b]\n: c",
        "<<: *x",
        "1e999",
        "0o777",
        "2026-13-45",
        "~",
        nest(random, "[", "1", "]"),
        nest(random, "{a: ", "1", "}"),
        "'" + "z" * 9_000,
        "\t- x",
        "? {a: b}\n: c",
        "!!binary x",
    ]
    keys = ["name", "about", "extends", "prompt", "data", "train", "reward", "name"]
    text = "\n".join(f"{random.choice(keys)}: {random.choice(odd)}" for _ in range(random.randrange(1, 5)))
    return damage(random, text.encode())


def make_log(random: Random) -> bytes:
    """A console log or metrics file of a training with any values, torn lines and foreign lines between."""
    lines = []
    for step in range(random.randrange(1, 8)):
        value = random.choice(["0.5", "nan", "inf", "1e999", "-", "np.float64(2)", "0.5.5", "9" * 5_000, "True", ""])
        at = random.choice([str(step), "-1", "9" * 400, "1.5", "x"])
        lines.append(
            random.choice(
                [
                    f"(TaskRunner pid=1) step:{at} - critic/score/mean:{value} - actor/entropy:0.1",
                    f'{{"step": {at}, "data": {{"critic/score/mean": {value}, "x": {random.choice(_VALUES)}}}}}',
                    f"step:{at} - " + "a:1 - " * random.choice([1, 3_000]),
                ]
            )
        )
    return damage(random, "\n".join(lines).encode())


def make_reply(random: Random) -> bytes:
    """The body of a chat completion with any value in any place."""
    count = random.choice(['"many"', "[]", "-3", "5.5", "1e300", "NaN", "true", "9" * 4_000, "7", "null"])
    text = random.choice(['"2"', "null", "[]", '{"a": 1}', '"\\ud800"', '"' + "z" * 9_000 + '"', "7"])
    finish = random.choice(['"stop"', '"length"', '"tool_calls"', "null", "[]", "5"])
    body = (
        f'{{"choices": [{{"message": {{"content": {text}}}, "finish_reason": {finish}}}], '
        f'"usage": {{"prompt_tokens": {count}, "completion_tokens": {random.choice(["3", count])}}}}}'
    )
    kind = random.randrange(6)
    if kind == 0:
        return nest(random, "[", "", "]").encode()
    if kind == 1:
        return f'{{"choices": {random.choice(["[]", "null", "{}", "[[]]", "[null]"])}}}'.encode()
    return body.encode() if kind > 3 else damage(random, body.encode())


_TEX = (
    "\\frac{",
    "\\sqrt{",
    "^{",
    "_{",
    "}",
    "{",
    "(",
    ")",
    "[",
    "]",
    "\\left(",
    "\\right)",
    "|",
    "!",
    "\\sin",
    "\\log_",
    "9" * 40,
    "1",
    "2",
    "x",
    "\\pm",
    ",",
    ";",
    " or ",
    "\\begin{matrix}",
    "\\end{matrix}",
    "&",
    "\\\\",
    "%",
    "°",
    "cm",
    "<",
    "=",
    "\\in",
    "\\boxed{",
    "<answer>",
    "</answer>",
    "</think>",
    "\u202e",
    "\u200b",
    "\0",
    "①",
    "\\overline{",
    "10^",
    "e",
    "\\infty",
    "$",
    "A",
)


def make_tex(random: Random) -> bytes:
    """A response of TeX: pieces in any order, or one piece nested thousands of times."""
    if random.random() < 0.2:
        opening = random.choice(
            ["\\frac{1}{", "\\sqrt{", "(", "{", "2^{", "\\left[", "|", "\\sin", "-", "\\begin{cases}"]
        )
        return ("\\boxed{" + nest(random, opening, "1", "}") + "}").encode()
    return "".join(random.choice(_TEX) for _ in range(random.randrange(1, 120))).encode()


CHANGED = (
    "The answer is not {n}.",
    "It is half of {n}.",
    "the square root of {n}",
    "\\boxed{{{n}+1}}",
    "\\boxed{{-{n}}}",
    "<answer>{n}</answer><answer>{m}</answer>",
    "\\boxed{{{n}{m}}}",
    "\\boxed{{{n} \\text{{ or }} {m}}}",
    "\\boxed{{\\frac{{{n}}}{{{m}}}}}",
    "{n} dozen",
    "\\boxed{{{n}^2}}",
    "\\boxed{{{n}!}}",
    "\\boxed{{{n}, {m}}}",
    "\\boxed{{{n}=%d}}",
    "The answer is {m}, not {n}.",
    "The answer is {n}? No, {m}.",
    "\\boxed{{\\overset{{{n}}}{{{m}}}}}",
    "more than {n}",
    "\\boxed{{{n}\\%}}",
    "\\boxed{{x={n}y}}",
    "<think>{n}</think>",
    "\\boxed{{{m}}}",
    "\\boxed{{|{n}|+{m}}}",
    "\\boxed{{{n}i}}",
    "{n} squared",
    "everything but {n}",
)
"""Responses that have the number n of the gold in them and do not answer with it; m is another number."""


def make_claim(random: Random) -> bytes:
    """A gold and a response that does not answer with it."""
    n = random.randrange(3, 900)
    m = n + random.randrange(1, 90)
    text = random.choice(CHANGED).replace("%d", str(m)).format(n=n, m=m)
    return json.dumps(
        {"gold": str(n), "response": random.choice(["{}", "<think>so</think>\n{}", "Well.\n\n{}"]).format(text)}
    ).encode()


def make_page(random: Random) -> bytes:
    """Text of datasets and models with markup, scripts, formulas and Markdown."""
    pieces = [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "![y](http://evil/)",
        "$x^2$",
        "</script>",
        "<!--",
        "]]>",
        "&lt;",
        '" onload="x',
        "$$\\frac{<b>}{\\href{javascript:1}{x}}$$",
        "\\(\\text{<svg/onload=x>}\\)",
        "`<i>`",
        "|a|b|\n|-|-|\n|<u>|c|",
        "\ue000",
        "\ue0010\ue000",
        "<think>",
        "</answer>",
        "\\boxed{<s>}",
        "# <h1>",
        "\0",
        "<iframe>",
    ]
    text = "".join(random.choice(pieces) for _ in range(random.randrange(1, 25)))
    return (
        text if random.random() < 0.9 else nest(random, random.choice(["> ", "- ", "$\\frac{", "**", "["]), text, "")
    ).encode()


ATTACKS = {
    "pictures": make_picture,
    "pickles": make_pickle,
    "zip": make_zip,
    "tar": make_tar,
    "parquet": make_parquet,
    "json": make_json,
    "yaml": make_yaml,
    "logs": make_log,
    "replies": make_reply,
    "tex": make_tex,
    "claims": make_claim,
    "pages": make_page,
}
