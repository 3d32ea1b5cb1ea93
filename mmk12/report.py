"""report.md and report.html of a run: what came out, how sure it is, and every item to look at.

The page is one file without network: pictures are embedded, and every word of a model or dataset travels as JSON
that the page shows as text, never as markup. Reports hold no times, so the same completions give the same bytes.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from mmk12 import storage
from mmk12.stats import smallest_difference
from mmk12.types import Completion, Dropped

if TYPE_CHECKING:
    import jinja2

    from mmk12.images import ImageStore
    from mmk12.run import Item, Run
    from mmk12.types import Image

_SHOWN_SIDE = 480
"""Longest side, in pixels, of a picture in the page; the run's own `images/` keeps the full one."""


def write(
    run: Run,
    settings: Mapping[str, Any],
    results: Mapping[str, Any],
    items: Sequence[Item],
    rows: Sequence[Mapping[str, Any]],
    completions: Mapping[str, Completion],
) -> None:
    """Writes report.md and report.html into the run folder. `rows` are those of verdicts.jsonl."""
    facts = {"settings": settings, "results": results, "tables": _published(settings, results)}
    storage.write_text(run.folder / "report.md", _environment().get_template("report.md.j2").render(facts))
    entries, pictures = _entries(run.images, items, rows, completions)
    page = _environment().get_template("report.html.j2")
    data = _script_safe({"items": entries, "images": pictures})
    storage.write_text(run.folder / "report.html", page.render(facts, data=data))


def _published(settings: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Per benchmark the printed numbers beside ours; none where our number is not of the whole benchmark."""
    tables = {}
    for name, result in results.items():
        whole = not result["partial"] and not result["limited"]
        low, high = result["ci95"]
        tables[name] = [
            {
                **number,
                "difference": 100 * result["accuracy"] - number["accuracy"],
                "inside": 100 * low <= number["accuracy"] <= 100 * high,
                "same_model": _same_model(settings["model"], number["model"]),
            }
            for number in settings["benchmarks"][name]["published"]
            if whole
        ]
    return tables


def _same_model(used: str, published: str) -> bool:
    """Whether a model folder or hub id ends in the name that a paper prints (InternVL2_5-8B = InternVL2.5-8B)."""

    def plain(name: str) -> str:
        return "".join(char for char in name.lower() if char.isalnum())

    return plain(used.rstrip("/").split("/")[-1]) == plain(published)


def _entries(
    store: ImageStore,
    items: Sequence[Item],
    rows: Sequence[Mapping[str, Any]],
    completions: Mapping[str, Completion],
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The items of the page, one per verdict, and the pictures they name, as data URIs."""
    pictures: dict[str, str] = {}
    entries = []
    remaining = iter(rows)
    for item in items:
        for key in item.keys or ("",):
            row = next(remaining)
            completion = completions.get(key)
            shown = {name: row[name] for name in ("id", "index", "benchmark", "status", "answer", "rule", "reason")}
            shown |= {"format_ok": row["format_ok"], "groups": row["groups"]}
            shown["response"] = completion.text if completion else ""
            shown["finish"] = completion.finish_reason if completion else None
            shown["tokens"] = completion.completion_tokens if completion else None
            if not isinstance(item.sample, Dropped):
                gold = item.sample.gold
                shown |= {"question": item.sample.question, "gold": gold.text, "choices": list(gold.choices)}
                shown["images"] = [image.sha256 for image in item.sample.images]
                for image in item.sample.images:
                    if image.sha256 not in pictures:
                        pictures[image.sha256] = _data_uri(store, image)
            entries.append(shown)
    return entries, pictures


def _data_uri(store: ImageStore, image: Image) -> str:
    picture = store.open(image)
    picture.thumbnail((_SHOWN_SIDE, _SHOWN_SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=80, method=2)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _script_safe(value: Any) -> str:
    """JSON that cannot end the script element it stands in, whatever strings it holds."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    def escape(name: str | None) -> bool:
        return bool(name and name.endswith(".html.j2"))

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mmk12", "templates"),
        autoescape=escape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["percent"] = lambda fraction: f"{100 * fraction:.1f}"
    environment.filters["points"] = lambda difference: f"{difference:+.1f}"
    environment.filters["cell"] = lambda text: str(text).replace("|", "\\|").replace("\n", " ")
    environment.globals["smallest_difference"] = smallest_difference
    return environment
