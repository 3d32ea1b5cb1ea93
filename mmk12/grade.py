"""Completions -> verdicts.jsonl, results.json and the reports: the half of an evaluation that needs no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmk12 import report, storage
from mmk12.results import aggregate
from mmk12.run import Item, Run
from mmk12.types import Completion, Dropped, Verdict
from mmk12.verifier import verify

NOT_ASKED = "not asked"
"""The rule of an item without picture or prompt: it counts as an item, and never as a wrong answer."""


def grade(
    run: Run, settings: Mapping[str, Any], items: Sequence[Item], completions: Mapping[str, Completion]
) -> dict[str, Any]:
    """Writes everything that follows from the completions, and returns the contents of results.json."""
    profile = settings["profile"]
    rows = [row for item in items for row in _verdicts(item, completions, profile)]
    storage.write_jsonl(run.folder / "verdicts.jsonl", rows)
    results = {}
    for name, declared in settings["benchmarks"].items():
        part = [row for row in rows if row["benchmark"] == name]
        unasked = sum(row["rule"] in (NOT_ASKED, "no completion") for row in part)
        results[name] = {
            **aggregate(part, declared["groups"]),
            "profile": profile,
            "limited": settings["limit"] is not None,
            "partial": bool(unasked) or (settings["limit"] is None and declared["items"] != declared["size"]),
        }
    storage.write_json(run.folder / "results.json", results)
    report.write(run, settings, results, items, rows, completions)
    return results


def _verdicts(item: Item, completions: Mapping[str, Completion], profile: str) -> list[dict[str, Any]]:
    if isinstance(item.sample, Dropped):
        reason = f"{item.sample.reason}: {item.sample.evidence}"
        return [_row(item, 0, Verdict("error", None, NOT_ASKED, reason, False, profile), None)]
    rows = []
    for index, key in enumerate(item.keys):
        completion = completions.get(key)
        if completion is None:
            verdict = Verdict("error", None, "no completion", "the engine did not answer", False, profile)
        else:
            sample = item.sample
            verdict = verify(completion.text, sample.gold, question=sample.question, profile=profile)
        rows.append(_row(item, index, verdict, completion))
    return rows


def _row(item: Item, index: int, verdict: Verdict, completion: Completion | None) -> dict[str, Any]:
    sample = item.sample
    return {
        "id": sample.id,
        "index": index,
        "status": verdict.status,
        "correct": verdict.correct,
        "answer": verdict.answer,
        "rule": verdict.rule,
        "reason": verdict.reason,
        "format_ok": verdict.format_ok,
        "profile": verdict.profile,
        "benchmark": item.benchmark,
        "groups": {} if isinstance(sample, Dropped) else dict(sample.tags),
        "cluster": None if isinstance(sample, Dropped) else sample.cluster,
        "finish_reason": completion.finish_reason if completion else None,
        "completion_tokens": completion.completion_tokens if completion else None,
    }
