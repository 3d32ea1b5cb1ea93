"""Translates a recipe into the keys of verl's trainers; no other file does.

`make_rl_keys` is for verl's RL trainer (`verl.trainer.main_ppo`), `make_sft_keys` for its SFT trainer. Keys that look
alike and mean something else than in the paper or in OpenRLHF have a comment. `verl_keys.py` knows all of verl's keys.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmk12.recipes.schema import Finetuning, Hardware, Learning, Recipe, Reward, Training
from mmk12.training.estimates import StepCounts
from mmk12.training.verl_keys import Keys
from mmk12.utils.shards import find_files

_PLUGIN = "pkg://mmk12.verl_plugin"
_REQUIRE_ACTIVE = "mmk12.verl_plugin.require_active"
"""The actor imports it, which fails where the plugin is off."""
_ACTOR = "actor_rollout_ref.actor"
_MODEL = "actor_rollout_ref.model"
_ROLLOUT = "actor_rollout_ref.rollout"
_REFERENCE = "actor_rollout_ref.ref"

_OWN_LOGGERS = ("console", "file")
_NO_DUAL_CLIP = 10_000.0
"""verl cannot switch its dual clip off; with this ratio it never has an effect."""

_ESTIMATORS = {
    "rloo": "rloo",
    "rloo_whitened": "rloo_whiten",
    "grpo": "grpo",
    "grpo_plain": "grpo",
    "reinforce_baseline": "reinforce_plus_plus_baseline",
}
_LOSS_MEANS = {"sample": "seq-mean-token-mean", "token": "token-mean", "constant": "seq-mean-token-sum-norm"}
_LOSS_MODES = {"ppo": "vanilla"}
"""verl's names of the losses that it calls otherwise; `cpgd` and `gmpo` are the plugin's."""
_DRIFT, _DRIFT_CAP = 0.01, 0.2
"""CPGD's drift by default: the paper's text has no values, these are of the authors' own README."""
_KL_COV_COEF, _KL_COV_RATIO = 1.0, 0.002
"""KL-Cov of arXiv 2505.22617 for 7B; verl's defaults are others."""
_NO_LORA = ".*(vision_tower|multi_modal_projector|visual).*"
"""What LoRA leaves out, as one regular expression: verl matches a list by endings, which would leave out nothing."""


def make_rl_keys(recipe: Recipe, train: Training, model: str, data: Path, out: Path, steps: StepCounts) -> Keys:
    """Returns all keys of a reinforcement learning job; the recipe's `overrides` come last."""
    hardware = recipe.hardware
    keys = {
        **_data(recipe, train, data),
        **_algorithm(train, steps),
        **_rollout(train, hardware),
        **_machine(train, hardware),
        **_plugin(model),
        **_penalties(recipe.reward),
        **_trainer(train, hardware, out, steps),
        **(_cpu(train) if hardware.device == "cpu" else {}),
        **recipe.overrides,
    }
    return keys | {"trainer.logger": _with_own_loggers(keys["trainer.logger"])}


def _name_files(data: Path, split: str) -> str | list[str]:
    """Returns the parquet file of a split, or its shards in order."""
    files = [str(path) for path in find_files(data, split)] or [str(data / f"{split}.parquet")]
    return files if len(files) > 1 else files[0]


def _data(recipe: Recipe, train: Training, data: Path) -> dict[str, Any]:
    return {
        "data.train_files": _name_files(data, "train"),
        "data.val_files": _name_files(data, "val"),
        "data.train_batch_size": train.prompts_per_step,
        "data.max_prompt_length": train.max_prompt,
        "data.max_response_length": train.max_response,
        # Preflight has measured every prompt; verl would decode every image again at each start.
        "data.filter_overlong_prompts": False,
        "data.truncation": "error",
        "data.shuffle": train.shuffle,
        "data.seed": train.seed,
        # One setting reaches the dataset, the agent loop, the actor and vLLM.
        **{f"data.mm_processor_kwargs.{key}": value for key, value in recipe.image_settings.items()},
    }


def _algorithm(train: Training, steps: StepCounts) -> dict[str, Any]:
    refill = train.online_filter == "refill"
    return {
        "algorithm.adv_estimator": _ESTIMATORS[train.advantage],
        "algorithm.use_kl_in_reward": False,
        "algorithm.filter_groups.enable": refill,
        **({"algorithm.filter_groups.metric": "acc", "data.gen_batch_size": 1} if refill else {}),
        **({"mmk12.drop_uniform": True} if train.online_filter == "drop" else {}),  # a key of the plugin
        "mmk12.max_failed": train.max_failed,  # a key of the plugin, too
        # verl counts prompts here; the paper's 64 are samples.
        f"{_ACTOR}.ppo_mini_batch_size": steps.prompts_per_update,
        f"{_ACTOR}.ppo_epochs": 1,
        "algorithm.norm_adv_by_std_in_grpo": train.advantage != "grpo_plain",
        f"{_ACTOR}.policy_loss.loss_mode": _LOSS_MODES.get(train.loss, train.loss),
        **_clip(train),
        f"{_ACTOR}.clip_ratio_c": train.ratio_cap or _NO_DUAL_CLIP,
        **_loss(train),
        f"{_ACTOR}.loss_agg_mode": _LOSS_MEANS[train.loss_mean],
        f"{_ACTOR}.use_kl_loss": train.kl > 0,
        f"{_ACTOR}.kl_loss_coef": train.kl,
        f"{_ACTOR}.kl_loss_type": "low_var_kl",
        f"{_ACTOR}.entropy_coeff": 0,
        f"{_ACTOR}.freeze_vision_tower": train.freeze_vision != "none",
        # A key of the plugin; below this one since a worker gets no other part of the configuration.
        **({"actor_rollout_ref.mmk12.freeze_projector": True} if train.freeze_vision == "all" else {}),
        f"{_ACTOR}.optim.lr": train.learning_rate,
        f"{_ACTOR}.optim.weight_decay": train.weight_decay,
        f"{_ACTOR}.optim.clip_grad": train.gradient_clip,
        **_schedule(f"{_ACTOR}.optim", train),
        f"{_ACTOR}.shuffle": train.shuffle_updates,
    }


def _clip(train: Training) -> dict[str, Any]:
    """Returns all three keys: clip_ratio_low and clip_ratio_high have defaults that win over clip_ratio."""
    if train.clips is None:
        return {}
    low, high = train.clips
    return {f"{_ACTOR}.clip_ratio": low, f"{_ACTOR}.clip_ratio_low": low, f"{_ACTOR}.clip_ratio_high": high}


def _loss(train: Training) -> dict[str, Any]:
    """Returns the keys that only some losses have."""
    keys: dict[str, Any] = {}
    if train.loss == "cpgd":
        keys[f"{_ACTOR}.policy_loss.ppo_kl_coef"] = _DRIFT if train.drift is None else train.drift
        keys[f"{_ACTOR}.clip_ratio_c"] = 1 + (train.drift_cap or _DRIFT_CAP)  # the plugin reads it as 1 + c
    if train.loss == "kl_cov":
        keys[f"{_ACTOR}.policy_loss.ppo_kl_coef"] = _KL_COV_COEF
        keys[f"{_ACTOR}.policy_loss.kl_cov_ratio"] = _KL_COV_RATIO
    if train.loss_mean == "constant":
        # Without a factor verl divides by the longest response of a micro-batch, which at one sample is `sample`.
        keys[f"{_ACTOR}.loss_scale_factor"] = train.loss_constant or train.max_response
    if train.rollout_correction is not None:
        correction = train.rollout_correction
        band = f"{correction.least}_{correction.threshold}"  # a text of two numbers is IcePop
        keys["algorithm.rollout_correction.rollout_is"] = correction.by
        keys["algorithm.rollout_correction.rollout_is_threshold"] = (
            correction.threshold if correction.least is None else band
        )
    if train.lora is not None:
        keys |= {
            f"{_MODEL}.lora_rank": train.lora.rank,
            f"{_MODEL}.lora_alpha": train.lora.alpha,
            f"{_MODEL}.target_modules": "all-linear",
            f"{_MODEL}.exclude_modules": _NO_LORA,
            f"{_ROLLOUT}.load_format": "safetensors",
            f"{_ROLLOUT}.layered_summon": True,
        }
    return keys


def _schedule(optimizer: str, train: Learning) -> dict[str, Any]:
    """Returns the keys of the learning rate's course and of Adam. verl steps the schedule once per step, not update."""
    return {
        f"{optimizer}.lr_scheduler_type": train.schedule,
        f"{optimizer}.lr_warmup_steps_ratio": train.warmup,
        f"{optimizer}.min_lr_ratio": train.min_lr,
        f"{optimizer}.betas": train.betas,
    }


def _rollout(train: Training, hardware: Hardware) -> dict[str, Any]:
    return {
        f"{_ROLLOUT}.name": hardware.rollout,
        f"{_ROLLOUT}.n": train.rollouts,
        f"{_ROLLOUT}.temperature": train.temperature,
        f"{_ROLLOUT}.top_p": 1.0,
        f"{_ROLLOUT}.top_k": -1,
        f"{_ROLLOUT}.max_model_len": train.max_model_len or train.max_prompt + train.max_response,
        f"{_ROLLOUT}.tensor_model_parallel_size": hardware.tensor_parallel,
        f"{_ROLLOUT}.gpu_memory_utilization": hardware.gpu_memory,
        f"{_ROLLOUT}.calculate_log_probs": True,
        f"{_ROLLOUT}.val_kwargs.do_sample": False,
        f"{_ROLLOUT}.val_kwargs.temperature": 0,
    }


def _machine(train: Training, hardware: Hardware) -> dict[str, Any]:
    return {
        f"{_ACTOR}.strategy": "fsdp2",
        f"{_ACTOR}.ppo_micro_batch_size_per_gpu": hardware.micro_batch,
        f"{_ACTOR}.fsdp_config.optimizer_offload": hardware.offload,
        f"{_ROLLOUT}.log_prob_micro_batch_size_per_gpu": hardware.micro_batch,
        **(
            {
                f"{_REFERENCE}.strategy": "fsdp2",
                f"{_REFERENCE}.log_prob_micro_batch_size_per_gpu": hardware.micro_batch,
                f"{_REFERENCE}.fsdp_config.param_offload": hardware.offload,
            }
            if train.kl
            else {}
        ),
        # verl's own default is flash_attention_2, which fails where flash-attn is not installed.
        f"{_MODEL}.override_config.attn_implementation": find_attention(hardware),
        f"{_MODEL}.enable_gradient_checkpointing": hardware.device == "cuda",
        f"{_MODEL}.use_remove_padding": hardware.device == "cuda",
        "trainer.device": hardware.device,
        "trainer.nnodes": hardware.nodes,
        "trainer.n_gpus_per_node": hardware.gpus,
    }


def find_attention(hardware: Hardware) -> str:
    """Returns the attention of the actor by the name that transformers has for it."""
    if hardware.attention != "auto":
        return hardware.attention
    installed = hardware.device == "cuda" and find_spec("flash_attn") is not None
    return "flash_attention_2" if installed else "sdpa"


def _plugin(model: str) -> dict[str, Any]:
    return {
        f"{_MODEL}.path": model,
        f"{_MODEL}.external_lib": _REQUIRE_ACTIVE,
        "data.custom_cls.path": f"{_PLUGIN}.datasets",
        "data.custom_cls.name": "RlDataset",
        "reward.reward_manager.source": "importlib",
        "reward.reward_manager.module.path": f"{_PLUGIN}.reward_manager",
        "reward.reward_manager.name": "RewardManager",
    }


def _penalties(reward: Reward) -> dict[str, Any]:
    """The plugin's own key; absent where a recipe has no penalties."""
    return {"mmk12.penalties": reward.penalties.model_dump()} if reward.penalties else {}


def _trainer(train: Training, hardware: Hardware, out: Path, steps: StepCounts) -> dict[str, Any]:
    return {
        "trainer.project_name": "mmk12",
        "trainer.experiment_name": out.name,
        "trainer.logger": train.logging,
        "trainer.total_epochs": train.epochs if train.steps is None else 1_000_000,
        "trainer.total_training_steps": steps.total,
        "trainer.val_before_train": train.validate_every is not None,
        "trainer.test_freq": train.validate_every or -1,
        "trainer.save_freq": train.checkpoint_every,
        # verl forgets its list at a resume: the launcher removes old checkpoints.
        "trainer.max_actor_ckpt_to_keep": None,
        "trainer.default_local_dir": str(out / "checkpoints"),
        "trainer.rollout_data_dir": str(out / "rollouts"),
        "trainer.validation_data_dir": str(out / "validation"),
        "trainer.resume_mode": "auto",
    }


def _with_own_loggers(loggers: Any) -> list[Any]:
    """Returns the loggers, behind the two that progress, curves and reports of `mmk12` are made of."""
    named = loggers if isinstance(loggers, list) else [] if loggers is None else [loggers]
    return [*_OWN_LOGGERS, *(name for name in named if name not in _OWN_LOGGERS)]


def _cpu(train: Training) -> dict[str, Any]:
    """Returns the keys for a machine without an accelerator: one process of each kind, float32, no compiling."""
    float32 = {"param_dtype": "fp32", "reduce_dtype": "fp32", "buffer_dtype": "fp32"}
    return {
        "data.dataloader_num_workers": 0,
        "reward.num_workers": 1,
        **{
            f"{engine}.{key}": value
            for engine in ([_ACTOR, _REFERENCE] if train.kl else [_ACTOR])
            for key, value in {
                "use_torch_compile": False,
                "fsdp_config.use_torch_compile": False,
                "fsdp_config.mixed_precision": float32,
            }.items()
        },
        f"{_ROLLOUT}.agent.num_workers": 1,
        f"{_ROLLOUT}.enforce_eager": True,
        f"{_ROLLOUT}.free_cache_engine": False,
        f"{_ROLLOUT}.enable_sleep_mode": False,
        f"{_ROLLOUT}.dtype": "float32",
        f"{_ROLLOUT}.load_format": "auto",
        f"{_ROLLOUT}.checkpoint_engine.update_weights_bucket_megabytes": 64,
        "transfer_queue.backend.SimpleStorage.num_data_storage_units": 1,
    }


def make_sft_keys(recipe: Recipe, sft: Finetuning, model: str, data: Path, out: Path, steps: StepCounts) -> Keys:
    """Returns all keys of a fine-tuning job; the recipe's `overrides` come last."""
    keys = {
        **_sft_data(recipe, sft, data),
        **_sft_model(sft, recipe.hardware, model),
        **_sft_trainer(sft, recipe.hardware, out, steps),
        **(_sft_cpu() if recipe.hardware.device == "cpu" else {}),
        **recipe.overrides,
    }
    return keys | {"trainer.logger": _with_own_loggers(keys["trainer.logger"])}


def _sft_data(recipe: Recipe, sft: Finetuning, data: Path) -> dict[str, Any]:
    return {
        "data.train_files": _name_files(data, "train"),
        "data.val_files": _name_files(data, "val"),
        "data.custom_cls.path": f"{_PLUGIN}.datasets",
        "data.custom_cls.name": "SftDataset",
        "data.train_batch_size": sft.batch,
        "data.micro_batch_size_per_gpu": recipe.hardware.micro_batch,
        # Otherwise micro-batches are counted in tokens, which leave out the cost of tiles.
        "data.use_dynamic_bsz": False,
        "data.max_length": sft.max_prompt + sft.max_response,
        **{f"data.mm_processor_kwargs.{key}": value for key, value in recipe.image_settings.items()},
    }


def _sft_model(sft: Finetuning, hardware: Hardware, model: str) -> dict[str, Any]:
    return {
        "model.path": model,
        "model.external_lib": _REQUIRE_ACTIVE,
        "model.override_config.attn_implementation": find_attention(hardware),
        "model.enable_gradient_checkpointing": hardware.device == "cuda",
        "model.use_remove_padding": hardware.device == "cuda",
        "mmk12.freeze_vision": sft.freeze_vision,  # a key of the plugin: this trainer has none for it
        "engine.strategy": "fsdp2",
        "engine.optimizer_offload": hardware.offload,
        "optim.lr": sft.learning_rate,
        "optim.weight_decay": sft.weight_decay,
        "optim.clip_grad": sft.gradient_clip,
        **_schedule("optim", sft),
    }


def _sft_trainer(sft: Finetuning, hardware: Hardware, out: Path, steps: StepCounts) -> dict[str, Any]:
    return {
        "trainer.project_name": "mmk12",
        "trainer.experiment_name": out.name,
        "trainer.logger": sft.logging,
        "trainer.seed": sft.seed,
        "trainer.device": hardware.device,
        "trainer.nnodes": hardware.nodes,
        "trainer.n_gpus_per_node": hardware.gpus,
        "trainer.total_epochs": sft.epochs if sft.steps is None else 1_000_000,
        "trainer.total_training_steps": steps.total,
        "trainer.test_freq": sft.validate_every or -1,
        "trainer.save_freq": sft.checkpoint_every,
        "trainer.max_ckpt_to_keep": None,
        "trainer.default_local_dir": str(out / "checkpoints"),
        "trainer.resume_mode": "auto",
    }


def _sft_cpu() -> dict[str, Any]:
    return {
        "data.num_workers": 0,
        "engine.use_torch_compile": False,
        "engine.dtype": "float32",
    }
