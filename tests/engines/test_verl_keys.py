"""What recipes say of verl's keys is what the installed verl has."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from mmk12.recipes.recipe_loader import apply_overrides, load_recipe
from mmk12.training.training_plan import make_plan
from mmk12.training.verl_config import read_defaults
from mmk12.utils import content

MAINS = {"rl": "ppo_trainer", "sft": "sft_trainer_engine"}
ABSENT = object()


@pytest.fixture(scope="module", params=MAINS)
def trainer(request):
    """A trainer and its configuration as verl has it."""
    with initialize_config_module("verl.trainer.config", version_base=None):
        return request.param, compose(MAINS[request.param])


def value(config, key):
    """verl's value of a dotted key, or ABSENT."""
    parent, _, last = key.rpartition(".")
    place = OmegaConf.select(config, parent) if parent else config
    if place is not None and OmegaConf.is_missing(place, last):
        return "???"
    if place is None or last not in place:
        return ABSENT
    found = OmegaConf.select(config, key)
    return OmegaConf.to_container(found) if OmegaConf.is_config(found) else found


def test_defaults_are_those_of_the_installed_verl(trainer):
    name, config = trainer
    assert {key: value(config, key) for key in read_defaults(name)} == dict(read_defaults(name))


@pytest.mark.parametrize("recipe", content.names("recipe"))
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_key_gets_a_plus_where_verl_does_not_know_it(trainer, recipe, device):
    """hydra refuses a known key with a plus, and an unknown one without."""
    name, config = trainer
    chosen = apply_overrides(load_recipe(recipe), [f"hardware.device={device}"])
    plan = make_plan(chosen, data=Path("d"), out=Path("o"), must_exist=False)
    if plan.trainer != name:
        pytest.skip("the other trainer's")
    assert [key for key in plan.keys if (key in read_defaults(name)) != (value(config, key) is not ABSENT)] == []
