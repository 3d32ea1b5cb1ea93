"""A judge behind a small server of its own, for tests of what is asked of it and what becomes of its replies."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.reply(200, {"data": [{"id": name} for name in ("wise", "other")]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        said = self.server.answer(body["messages"][-1]["content"])
        if isinstance(said, int):
            self.reply(said, {"error": {"message": "out of order"}})
        else:
            self.reply(200, {"choices": [{"message": {"content": said}, "finish_reason": "stop"}]})

    def reply(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@contextmanager
def judge_server(answer):
    """A server at `url` with the models wise and other; `answer` is a function of the user turn: words, or a status.

    `answer` may be replaced on the server; `asked` holds the bodies of all requests.
    """
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads = True
    made.asked, made.answer = [], answer
    made.url = f"http://127.0.0.1:{made.server_port}/v1"
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()
