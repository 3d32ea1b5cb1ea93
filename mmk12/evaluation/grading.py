"""Grades completions: writes verdicts.jsonl, results.json and the reports. This half needs no model."""

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
"""The rule of an item whose image or prompt is missing: it counts as an item, and never as a wrong answer."""


def grade_run(
    run: EvalRun, settings: Mapping[str, Any], items: Sequence[Item], completions: Mapping[str, Completion]
) -> dict[str, Any]:
    """Writes every file that is derived from the completions, and returns the contents of results.json."""
    profile, rules = settings["profile"], _find_official_rules(settings)
    rows = [row for item in items for row in _grade_item(item, completions, profile, rules[item.benchmark])]
    judge = JudgeOpinions.of(run)
    if judge is not None:
        rows = judge.added(rows, items, completions)
    storage.write_jsonl(run.folder / "verdicts.jsonl", rows)
    results = {}
    for name, declared in settings["benchmarks"].items():
        benchmark_rows = [row for row in rows if row["benchmark"] == name]
        unasked = sum(row["rule"] in (NOT_ASKED, "no completion") for row in benchmark_rows)
        expected = min(declared["size"], settings["limit"] or declared["size"])
        results[name] = {
            **aggregate(benchmark_rows, declared["groups"]),
            **({"judge": judge.agreement(benchmark_rows)} if judge is not None else {}),
            "profile": profile,
            "limited": settings["limit"] is not None,
            "partial": bool(unasked) or declared["items"] != expected,
        }
    storage.write_json(run.folder / "results.json", results)
    report.write_report(run, settings, results, items, rows, completions)
    return results


def _find_official_rules(settings: Mapping[str, Any]) -> dict[str, Rule | None]:
    """Returns the publisher's rule of each benchmark that declares one, as run.json names it."""
    names = {name: declared.get("official") for name, declared in settings["benchmarks"].items()}
    return {name: find_rule(rule) if rule else None for name, rule in names.items()}


def _grade_item(
    item: Item, completions: Mapping[str, Completion], profile: str, rule: Rule | None
) -> list[dict[str, Any]]:
    if isinstance(item.sample, DroppedSample):
        reason = f"{item.sample.reason}: {item.sample.evidence}"
        return [_make_row(item, 0, Verdict("error", None, NOT_ASKED, reason, False, profile), None, None)]
    rows = []
    for index, key in enumerate(item.keys):
        completion, official = completions.get(key), None
        if completion is None:
            verdict = Verdict("error", None, "no completion", "the engine did not answer", False, profile)
        else:
            sample = item.sample
            verdict = verify(completion.text, sample.gold, question=sample.question, profile=profile)
            official = rule(completion.text, sample.gold) if rule else None
        rows.append(_make_row(item, index, verdict, official, completion))
    return rows


def _make_row(
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
