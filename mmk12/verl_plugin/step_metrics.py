"""Adds the verifier's results to the metrics of each training step and to the dumped rollouts.

verl's trainer keeps only the score of a training rollout. The other fields of the reward manager stay in the transfer
queue until the step ends; here they are read, averaged and passed to verl's own loggers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from mmk12.types import Status
from mmk12.verl_plugin.patching import replace_method
from mmk12.verl_plugin.reward_fields import PENALTY_FIELDS

_AVERAGED = ("score", "acc", "format", "no_answer", "timeout", "truncated", "length")


def compute_step_metrics(rows: Sequence[Mapping[str, Any]], prompts: Sequence[str]) -> dict[str, float]:
    """Returns the metrics of one step. `rows` are the results of `reward_fields`, `prompts` the prompt of each row.

    `reward/<key>/mean` for every number, `reward/status/<status>` as shares, and the shares of prompts whose rollouts
    were all right or all wrong: from those RLOO learns only the format.
    """
    if not rows:
        return {}
    averaged = [key for key in (*_AVERAGED, *PENALTY_FIELDS) if key in rows[0]]
    means = {f"reward/{key}/mean": _mean([float(row[key]) for row in rows]) for key in averaged}
    shares = {f"reward/status/{name}": _mean([row["status"] == name for row in rows]) for name in get_args(Status)}
    groups: dict[str, list[float]] = defaultdict(list)
    for row, prompt in zip(rows, prompts, strict=True):
        groups[prompt].append(row["acc"])
    return {
        **means,
        **shares,
        "reward/prompts/all_right": _mean([min(group) == 1.0 for group in groups.values()]),
        "reward/prompts/all_wrong": _mean([max(group) == 0.0 for group in groups.values()]),
    }


def patch_step_metrics(trainer: Any) -> None:
    """Extends two methods of verl's trainers; `trainer` is their module."""
    queue = trainer.tq
    metrics = ["self", "batch", "metrics", "timing_raw", "global_steps", "epoch"]
    dump = ["self", "inputs", "outputs", "gts", "scores", "reward_extra_infos_dict", "dump_path"]
    replace_method(trainer.PPOTrainer, "_compute_metrics", metrics, lambda original: _add_metrics(original, queue))
    replace_method(trainer.PPOTrainer, "_dump_generations", dump, lambda original: _add_fields(original, queue))


def _add_metrics(original: Any, queue: Any) -> Any:
    def compute(self: Any, batch: Any, metrics: Any, *others: Any, **named: Any) -> Any:
        keys = [key for key, tag in zip(batch.keys, batch.tags, strict=True) if not tag.get("is_padding", False)]
        rows = [row for row, _ in read_rewards(queue, keys, batch.partition_id)]
        metrics.update(compute_step_metrics(rows, [prompt_id(key) for key in keys]))
        return original(self, batch, metrics, *others, **named)

    return compute


def _add_fields(original: Any, queue: Any) -> Any:
    def dump(
        self: Any, inputs: Any, outputs: Any, gts: Any, scores: Any, reward_extra_infos_dict: Any, dump_path: Any
    ) -> Any:
        extra = dict(reward_extra_infos_dict)
        if set(extra) == {"uid"}:  # training; in validation verl dumps all fields itself
            rewards = read_rewards(queue, extra["uid"], "train")
            extra |= {key: [row[key] for row, _ in rewards] for key in rewards[0][0]} if rewards else {}
            extra["id"] = [sample_id for _, sample_id in rewards]
        return original(self, inputs, outputs, gts, scores, extra, dump_path)

    return dump


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def read_rewards(queue: Any, keys: Sequence[str], partition: str) -> list[tuple[dict[str, Any], str]]:
    """Reads verl's transfer queue: for each rollout the fields of the reward manager, and the id of its sample."""
    fields = ["extra_fields", "extra_info"]
    data = queue.kv_batch_get(keys=list(keys), partition_id=partition, select_fields=fields)
    extra, info = (data.pop(field).tolist() for field in fields)
    return [(reward["reward_extra_info"], row.get("id", "")) for reward, row in zip(extra, info, strict=True)]


def prompt_id(key: str) -> str:
    """Returns the prompt's part of verl's key of a rollout, `<prompt>_<rollout>_<output>`."""
    return key.rsplit("_", 2)[0]
