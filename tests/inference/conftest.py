"""A scripted server that ends with the test, and a store of images."""

import threading

import pytest

from mmk12.utils.images import ImageStore
from tests.inference.scripted_server import Server, reply


@pytest.fixture
def serve():
    running = []

    def start(answer=lambda body, attempt: (200, reply()), cards=({"id": "toy"},)):
        server = Server(answer, None if cards is None else list(cards))
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def store(tmp_path):
    return ImageStore(tmp_path / "images")
