"""Feeds one hostile input to the reader of its class, the real one, and says what it got wrong.

A reader may refuse, with an error of the package or the fault that its docstring names. Any other exception is a crash,
and a number, a verdict or markup that the input does not hold is a false result, returned in words ("" if none).
"""

import json
import re
import threading
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from mmk12.datasets.files import Files
from mmk12.errors import BadInput, Mmk12Error
from mmk12.evaluation.verify_file import verify_file
from mmk12.runlog.reader import read_console, read_metrics
from mmk12.types import Completion, Sampling
from mmk12.utils.archives import open_archive
from mmk12.utils.config import read_yaml_mapping
from mmk12.utils.images import MAX_PIXELS, BadImage, ImageStore, decode
from mmk12.utils.rich_text import render_response, render_text, to_html
from mmk12.verifier import verify

Reader = Callable[[bytes, Path], str]


def read_picture(data: bytes, folder: Path) -> str:
    try:
        picture, _ = decode(data)
    except BadImage:
        return ""
    return f"{picture.size} pixels" if picture.width * picture.height > MAX_PIXELS else ""


def read_pickle(data: bytes, folder: Path) -> str:
    (folder / "rows.pk").write_bytes(data)
    for row in Files(folder).pickled("rows.pk"):
        str(row)
    return ""


def read_archive(data: bytes, folder: Path, suffix: str) -> str:
    path = folder / f"{abs(hash(data))}{suffix}"
    path.write_bytes(data)
    try:
        archive = open_archive(path)
        for name in archive.names():
            if name.startswith(("/", "../")) or "/../" in name:
                return f"a member outside: {name!r}"
            try:
                archive.read(name)
            except BadInput:
                continue
    finally:
        path.unlink()
    return ""


def read_parquet(data: bytes, folder: Path) -> str:
    (folder / "rows.parquet").write_bytes(data)
    for row in Files(folder).parquet("rows.parquet"):
        str(row)
    return ""


def read_json(data: bytes, folder: Path) -> str:
    """`mmk12 verify`: as many verdicts as rows, or an error and no file."""
    (folder / "rows.jsonl").write_bytes(data)
    out = folder / "verdicts.jsonl"
    out.unlink(missing_ok=True)
    try:
        counts = verify_file(folder / "rows.jsonl", out)
    except Mmk12Error:
        return "an error, and a file of verdicts" if out.exists() else ""
    lines = out.read_text("utf-8").splitlines()
    rows = sum(1 for line in data.split(b"\n") if line.strip())
    for line in lines:
        json.loads(line, parse_constant=lambda name: name)
    return "" if len(lines) == sum(counts.values()) == rows else f"{len(lines)} verdicts on {rows} rows"


def read_yaml(data: bytes, folder: Path) -> str:
    (folder / "recipe.yaml").write_bytes(data)
    read_yaml_mapping(folder / "recipe.yaml")
    return ""


def read_log(data: bytes, folder: Path) -> str:
    (folder / "log").write_bytes(data)
    for log in (read_metrics(folder / "log"), read_console(folder / "log")):
        for step, values in log.steps.items():
            odd = [value for value in values.values() if isinstance(value, bool) or not isinstance(value, float | int)]
            if odd or isinstance(step, bool) or not isinstance(step, int):
                return f"step {step!r} has {odd}"
    return ""


@contextmanager
def _serve(body: bytes):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer(b'{"data": [{"id": "toy"}]}')

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(body)

        def answer(self, data):
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1#toy"
    finally:
        server.shutdown()
        server.server_close()


def read_reply(data: bytes, folder: Path) -> str:
    from mmk12.inference.generate import make_request
    from mmk12.inference.openai import OpenAIBackend
    from mmk12.inference.prompts import render_chat

    with _serve(data) as location:
        engine = OpenAIBackend(location, ImageStore(folder / "images"), patience=0.001, timeout=20)
        prompt = engine.render(render_chat("plain", "1+1?", 0))
        (answer,) = engine.generate([make_request(engine, "toy/1", prompt, (), Sampling(max_tokens=9), 0)])
    if isinstance(answer, Completion):
        for count in (answer.prompt_tokens, answer.completion_tokens):
            if count is not None and (type(count) is not int or not 0 <= count < 1 << 40):
                return f"{count!r} tokens"
        if not isinstance(answer.text, str):
            return f"the text {answer.text!r}"
    return ""


def read_tex(data: bytes, folder: Path) -> str:
    """The verifier; both ways, because a gold is foreign text too."""
    text = data.decode()
    for response, gold in ((text, "2"), ("2", text), (text, text)):
        verdict = verify(response, gold)
        if verdict.status == "error":
            return verdict.reason
    return ""


def read_claim(data: bytes, folder: Path) -> str:
    claim = json.loads(data)
    verdict = verify(claim["response"], claim["gold"])
    return f"paid by {verdict.rule}: {claim}" if verdict.correct else ""


_MARKUP = re.compile(
    r"<(?:script|img|iframe|svg|object|embed)\b|\son[a-z]+\s*=\s*[\"'a-z]|(?:href|src)=.javascript", re.IGNORECASE
)


def read_page(data: bytes, folder: Path) -> str:
    """No element that runs or loads anything may come out of text, and no handler."""
    text = data.decode()
    for trees in (render_text(text), render_response([text])):
        html = str(to_html(trees, text))
        inside = "".join(re.findall(r"<[^>]*>", html))
        if _MARKUP.search(inside):
            return f"markup: {inside[:200]}"
    return ""


READERS: dict[str, Reader] = {
    "pictures": read_picture,
    "pickles": read_pickle,
    "zip": lambda data, folder: read_archive(data, folder, ".zip"),
    "tar": lambda data, folder: read_archive(data, folder, ".tar"),
    "parquet": read_parquet,
    "json": read_json,
    "yaml": read_yaml,
    "logs": read_log,
    "replies": read_reply,
    "tex": read_tex,
    "claims": read_claim,
    "pages": read_page,
}
