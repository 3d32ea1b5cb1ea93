"""Grades completions into verdicts.jsonl, results.json and the reports: the half of an evaluation without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmk12.evaluation import report
from mmk12.evaluation.judge_opinions import JudgeOpinions
from mmk12.evaluation.metrics import NOT_ASKED, aggregate
from mmk12.evaluation.official import Rule, find_rule
from mmk12.evaluation.records import BenchmarkResult, Results, RunSettings, VerdictRow
from mmk12.evaluation.run_folder import EvalRun, Item
from mmk12.types import Completion, DroppedSample, Verdict
from mmk12.verifier import verify

NO_COMPLETION = "no completion"
"""The rule of a request that the engine did not answer."""


def grade_run(
    run: EvalRun, settings: RunSettings, items: Sequence[Item], completions: Mapping[str, Completion]
) -> Results:
    """Writes everything that follows from the completions, and returns the contents of results.json.

    Args:
        run: The folder to write into; the opinions of a judge are read from it.
        settings: The contents of run.json.
        items: All items of all benchmarks.
        completions: The completions by request key; they may lack some and hold others.
    """
    rules = _find_official_rules(settings)
    rows = [row for item in items for row in _grade(item, completions, settings.profile, rules[item.benchmark])]
    judge = JudgeOpinions.read(run)
    judged = judge.add_opinions(rows, items, completions) if judge is not None else []
    run.write_verdicts(judged or rows)
    benchmarks = {}
    for name, declared in settings.benchmarks.items():
        part = [row for row in rows if row.benchmark == name]
        unasked = sum(row.rule in (NOT_ASKED, NO_COMPLETION) for row in part)
        expected = min(declared.size, settings.limit or declared.size)
        benchmarks[name] = BenchmarkResult(
            **dict(aggregate(part, declared.groups)),
            judge=judge.score([row for row in judged if row.benchmark == name]) if judge is not None else None,
            profile=settings.profile,
            limited=settings.limit is not None,
            partial=bool(unasked) or declared.items != expected,
        )
    results = Results(benchmarks=benchmarks)
    run.write_results(results)
    report.write_report(run, settings, results, items, judged or rows, completions)
    return results


def _find_official_rules(settings: RunSettings) -> dict[str, Rule | None]:
    """Returns the publisher's rule of each benchmark. run.json names it, so no benchmark file is needed."""
    return {
        name: find_rule(declared.official) if declared.official else None
        for name, declared in settings.benchmarks.items()
    }


def _grade(item: Item, completions: Mapping[str, Completion], profile: str, rule: Rule | None) -> list[VerdictRow]:
    if isinstance(item.sample, DroppedSample):
        reason = f"{item.sample.reason}: {item.sample.evidence}"
        return [_make_row(item, 0, Verdict("error", None, NOT_ASKED, reason, False, profile), None, None)]
    rows = []
    for index, key in enumerate(item.keys):
        completion, official = completions.get(key), None
        if completion is None:
            verdict = Verdict("error", None, NO_COMPLETION, "the engine did not answer", False, profile)
        else:
            sample = item.sample
            verdict = verify(
                completion.text,
                sample.gold,
                question=sample.question,
                finish_reason=completion.finish_reason,
                profile=profile,
            )
            official = rule(completion.text, sample.gold) if rule else None
        rows.append(_make_row(item, index, verdict, official, completion))
    return rows


def _make_row(
    item: Item, index: int, verdict: Verdict, official: bool | None, completion: Completion | None
) -> VerdictRow:
    sample = item.sample
    return VerdictRow(
        **verdict.to_row(),
        id=sample.id,
        index=index,
        official=official,
        benchmark=item.benchmark,
        groups={} if isinstance(sample, DroppedSample) else dict(sample.tags),
        cluster=None if isinstance(sample, DroppedSample) else sample.cluster,
        finish_reason=completion.finish_reason if completion else None,
        completion_tokens=completion.completion_tokens if completion else None,
    )
