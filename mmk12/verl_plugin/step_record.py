"""Nothing of a step vanishes: lost rollouts are counted, padding is not dumped, and a checkpoint waits for its log.

verl trains on when the rollouts of a prompt have failed, and fills the batch with padding rows. Its trainer announces a
checkpoint, by a marker file, before it validates, logs and dumps the step (trainer/ppo/v1/trainer_base.py:485-514).
A job that is killed in between would be resumed after a step of which nothing is written.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmk12.verl_plugin.patching import replace_method

MARKER = "latest_checkpointed_iteration.txt"
"""verl's file that names the checkpoint to resume from."""


class LostRolloutsError(RuntimeError):
    """More prompts lost rollouts than the recipe allows."""


def find_failed_share(keys: Sequence[str], prompts: int, rollouts: int) -> float:
    """Returns the share of a step's `prompts` of which fewer than `rollouts` responses arrived.

    `keys` are verl's keys of the responses, `<prompt>_<rollout>_<output>`. A prompt without any response has no key.
    """
    arrived: dict[str, set[str]] = defaultdict(set)
    for key in keys:
        prompt, rollout, _ = key.rsplit("_", 2)
        arrived[prompt].add(rollout)
    return 1 - sum(len(found) >= rollouts for found in arrived.values()) / prompts


def require_rollouts(share: float, most: float) -> None:
    """Raises `LostRolloutsError` if the `share` of prompts with failed rollouts is above `most`."""
    if share > most:
        raise LostRolloutsError(
            f"{share:.1%} of the prompts of a step lost rollouts, more than train.max_failed allows ({most:.1%}). "
            "console.log has the error of each; mend it and resume, or raise train.max_failed."
        )


def patch_failed_rollouts(trainer: Any) -> None:
    """Counts lost rollouts before anything is filtered or padded; `trainer` is the module of verl's trainers."""
    parameters = ["self", "batch", "metrics", "logging_prefix", "keep_minibatch"]
    replace_method(trainer.PPOTrainer, "_balance_batch", parameters, _count_first)


def _count_first(original: Any) -> Any:
    def balance(self: Any, batch: Any, metrics: Any, *others: Any, **named: Any) -> Any:
        config = self.config
        prompts = config.data.train_batch_size // self.parameter_sync_step
        share = find_failed_share(batch.keys, prompts, config.actor_rollout_ref.rollout.n)
        metrics["reward/prompts/failed"] = share
        require_rollouts(share, config.get("mmk12", {}).get("max_failed", 1.0))
        return original(self, batch, metrics, *others, **named)

    return balance


def patch_dumped_rollouts(trainer: Any) -> None:
    """Leaves verl's padding rows, copies with the verdicts of a real response, out of `rollouts/<step>.jsonl`."""
    parameters = ["self", "batch", "timing_raw", "rollout_data_dir"]
    replace_method(trainer.PPOTrainer, "_log_rollout_data", parameters, _dump_real_rows)


def _dump_real_rows(original: Any) -> Any:
    def dump(self: Any, batch: Any, *others: Any, **named: Any) -> Any:
        real = [key for key, tag in zip(batch.keys, batch.tags, strict=True) if not tag.get("is_padding", False)]
        return original(self, batch.select_keys(real), *others, **named)

    return dump


def patch_announcement(trainer: Any) -> None:
    """Announces a checkpoint after its step is logged and dumped.

    verl writes the marker inside `_save_checkpoint`. There it goes to a file beside it, which takes the marker's place,
    in one piece, once the step is in the log. Until then a resume starts at the checkpoint before and trains the step
    again.
    """
    trainer.open = _open_beside
    replace_method(trainer.PPOTrainer, "_dump_generations", _DUMP, _wait_for_dump)
    replace_method(trainer.PPOTrainer, "_save_checkpoint", ["self"], _remember_folder)
    replace_method(trainer.Tracking, "log", ["self", "data", "step", "backend"], _announce_after)


_DUMP = ["self", "inputs", "outputs", "gts", "scores", "reward_extra_infos_dict", "dump_path"]
_waiting: list[Path] = []
"""The folder of a checkpoint that is saved and not announced; a process has one trainer."""


def _open_beside(file: Any, mode: str = "r", *others: Any, **named: Any) -> Any:
    """Replaces `open` in the module of verl's trainers: the marker is written beside its place."""
    held = mode == "w" and Path(file).name == MARKER
    return open(_beside(Path(file)) if held else file, mode, *others, **named)


def _beside(marker: Path) -> Path:
    return marker.with_name(f".{MARKER}.part")


def _remember_folder(original: Any) -> Any:
    def save(self: Any) -> Any:
        result = original(self)
        _waiting.append(Path(self.config.trainer.default_local_dir))
        return result

    return save


def _wait_for_dump(original: Any) -> Any:
    def dump(self: Any, *given: Any, **named: Any) -> Any:
        result = original(self, *given, **named)
        for written in self._dump_futures:
            written.result()
        return result

    return dump


def _announce_after(original: Any) -> Any:
    def log(self: Any, data: Any, step: int, backend: Any = None) -> Any:
        result = original(self, data, step, backend)
        while _waiting:
            marker = _waiting.pop() / MARKER
            if _beside(marker).exists():  # verl writes none for asynchronous checkpoints
                os.replace(_beside(marker), marker)
        return result

    return log
