"""Recipes are read strictly: what is not understood is named, with the nearest thing that would be."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mmk12.errors import BadRecipe, MissingData, UnknownName
from mmk12.recipes.recipe_loader import apply_overrides, load_recipe, rename_old_keys
from mmk12.recipes.schema import Recipe
from mmk12.utils import content
from mmk12.utils.config import MAX_BYTES

RESOLVED = sorted((Path(__file__).parents[1] / "plotting" / "runs").glob("*/resolved.yaml"))
GOOD = "about: a test\ndata:\n  sources: {demo: all}\n"


@pytest.fixture
def write(tmp_path):
    def writer(text, name="mine.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return writer


@pytest.mark.parametrize("name", content.names("recipe"))
def test_built_in_recipes_load(name):
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.about


def test_penalties_are_off_by_default(write):
    assert load_recipe("mm_eureka_8b").reward.penalties is None
    recipe = load_recipe(write(f"{GOOD}reward:\n  penalties: {{repetition: 0.5}}\n"))
    assert recipe.reward.penalties.model_dump() == {
        "repetition": 0.5,
        "ngram": 20,
        "overlong": 0.0,
        "limit": 0,
        "buffer": 0,
    }


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("reward: {penalty: {repetition: 0.5}}", "penalties"),
        ("reward: {penalties: {repetitions: 0.5}}", "repetition"),
        ("reward: {penalties: {repetition: -1}}", "repetition"),
        ("reward: {penalties: {overlong: 1, limit: 5, buffer: 9}}", "limit of at least the buffer"),
    ],
)
def test_penalties_that_are_misspelt_or_make_no_sense_are_refused(write, section, message):
    with pytest.raises(BadRecipe, match=message):
        load_recipe(write(f"{GOOD}{section}\n"))


def test_the_published_recipe_is_as_published():
    recipe = load_recipe("mm_eureka_8b")
    assert (recipe.prompt, recipe.reward.profile) == ("instruct", "paper_instruct")
    assert recipe.data.sources == {"mm_eureka_released": "all"}
    assert recipe.data.letters
    assert recipe.data.otherwise == "mm_eureka_8b_rebuilt"


def test_the_rebuilt_mixture_has_the_counts_of_figure_1():
    recipe = load_recipe("mm_eureka_8b_rebuilt")
    assert len(recipe.data.sources) == 15
    assert sum(recipe.data.sources.values()) == 54_931
    for name in ("unfiltered", "curriculum"):
        assert load_recipe(name).data.sources == recipe.data.sources
        assert load_recipe(name).data.letters == recipe.data.letters
    assert load_recipe("unfiltered").data.difficulty.keep == "all"
    assert load_recipe("curriculum").data.order == "pass_rate"


def test_zero_is_k12_alone():
    recipe = load_recipe("mm_eureka_zero_38b")
    assert (recipe.prompt, recipe.reward.profile) == ("zero", "paper_zero")
    assert list(recipe.data.sources) == ["k12_train"]
    assert not recipe.data.letters


def test_sources_keep_their_order(write):
    recipe = load_recipe(write("about: a\ndata: {sources: {math: all, demo: 3, geometry3k: all}}\n"))
    assert list(recipe.data.sources.items()) == [("math", "all"), ("demo", 3), ("geometry3k", "all")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD + "promt: zero\n", "Unknown key 'promt'. Did you mean 'prompt'?"),
        (
            GOOD + "zzz: 1\n",
            "Unknown key 'zzz'. Known: about, data, extends, hardware, model, overrides, prompt, reward, sft, train.",
        ),
        (GOOD + "  seeds: 1\n", "Unknown key 'data.seeds'. Did you mean 'seed'?"),
        (GOOD + "  val_fraction: 1.5\n", "data.val_fraction: Input should be less than 1."),
        (GOOD + "  val_fraction: .nan\n", "data.val_fraction"),
        (GOOD + "train: {pixels: {min: 4096}}\n", "The key 'train.pixels.max' is missing."),
        (GOOD + "train: {pixels: {min: 9, max: 8}}\n", "train.pixels: min 9 is above max 8."),
        (GOOD + "train: {pixels: {min: 8, max: 9}, tiling: {}}\n", "tiling is for InternVL and pixels for Qwen-VL"),
        (GOOD + "sft: {freeze_vision: projector}\n", "sft.freeze_vision: Input should be 'none', 'tower' or 'all'."),
        (GOOD + "  long_prompts: cut\n", "data.long_prompts: Input should be 'count' or 'drop'."),
        (GOOD + "  seed: true\n", "data.seed: Input should be a valid integer."),
        (GOOD + "  letters: 1\n", "data.letters: Input should be a valid boolean."),
        (GOOD + "  otherwise: dmo\n", "data.otherwise: Unknown recipe 'dmo'. Did you mean 'demo'?"),
        (GOOD + "prompt: instrct\n", "prompt: Unknown prompt 'instrct'. Did you mean 'instruct'?"),
        (GOOD + "reward: {profile: lax}\n", "reward.profile: Unknown reward profile 'lax'."),
        (GOOD + "reward: {profle: strict}\n", "Unknown key 'reward.profle'. Did you mean 'profile'?"),
        (GOOD + "reward: 3\n", "reward: "),
        (GOOD + "name: x\n", "unknown key 'name'"),
        ("about: a\ndata: {sources: {demmo: all}}\n", "data.sources: Unknown source 'demmo'. Did you mean 'demo'?"),
        ("about: a\ndata: {sources: {demo: 0}}\n", "data.sources.demo: Input should be greater than 0."),
        ("about: a\ndata: {sources: {demo: yes}}\n", "data.sources.demo: Input should be 'all'."),
        ("about: a\ndata: {sources: {}}\n", "data.sources: "),
        ("about: a\n", "The key 'data' is missing."),
        ("data: {sources: {demo: all}}\n", "The key 'about' is missing."),
        ("about: a\nabout: b\n", "duplicate key 'about'"),
        ("about: a\n? [a, b]\n: c\n", "line 2 has a list or mapping as a key"),
        ("about: a\ndata:\n  ? {a: b}\n  : c\n", "line 3 has a list or mapping as a key"),
        ("about: a\ndata: {sources: {demo: 1, demo: 2}}\n", "duplicate key 'demo'"),
        ("a: &x [1]\nb: *x\n", "aliases"),
        ("- a\n- b\n", "does not hold 'key: value' lines"),
        ("1: a\n", "does not hold 'key: value' lines"),
        ("", "does not hold 'key: value' lines"),
        ("a: [", "not valid YAML"),
        ("a: 2020-99-99\n", "not valid YAML"),
        ("a: !!python/object/apply:os.getcwd []\n", "not valid YAML"),
        (b"about: \xff\n", "not valid YAML"),
        ("a: " + "[" * 60_000, "more than 16 levels"),
        ("- " * 30_000, "more than 16 levels"),
        ("a: " + "x" * MAX_BYTES, "larger than"),
        ("extends: 7\n", "'extends' is the name of a recipe"),
    ],
)
def test_bad_recipes_say_what_is_wrong(write, text, told):
    with pytest.raises(BadRecipe) as caught:
        load_recipe(write(text))
    assert told in str(caught.value)
    assert "mine.yaml" in str(caught.value)


def test_extends_merges_key_by_key(write):
    write("about: parent\nprompt: zero\ndata: {seed: 3, sources: {math: all, demo: all}}\n", "parent.yaml")
    recipe = load_recipe(write("extends: parent.yaml\nabout: child\ndata: {sources: {math: null, demo: 5}}\n"))
    assert recipe.about == "child"
    assert recipe.prompt == "zero"
    assert recipe.data.seed == 3
    assert recipe.data.sources == {"demo": 5}


def test_the_old_key_profile_is_read_with_a_warning(write):
    write("about: parent\nprofile: {prompt: zero, reward: strict}\ndata: {sources: {demo: all}}\n", "parent.yaml")
    with pytest.warns(DeprecationWarning, match="'profile' is the old name of 'prompt' and 'reward") as warned:
        recipe = load_recipe(write("extends: parent.yaml\nabout: child\nprofile: {reward: paper_zero}\n"))
    assert [str(one.message).partition(":")[0] for one in warned] == ["mine.yaml", "parent.yaml"]
    assert (recipe.prompt, recipe.reward.profile) == ("zero", "paper_zero")
    with pytest.warns(DeprecationWarning, match="parent.yaml"):
        recipe = load_recipe(write("extends: parent.yaml\nabout: child\nreward: {profile: paper_zero}\n"))
    assert (recipe.prompt, recipe.reward.profile) == ("zero", "paper_zero")
    with pytest.warns(DeprecationWarning, match="is the old name"):
        recipe = load_recipe(write("extends: parent.yaml\nabout: child\nprofile: null\n"))
    assert (recipe.prompt, recipe.reward.profile) == ("instruct", "paper_instruct")
    with pytest.warns(DeprecationWarning, match="the command line: 'profile.reward'"):
        recipe = apply_overrides(load_recipe("demo"), ["profile.reward=strict", "prompt=zero"])
    assert (recipe.prompt, recipe.reward.profile) == ("zero", "strict")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("profile: 3\n", "mine.yaml: profile: write 'prompt: NAME' and 'reward: {profile: NAME}' instead."),
        ("profile: {promt: zero}\n", "mine.yaml: profile: write 'prompt: NAME'"),
        ("profile: {prompt: zero}\nprompt: zero\n", "mine.yaml: profile: is the old name of 'prompt' and 'reward'"),
        ("profile: {reward: lax}\n", "mine.yaml: reward.profile: Unknown reward profile 'lax'."),
    ],
)
def test_a_wrong_value_of_the_old_key_is_an_error(write, text, message):
    with pytest.warns(DeprecationWarning, match="profile"), pytest.raises(BadRecipe) as caught:
        load_recipe(write(GOOD + text))
    assert message in str(caught.value)


@pytest.mark.parametrize("path", RESOLVED, ids=lambda path: path.parent.name)
def test_the_resolved_recipes_of_older_runs_are_read(path):
    written = yaml.safe_load(path.read_text("utf-8"))
    assert "profile" in written
    renamed = rename_old_keys(written)
    recipe = Recipe.model_validate({key: value for key, value in renamed.items() if key in Recipe.model_fields})
    assert recipe.prompt == written["profile"]["prompt"]
    assert recipe.reward.profile == written["profile"]["reward"]
    assert rename_old_keys(renamed) == renamed


def test_extends_a_built_in_recipe_by_name(write):
    assert load_recipe(write("extends: demo\nabout: mine\n")).data == load_recipe("demo").data


def test_circular_extends_is_an_error(write):
    with pytest.raises(BadRecipe, match="circular"):
        load_recipe(write("extends: mine.yaml\n"))


def test_unknown_names_and_files(write):
    with pytest.raises(UnknownName, match="Did you mean 'demo'"):
        load_recipe("dmo")
    with pytest.raises(UnknownName):
        load_recipe(write("extends: nothing_like_it\n"))
    with pytest.raises(MissingData):
        load_recipe("no/such/recipe.yaml")


def test_seed_can_be_replaced():
    recipe = load_recipe("demo")
    assert recipe.with_seed(None) is recipe
    assert recipe.with_seed(7).data.seed == 7
    with pytest.raises(BadRecipe):
        recipe.with_seed(-1)


def test_reading_recipes_needs_no_torch():
    code = "import sys; from mmk12 import load_recipe; load_recipe('demo'); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_the_rebuilt_mixture_collects_what_the_paper_collected():
    """75,514 rows were collected for the 54,931 of figure 1; the shares are rounded up."""
    data = load_recipe("mm_eureka_8b_rebuilt").data
    assert data.collect.keys() == data.sources.keys()
    assert 75_514 <= sum(data.collect.values()) < 75_514 + len(data.collect)
    for name, cap in data.sources.items():
        assert data.collect[name] == math.ceil(cap * 75_514 / 54_931)


def test_a_source_that_is_not_in_the_recipe_cannot_be_collected(tmp_path):
    (tmp_path / "x.yaml").write_text("about: a\ndata: {sources: {demo: all}, collect: {dvqa: 5}}\n")
    with pytest.raises(BadRecipe, match="dvqa"):
        load_recipe(str(tmp_path / "x.yaml"))


@pytest.mark.parametrize(("was", "word"), [("true", "tower"), ("false", "none")])
def test_a_frozen_tower_was_true_or_false_once(write, was, word):
    recipe = load_recipe(write(f"{GOOD}train: {{freeze_vision: {was}}}\n"))
    assert recipe.train.freeze_vision == word


def test_each_family_has_its_words_for_images():
    tiles = {"crop_to_patches": True, "max_patches": 12}
    assert load_recipe("mm_eureka_8b").image_settings == load_recipe("internvl3_5_8b").image_settings == tiles
    for name in ("qwen2_5_vl_7b", "qwen3_vl_8b"):
        assert set(load_recipe(name).image_settings) == {"min_pixels", "max_pixels"}
