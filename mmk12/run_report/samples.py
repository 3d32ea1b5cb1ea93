"""Rollouts to look at: of steps from the first to the last, of prompts that were mixed, all right and all wrong.

A dump says what a response was paid, not why. It is judged again here, with what the data folder knows beside the
gold; where that comes to another status, the entry says both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmk12.errors import MissingExtra
from mmk12.evaluation.report import mark_answer
from mmk12.runlog.rollouts import NUMBERS, list_dumps, read_dump
from mmk12.runlog.training_rows import TrainingRow, read_training_rows
from mmk12.types import Verdict
from mmk12.utils.html import read_stored_images
from mmk12.verifier import verify_many

STEPS, PROMPTS = 12, 6
_MIXED = 4
"""Of the prompts shown of a step, those with right and wrong rollouts: they are what RLOO learns from."""

Group = list[dict[str, Any]]


def select_samples(run: Path, profile: str, advantage: str, data: Path | None = None) -> list[dict[str, Any]]:
    """Entries for the page's script, the rollouts of a prompt one after the other.

    `advantage` is the recipe's estimator; `data` the data folder where it has moved since training.
    """
    groups = list(_groups(run))
    rows = [row for _, group in groups for row in group]
    asked = read_training_rows(run, {row["id"] for row in rows if row["id"]}, data)
    verdicts = iter(_verdicts(rows, asked, profile))
    pictures = {
        name: [image.sha256 for image in read_stored_images(run, row.images)] for name, row in sorted(asked.items())
    }
    found = []
    for step, group in groups:
        values = compute_advantages([row["score"] or 0.0 for row in group], advantage)
        kind = _kind(group)
        for index, (row, value) in enumerate(zip(group, values, strict=True)):
            entry = _entry(step, index, row, next(verdicts), asked.get(row["id"]))
            entry["groups"] |= {"step": str(step), "prompt": kind}
            found.append({**entry, "advantage": value, "images": pictures.get(row["id"], [])})
    return found


def compute_advantages(rewards: Sequence[float], estimator: str) -> list[float]:
    """What each rollout of a prompt gains over the others: RLOO's r_i - mean(r_j, j != i), GRPO's z-score.

    The whitening of `rloo_whitened` is over a whole batch and changes neither sign nor order; it is left out.
    """
    n, mean = len(rewards), sum(rewards) / len(rewards)
    if n < 2:
        return [0.0] * n
    if estimator == "grpo":
        spread = (sum((reward - mean) ** 2 for reward in rewards) / (n - 1)) ** 0.5
        return [(reward - mean) / (spread + 1e-6) for reward in rewards]
    return [n / (n - 1) * (reward - mean) for reward in rewards]


def _groups(run: Path) -> Iterator[tuple[int, Group]]:
    """(step, rollouts of a prompt) of the chosen steps and prompts."""
    files = list_dumps(run / "rollouts")
    last = len(files) - 1
    chosen = sorted({round(number * last / max(1, STEPS - 1)) for number in range(STEPS)}) if files else []
    for number in chosen:
        step, path = files[number]
        table, _ = read_dump(path, ("input", "output", "gts"))
        found: dict[Any, Group] = defaultdict(list)
        for row in table.to_pylist():
            known = {"input": "", "output": "", "gts": "", "id": "", "status": None, **dict.fromkeys(NUMBERS), **row}
            found[known.get("prompt")].append({key: known[key] or "" if key in _TEXTS else known[key] for key in known})
        yield from ((step, group) for group in _worth(list(found.values())))


_TEXTS = ("input", "output", "gts", "id")


def _worth(groups: Sequence[Group]) -> list[Group]:
    """Mixed prompts first, then all right and all wrong in turns, as many as are shown."""
    sorts: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        sorts[_kind(group)].append(group)
    mixed, right, wrong = (sorts[kind] for kind in ("mixed", "all right", "all wrong"))
    others = [group for pair in zip(right, wrong, strict=False) for group in pair]
    others += right[len(wrong) :] + wrong[len(right) :]
    chosen = mixed[: max(_MIXED, PROMPTS - len(others))]
    return chosen + others[: PROMPTS - len(chosen)]


def _kind(group: Group) -> str:
    right = [row["acc"] == 1 for row in group]
    return "all right" if all(right) else "mixed" if any(right) else "all wrong"


def _verdicts(
    rows: Sequence[Mapping[str, Any]], asked: Mapping[str, TrainingRow], profile: str
) -> list[Verdict | None]:
    specs = (asked[row["id"]].spec if row["id"] in asked else {} for row in rows)
    wanted = [{**spec, "response": row["output"], "gold": row["gts"]} for row, spec in zip(rows, specs, strict=True)]
    try:
        return list(verify_many(wanted, profile=profile))
    except MissingExtra:  # a released profile, on a machine without its grader
        return [None] * len(rows)


def _entry(
    step: int, index: int, row: Mapping[str, Any], verdict: Verdict | None, asked: TrainingRow | None
) -> dict[str, Any]:
    status = row["status"] or (verdict.status if verdict else "error")
    reason = verdict.reason if verdict else "not judged again"
    if verdict and verdict.status != status:
        reason = f"paid as {status}; judged again: {verdict.status}, {reason}"
    answer = verdict.answer if verdict else None
    source = row["id"].partition("/")[0]
    return {
        "id": f"step {step} · {row['id'] or row.get('prompt')}",
        "index": index,
        "benchmark": "rollouts",
        "status": status,
        "answer": answer,
        "rule": verdict.rule if verdict else "unknown",
        "reason": reason,
        "groups": {"source": source} if source else {},
        "finish_reason": "length" if row["truncated"] else "stop",
        "format": bool(row["format"]) if row["format"] is not None else bool(verdict and verdict.format_ok),
        "tokens": None if row["length"] is None else round(row["length"]),
        "reward": row["score"] or 0.0,
        "response": mark_answer(row["output"], answer),
        "question": asked.question if asked else row["input"],
        "gold": row["gts"],
        "choices": (asked.spec.get("choices") or []) if asked else [],
    }
