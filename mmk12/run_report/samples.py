"""Selects rollouts to browse: of steps from the first to the last, of prompts that were mixed, all right, all wrong.

A dump says what a response was paid, not why. So responses are judged again, with the verifier arguments of the data
folder; if the status differs now, the entry says both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mmk12.errors import MissingExtra
from mmk12.evaluation.report import mark_answer
from mmk12.runlog.rollouts import TEXTS, Rollout, list_dumps, read_dump
from mmk12.runlog.training_rows import TrainingRow, read_training_rows
from mmk12.types import Verdict
from mmk12.utils.html import read_stored_images
from mmk12.verifier import verify_many

STEPS, PROMPTS = 12, 6
_MIXED = 4
"""Of the prompts shown per step, those with right and wrong rollouts: they are what RLOO learns from."""

Outcome = Literal["mixed", "all right", "all wrong"]


@dataclass(frozen=True, slots=True)
class PromptGroup:
    """All rollouts of one prompt in one step."""

    step: int
    rollouts: Sequence[Rollout]

    @property
    def outcome(self) -> Outcome:
        """Whether its rollouts are all right, all wrong, or mixed."""
        right = [rollout.acc == 1 for rollout in self.rollouts]
        return "all right" if all(right) else "mixed" if any(right) else "all wrong"


def select_samples(run: Path, profile: str, advantage: str, data: Path | None = None) -> list[dict[str, Any]]:
    """Returns the items of the page's script as JSON objects, the rollouts of a prompt one after the other.

    `profile` is the verifier profile of the reward, `advantage` the recipe's estimator, `data` the data folder if it
    has moved since training.
    """
    groups = list(_select_groups(run))
    rollouts = [rollout for group in groups for rollout in group.rollouts]
    training_rows = read_training_rows(run, {rollout.id for rollout in rollouts if rollout.id}, data)
    verdicts = iter(_judge_again(rollouts, training_rows, profile))
    images = {
        name: [image.sha256 for image in read_stored_images(run, row.images)]
        for name, row in sorted(training_rows.items())
    }
    items = []
    for group in groups:
        advantages = compute_advantages([rollout.score or 0.0 for rollout in group.rollouts], advantage)
        for index, (rollout, value) in enumerate(zip(group.rollouts, advantages, strict=True)):
            item = _make_item(group, index, rollout, next(verdicts), training_rows.get(rollout.id))
            items.append({**item, "advantage": value, "images": images.get(rollout.id, [])})
    return items


def compute_advantages(rewards: Sequence[float], estimator: str) -> list[float]:
    """Computes the advantage of each rollout of a prompt: RLOO's r_i - mean(r_j, j != i), or GRPO's z-score.

    The whitening of `rloo_whitened` is left out: it acts on a whole batch and changes neither sign nor order.
    """
    n, mean = len(rewards), sum(rewards) / len(rewards)
    if n < 2:
        return [0.0] * n
    if estimator == "grpo":
        deviation = (sum((reward - mean) ** 2 for reward in rewards) / (n - 1)) ** 0.5
        return [(reward - mean) / (deviation + 1e-6) for reward in rewards]
    return [n / (n - 1) * (reward - mean) for reward in rewards]


def _select_groups(run: Path) -> Iterator[PromptGroup]:
    files = list_dumps(run / "rollouts")
    last = len(files) - 1
    chosen = sorted({round(number * last / max(1, STEPS - 1)) for number in range(STEPS)}) if files else []
    for number in chosen:
        step, path = files[number]
        table, _ = read_dump(path, TEXTS)
        prompts: dict[str | None, list[Rollout]] = defaultdict(list)
        for row in table.to_pylist():
            rollout = Rollout.from_row(row)
            prompts[rollout.prompt].append(rollout)
        yield from _select_prompts([PromptGroup(step, rollouts) for rollouts in prompts.values()])


def _select_prompts(groups: Sequence[PromptGroup]) -> list[PromptGroup]:
    """Selects `PROMPTS` groups of a step: mixed ones first, then all right and all wrong in turns."""
    by_outcome: dict[Outcome, list[PromptGroup]] = defaultdict(list)
    for group in groups:
        by_outcome[group.outcome].append(group)
    mixed, right, wrong = by_outcome["mixed"], by_outcome["all right"], by_outcome["all wrong"]
    others = [group for pair in zip(right, wrong, strict=False) for group in pair]
    others += right[len(wrong) :] + wrong[len(right) :]
    chosen = mixed[: max(_MIXED, PROMPTS - len(others))]
    return chosen + others[: PROMPTS - len(chosen)]


def _judge_again(
    rollouts: Sequence[Rollout], training_rows: Mapping[str, TrainingRow], profile: str
) -> list[Verdict | None]:
    arguments = (training_rows[one.id].spec if one.id in training_rows else {} for one in rollouts)
    rows = [
        {**more, "response": rollout.output, "gold": rollout.gold}
        for rollout, more in zip(rollouts, arguments, strict=True)
    ]
    try:
        return list(verify_many(rows, profile=profile))
    except MissingExtra:  # a released profile, on a machine without its grader
        return [None] * len(rows)


def _make_item(
    group: PromptGroup, index: int, rollout: Rollout, verdict: Verdict | None, training_row: TrainingRow | None
) -> dict[str, Any]:
    status = rollout.status or (verdict.status if verdict else "error")
    reason = verdict.reason if verdict else "not judged again"
    if verdict and verdict.status != status:
        reason = f"paid as {status}; judged again: {verdict.status}, {reason}"
    answer = verdict.answer if verdict else None
    source = rollout.id.partition("/")[0]
    return {
        "id": f"step {group.step} · {rollout.id or rollout.prompt}",
        "index": index,
        "benchmark": "rollouts",
        "status": status,
        "answer": answer,
        "rule": verdict.rule if verdict else "unknown",
        "reason": reason,
        "groups": {**({"source": source} if source else {}), "step": str(group.step), "prompt": group.outcome},
        "finish_reason": "length" if rollout.truncated else "stop",
        "format": bool(rollout.format) if rollout.format is not None else bool(verdict and verdict.format_ok),
        "tokens": None if rollout.length is None else round(rollout.length),
        "reward": rollout.score or 0.0,
        "response": mark_answer(rollout.output, answer),
        "question": training_row.question if training_row else rollout.input,
        "gold": rollout.gold,
        "choices": (training_row.spec.get("choices") or []) if training_row else [],
    }
