"""report.html of a training run. It holds no times, so the same run gives the same bytes."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import yaml

from mmk12.errors import BadInput, MissingData
from mmk12.plotting import to_svg
from mmk12.recipes.recipe_loader import rename_old_keys
from mmk12.run_report.samples import select_samples
from mmk12.runlog import read_responses, read_run
from mmk12.types import Image, Status
from mmk12.utils import storage, templating
from mmk12.utils.html import make_thumbnails, script_safe
from mmk12.utils.images import ImageStore

if TYPE_CHECKING:
    import pandas as pd


# Reward health: whether wrong answers are what keeps the reward low, or golds, timeouts, cuts and missing answers.


_SHARE = "reward/status/"
_PARTS = 4
_NAMED = 12
FAULTS = ("gold_unusable", "timeout", "error")
"""Statuses that say something of the data or the grader, not of the model."""


class Part(NamedTuple):
    """A quarter of the run: its steps, and the share of each status in them."""

    first: int
    last: int
    shares: dict[str, float]


class Fault(NamedTuple):
    """A sample that could not be judged, and how often."""

    id: str
    status: str
    times: int


def collect_parts(log: pd.DataFrame) -> list[Part]:
    """Shares of statuses by quarter of the run; empty where the log has none. `log` is the table of a run log."""
    import numpy as np

    known = [status for status in get_args(Status) if _SHARE + status in log]
    table = log[[_SHARE + status for status in known]].dropna()
    if not known or table.empty:
        return []
    found = []
    for rows in np.array_split(np.arange(len(table)), min(_PARTS, len(table))):
        part = table.iloc[rows]
        means = {status: float(part[_SHARE + status].mean()) for status in known}
        shares = {status: share for status, share in means.items() if share}
        found.append(Part(int(part.index[0]), int(part.index[-1]), shares))
    return found


def find_faults(responses: pd.DataFrame) -> Sequence[Fault]:
    """The samples that could most often not be judged. `responses` is the table of all dumped responses."""
    if not {"id", "status"} <= set(responses.columns):
        return []
    bad = responses[responses["status"].isin(FAULTS)]
    counts = bad.groupby(["id", "status"], observed=True).size().reset_index(name="times")
    worst = counts.sort_values(["times", "id"], ascending=[False, True]).head(_NAMED)
    return [Fault(*row) for row in zip(*(worst[name].tolist() for name in Fault._fields), strict=True)]


FIGURES = {
    "training_curves": "Accuracy and length",
    "groups": "Prompts that teach",
    "difficulty_drift": "Difficulty of the prompts",
    "length_vs_accuracy": "Length and accuracy",
    "aha": "Second thoughts",
    "instability": "Step by step",
}
"""The figures of the page, in order; those that the run lacks the data for are left out."""

_OVERVIEW = {
    "accuracy": "accuracy",
    "format": "format",
    "reward": "reward",
    "length": "tokens",
    "truncated": "truncated",
}
_GROUPS = ["step", "prompt", "source"]


def write_page(run: Path, out: Path, data: Path | None = None) -> Path:
    """Writes the page of a run folder of `mmk12 train` to `out`. `data` is its data folder, where that has moved.

    Raises `MissingData` where there is no log.
    """
    log, recipe = read_run(run), _recipe(run)
    dumped = read_responses(run / "rollouts")
    entries = select_samples(run, recipe["reward"]["profile"], recipe["train"]["advantage"], data)
    script = templating.render_template("page.js")
    facts = {
        "run": run.absolute().name,
        "log": log,
        "recipe": recipe,
        "config": list(_flat(recipe)),
        "overview": _overview(log.table),
        "notes": (*log.notes, *(note for note in dumped.notes if note not in log.notes)),
        "figures": _figures(run),
        "parts": collect_parts(log.table),
        "faults": find_faults(dumped.table),
        "rules": Counter(f"{entry['status']}: {entry['rule']}" for entry in entries).most_common(),
        "dumped": len(dumped.table),
        "entries": entries,
        "script": script,
        "data": script_safe({"items": entries, "groups": {"rollouts": _GROUPS}}),
        "pictures": _pictures(run, entries),
    }
    storage.write_text(out, templating.render_template("training.html.j2", **facts))
    return out


def _recipe(run: Path) -> dict[str, Any]:
    """resolved.yaml, or what little is assumed of a run that another tool made."""
    assumed: dict[str, Any] = {"reward": {"profile": "strict"}, "train": {"advantage": "rloo"}}
    path = run / "resolved.yaml"
    if not path.is_file():
        return assumed
    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} is not valid YAML: {error}.") from None
    if not isinstance(found, dict):
        raise BadInput(f"{path} is not what mmk12 train writes.")
    found = rename_old_keys(found)
    return {**found, **{key: {**part, **(found.get(key) or {})} for key, part in assumed.items()}}


def _overview(table: pd.DataFrame) -> list[tuple[str, float, float, float]]:
    """(what, first tenth, last tenth, best step) of the main metrics."""
    tenth = max(1, len(table) // 10)
    found = []
    for metric in _OVERVIEW:
        if metric in table and table[metric].notna().any():
            column = table[metric].dropna()
            found.append((metric, column.head(tenth).mean(), column.tail(tenth).mean(), column.max()))
    return found


def _figures(run: Path) -> list[tuple[str, str]]:
    """(title, SVG) of those figures that the run has the data for."""
    found = []
    for name, title in FIGURES.items():
        try:
            found.append((title, to_svg(name, [run])))
        except MissingData:
            continue
    return found


def _flat(value: Any, prefix: str = "") -> Any:
    """(dotted key, value) of everything in nested mappings."""
    for key, one in value.items():
        if isinstance(one, Mapping):
            yield from _flat(one, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", one


def _pictures(run: Path, entries: Sequence[Mapping[str, Any]]) -> Any:
    images = (Image(name, 0, 0) for entry in entries for name in entry["images"])
    for name, data in make_thumbnails(ImageStore(run / "images"), run / "thumbnails", images):
        yield name, base64.b64encode(data).decode("ascii")
