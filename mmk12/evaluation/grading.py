"""Grades completions into verdicts.jsonl, results.json and the reports: the half of an evaluation without a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TypeGuard

from mmk12.datasets.declarations import MetricsFunction
from mmk12.datasets.registry import load_benchmark
from mmk12.evaluation import report
from mmk12.evaluation.judge_opinions import JudgeOpinions
from mmk12.evaluation.metrics import NO_COMPLETION, NOT_ASKED, aggregate, is_answered
from mmk12.evaluation.official import Rule, find_rule
from mmk12.evaluation.records import (
    BenchmarkResult,
    Results,
    RunSettings,
    UnusableGolds,
    VerdictRow,
)
from mmk12.evaluation.run_folder import EvalRun, Item
from mmk12.types import Completion, DroppedSample, Sample, Verdict
from mmk12.utils import content
from mmk12.verifier import classify_gold, verify


def grade_run(
    run: EvalRun,
    settings: RunSettings,
    items: Sequence[Item],
    completions: Mapping[str, Completion],
    metrics: Mapping[str, MetricsFunction] = MappingProxyType({}),
) -> Results:
    """Writes everything that follows from the completions, and returns the contents of results.json.

    Args:
        run: The folder to write into; the opinions of a judge are read from it.
        settings: The contents of run.json.
        items: All items of all benchmarks.
        completions: The completions by request key; they may lack some and hold others.
        metrics: What benchmarks in files of the user compute over several items.
    """
    rules = _find_official_rules(settings)
    found = find_metrics(settings, metrics)
    rows = [row for item in items for row in _grade(item, completions, settings.profile, rules[item.benchmark])]
    judge = JudgeOpinions.read(run)
    judged = judge.add_opinions(rows, items, completions) if judge is not None else []
    benchmarks = {}
    for name, declared in settings.benchmarks.items():
        part = [row for row in rows if row.benchmark == name]
        expected = min(declared.size, declared.limit or declared.size)
        numbers = aggregate(part, declared.groups, found[name])
        golds = _count_unusable_golds([item for item in items if item.benchmark == name], part)
        benchmarks[name] = BenchmarkResult(
            **dict(numbers.model_copy(update={"unusable_golds": golds})),
            judge=judge.score([row for row in judged if row.benchmark == name]) if judge is not None else None,
            profile=settings.profile,
            limited=declared.limit is not None,
            partial=not all(map(is_answered, part)) or declared.items != expected,
        )
    results = Results(benchmarks=benchmarks)
    run.write_verdicts(judged or rows)
    run.write_results(results)
    report.write_report(run, settings, results, items, judged or rows, completions)
    return results


def find_metrics(
    settings: RunSettings, own: Mapping[str, MetricsFunction] = MappingProxyType({})
) -> dict[str, MetricsFunction | None]:
    """Returns what computes the numbers of each benchmark over several items.

    A built-in benchmark is loaded by its name. A user's own file is code, and no run folder may name code that is then
    executed: what it computes is there only in the call of `evaluate` that names the file, which gives it in `own`.
    """
    return {
        name: own.get(name) or (load_benchmark(declared.metrics).metrics if _is_built_in(declared.metrics) else None)
        for name, declared in settings.benchmarks.items()
    }


def _is_built_in(ref: str | None) -> TypeGuard[str]:
    return ref is not None and ref.partition(":")[0] in content.names("benchmark")


def _count_unusable_golds(items: Sequence[Item], rows: Sequence[VerdictRow]) -> UnusableGolds:
    """Counts the golds that cannot be graded, which are a property of the benchmark, and what became of the responses.

    A response that is equal to such a gold word by word is correct all the same.
    """
    unusable = {
        item.sample.id
        for item in items
        if isinstance(item.sample, Sample) and not classify_gold(item.sample.gold).usable
    }
    statuses = Counter[str](row.status for row in rows if row.id in unusable)
    return UnusableGolds(golds=len(unusable), statuses=dict(sorted(statuses.items())))


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
