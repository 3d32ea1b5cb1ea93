"""The reward for TRL: `from mmk12.rewards.trl import reward`, `GRPOTrainer(reward_funcs=reward, …)`.

Called as TRL 1.16.0 calls any reward function (trl/trainer/grpo_trainer.py:1626), also by its RLOO trainer: columns of
the data set come as lists, one entry per completion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mmk12.rewards.scoring import pay, split_columns, to_response

_LOGGED = ("acc", "format", "status_no_answer", "status_gold_unusable")


def reward(
    prompts: Sequence[Any] = (),
    completions: Sequence[str | Sequence[Mapping[str, Any]]] = (),
    *,
    log_metric: Callable[[str, float], None] | None = None,
    **columns: Any,
) -> list[float]:
    """Returns one reward per completion; the columns that count are those of `pay`.

    Means of accuracy, format, answers not found and golds that cannot be used are logged beside TRL's own metrics.
    Raises what `pay` raises.
    """
    rows = split_columns(columns, len(completions))
    paid = [pay(to_response(text), row).fields for text, row in zip(completions, rows, strict=True)]
    if log_metric is not None and paid:
        for name in _LOGGED:
            log_metric(name, sum(fields[name] for fields in paid) / len(paid))
    return [fields["score"] for fields in paid]
