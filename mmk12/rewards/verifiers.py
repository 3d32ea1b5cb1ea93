"""A task for verifiers: a taskset whose tasks are `GradedTask(GradedData(prompt=…, gold=…, choices=…))`.

verifiers 0.4.0 calls every method of a task that `@reward` marks with the trace of the rollout
(verifiers/v1/task.py:210-274); a task of your own that inherits from `GradedTask` has the reward too.
"""

from __future__ import annotations

import verifiers.v1 as vf

from mmk12.rewards.scoring import pay


class GradedData(vf.TaskData):  # type: ignore[misc]
    """A row: the gold and the columns of `pay`, beside the fields that every task has."""

    gold: str
    question: str | None = None
    choices: tuple[str, ...] | None = None
    answer_type: str | None = None
    precision: int | None = None
    tolerance: float | None = None
    unit: str | None = None
    profile: str | None = None


class GradedTask(vf.Task[GradedData]):  # type: ignore[misc]
    """Pays our reward for the last reply, and records accuracy and format as metrics."""

    @vf.reward  # type: ignore[untyped-decorator]
    async def mmk12(self, trace: vf.Trace) -> float:
        """Returns the reward. Raises what `pay` raises."""
        return self._pay(trace)["score"]

    @vf.metric  # type: ignore[untyped-decorator]
    async def mmk12_parts(self, trace: vf.Trace) -> dict[str, float]:
        """Returns accuracy and format."""
        fields = self._pay(trace)
        return {"acc": fields["acc"], "format": fields["format"]}

    def _pay(self, trace: vf.Trace) -> dict[str, float]:
        finish = "length" if trace.is_truncated else None
        return pay(trace.last_reply, self.data.model_dump(), finish_reason=finish).fields
