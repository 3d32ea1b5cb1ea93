"""Completions -> verdicts.jsonl, results.json and the reports: the half of an evaluation that needs no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmk12.evaluation import report
from mmk12.evaluation.judge import JudgeOpinions
from mmk12.evaluation.metrics import aggregate
from mmk12.evaluation.official import Rule, find_rule
from mmk12.evaluation.run_folder import EvalRun, Item
from mmk12.types import Completion, DroppedSample, Verdict
from mmk12.utils import storage
from mmk12.verifier import verify

NOT_ASKED = "not asked"
"""The rule of an item without picture or prompt: it counts as an item, and never as a wrong answer."""


def grade_run(
    run: EvalRun, settings: Mapping[str, Any], items: Sequence[Item], completions: Mapping[str, Completion]
) -> dict[str, Any]:
    """Writes everything that follows from the completions, and returns the contents of results.json."""
    profile, rules = settings["profile"], _grade_officially(settings)
    rows = [row for item in items for row in _verdicts(item, completions, profile, rules[item.benchmark])]
    judge = JudgeOpinions.of(run)
    if judge is not None:
        rows = judge.added(rows, items, completions)
    storage.write_jsonl(run.folder / "verdicts.jsonl", rows)
    results = {}
    for name, declared in settings["benchmarks"].items():
        part = [row for row in rows if row["benchmark"] == name]
        unasked = sum(row["rule"] in (NOT_ASKED, "no completion") for row in part)
        wanted = min(declared["size"], settings["limit"] or declared["size"])
        results[name] = {
            **aggregate(part, declared["groups"]),
            **({"judge": judge.agreement(part)} if judge is not None else {}),
            "profile": profile,
            "limited": settings["limit"] is not None,
            "partial": bool(unasked) or declared["items"] != wanted,
        }
    storage.write_json(run.folder / "results.json", results)
    report.write_report(run, settings, results, items, rows, completions)
    return results


def _grade_officially(settings: Mapping[str, Any]) -> dict[str, Rule | None]:
    """The publisher's rule of each benchmark that declares one: run.json names it, so no benchmark file is needed."""
    names = {name: declared.get("official") for name, declared in settings["benchmarks"].items()}
    return {name: find_rule(rule) if rule else None for name, rule in names.items()}


def _verdicts(
    item: Item, completions: Mapping[str, Completion], profile: str, rule: Rule | None
) -> list[dict[str, Any]]:
    if isinstance(item.sample, DroppedSample):
        reason = f"{item.sample.reason}: {item.sample.evidence}"
        return [_row(item, 0, Verdict("error", None, NOT_ASKED, reason, False, profile), None, None)]
    rows = []
    for index, key in enumerate(item.keys):
        completion, official = completions.get(key), None
        if completion is None:
            verdict = Verdict("error", None, "no completion", "the engine did not answer", False, profile)
        else:
            sample = item.sample
            verdict = verify(completion.text, sample.gold, question=sample.question, profile=profile)
            official = rule(completion.text, sample.gold) if rule else None
        rows.append(_row(item, index, verdict, official, completion))
    return rows


def _row(
    item: Item, index: int, verdict: Verdict, official: bool | None, completion: Completion | None
) -> dict[str, Any]:
    sample = item.sample
    return {
        "id": sample.id,
        "index": index,
        **verdict.to_row(),
        "official": official,
        "benchmark": item.benchmark,
        "groups": {} if isinstance(sample, DroppedSample) else dict(sample.tags),
        "cluster": None if isinstance(sample, DroppedSample) else sample.cluster,
        "finish_reason": completion.finish_reason if completion else None,
        "completion_tokens": completion.completion_tokens if completion else None,
    }
