"""Puts the responses of runs to the same item side by side, for the page of a comparison.

An item has a *cell*, which says how the runs differ on it: with two runs both right, gained, lost or both wrong; with
more all right, all wrong or some right. With several rollouts an item is right if all of them are, and gained or lost
if their mean rose or fell; what is equal and between is "both partly". The first rollout is shown.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from mmk12.evaluation.compare import Answer, read_answers
from mmk12.evaluation.report import PageEntry, make_page_entries
from mmk12.evaluation.run_folder import EvalRun
from mmk12.types import Sample
from mmk12.utils.html import make_thumbnails

CELLS = ("gained", "lost", "both wrong", "both right", "both partly", "some right", "all wrong", "all right")
"""The cells, those that a reader looks for first."""
_SIDE_KEYS = ("status", "answer", "rule", "reason", "format", "tokens", "finish_reason", "response")
_ITEM_KEYS = ("id", "index", "benchmark", "groups", "question", "gold", "choices", "images")


@dataclass(frozen=True, slots=True)
class ComparedItems:
    """The items that all runs were asked alike and answered.

    `entries` are the page's: keys of an item, its `cell` as `status`, and `sides`, one per run. `groups` are the tags
    of each benchmark with sub-scores.
    """

    entries: list[dict[str, Any]]
    groups: dict[str, tuple[str, ...]]
    runs: tuple[EvalRun, ...]

    def count_cells(self, benchmark: str) -> dict[str, int]:
        """Returns how many items of a benchmark each cell has, in the order of `CELLS`."""
        found = [entry["status"] for entry in self.entries if entry["benchmark"] == benchmark]
        return {cell: found.count(cell) for cell in CELLS if cell in found}

    def pictures(self) -> Iterator[tuple[str, str]]:
        """Yields (sha256, base64 of a small WebP file) of each image, from the first run that has it."""
        done = set[str]()
        for run in self.runs:
            names = {name for entry in self.entries for name in entry["images"]} - done
            samples = [item.sample for item in run.items() if isinstance(item.sample, Sample)]
            images = [image for sample in samples for image in sample.images if image.sha256 in names]
            images = [image for image in images if run.images.path(image).is_file()]
            for name, data in make_thumbnails(run.images, run.folder / "thumbnails", images):
                done.add(name)
                yield name, base64.b64encode(data).decode("ascii")


def collect_items(folders: Sequence[Path], page: Path) -> ComparedItems:
    """Collects the items that evaluation runs have in common; `page` is the file that links to the runs' own pages.

    Raises:
        MissingData: A folder is no evaluation run, or the run has not finished.
        BadInput: A file was damaged.
    """
    runs = tuple(EvalRun(folder) for folder in folders)
    settings = runs[0].settings()
    answers = [read_answers(run) for run in runs]
    entries = [_read_entries(run) for run in runs]
    links = [os.path.relpath(run.folder / "report.html", page.parent) for run in runs]
    compared = []
    for benchmark in settings.benchmarks:
        for name in answers[0].get(benchmark, {}):
            own = [one.get(benchmark, {}).get(name) for one in answers]
            if _is_comparable(own):
                scores = [answer.score for answer in own if answer is not None]
                compared.append(_make_entry([found[benchmark, name] for found in entries], scores, folders, links))
    return ComparedItems(compared, {name: one.groups for name, one in settings.benchmarks.items()}, runs)


def _read_entries(run: EvalRun) -> dict[tuple[str, str], PageEntry]:
    """Returns the page entry of the first rollout of each item."""
    entries = make_page_entries(run.items(), run.verdicts(), run.completions())
    return {(entry["benchmark"], entry["id"]): entry for entry in reversed(entries) if entry["index"] == 0}


def _is_comparable(answers: Sequence[Answer | None]) -> bool:
    first, *others = answers
    if first is None or not first.answered:
        return False
    return all(other is not None and other.answered and first.was_asked_like(other) for other in others)


def _make_entry(
    entries: Sequence[PageEntry], scores: Sequence[float], folders: Sequence[Path], links: Sequence[str]
) -> dict[str, Any]:
    item: dict[str, Any] = {key: entries[0].get(key) for key in _ITEM_KEYS}
    item["images"] = next((entry["images"] for entry in entries if entry.get("images")), [])
    sides = []
    for entry, score, folder, link in zip(entries, scores, folders, links, strict=True):
        side: dict[str, Any] = {key: entry.get(key) for key in _SIDE_KEYS}
        place = urlencode({"benchmark": entry["benchmark"], "at": entry["id"]})
        sides.append({"run": str(folder), "link": f"{quote(Path(link).as_posix())}#{place}", "score": score, **side})
    return {**item, "status": find_cell(scores), "sides": sides}


def find_cell(scores: Sequence[float]) -> str:
    """Returns the cell of an item from its score in each run, from 0 to 1."""
    low, high = min(scores), max(scores)
    if len(scores) != 2:
        return "all right" if low == 1 else "all wrong" if high == 0 else "some right"
    if low != high:
        return "gained" if scores[1] > scores[0] else "lost"
    return {1.0: "both right", 0.0: "both wrong"}.get(low, "both partly")
