"""The modules and classes that verl imports by name exist. Read off the source: verl itself is not installed here."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from mmk12.recipes.recipe_loader import load_recipe
from mmk12.training.training_plan import TrainingPlan, make_plan

ROOT = Path(__file__).resolve().parents[2]
PLUGIN_NAME = re.compile(r"(pkg://)?(mmk12\.verl_plugin[\w.]*)")


def plan_of(recipe: str) -> TrainingPlan:
    return make_plan(load_recipe(recipe), data=Path("data"), out=Path("run"), must_exist=False)


def source_of(module: str) -> Path | None:
    """The file of a module of this repository, or None."""
    path = ROOT.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def classes_of(module: str) -> set[str]:
    source = source_of(module)
    assert source is not None, f"there is no module {module}"
    return {node.name for node in ast.parse(source.read_text("utf-8")).body if isinstance(node, ast.ClassDef)}


def texts_of(path: Path) -> list[str]:
    """Every string of a file; f-strings with the values of the module's own constants."""
    tree = ast.parse(path.read_text("utf-8"))
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    def part(node: ast.expr) -> str:
        if isinstance(node, ast.FormattedValue):
            return str(constants.get(node.value.id, "")) if isinstance(node.value, ast.Name) else ""
        return str(node.value) if isinstance(node, ast.Constant) else ""

    parts = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    inner = {id(value) for node in parts for value in node.values}
    plain = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner
    ]
    return plain + ["".join(map(part, node.values)) for node in parts]


def exists(name: str) -> bool:
    """Whether `name` is a module, or a class in one."""
    module, _, last = name.rpartition(".")
    return source_of(name) is not None or (source_of(module) is not None and last in classes_of(module))


@pytest.mark.parametrize(
    "file", ["training/verl_config.py", "training/training_plan.py", "verl_plugin/rollout_registration.py"]
)
def test_every_name_of_the_plugin_in_a_string_exists(file: str) -> None:
    texts = texts_of(ROOT / "mmk12" / file)
    names = [match[2] for text in texts if (match := PLUGIN_NAME.fullmatch(text))]
    assert names
    assert [name for name in names if not exists(name)] == []


@pytest.mark.parametrize(
    ("recipe", "path", "name"),
    [
        ("demo", "data.custom_cls.path", "data.custom_cls.name"),
        ("demo", "reward.reward_manager.module.path", "reward.reward_manager.name"),
        ("sft", "data.custom_cls.path", "data.custom_cls.name"),
    ],
)
def test_a_class_that_verl_loads_is_in_the_module_that_is_named_with_it(recipe: str, path: str, name: str) -> None:
    keys = plan_of(recipe).keys
    assert keys[name] in classes_of(keys[path].removeprefix("pkg://"))


@pytest.mark.parametrize(
    ("recipe", "key"), [("demo", "actor_rollout_ref.model.external_lib"), ("sft", "model.external_lib")]
)
def test_the_actor_imports_the_module_that_requires_the_plugin(recipe: str, key: str) -> None:
    assert plan_of(recipe).keys[key] == "mmk12.verl_plugin.require_active"
    source = source_of("mmk12.verl_plugin.require_active")
    assert source is not None
    statements = ast.parse(source.read_text("utf-8")).body
    assert any(isinstance(node, ast.If) and isinstance(node.body[0], ast.Raise) for node in statements)
