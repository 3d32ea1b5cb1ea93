"""A recipe is the whole experiment in one YAML file: data, prompt and reward rule.

YAML because it is pure data. It is read strictly: an unknown key, a repeated key or a value out of range is a
`BadRecipe` that names the key and the nearest known one, never a silent default. Imports neither torch nor verl,
so recipes can be checked anywhere.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator

from mmk12 import content, prompts
from mmk12.band import Band
from mmk12.errors import BadRecipe, UnknownName
from mmk12.strict import Strict
from mmk12.strict_yaml import read_mapping
from mmk12.training.words import Finetuning, Hardware, Training

MAX_PARENTS = 8
_LONGEST_VALUE = 1000

Cap = Annotated[int, Field(strict=True, gt=0)]
Seed = Annotated[int, Field(strict=True, ge=0)]


class Profile(Strict):
    """How a question is asked and how an answer is paid: a prompt of `mmk12.prompts`, a profile of the verifier."""

    prompt: str = "instruct"
    reward: str = "paper_instruct"

    @field_validator("prompt")
    @classmethod
    def _known_prompt(cls, name: str) -> str:
        return _known("prompt", name, prompts.TEMPLATES)

    @field_validator("reward")
    @classmethod
    def _known_reward(cls, name: str) -> str:
        from mmk12.verifier import PROFILES

        return _known("reward profile", name, PROFILES)


class Difficulty(Strict):
    """The offline difficulty filter (arXiv 2503.07365, section 3.1): a model answers each question `n` times.

    Rows stay whose pass rate p is in the band `keep`. `max_tokens` bounds one answer.
    """

    n: Annotated[int, Field(strict=True, ge=1, le=1024)] = 8
    keep: str = "0 < p < 1"
    max_tokens: Cap = 4096

    @field_validator("keep")
    @classmethod
    def _is_a_band(cls, keep: str) -> str:
        Band.parse(keep)
        return keep


class K12Benchmark(Strict):
    """What fills the folder `k12_benchmark`: the published 500 for the source `official`, else as many rows of one of
    the mixture's sources, which then leave the mixture."""

    source: str
    size: Cap = 500


class Data(Strict):
    """The mixture. `sources` is in order of priority: of two equal rows the earlier source keeps its own.

    `letters` lets multiple choice in that only a letter can answer. `otherwise` is the recipe to build instead when
    none of `sources` is there. `val_fraction` of the rows, chosen by a hash of seed and id, go to val.parquet.
    `order: pass_rate` puts the rows that a model solves most often first. `decontaminate` names the benchmarks whose
    questions are taken out, `all` that are declared or a list of them.
    """

    sources: Annotated[dict[str, Literal["all"] | Cap], Field(min_length=1)]
    letters: Annotated[bool, Field(strict=True)] = False
    otherwise: str | None = None
    seed: Seed = 0
    val_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.01
    difficulty: Difficulty = Difficulty()
    benchmark: K12Benchmark | None = None
    order: Literal["source", "pass_rate"] = "source"
    decontaminate: Literal["all"] | list[str] = "all"

    @field_validator("sources")
    @classmethod
    def _known_sources(cls, sources: dict[str, Any]) -> dict[str, Any]:
        built_in = content.names("source")
        for ref in sources:
            if "/" not in ref and not ref.endswith(".py"):  # else a user's own source file
                _known("source", ref, built_in)
        return sources

    @field_validator("decontaminate")
    @classmethod
    def _known_benchmarks(cls, given: str | list[str]) -> str | list[str]:
        for ref in given if isinstance(given, list) else ():
            if "/" not in ref and not ref.endswith(".py"):  # else a user's own benchmark file
                _known("benchmark", ref.partition(":")[0], content.names("benchmark"))
        return given

    @field_validator("otherwise")
    @classmethod
    def _known_recipe(cls, ref: str | None) -> str | None:
        if ref is not None and "/" not in ref and not ref.endswith(".yaml"):
            _known("recipe", ref, content.names("recipe"))
        return ref


class Recipe(Strict):
    """One experiment. `name` is the file's; keys that are left out have the defaults written here.

    `model` is what training starts from: by reinforcement (`train`) or on the golds (`sft`). `overrides` are verl keys,
    set as they stand after all others.
    """

    name: str
    about: str
    profile: Profile = Profile()
    data: Data
    model: str | None = None
    train: Training | None = None
    sft: Finetuning | None = None
    hardware: Hardware = Hardware()
    overrides: dict[str, bool | int | float | str | list[Any] | None] = Field(default_factory=dict)

    @property
    def training(self) -> Training | Finetuning:
        """The part about training. Raises `BadRecipe` unless there is one, and one alone."""
        if self.train is not None and self.sft is not None:
            raise BadRecipe(f"{self.name} has a 'train' and an 'sft' section. Take one away: 'train: null'.")
        found = self.train or self.sft
        if found is None:
            raise BadRecipe(
                f"{self.name} only builds data: it has no 'train' section. mmk12 list recipes shows the others."
            )
        return found

    def with_seed(self, seed: int | None) -> Recipe:
        """This recipe with another data seed, or itself for None."""
        if seed is None:
            return self
        if seed < 0:
            raise BadRecipe(f"The seed must be 0 or more, not {seed}.")
        return self.model_copy(update={"data": self.data.model_copy(update={"seed": seed})})


def load_recipe(ref: str) -> Recipe:
    """The recipe of that built-in name, or in the file at path `ref`, on top of what it extends.

    Mappings are merged key by key, the child wins, and `null` takes a key of the parent away.
    Raises `UnknownName`, `MissingData` or `BadRecipe`.
    """
    path = content.find("recipe", ref)
    merged = _merged(path, parents=0)
    return _validated({**merged, "name": path.stem}, path.name)


def with_changes(recipe: Recipe, changes: Sequence[str]) -> Recipe:
    """The recipe with `key=value` pairs set, such as `train.kl=0.01`; values are YAML. Raises `BadRecipe`.

    What follows `overrides.` is one verl key, with its dots.
    """
    value = recipe.model_dump()
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals or not key:
            raise BadRecipe(f"'{change}' is not KEY=VALUE, such as train.kl=0.01.")
        try:
            new = yaml.safe_load(text) if len(text) < _LONGEST_VALUE else text
        except yaml.YAMLError:
            raise BadRecipe(f"The value of '{change}' cannot be read. Quote it as in YAML.") from None
        section, _, name = key.partition(".")
        *path, last = [section, name] if section == "overrides" and name else key.split(".")
        place = value
        for part in path:
            place[part] = place[part] if isinstance(place.get(part), dict) else {}
            place = place[part]
        place[last] = new
    return _validated(value, "the command line")


def _validated(value: dict[str, Any], where: str) -> Recipe:
    try:
        return Recipe.model_validate(value)
    except ValidationError as error:
        told = [_told(problem["loc"], problem["type"], problem["msg"]) for problem in error.errors()]
        raise BadRecipe(f"{where}: {' '.join(dict.fromkeys(told))}") from None


def _merged(path: Path, parents: int) -> dict[str, Any]:
    if parents > MAX_PARENTS:
        raise BadRecipe(f"{path.name}: 'extends' goes round in a circle, or more than {MAX_PARENTS} files deep.")
    own = read_mapping(path)
    if "name" in own:
        raise BadRecipe(f"{path.name}: unknown key 'name'. The file's name is the recipe's name.")
    parent = own.pop("extends", None)
    if parent is None:
        return _overlaid({}, own)
    if not isinstance(parent, str):
        raise BadRecipe(f"{path.name}: 'extends' is the name of a recipe or a path to its file, not {parent!r}.")
    beside = "/" in parent or parent.endswith(".yaml")
    found = content.find("recipe", str(path.parent / parent) if beside else parent)
    return _overlaid(_merged(found, parents + 1), own)


def _overlaid(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        if isinstance(value, dict):
            inherited = merged.get(key)
            merged[key] = _overlaid(inherited if isinstance(inherited, dict) else {}, value)
        elif value is None:
            merged.pop(key, None)
        else:
            merged[key] = value
    return merged


def _known(kind: str, name: str, known: typing.Iterable[str]) -> str:
    if name not in known:
        raise ValueError(str(UnknownName(kind, name, known)))
    return name


def _told(where: tuple[int | str, ...], kind: str, message: str) -> str:
    """One pydantic complaint in our words; `where` is its path of keys."""
    key = ".".join(str(part) for part in where if part not in ("constrained-int", "literal['all']"))
    if kind == "extra_forbidden":
        known = _keys(where[:-1])
        near = difflib.get_close_matches(str(where[-1]), known, n=1, cutoff=0.5)
        return f"Unknown key '{key}'." + (f" Did you mean '{near[0]}'?" if near else f" Known: {', '.join(known)}.")
    if kind == "missing":
        return f"The key '{key}' is missing."
    return f"{key}: {message.removeprefix('Value error, ').rstrip('.')}."


def _keys(where: tuple[int | str, ...]) -> list[str]:
    """The keys that are known at a path of a recipe."""
    model: Any = Recipe
    for part in where:
        model = typing.get_type_hints(model)[str(part)]
        if isinstance(model, types.UnionType):
            model = typing.get_args(model)[0]
    return sorted({*model.model_fields, *(("extends",) if model is Recipe else ())} - {"name"})
