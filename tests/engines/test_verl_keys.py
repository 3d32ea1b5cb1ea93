"""What recipes say of verl's keys is what the installed verl has, and hydra takes every argument."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from mmk12.recipes.recipe_loader import apply_overrides, load_recipe
from mmk12.training.training_plan import make_plan
from mmk12.training.verl_keys import read_defaults, read_fields
from mmk12.utils import content
from tools import verl_defaults

OVERRIDES = {
    "trainer.balance_batch": False,
    "actor_rollout_ref.model.lora_rank": 8,
    "actor_rollout_ref.actor.use_dynamic_bsz": True,
    "actor_rollout_ref.actor.optim.lr_scheduler_type": "cosine",
    "actor_rollout_ref.actor.optim.betas": [0.9, 0.95],
    "actor_rollout_ref.actor.fsdp_config.param_offload": True,
    "actor_rollout_ref.model.override_config.attn_implementation": "sdpa",
    "actor_rollout_ref.rollout.engine_kwargs.vllm.disable_mm_preprocessor_cache": True,
    "algorithm.norm_adv_by_std_in_grpo": False,
    "actor_rollout_ref.rollout.val_kwargs.temperature": 0.5,
}
"""Keys that users set and recipes do not: of the configuration, of a dataclass alone, and below an open mapping."""


@pytest.mark.parametrize("trainer", verl_defaults.TRAINERS)
def test_our_copy_of_the_keys_is_the_installed_verls(trainer):
    defaults = verl_defaults.read_configuration(trainer)
    assert defaults == dict(read_defaults(trainer))
    assert verl_defaults.read_fields(defaults) == dict(read_fields(trainer))


@pytest.mark.parametrize("recipe", content.names("recipe"))
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_hydra_takes_the_whole_command_line(recipe, device):
    chosen = apply_overrides(load_recipe(recipe), [f"hardware.device={device}"])
    if chosen.train is not None:
        chosen = chosen.model_copy(update={"overrides": {**chosen.overrides, **OVERRIDES}})
    plan = make_plan(chosen, data=Path("d"), out=Path("o"), must_exist=False)
    words = plan.command()
    arguments = words[next(place for place, word in enumerate(words) if "=" in word and "." in word) :]
    with initialize_config_module("verl.trainer.config", version_base=None):
        config = compose(verl_defaults.TRAINERS[plan.trainer], overrides=arguments)
    for key, value in plan.keys.items():
        found = OmegaConf.select(config, key)
        assert (OmegaConf.to_container(found) if OmegaConf.is_config(found) else found) == value, key
