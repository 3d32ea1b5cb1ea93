"""Embeds images, data and set texts in HTML pages: thumbnails of a run's images, and JSON inside script elements.

Thumbnails are made once and kept beside the run, named by content like the originals. A line drawing of 480 pixels
takes about 5 kB, so a browser can open a page with ten thousand of them.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmk12.types import IMAGE_MARK, Image
from mmk12.utils import storage
from mmk12.utils.concurrency import map_in_threads
from mmk12.utils.images import BadImage, ImageStore
from mmk12.utils.rich_text import Marked, render_answer, render_response, render_text
from mmk12.utils.tex_math import Tree

SIDE = 480
"""Longest side of a thumbnail in pixels; `images/` keeps the image that the model saw."""
_QUALITY = 70
_UNSAFE = re.compile("[<>&\u2028\u2029]")


def make_thumbnails(store: ImageStore, folder: Path, images: Iterable[Image]) -> Iterator[tuple[str, bytes]]:
    """Yields (sha256, WebP bytes) of each distinct image in order. Thumbnails that `folder` already has are reused."""
    distinct = {image.sha256: image for image in images}
    thumbnails = map_in_threads(lambda image: _thumbnail(store, folder, image), distinct.values())
    return zip(distinct, thumbnails, strict=True)


def _thumbnail(store: ImageStore, folder: Path, image: Image) -> bytes:
    path = folder / f"{image.sha256}.{SIDE}.webp"
    if path.is_file():
        return path.read_bytes()
    thumbnail = store.open(image)
    thumbnail.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    thumbnail.save(buffer, "WEBP", quality=_QUALITY, method=2)
    storage.write_bytes(path, buffer.getvalue())
    return buffer.getvalue()


def read_stored_images(run: Path, encoded: Iterable[bytes]) -> list[Image]:
    """Stores encoded images in the run's `images/` and returns them; bytes that are not an image are left out."""
    store, stored = ImageStore(run / "images"), []
    for data in encoded:
        try:
            stored.append(store.add(data))
        except BadImage:
            continue
    return stored


def embed_images(run: Path, encoded: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    """Stores encoded images in the run folder and yields (sha256, WebP bytes) of each distinct one."""
    return make_thumbnails(ImageStore(run / "images"), run / "thumbnails", read_stored_images(run, encoded))


def script_safe(value: Any) -> str:
    """Returns JSON that cannot close its script element, whatever strings it contains."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def set_texts(entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yields, for each entry of a page, JSON of its texts as they are shown, for a script element of its own.

    A page parses it when the entry is opened, so that thousands of entries cost nothing. A text that has neither
    formulas nor Markdown is left out: the entry itself has it. Keys of an entry are those of
    `mmk12.evaluation.report.PageEntry`.
    """
    for entry in entries:
        response, choices = entry.get("response") or (), entry.get("choices") or ()
        texts: dict[str, Any] = {
            "question": render_text(entry["question"].replace(IMAGE_MARK, "").strip())
            if entry.get("question")
            else None,
            "gold": render_answer(entry.get("gold")),
            "answer": render_answer(entry.get("answer")),
            "choices": [render_answer(choice) for choice in choices],
            "response": set_response(response),
            "sides": [
                {"answer": render_answer(side["answer"]), "response": set_response(side["response"])}
                for side in entry.get("sides") or ()
            ],
        }
        yield script_safe({name: value for name, value in texts.items() if value and any(value)})


def set_response(parts: Sequence[str]) -> list[Tree] | None:
    """Returns a response as trees; of [before, answer, after], as `mark_answer` splits it, the answer is marked."""
    return render_response([Marked(part) if number == 1 else part for number, part in enumerate(parts)])
