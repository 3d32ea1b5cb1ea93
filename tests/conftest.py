"""Shared fixtures: small pictures, a scripted backend, well-formed responses, the real rows beside the checkout."""

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from PIL import Image as Pillow

from mmk12.datasets.declarations import Dataset
from mmk12.datasets.loader import load_samples, locate_dataset
from mmk12.types import Completion, DroppedSample, GenerationFailure, Message, Request, Sample
from mmk12.utils.images import ImageStore
from tests.once import drawn_once, hashed_once, posed_once

__all__ = ["Scripted", "drawn_once", "hashed_once", "load_rows", "picture", "posed_once", "response"]

SHARED = Path(__file__).resolve().parents[2] / "shared"


def _skip_without_shared() -> None:
    if not (SHARED / "data").is_dir():
        pytest.skip("the reference rows are not beside this checkout")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips what is marked `shared` where the reference rows are absent, before any fixture reads them."""
    if item.get_closest_marker("shared"):
        _skip_without_shared()


@pytest.fixture
def shared() -> Path:
    """The folder of real reference rows; tests that need it are skipped elsewhere."""
    _skip_without_shared()
    return SHARED


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    """What a test has drawn and not saved is closed, so that matplotlib does not count it against a later one."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


def picture(
    color: object = "white", size: tuple[int, int] = (40, 30), mode: str = "RGB", format_: str = "PNG"
) -> bytes:
    """An encoded picture of one colour."""
    buffer = io.BytesIO()
    Pillow.new(mode, size, color).save(buffer, format_)  # type: ignore[arg-type]
    return buffer.getvalue()


def load_rows(dataset: Dataset, raw_dir: Path | None, store: ImageStore) -> Iterator[Sample | DroppedSample]:
    """All rows of a dataset, from where it lies."""
    return load_samples(dataset, locate_dataset(dataset, raw_dir), store)


class Scripted:
    """A backend that answers from a function; it counts what it was asked."""

    fingerprint = "scripted"

    def __init__(self, answer: Callable[[Request], str | None]) -> None:
        self.answer = answer
        self.asked: list[Request] = []

    def render(self, messages: Sequence[Message]) -> str:
        return "\n".join(f"{message.role}: {message.content}" for message in messages)

    def generate(self, requests: Sequence[Request]) -> Iterator[Completion | GenerationFailure]:
        for request in requests:
            self.asked.append(request)
            text = self.answer(request)
            if text is None:
                yield GenerationFailure(request.key, request.id, "scripted to fail")
            else:
                yield Completion(request.key, request.id, request.index, text, "stop", 10, len(text.split()))


def response(answer: str, thought: str = "Look at the figure.") -> str:
    """A well-formed response."""
    return f"<think>{thought}</think><answer>{answer}</answer>"
