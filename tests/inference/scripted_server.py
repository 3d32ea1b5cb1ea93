"""An HTTP server for tests of the openai backend that answers as a script says, and questions for it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mmk12.inference.generate import make_request
from mmk12.inference.prompts import render_chat
from mmk12.types import Sampling


def reply(text="fine", finish="stop", usage=(7, 3)):
    counts = dict(zip(("prompt_tokens", "completion_tokens"), usage, strict=False))
    return {"choices": [{"message": {"content": text}, "finish_reason": finish}], "usage": counts}


class Server(ThreadingHTTPServer):
    """Serves `cards` as its models; `answer(body, attempt)` gives (status, JSON or text, headers) for a completion."""

    daemon_threads = True

    def __init__(self, answer, cards):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.cards, self.version, self.raw_cards = answer, cards, None, None
        self.asked, self.keys = [], set()
        self.under_way = self.most = 0
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.keys.add(self.headers.get("Authorization"))
        if self.path == "/v1/models" and self.server.raw_cards is not None:
            self.send(200, self.server.raw_cards)
        elif self.path == "/v1/models" and self.server.cards is not None:
            self.send(200, {"data": self.server.cards})
        elif self.path == "/version" and self.server.version:
            self.send(200, {"version": self.server.version})
        else:
            self.send(404, {"detail": "Not Found"})

    def do_POST(self):
        server, body = self.server, json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            attempt = sum(before == body for before in server.asked)
            server.asked.append(body)
            server.under_way += 1
            server.most = max(server.most, server.under_way)
        try:
            status, answer, *headers = server.answer(body, attempt)
        finally:
            with server.lock:
                server.under_way -= 1
        self.send(status, answer, *headers)

    def send(self, status, answer, headers=()):
        """Sends a text, a value as JSON, or what an iterator yields, whose length `headers` tell."""
        pieces = answer if isinstance(answer, Iterator) else None
        data = b"" if pieces else (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        try:
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(data))} | dict(headers)).items():
                self.send_header(name, value)
            self.end_headers()
            for piece in pieces or (data,):
                self.wfile.write(piece)
        except OSError:
            self.close_connection = True

    def log_message(self, *args):
        pass


def backend(server, store, **options):
    from mmk12.inference.openai import OpenAIBackend

    return OpenAIBackend(server.url, store, **{"patience": 0.001, **options})


def asked(engine, count=1, question="Question", images=(), **sampling):
    prompts = [engine.render(render_chat("plain", f"{question} {number}?", len(images))) for number in range(count)]
    wanted = Sampling(**{"max_tokens": 9, **sampling})
    return [make_request(engine, f"toy/{number}", prompt, images, wanted, 0) for number, prompt in enumerate(prompts)]


def the_only(engine, **question):
    (answer,) = engine.generate(asked(engine, **question))
    return answer
