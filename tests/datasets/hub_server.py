"""A dataset hub on the loopback address, for the real clients: `datasets` and `huggingface_hub` talk to it.

It knows what they ask for: a repository's description and its files at a commit, a file with its range, and whether a
user may read it. A test sets what goes wrong. Interface: huggingface_hub 1.x, `hf_api.py` and `file_download.py`.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Hub:
    """The repositories below `root` (`ORG/NAME/…`), and what is wrong with them.

    `refused` answers the first requests of a kind with a status and headers: {"info" or "file": [(status, headers)]}.
    `gated` refuses the files and not the description, as the Hugging Face Hub does. `cut` ends the first so many
    downloads after half of the bytes.
    """

    root: Path
    url: str = ""
    gated: bool = False
    cut: int = 0
    refused: dict[str, list[tuple[int, dict[str, str]]]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    ranges: list[int] = field(default_factory=list)

    def commit(self, repository: str) -> str:
        """The commit of a repository: a hash of its files."""
        hashed = hashlib.sha1()
        for path in self.files(repository):
            hashed.update(path.encode() + (self.root / repository / path).read_bytes())
        return hashed.hexdigest()

    def files(self, repository: str) -> list[str]:
        base = self.root / repository
        return sorted(path.relative_to(base).as_posix() for path in base.rglob("*") if path.is_file())

    def run(self, home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs `mmk12 WORDS` against this hub, with `home` as the folder of its caches."""
        variables = {**os.environ, "HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
        variables |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "0", **environment}
        command = [sys.executable, "-m", "mmk12", *words]
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=120)


@contextmanager
def hub_server(root: Path) -> Iterator[Hub]:
    """Serves the repositories below `root` until the block ends."""
    hub = Hub(root)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing on stderr."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(body)

    def _answer(self, body: bytes = b"") -> None:
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        match parts:
            case ["api", "datasets", org, name, "tree", _, *below]:
                self._list(f"{org}/{name}", "/".join(below))
            case ["api", "datasets", org, name, "paths-info", _]:
                self._json([self._file(f"{org}/{name}", path) for path in _paths(body)])
            case ["api", "datasets", _, _, "auth-check"]:
                self._json({}, 403, {"X-Error-Code": "GatedRepo"}) if self.hub.gated else self._json({})
            case ["api", "datasets", org, name] | ["api", "datasets", org, name, "revision", _]:
                self._describe(f"{org}/{name}")
            case ["datasets", org, name, "resolve", _, *path]:
                self._send(f"{org}/{name}", "/".join(path))
            case _:
                self._json({"error": "no such address"}, 404)

    def _describe(self, repository: str) -> None:
        self.hub.asked["info"] += 1
        if waiting := self.hub.refused.get("info"):
            status, headers = waiting.pop(0)
            self._json({"error": "not now"}, status, headers)
        elif not (self.hub.root / repository).is_dir():
            self._json({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
        else:
            files = [{"rfilename": path} for path in self.hub.files(repository)]
            about = {"id": repository, "sha": self.hub.commit(repository), "gated": "auto" if self.hub.gated else False}
            times = {"lastModified": "2026-01-01T00:00:00.000Z", "createdAt": "2026-01-01T00:00:00.000Z"}
            self._json({"_id": "1", **about, **times, "private": False, "tags": [], "siblings": files})

    def _file(self, repository: str, path: str) -> dict[str, Any]:
        data = (self.hub.root / repository / path).read_bytes()
        return {"type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}

    def _list(self, repository: str, below: str) -> None:
        prefix = f"{below}/" if below else ""
        paths = [path for path in self.hub.files(repository) if path.startswith(prefix)]
        folders = {str(parent) for path in paths for parent in Path(path).parents if str(parent) not in (".", below)}
        deep = "recursive=true" in self.path.lower()
        entries = [{"type": "directory", "path": folder, "oid": "0" * 40, "size": 0} for folder in sorted(folders)]
        entries += [self._file(repository, path) for path in paths]
        self._json([one for one in entries if deep or "/" not in str(one["path"]).removeprefix(prefix)])

    def _send(self, repository: str, path: str) -> None:
        file = self.hub.root / repository / path
        if waiting := self.hub.refused.get("file"):
            status, headers = waiting.pop(0)
            return self._json({"error": "not now"}, status, headers)
        if self.hub.gated:
            return self._json({}, 403, {"X-Error-Code": "GatedRepo"})
        if not file.is_file():
            return self._json({}, 404, {"X-Error-Code": "EntryNotFound"})
        data = file.read_bytes()
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", self.hub.commit(repository))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(data) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if self.command == "HEAD":
            return None
        self.hub.ranges.append(start)
        if self.hub.cut and file.suffix == ".parquet":
            self.hub.cut -= 1
            self.wfile.write(data[start : start + (len(data) - start) // 2])
            self.close_connection = True
            return None
        self.wfile.write(data[start:])
        return None

    def _json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _paths(body: bytes) -> list[str]:
    text = body.decode()
    return json.loads(text)["paths"] if text.startswith("{") else parse_qs(text).get("paths", [])
