"""Serves the index of runs on this machine alone, drawn anew at each request: it follows runs that go on.

The loopback address keeps other machines out, and the check of the Host header pages of other sites. Only the pages of
runs (.html files below the folder) are handed out.
"""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mmk12.errors import BadInput, Mmk12Error
from mmk12.run_report.run_index import list_runs, render_index

HOST = "127.0.0.1"


def open_server(folder: Path, port: int) -> ThreadingHTTPServer:
    """Opens a server of the runs below `folder`; call its `serve_forever`. Port 0 takes any free one.

    Raises:
        BadInput: The port cannot be used.
        MissingData: There is no run.
    """
    list_runs(folder)  # a wrong folder is refused here, not in the browser
    try:
        server = ThreadingHTTPServer((HOST, port), _make_handler(folder.resolve()))
    except (OSError, OverflowError) as error:
        raise BadInput(f"Cannot serve on port {port}: {error}. Choose another one with --port, or 0 for any.") from None
    server.daemon_threads = True
    return server


def _make_handler(folder: Path) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers GET with the index or with the page of a run."""

        def do_GET(self) -> None:
            """Sends the index, a page, or an error."""
            host = self.headers.get("Host", "").rpartition(":")[0]
            if host not in (HOST, "localhost"):
                self.send_error(403, "only this machine")
                return
            place = unquote(urlsplit(self.path).path).lstrip("/")
            try:
                page = render_index(list_runs(folder), folder, live=True).encode() if not place else _read_page(place)
            except Mmk12Error as error:
                self.send_error(404, "no run", str(error))
                return
            if page is None:
                self.send_error(404, "no such page")
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            """Keeps requests off the terminal."""

    def _read_page(place: str) -> bytes | None:
        try:
            path = (folder / place).resolve()
            inside = path.suffix == ".html" and path.is_relative_to(folder) and path.is_file()
            return path.read_bytes() if inside else None
        except (OSError, ValueError):  # a name that no file can have
            return None

    return Handler
