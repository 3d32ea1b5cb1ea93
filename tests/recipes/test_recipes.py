"""Recipes are read strictly: what is not understood is named, with the nearest thing that would be."""

import subprocess
import sys
from pathlib import Path

import pytest

from mmk12.errors import BadRecipe, MissingData, UnknownName
from mmk12.recipes.loader import load_recipe
from mmk12.utils import content
from mmk12.utils.config import MAX_BYTES

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


def test_the_published_recipe_is_as_published():
    recipe = load_recipe("mm_eureka_8b")
    assert (recipe.profile.prompt, recipe.profile.reward) == ("instruct", "paper_instruct")
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
    assert (recipe.profile.prompt, recipe.profile.reward) == ("zero", "paper_zero")
    assert list(recipe.data.sources) == ["k12_train"]
    assert not recipe.data.letters


def test_sources_keep_their_order(write):
    recipe = load_recipe(write("about: a\ndata: {sources: {math: all, demo: 3, geometry3k: all}}\n"))
    assert list(recipe.data.sources.items()) == [("math", "all"), ("demo", 3), ("geometry3k", "all")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD + "profle: {}\n", "Unknown key 'profle'. Did you mean 'profile'?"),
        (
            GOOD + "zzz: 1\n",
            "Unknown key 'zzz'. Known: about, data, extends, hardware, model, overrides, profile, sft, train.",
        ),
        (GOOD + "  seeds: 1\n", "Unknown key 'data.seeds'. Did you mean 'seed'?"),
        (GOOD + "  val_fraction: 1.5\n", "data.val_fraction: Input should be less than 1."),
        (GOOD + "  val_fraction: .nan\n", "data.val_fraction"),
        (GOOD + "  seed: true\n", "data.seed: Input should be a valid integer."),
        (GOOD + "  letters: 1\n", "data.letters: Input should be a valid boolean."),
        (GOOD + "  otherwise: dmo\n", "data.otherwise: Unknown recipe 'dmo'. Did you mean 'demo'?"),
        (GOOD + "profile: {prompt: instrct}\n", "profile.prompt: Unknown prompt 'instrct'. Did you mean 'instruct'?"),
        (GOOD + "profile: {reward: lax}\n", "profile.reward: Unknown reward profile 'lax'."),
        (GOOD + "profile: 3\n", "profile: "),
        (GOOD + "name: x\n", "unknown key 'name'"),
        ("about: a\ndata: {sources: {demmo: all}}\n", "data.sources: Unknown source 'demmo'. Did you mean 'demo'?"),
        ("about: a\ndata: {sources: {demo: 0}}\n", "data.sources.demo: Input should be greater than 0."),
        ("about: a\ndata: {sources: {demo: yes}}\n", "data.sources.demo: Input should be 'all'."),
        ("about: a\ndata: {sources: {}}\n", "data.sources: "),
        ("about: a\n", "The key 'data' is missing."),
        ("data: {sources: {demo: all}}\n", "The key 'about' is missing."),
        ("about: a\nabout: b\n", "duplicate key 'about'"),
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
    write("about: parent\nprofile: {prompt: zero}\ndata: {seed: 3, sources: {math: all, demo: all}}\n", "parent.yaml")
    recipe = load_recipe(write("extends: parent.yaml\nabout: child\ndata: {sources: {math: null, demo: 5}}\n"))
    assert recipe.about == "child"
    assert recipe.profile.prompt == "zero"
    assert recipe.data.seed == 3
    assert recipe.data.sources == {"demo": 5}


def test_extends_a_built_in_recipe_by_name(write):
    assert load_recipe(write("extends: demo\nabout: mine\n")).data == load_recipe("demo").data


def test_extends_in_a_circle_is_told(write):
    with pytest.raises(BadRecipe, match="circle"):
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
