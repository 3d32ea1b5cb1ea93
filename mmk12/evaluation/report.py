"""report.md and report.html of a run: what came out, how sure it is, and every item to look at.

The page is one file without network: pictures are embedded, its only script is named by its hash in the page's
content policy, and no word of a model or dataset is ever parsed as markup. Reports hold no times, so the same
completions give the same bytes.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmk12.evaluation.run_folder import EvalRun, Item
from mmk12.types import Completion, DroppedSample
from mmk12.utils import storage, templating
from mmk12.utils.html import make_thumbnails, script_safe
from mmk12.verifier.extract import NoExtraction, extract_answer


def write_report(
    run: EvalRun,
    settings: Mapping[str, Any],
    results: Mapping[str, Any],
    items: Sequence[Item],
    rows: Sequence[Mapping[str, Any]],
    completions: Mapping[str, Completion],
) -> None:
    """Writes report.md and report.html into the run folder. `rows` are those of verdicts.jsonl."""
    facts = {"settings": settings, "results": results, "tables": _published(settings, results)}
    storage.write_text(run.folder / "report.md", templating.render_template("report.md.j2", **facts))
    declared = {name: benchmark["groups"] for name, benchmark in settings["benchmarks"].items()}
    data = script_safe({"items": page_entries(items, rows, completions), "groups": declared})
    script = templating.render_template("page.js")
    html = templating.render_template(
        "report.html.j2", **facts, data=data, script=script, pictures=page_images(run, items)
    )
    storage.write_text(run.folder / "report.html", html)


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


# What report.html carries of a run: one entry per judged completion, and its pictures.


_COPIED = ("id", "index", "benchmark", "status", "answer", "rule", "reason", "groups", "finish_reason")


def page_entries(
    items: Sequence[Item], rows: Sequence[Mapping[str, Any]], completions: Mapping[str, Completion]
) -> list[dict[str, Any]]:
    """The entries of the page, one per row of verdicts.jsonl, in its order."""
    remaining = iter(rows)
    return [_entry(item, next(remaining), completions.get(key)) for item in items for key in (item.keys or ("",))]


def _entry(item: Item, row: Mapping[str, Any], completion: Completion | None) -> dict[str, Any]:
    entry = {name: row[name] for name in _COPIED}
    if row.get("official") is not None:
        entry["official"] = row["official"]
    if "judge" in row:  # null is an opinion too: that there is none
        entry["judge"] = row["judge"]
    entry["format"] = row["format_ok"]
    entry["tokens"] = row["completion_tokens"]
    entry["response"] = mark_answer(completion.text, row["answer"]) if completion else []
    if not isinstance(item.sample, DroppedSample):
        gold = item.sample.gold
        entry |= {"question": item.sample.question, "gold": gold.text, "choices": gold.choices}
        entry["images"] = [image.sha256 for image in item.sample.images]
    return entry


def page_images(run: EvalRun, items: Sequence[Item]) -> Iterator[tuple[str, str]]:
    """(sha256, base64 of a WebP file) of each picture once."""
    images = (image for item in items if not isinstance(item.sample, DroppedSample) for image in item.sample.images)
    for name, data in make_thumbnails(run.images, run.folder / "thumbnails", images):
        yield name, base64.b64encode(data).decode("ascii")


# Where in a response the judged answer stands, so that a reader sees it in its place.


_ANNOUNCED = r"(?:\b(?:is|are|be|therefore)|[:：=为是选*])[\s:：*]{0,8}"


def mark_answer(response: str, answer: str | None) -> list[str]:
    """`response` as [before, answer, after], or whole as [response] where the answer has no one place."""
    start = None if not answer else _place(response, answer)
    if answer is None or start is None:
        return [response]
    end = start + len(answer)
    return [response[:start], response[start:end], response[end:]]


def _place(response: str, answer: str) -> int | None:
    found = extract_answer(response)
    # Other profiles have extractors of their own: what they found is looked for from the end.
    if isinstance(found, NoExtraction) or not found.text.startswith(answer):
        return _at(response.rfind(answer))
    if found.rule == "answer tag":
        return _at(response.find(answer, response.rfind("<answer>")))
    if found.rule == "boxed":
        return _at(response.find(answer, max(response.rfind("\\boxed"), response.rfind("\\fbox"))))
    if found.rule in ("answer is", "final answer"):
        announced = [match.end() for match in re.finditer(_ANNOUNCED + re.escape(answer), response)]
        return announced[-1] - len(answer) if announced else _at(response.rfind(answer))
    return None


def _at(index: int) -> int | None:
    return index if index >= 0 else None
