"""A scorer for inspect_ai: `from mmk12.rewards.inspect import mmk12`, `Task(dataset, scorer=mmk12())`.

The target is the gold; choices, precision, tolerance and the other columns of `pay` stand in the sample's metadata
(inspect_ai 0.3.285: an async function of `TaskState` and `Target` that returns a `Score`).
"""

from __future__ import annotations

from typing import Any

from inspect_ai.scorer import CORRECT, INCORRECT, NOANSWER, Score, Target, accuracy, scorer, stderr
from inspect_ai.solver import TaskState

from mmk12.rewards.scoring import pay


@scorer(metrics=[accuracy(), stderr()])  # type: ignore[untyped-decorator]
def mmk12(profile: str = "strict") -> Any:
    """Grades by `profile`. A sample with several targets is right if one of them is."""

    async def score(state: TaskState, target: Target) -> Score:
        columns: dict[str, Any] = dict(state.metadata or {})
        if len(state.choices):
            columns["choices"] = [choice.value for choice in state.choices]
        output = state.output
        finish = "length" if output.choices and output.stop_reason == "max_tokens" else None
        paid = [
            pay(output.completion, {**columns, "gold": gold}, profile=profile, finish_reason=finish) for gold in target
        ]
        best = max(paid, key=lambda one: one.verdict.correct)
        verdict = best.verdict
        missing = verdict.status == "no_answer"
        return Score(
            value=CORRECT if verdict.correct else NOANSWER if missing else INCORRECT,
            answer=verdict.answer,
            explanation=f"{verdict.rule}: {verdict.reason}",
            metadata={"status": verdict.status, **best.fields},
        )

    return score
