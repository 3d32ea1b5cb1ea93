"""The command `mmk12 list`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

from mmk12.cli import common
from mmk12.cli.common import AsJson, examples
from mmk12.datasets import registry
from mmk12.errors import UnknownName
from mmk12.inference import prompts
from mmk12.utils import content
from mmk12.utils.tables import Table

app = typer.Typer()


@app.command("list", epilog=examples("mmk12 list benchmarks --json"))
def list_(
    category: Annotated[
        str | None,
        typer.Argument(help="benchmarks, suites, protocols, sources, recipes, figures, prompts or profiles."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Lists the names that other commands take; without a category, the categories."""
    rows = list_names(category) if category is not None else _list_categories()
    common.show(make_listing_table(rows), rows, as_json)


Rows = list[dict[str, Any]]


def list_names(category: str) -> Rows:
    """Returns a row per name in a category (plural), with its properties. Raises `UnknownName`."""
    if category not in _CATEGORIES:
        raise UnknownName("category", category, _CATEGORIES)
    return _CATEGORIES[category]()


def _list_categories() -> Rows:
    return [{"category": name, "command": f"mmk12 list {name}"} for name in _CATEGORIES]


def _list_benchmarks() -> Rows:
    benchmarks = [one for file in content.names("benchmark") for one in registry.load_benchmarks(file).items()]
    return [
        {"name": name, "items": one.size, "about": one.about, "license": one.license, "from": one.url}
        for name, one in benchmarks
    ]


def _list_suites() -> Rows:
    from mmk12.evaluation.suites import SUITES

    return [{"name": name, "benchmarks": ", ".join(refs)} for name, refs in SUITES.items()]


def _list_protocols() -> Rows:
    from mmk12.evaluation.protocol import PROTOCOLS

    return [
        {
            "name": name,
            "prompt": one.template.name,
            "decoding": one.sampling.describe(),
            "runs": one.runs,
            "pixels": f"{one.min_pixels:,} – {one.max_pixels:,}" if one.min_pixels and one.max_pixels else "any",
            "from": one.source,
        }
        for name, one in PROTOCOLS.items()
    ]


def _list_sources() -> Rows:
    sources = [registry.load_source(name) for name in content.names("source")]
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
        for one in sources
    ]


def _list_recipes() -> Rows:
    from mmk12.recipes.recipe_loader import load_recipe

    return [{"name": name, "about": load_recipe(name).about} for name in content.names("recipe")]


def _list_figures() -> Rows:
    docs = [(name, content.load_figure(name).__doc__ or "") for name in content.names("figure")]
    return [{"name": name, "about": doc.strip().splitlines()[0]} for name, doc in docs]


def _list_prompts() -> Rows:
    return [{"name": one.name, "system": one.system, "user": one.user} for one in prompts.TEMPLATES.values()]


def _list_profiles() -> Rows:
    from mmk12.verifier import PROFILES

    return [{"name": name, "about": profile.about} for name, profile in PROFILES.items()]


_CATEGORIES: dict[str, Callable[[], Rows]] = {
    "benchmarks": _list_benchmarks,
    "suites": _list_suites,
    "protocols": _list_protocols,
    "sources": _list_sources,
    "recipes": _list_recipes,
    "figures": _list_figures,
    "prompts": _list_prompts,
    "profiles": _list_profiles,
}


def make_listing_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Makes the table of `mmk12 list`."""
    return Table(tuple(rows[0]) if rows else (), [tuple(row.values()) for row in rows])
