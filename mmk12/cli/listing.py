"""The command `mmk12 list`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

from mmk12.cli import common
from mmk12.cli.common import AsJson
from mmk12.datasets import registry
from mmk12.errors import UnknownName
from mmk12.inference import prompts
from mmk12.utils import content
from mmk12.utils.tables import Table

app = typer.Typer()


@app.command("list", epilog="Example: `mmk12 list benchmarks --json`")
def list_(
    kind: Annotated[str, typer.Argument(help="benchmarks, sources, recipes, figures, prompts or profiles.")],
    as_json: AsJson = False,
) -> None:
    """Lists what can be named in other commands."""
    rows = list_things(kind)
    common.show(make_listing_table(rows), rows, as_json)


Rows = list[dict[str, Any]]


def list_things(kind: str) -> Rows:
    """One row per thing of `kind` (plural), as columns of text. Raises `UnknownName`."""
    if kind not in _KINDS:
        raise UnknownName("kind of thing", kind, _KINDS)
    return _KINDS[kind]()


def _benchmarks() -> Rows:
    found = [one for file in content.names("benchmark") for one in registry.load_benchmarks(file).items()]
    return [
        {"name": name, "items": one.size, "about": one.about, "license": one.license, "from": one.url}
        for name, one in found
    ]


def _sources() -> Rows:
    found = [registry.load_source(name) for name in content.names("source")]
    return [
        {
            "name": one.name,
            "rows": "" if one.size is None else one.size,
            "about": one.about,
            "license": one.license,
            "files": one.layout,
            "from": one.url,
            "hub": one.hub.id if one.hub else "",
        }
        for one in found
    ]


def _recipes() -> Rows:
    from mmk12.recipes.recipe_loader import load_recipe

    return [{"name": name, "about": load_recipe(name).about} for name in content.names("recipe")]


def _figures() -> Rows:
    found = [(name, content.load_figure(name).__doc__ or "") for name in content.names("figure")]
    return [{"name": name, "about": about.strip().splitlines()[0]} for name, about in found]


def _prompts() -> Rows:
    return [{"name": one.name, "system": one.system, "user": one.user} for one in prompts.TEMPLATES.values()]


def _profiles() -> Rows:
    from mmk12.verifier import PROFILES

    return [{"name": name, "about": profile.about} for name, profile in PROFILES.items()]


_KINDS: dict[str, Callable[[], Rows]] = {
    "benchmarks": _benchmarks,
    "sources": _sources,
    "recipes": _recipes,
    "figures": _figures,
    "prompts": _prompts,
    "profiles": _profiles,
}


def make_listing_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """What `mmk12 list` shows."""
    return Table(tuple(rows[0]) if rows else (), [tuple(row.values()) for row in rows])
