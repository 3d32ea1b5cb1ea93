"""Writes report.md and report.html of a run: the results, how sure they are, and every item to look at.

The page is one file without network: images are embedded, its only script is named by its hash in the page's content
policy, and no word of a model or dataset is ever parsed as markup. Reports hold no times, so the same completions
give the same bytes.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

from mmk12.datasets.declarations import PublishedResult
from mmk12.errors import BadInput
from mmk12.evaluation.protocol import UNKNOWN, describe_difference
from mmk12.evaluation.records import BenchmarkResult, JudgedRow, Results, RunSettings, VerdictRow
from mmk12.evaluation.run_folder import EvalRun, Item
from mmk12.types import Completion, DroppedSample, Tag
from mmk12.utils import storage, templating
from mmk12.utils.html import make_thumbnails, script_safe, set_texts
from mmk12.verifier.extract import NoExtraction, extract_answer


def write_report(
    run: EvalRun,
    settings: RunSettings,
    results: Results,
    items: Sequence[Item],
    rows: Sequence[VerdictRow],
    completions: Mapping[str, Completion],
    page: Path | None = None,
) -> None:
    """Writes report.md into the run folder, and the page.

    Args:
        run: The folder, which also holds the images.
        settings: The contents of run.json.
        results: The contents of results.json.
        items: The items as they were asked.
        rows: The rows of verdicts.jsonl, in the order of `items`.
        completions: The completions by request key.
        page: The file of the page (default: report.html in the run folder).
    """
    facts = {
        "settings": settings,
        "results": results.benchmarks,
        "published": {name: _compare_with_published(name, settings, results) for name in results.benchmarks},
    }
    storage.write_text(run.folder / "report.md", templating.render_template("report.md.j2", **facts))
    groups = {name: benchmark.groups for name, benchmark in settings.benchmarks.items()}
    entries = make_page_entries(items, rows, completions)
    html = templating.render_template(
        "report.html.j2",
        **facts,
        data=script_safe({"items": entries, "groups": groups}),
        script=templating.render_template("page.js"),
        texts=set_texts(entries),
        pictures=_embed(run, items),
    )
    storage.write_text(page or run.folder / "report.html", html)


def rebuild_report(folder: Path, page: Path | None = None) -> Path:
    """Writes the reports of a finished run again, from its own files; the bytes are those that `evaluate` wrote.

    Args:
        folder: An evaluation run.
        page: The file of the page (default: report.html in `folder`).

    Returns:
        The file of the page.

    Raises:
        MissingData: `folder` is no evaluation run, or the run has not finished.
        BadInput: A file was damaged, or an interrupted command left files that do not belong together.
    """
    run = EvalRun(folder)
    settings = run.settings()
    with storage.lock_folder(folder):
        rows, items, results = run.verdicts(), run.items(), run.results()
        expected = [(item.benchmark, item.sample.id, n) for item in items for n in range(len(item.keys) or 1)]
        if (
            [(row.benchmark, row.id, row.index) for row in rows] != expected
            or list(results.benchmarks) != list(settings.benchmarks)
            or any(result.profile != settings.profile for result in results.benchmarks.values())
        ):
            raise BadInput(
                f"The verdicts in {folder} do not belong to its run.json and samples.jsonl: a command was interrupted. "
                f"Repeat it, or run: mmk12 score {folder}"
            )
        write_report(run, settings, results, items, rows, run.completions(), page)
    return page or folder / "report.html"


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A published number, in percent, beside ours: `difference` is ours minus it, in points.

    `inside` says whether it lies in our interval, `same_model` whether it is of the model that was evaluated. Both
    numbers are None where the protocols differ; `protocols` then says how. `metric` is "" for the accuracy.
    """

    model: str
    accuracy: float
    grader: str
    source: str
    metric: str
    difference: float | None
    inside: bool | None
    same_model: bool
    protocols: str


def _compare_with_published(name: str, settings: RunSettings, results: Results) -> list[PublishedRow]:
    """Returns the published numbers of a benchmark; none where our number is not of the whole benchmark."""
    result = results.benchmarks[name]
    if result.mark or result.accuracy is None:
        return []
    return [_set_beside(number, settings, result) for number in settings.benchmarks[name].published]


def _set_beside(number: PublishedResult, settings: RunSettings, result: BenchmarkResult) -> PublishedRow:
    over_items = result.metrics.get(number.metric)
    ours, ci95 = (over_items.value, over_items.ci95) if over_items else (result.accuracy, result.ci95)
    missing = number.metric and over_items is None
    protocols = describe_difference(number, settings)
    comparable = protocols in ("", UNKNOWN) and not missing and ours is not None and ci95 is not None
    low, high = ci95 or (0.0, 0.0)
    return PublishedRow(
        model=number.model,
        accuracy=number.accuracy,
        grader=number.grader,
        source=number.source,
        metric=number.metric,
        difference=100 * (ours or 0.0) - number.accuracy if comparable else None,
        inside=100 * low <= number.accuracy <= 100 * high if comparable else None,
        same_model=_is_same_model(settings.model, number.model),
        protocols=protocols,
    )


def _is_same_model(used: str, published: str) -> bool:
    """Returns whether a model folder or hub id ends in a published name (InternVL2_5-8B = InternVL2.5-8B)."""

    def simplify(name: str) -> str:
        return "".join(char for char in name.lower() if char.isalnum())

    return simplify(used.rstrip("/").split("/")[-1]) == simplify(published)


class PageEntry(TypedDict):
    """What the page holds of one row of verdicts.jsonl.

    `official` is missing without a publisher's verdict, `judge` if the run has no judge (None: it gave no verdict), and
    the last four keys for an item that could not be asked.
    """

    id: str
    index: int
    benchmark: str
    status: str
    answer: str | None
    rule: str
    reason: str
    groups: Mapping[str, Tag]
    finish_reason: str | None
    format: bool
    tokens: int | None
    response: list[str]
    official: NotRequired[bool]
    judge: NotRequired[bool | None]
    question: NotRequired[str]
    gold: NotRequired[str]
    choices: NotRequired[Sequence[str]]
    images: NotRequired[list[str]]


def make_page_entries(
    items: Sequence[Item], rows: Sequence[VerdictRow], completions: Mapping[str, Completion]
) -> list[PageEntry]:
    """Returns the entries of the page, one per row of verdicts.jsonl, in its order."""
    requests = [(item, key) for item in items for key in (item.keys or ("",))]
    return [_make_entry(item, row, completions.get(key)) for (item, key), row in zip(requests, rows, strict=True)]


def _make_entry(item: Item, row: VerdictRow, completion: Completion | None) -> PageEntry:
    entry: PageEntry = {
        "id": row.id,
        "index": row.index,
        "benchmark": row.benchmark,
        "status": row.status,
        "answer": row.answer,
        "rule": row.rule,
        "reason": row.reason,
        "groups": row.groups,
        "finish_reason": row.finish_reason,
        "format": row.format_ok,
        "tokens": row.completion_tokens,
        "response": mark_answer(completion.text, row.answer) if completion else [],
    }
    if row.official is not None:
        entry["official"] = row.official
    if isinstance(row, JudgedRow):
        entry["judge"] = row.judge
    if not isinstance(item.sample, DroppedSample):
        gold = item.sample.gold
        entry["question"], entry["gold"], entry["choices"] = item.sample.question, gold.text, gold.choices
        entry["images"] = [image.sha256 for image in item.sample.images]
    return entry


def _embed(run: EvalRun, items: Sequence[Item]) -> Iterator[tuple[str, str]]:
    """Yields (sha256, base64 of a small WebP file) of each image once."""
    images = (image for item in items if not isinstance(item.sample, DroppedSample) for image in item.sample.images)
    for name, data in make_thumbnails(run.images, run.folder / "thumbnails", images):
        yield name, base64.b64encode(data).decode("ascii")


_ANNOUNCEMENT = r"(?:\b(?:is|are|be|therefore)|[:：=为是选*])[\s:：*]{0,8}"


def mark_answer(response: str, answer: str | None) -> list[str]:
    """Splits a response into [before, answer, after], so that a reader sees the extracted answer in its place.

    Returns [response] where there is no answer, or it has no single place.
    """
    start = None if not answer else _find_place(response, answer)
    if answer is None or start is None:
        return [response]
    end = start + len(answer)
    return [response[:start], response[start:end], response[end:]]


def _find_place(response: str, answer: str) -> int | None:
    extraction = extract_answer(response)
    # Other profiles have extractors of their own: search for their answer from the end.
    if isinstance(extraction, NoExtraction) or not extraction.text.startswith(answer):
        return _or_none(response.rfind(answer))
    if extraction.rule == "answer tag":
        return _or_none(response.find(answer, response.rfind("<answer>")))
    if extraction.rule == "boxed":
        return _or_none(response.find(answer, max(response.rfind("\\boxed"), response.rfind("\\fbox"))))
    if extraction.rule in ("answer is", "final answer"):
        ends = [match.end() for match in re.finditer(_ANNOUNCEMENT + re.escape(answer), response)]
        return ends[-1] - len(answer) if ends else _or_none(response.rfind(answer))
    return _or_none(response.rfind(answer)) if extraction.rule in ("JSON key", "####", "first line") else None


def _or_none(index: int) -> int | None:
    return index if index >= 0 else None
