"""A recipe's words become verl's keys: the unit traps between the paper, its code and verl, line by line."""

from __future__ import annotations

import json
import os
import re
import socket
from pathlib import Path

import pytest
import yaml

from mmk12.errors import BadRecipe, MissingData
from mmk12.recipes.recipe_loader import apply_overrides, load_recipe
from mmk12.recipes.schema import Hardware, Recipe, Training
from mmk12.training import launcher
from mmk12.training.estimates import count_steps
from mmk12.training.training_plan import TrainingPlan, make_plan
from mmk12.training.verl_keys import hydra_arguments, read_defaults, read_fields
from mmk12.utils import content

ACTOR = "actor_rollout_ref.actor"


def plan_of(recipe: str, *changes: str) -> TrainingPlan:
    chosen = apply_overrides(load_recipe(recipe), changes)
    return make_plan(chosen, data=Path("data"), out=Path("runs/here"), must_exist=False)


@pytest.mark.parametrize("name", content.names("recipe"))
def test_every_recipe_trains(name: str) -> None:
    plan = plan_of(name)
    assert plan.keys.get("actor_rollout_ref.rollout.n", 8) == 8
    assert all("=" in argument for argument in hydra_arguments(plan.trainer, plan.keys))
    assert yaml.safe_load(yaml.safe_dump(plan.resolved())) == plan.resolved()


def test_the_paper() -> None:
    keys = plan_of("mm_eureka_8b").keys
    expected = {
        "data.train_batch_size": 128,
        "algorithm.adv_estimator": "rloo",
        "algorithm.use_kl_in_reward": False,
        f"{ACTOR}.ppo_mini_batch_size": 8,  # 64 samples: verl counts prompts
        f"{ACTOR}.loss_agg_mode": "seq-mean-token-mean",
        f"{ACTOR}.clip_ratio_low": 0.2,
        f"{ACTOR}.clip_ratio_high": 0.2,
        f"{ACTOR}.clip_ratio_c": 10_000.0,  # no dual clip
        f"{ACTOR}.use_kl_loss": False,
        f"{ACTOR}.entropy_coeff": 0,
        f"{ACTOR}.freeze_vision_tower": True,
        f"{ACTOR}.optim.lr": 3e-7,
        "actor_rollout_ref.rollout.temperature": 1.0,
        "data.max_prompt_length": 4096,
        "data.max_response_length": 4096,
        "actor_rollout_ref.rollout.max_model_len": 6144,  # prompt and response together, as in the released code
        f"{ACTOR}.optim.lr_scheduler_type": "constant",  # the paper is silent on the optimiser's course
        f"{ACTOR}.optim.betas": [0.9, 0.999],
        f"{ACTOR}.shuffle": False,
        "trainer.total_epochs": 1,
        "trainer.save_freq": 50,
        "trainer.nnodes": 2,
    }
    assert {key: keys[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("recipe", "differs"),
    [
        ("kl", {f"{ACTOR}.use_kl_loss": True, f"{ACTOR}.kl_loss_coef": 0.01}),
        ("curriculum", {"data.shuffle": False}),
        ("dynamic_sampling", {"algorithm.filter_groups.enable": True, "algorithm.filter_groups.metric": "acc"}),
        ("online_filter", {"mmk12.drop_uniform": True}),
        ("grpo", {"algorithm.adv_estimator": "grpo"}),
        (
            "mm_eureka_8b_released",
            {
                "algorithm.adv_estimator": "rloo_whiten",
                f"{ACTOR}.optim.lr_scheduler_type": "cosine",
                f"{ACTOR}.optim.lr_warmup_steps_ratio": 0.03,
                f"{ACTOR}.optim.min_lr_ratio": 0.1,
                f"{ACTOR}.optim.betas": [0.9, 0.95],
                f"{ACTOR}.shuffle": True,
            },
        ),
        ("mm_eureka_zero_38b", {f"{ACTOR}.optim.lr": 5e-7, "trainer.save_freq": 20, "trainer.nnodes": 4}),
        ("internvl3_1b", {"actor_rollout_ref.model.path": "OpenGVLab/InternVL3-1B-hf", "trainer.nnodes": 1}),
    ],
)
def test_what_an_ablation_changes(recipe: str, differs: dict[str, object]) -> None:
    base, keys = plan_of("mm_eureka_8b").keys, plan_of(recipe).keys
    assert {key: keys[key] for key in differs} == differs
    named = {"data.train_files", "data.val_files", "trainer.experiment_name"}
    machine = {key for key in keys if key.startswith(("trainer.default", "trainer.rollout", "trainer.validation"))}
    changed = {key for key in keys if keys[key] != base.get(key)} - named - machine
    extra = {
        "actor_rollout_ref.rollout.tensor_model_parallel_size",
        "actor_rollout_ref.model.path",
        "data.gen_batch_size",
    }
    assert changed - extra <= set(differs) | {key for key in changed if ".ref." in key}


SECOND = "seq-mean-token-mean"


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (
            "dapo",
            {
                "algorithm.adv_estimator": "grpo",
                f"{ACTOR}.policy_loss.loss_mode": "vanilla",
                f"{ACTOR}.clip_ratio_low": 0.2,
                f"{ACTOR}.clip_ratio_high": 0.28,
                f"{ACTOR}.clip_ratio_c": 10.0,
                f"{ACTOR}.loss_agg_mode": "token-mean",
                "algorithm.filter_groups.enable": True,
                "algorithm.filter_groups.metric": "acc",  # a length penalty must not make a group mixed
            },
        ),
        (
            "gspo",
            {
                f"{ACTOR}.policy_loss.loss_mode": "gspo",
                f"{ACTOR}.clip_ratio_low": 3e-4,
                f"{ACTOR}.clip_ratio_high": 4e-4,
                f"{ACTOR}.loss_agg_mode": SECOND,
            },
        ),
        (
            "cispo",
            {
                f"{ACTOR}.policy_loss.loss_mode": "cispo",
                f"{ACTOR}.clip_ratio_low": 10.0,
                f"{ACTOR}.clip_ratio_high": 4.0,  # verl adds 1
                f"{ACTOR}.loss_agg_mode": "token-mean",
            },
        ),
        (
            "dr_grpo",
            {
                "algorithm.norm_adv_by_std_in_grpo": False,
                f"{ACTOR}.loss_agg_mode": "seq-mean-token-sum-norm",
                f"{ACTOR}.loss_scale_factor": 4096,  # null would be GRPO's mean at one sample a micro-batch
            },
        ),
        (
            "cpgd",
            {
                "algorithm.norm_adv_by_std_in_grpo": True,
                f"{ACTOR}.policy_loss.loss_mode": "cpgd",
                f"{ACTOR}.policy_loss.ppo_kl_coef": 0.01,
                f"{ACTOR}.clip_ratio_c": 1.2,
                f"{ACTOR}.loss_agg_mode": SECOND,
                f"{ACTOR}.use_kl_loss": False,
            },
        ),
    ],
)
def test_algorithms_by_one_word(recipe: str, expected: dict[str, object]) -> None:
    keys = plan_of(recipe).keys
    assert {key: keys.get(key) for key in expected} == expected


@pytest.mark.parametrize(
    ("changes", "bounds"),
    [
        (["train.clip=0.1"], (0.1, 0.1)),
        (["train.clip_high=0.3"], (0.2, 0.3)),
        (["train.loss=gmpo"], (0.4, 0.4)),
        (["train.loss=gspo", "train.clip=0.001"], (0.001, 4e-4)),
    ],
)
def test_the_clip_of_a_loss_is_its_own(changes: list[str], bounds: tuple[float, float]) -> None:
    keys = plan_of("mm_eureka_8b", *changes).keys
    assert (keys[f"{ACTOR}.clip_ratio_low"], keys[f"{ACTOR}.clip_ratio_high"]) == bounds


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (["train.clip=1.5"], "clip 1.5 of ppo must be below 1"),
        (["train.drift=0.1"], "drift is a part of the loss cpgd"),
        (["train.loss=gspo", "train.loss_mean=token"], "one of whole samples"),
        (["train.loss=cispo", "train.ratio_cap=3"], "ratio_cap has no effect on the loss cispo"),
        (["train.loss_constant=100"], "the divisor of loss_mean: constant"),
        (["train.loss=gspo", "train.rollout_correction.by=token"], "rollout_correction.by: sequence"),
        (["train.loss=clip_cov"], "compares the samples of a micro-batch, and hardware.micro_batch is 1"),
        (["train.lora.rank=32", "train.freeze_vision=none"], "lora trains the language model alone"),
        (["train.lora.rank=32", "hardware.rollout=hf_server"], "lora needs hardware.rollout: vllm"),
        (["train.loss=sapo", "train.loss_mean=token"], "the loss sapo always takes loss_mean: sample"),
        (["train.loss=sapo", "train.clip=0.1"], "the loss sapo has no clip"),
        (["train.loss=kl_cov", "train.clip_high=0.3", "hardware.micro_batch=2"], "the loss kl_cov has no clip"),
        (["train.drift_cap=0.1"], "drift_cap is a part of the loss cpgd"),
        (["train.min_lr=0.1"], "min_lr is the end of a schedule: schedule: cosine"),
        (["train.betas=[0.9, 1]"], "train.betas"),
        (["train.max_model_len=4096"], "leaves a prompt of max_prompt 4096 no response"),
        (
            ["reward.penalties.overlong=1", "reward.penalties.limit=4096", "reward.penalties.buffer=9"],
            "max_model_len 6144 cuts responses",
        ),
        (["reward.penalties.overlong=1", "reward.penalties.limit=5000"], "begins at 5000 tokens"),
        (["overrides.algorithm.rollout_correction.bypass_mode=true"], "drops verl's importance weights"),
        (["train.rollout_correction.least=2"], "train.rollout_correction.least"),
        (["train.loss=gsop"], "train.loss"),
        (["train.logging=[wandbb]"], "train.logging"),
    ],
)
def test_settings_without_effect_together_are_refused(changes: list[str], why: str) -> None:
    with pytest.raises(BadRecipe, match=re.escape(why)) as raised:
        plan_of("mm_eureka_8b", *changes)
    assert ": :" not in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        (["loss=sapo"], {f"{ACTOR}.policy_loss.loss_mode": "sapo", f"{ACTOR}.clip_ratio_low": None}),
        (["loss=cpgd", "drift=0"], {f"{ACTOR}.policy_loss.ppo_kl_coef": 0.0}),
        (["loss=cpgd"], {f"{ACTOR}.policy_loss.ppo_kl_coef": 0.01, f"{ACTOR}.clip_ratio_c": 1.2}),
        (
            ["rollout_correction.by=sequence"],
            {
                "algorithm.rollout_correction.rollout_is": "sequence",
                "algorithm.rollout_correction.rollout_is_threshold": 2.0,
            },
        ),
        (
            ["rollout_correction.least=0.5", "rollout_correction.threshold=5"],
            {"algorithm.rollout_correction.rollout_is_threshold": "0.5_5.0"},
        ),
        (["loss_mean=constant", "loss_constant=3000"], {f"{ACTOR}.loss_scale_factor": 3000}),
        (["advantage=reinforce_baseline"], {"algorithm.adv_estimator": "reinforce_plus_plus_baseline"}),
    ],
)
def test_a_word_becomes_these_keys(changes: list[str], keys: dict[str, object]) -> None:
    made = plan_of("mm_eureka_8b", *(f"train.{change}" for change in changes)).keys
    assert {key: made.get(key) for key in keys} == keys


def test_bypass_mode_needs_the_loss_that_belongs_to_it() -> None:
    changes = ["algorithm.rollout_correction.bypass_mode=true", f"{ACTOR}.policy_loss.loss_mode=bypass_mode"]
    assert plan_of("mm_eureka_8b", *(f"overrides.{change}" for change in changes))


def test_dapo_never_cuts_a_response_before_its_penalty() -> None:
    plan = plan_of("dapo")
    longest = plan.keys["data.max_prompt_length"] + plan.keys["data.max_response_length"]
    assert plan.keys["actor_rollout_ref.rollout.max_model_len"] >= longest
    assert plan.keys["mmk12.penalties"]["limit"] == plan.keys["data.max_response_length"]


def test_lora_leaves_out_the_tower_and_the_projector_of_every_family() -> None:
    keys = plan_of("mm_eureka_8b", "train.lora.rank=32").keys
    pattern = keys["actor_rollout_ref.model.exclude_modules"]
    left_out = ("model.vision_tower.encoder.layer.0.q_proj", "model.multi_modal_projector.linear_1")
    left_out += ("model.visual.blocks.0.attn.qkv", "model.visual.merger.mlp.0")
    assert all(re.fullmatch(pattern, name) for name in left_out)
    assert not re.fullmatch(pattern, "model.language_model.layers.0.self_attn.q_proj")
    assert (keys["actor_rollout_ref.model.lora_rank"], keys["actor_rollout_ref.model.lora_alpha"]) == (32, 64)
    assert keys["actor_rollout_ref.rollout.load_format"] == "safetensors"


@pytest.mark.parametrize("recipe", ["mm_eureka_8b", "sft"])
@pytest.mark.parametrize("named", ["[wandb]", "wandb", "[wandb, console]", "[wandb, file, console]"])
def test_no_override_takes_away_the_log_that_progress_and_curves_are_made_of(recipe: str, named: str) -> None:
    assert plan_of(recipe, f"overrides.trainer.logger={named}").keys["trainer.logger"] == ["console", "file", "wandb"]


LOGGERS = ["tensorboard", "wandb", "swanlab", "mlflow"]


@pytest.fixture
def no_services(monkeypatch: pytest.MonkeyPatch) -> str:
    """A machine without keys and proxies; returns the URL of a port where nobody answers."""
    for name in [*os.environ]:
        if name.startswith(("WANDB_", "SWANLAB_", "MLFLOW_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def test_loggers_by_one_word_are_offline_without_a_key(tmp_path: Path, no_services: str) -> None:
    said: list[str] = []
    plan = plan_of("mm_eureka_8b", f"train.logging={LOGGERS}")
    assert plan.keys["trainer.logger"] == ["console", "file", *LOGGERS]
    offline = launcher._place_loggers(plan.recipe.training.logging, tmp_path, said.append)
    assert offline == {
        "WANDB_DIR": str(tmp_path),
        "WANDB_MODE": "offline",
        "SWANLAB_LOG_DIR": str(tmp_path / "swanlab"),
        "SWANLAB_MODE": "offline",
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db",
    }
    assert launcher._place_loggers(["tensorboard"], tmp_path, said.append) == {}
    assert not said


def test_a_service_that_answers_is_used_and_one_that_does_not_is_told(
    tmp_path: Path, no_services: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as service:
        url = f"http://127.0.0.1:{service.getsockname()[1]}"
        for name in ("WANDB_API_KEY", "SWANLAB_API_KEY"):
            monkeypatch.setenv(name, "key")
        for name in ("WANDB_BASE_URL", "SWANLAB_API_HOST", "MLFLOW_TRACKING_URI"):
            monkeypatch.setenv(name, url)
        online = launcher._place_loggers(LOGGERS, tmp_path, said.append)
        assert online == {"WANDB_DIR": str(tmp_path), "SWANLAB_LOG_DIR": str(tmp_path / "swanlab")}
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.setenv("WANDB_BASE_URL", "http://nowhere.invalid")
        assert "WANDB_MODE" not in launcher._place_loggers(["wandb"], tmp_path, said.append), "the proxy answers"
        monkeypatch.delenv("http_proxy")
    assert not said
    for name in ("WANDB_BASE_URL", "SWANLAB_API_HOST", "MLFLOW_TRACKING_URI"):
        monkeypatch.setenv(name, no_services)
    offline = launcher._place_loggers(LOGGERS, tmp_path, said.append)
    assert (offline["WANDB_MODE"], offline["SWANLAB_MODE"]) == ("offline", "offline")
    assert offline["MLFLOW_TRACKING_URI"].startswith("sqlite:///")
    assert sorted(line.partition(":")[0] for line in said) == ["mlflow", "swanlab", "wandb"]
    assert all(f"{no_services} does not answer" in line for line in said)
    monkeypatch.setenv("WANDB_MODE", "online")
    assert "WANDB_MODE" not in launcher._place_loggers(["wandb"], tmp_path, said.append), "set by the user"


def test_penalties_reach_the_plugin_and_only_where_a_recipe_has_them() -> None:
    base = plan_of("mm_eureka_8b", "train.max_model_len=null")
    assert not [key for key in base.keys if "penalties" in key]
    changes = ("reward.penalties.overlong=1", "reward.penalties.limit=4096", "reward.penalties.buffer=512")
    plan = plan_of("mm_eureka_8b", "train.max_model_len=null", *changes)
    expected = {"repetition": 0.0, "ngram": 20, "overlong": 1.0, "limit": 4096, "buffer": 512}
    assert plan.keys["mmk12.penalties"] == expected
    assert set(plan.keys) - set(base.keys) == {"mmk12.penalties"}
    argument = "++mmk12.penalties={repetition:0.0,ngram:20,overlong:1.0,limit:4096,buffer:512}"
    assert argument in hydra_arguments(plan.trainer, plan.keys)


def test_released_reward_and_zero_profile() -> None:
    assert load_recipe("mm_eureka_8b_released").reward.profile == "released_instruct"
    assert load_recipe("zero_8b").prompt == "zero"
    assert load_recipe("zero_8b").reward.profile == "paper_zero"


def test_steps_of_the_paper() -> None:
    steps = count_steps(Training(), Hardware(nodes=2), 54_931)
    assert (steps.total, steps.samples_per_step, steps.updates_per_step, steps.prompts_per_update) == (429, 1024, 16, 8)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("train.samples_per_update=60", "train.samples_per_update is 60, which train.rollouts (8) does not divide"),
        ("train.prompts_per_step=100", "train.prompts_per_step is 100, which the prompts of one update (8)"),
        ("hardware.gpus=3", "the number of GPUs (6) does not divide"),
        ("train.learning_rat=1", "Unknown key 'train.learning_rat'. Did you mean 'learning_rate'?"),
        ("train.kl=-1", "train.kl"),
        ("train.kl", "'train.kl' is not KEY=VALUE"),
        ("train.kl={", "cannot be read"),
    ],
)
def test_a_wrong_word_is_an_error(change: str, said: str) -> None:
    with pytest.raises(BadRecipe, match=r".") as raised:
        plan_of("mm_eureka_8b", change)
    assert said in str(raised.value)


def test_overrides_have_the_last_word() -> None:
    changes = ("trainer.save_freq=7", "actor_rollout_ref.model.override_config.name=a b", "trainer.balance_batch=false")
    keys = plan_of("demo", *(f"overrides.{change}" for change in changes)).keys
    assert keys["trainer.save_freq"] == 7
    arguments = hydra_arguments("rl", keys)
    assert "++actor_rollout_ref.model.override_config.name='a b'" in arguments
    assert "trainer.balance_batch=False" in arguments


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("actor_rollout_ref.actor.policy_loss.loss_modee", "'actor_rollout_ref.actor.policy_loss.loss_mode'"),
        ("trainer.balance_batches", "'trainer.balance_batch'"),
        ("actor_rollout_ref.actor.lora_rank", "'actor_rollout_ref.model.lora_rank'"),
        ("some.new.key", "All keys: "),
        ("trainer.save_freq.often", ""),
    ],
)
def test_an_override_that_verl_does_not_have_is_refused_with_the_nearest_one(key: str, nearest: str) -> None:
    with pytest.raises(BadRecipe, match=re.escape(key)) as raised:
        plan_of("mm_eureka_8b", f"overrides.{key}=1")
    assert nearest in str(raised.value)


@pytest.mark.parametrize("trainer", ["rl", "sft"])
def test_no_key_is_both_listed_and_a_field(trainer) -> None:
    assert len(read_defaults(trainer)) > 190
    assert not read_defaults(trainer).keys() & read_fields(trainer).keys()


def test_hydra_never_reads_a_text_as_something_else() -> None:
    assert hydra_arguments(
        "rl", {"a": "1", "b": "true", "c": None, "d": True, "e": {"f": ["g", 2]}, "h": "it's", "i": 3e-7}
    ) == [
        "++a='1'",
        "++b='true'",
        "++c=null",
        "++d=True",
        "++e={f:[g,2]}",
        "++h='it\\'s'",
        "++i=3e-07",
    ]


def test_a_recipe_without_training_says_so() -> None:
    data_only = Recipe.model_validate({"name": "mine", "about": "x", "data": {"sources": {"demo": "all"}}})
    with pytest.raises(BadRecipe, match="mine only builds data"):
        make_plan(data_only, data=Path("d"), out=Path("o"), model="demo", must_exist=False)


def test_fine_tuning_has_the_rows_of_reinforcement_and_words_of_its_own() -> None:
    plan = plan_of("sft", "sft.batch=64", "hardware.gpus=4")
    assert plan.recipe.data == load_recipe("mm_eureka_8b").data
    assert plan.command()[1:7] == ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "4", "-m"]
    assert plan.keys["data.train_batch_size"] == 64
    assert plan.keys["mmk12.freeze_vision"] == "tower"
    assert count_steps(plan.recipe.training, plan.recipe.hardware, 54_931).total == 858
    with pytest.raises(BadRecipe, match=r"sft\.batch is 65, which GPUs times hardware\.micro_batch"):
        plan_of("sft", "sft.batch=65", "hardware.gpus=4")
    with pytest.raises(BadRecipe, match=r"Fine-tuning runs on one node, and hardware\.nodes is 2"):
        plan_of("sft", "hardware.nodes=2")


def test_a_recipe_trains_in_one_way() -> None:
    with pytest.raises(BadRecipe, match="has a 'train' and an 'sft' section"):
        plan_of("sft", "train.kl=0.01")


def test_missing_data_names_the_command() -> None:
    with pytest.raises(MissingData, match="mmk12 build-data demo --out nowhere"):
        make_plan(load_recipe("demo"), data=Path("nowhere"), out=Path("o"))


def test_defaults_are_facts_about_keys_that_are_set() -> None:
    known = read_defaults("rl")
    assert known[f"{ACTOR}.clip_ratio_c"] == 3.0
    assert known[f"{ACTOR}.loss_agg_mode"] == "token-mean"
    json.dumps(known)


def test_the_projector_is_frozen_by_a_key_that_reaches_the_worker() -> None:
    key = "actor_rollout_ref.mmk12.freeze_projector"
    for word, tower, projector in (("none", False, None), ("tower", True, None), ("all", True, True)):
        plan = plan_of("qwen3_vl_8b", f"train.freeze_vision={word}")
        assert (plan.keys[f"{ACTOR}.freeze_vision_tower"], plan.keys.get(key)) == (tower, projector)
    assert f"++{key}=True" in plan.command()
    assert plan.keys["data.mm_processor_kwargs.min_pixels"] == 4096
    assert plan.keys["data.mm_processor_kwargs.max_pixels"] == 1_310_720
    assert not any("crop_to_patches" in name for name in plan.keys)
