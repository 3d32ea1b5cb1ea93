"""Writes report.html of a training run. It holds no times, so the same run gives the same bytes."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
import pandas as pd
import yaml

from mmk12.errors import BadInput, MissingData
from mmk12.plotting import to_svg
from mmk12.recipes.recipe_loader import rename_old_keys
from mmk12.run_report.samples import select_samples
from mmk12.runlog import read_responses, read_run
from mmk12.types import Image, Status
from mmk12.utils import storage, templating
from mmk12.utils.html import make_thumbnails, script_safe, set_texts
from mmk12.utils.images import ImageStore

FIGURES = {
    "training_curves": "Accuracy and length",
    "groups": "Prompts that teach",
    "difficulty_drift": "Difficulty of the prompts",
    "length_vs_accuracy": "Length and accuracy",
    "aha": "Reflection",
    "instability": "Step by step",
}
"""The figures of the page and their titles, in order; those that the run lacks the data for are left out."""

_OVERVIEW = ("accuracy", "format", "reward", "length", "truncated")
"""Columns of the run log in the table at the top."""
_ITEM_GROUPS = ["step", "prompt", "source"]


def write_page(run: Path, out: Path, data: Path | None = None) -> Path:
    """Writes the page of a run folder of `mmk12 train` to `out` and returns `out`.

    `data` is the data folder, if it has moved since training. Raises `MissingData` if the run has no log, `BadInput`
    if its resolved.yaml is damaged.
    """
    log, config = read_run(run), RunConfig.load(run)
    responses = read_responses(run / "rollouts")
    items = select_samples(run, config.reward_profile, config.advantage, data)
    values = {
        "run": run.resolve().name,
        "log": log,
        "config": config,
        "overview": _summarize_metrics(log.table),
        "notes": (*log.notes, *(note for note in responses.notes if note not in log.notes)),
        "figures": _draw_figures(run),
        "quarters": collect_quarters(log.table),
        "faults": find_faults(responses.table),
        "rules": Counter(f"{item['status']}: {item['rule']}" for item in items).most_common(),
        "responses": len(responses.table),
        "entries": items,
        "script": templating.render_template("page.js"),
        "data": script_safe({"items": items, "groups": {"rollouts": _ITEM_GROUPS}}),
        "texts": set_texts(items),
        "pictures": _encode_images(run, items),
    }
    storage.write_text(out, templating.render_template("training.html.j2", **values))
    return out


_DEFAULT_SECTIONS = {"reward": {"profile": "strict"}, "train": {"advantage": "rloo"}}
"""Settings that are assumed for a run of another tool, which has no resolved.yaml."""


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What the page uses of a run's resolved.yaml; `settings` has all of it as (dotted key, value)."""

    about: str
    model: str
    reward_profile: str
    advantage: str
    settings: tuple[tuple[str, Any], ...]

    @classmethod
    def load(cls, run: Path) -> RunConfig:
        """Reads `run/resolved.yaml`, if there is one. Raises `BadInput` if it is damaged."""
        path = run / "resolved.yaml"
        try:
            recipe = yaml.safe_load(path.read_text("utf-8")) if path.is_file() else {}
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise BadInput(f"{path} is not valid YAML: {error}.") from None
        if not isinstance(recipe, dict):
            raise BadInput(f"{path} is not what mmk12 train writes.")
        recipe = rename_old_keys(recipe)
        for key, assumed in _DEFAULT_SECTIONS.items():
            section = recipe.get(key) or {}
            if not isinstance(section, Mapping):
                raise BadInput(f"{path} is not what mmk12 train writes: '{key}' is no mapping.")
            recipe[key] = {**assumed, **section}
        return cls(
            about=str(recipe.get("about") or ""),
            model=str(recipe.get("model") or ""),
            reward_profile=str(recipe["reward"]["profile"]),
            advantage=str(recipe["train"]["advantage"]),
            settings=tuple(_flatten(recipe)),
        )


def _flatten(mapping: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields (dotted key, value) of everything in nested mappings."""
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


class MetricSummary(NamedTuple):
    """A row of the overview: means of the first and the last tenth of the steps, and the highest value."""

    name: str
    first: float
    last: float
    highest: float


def _summarize_metrics(table: pd.DataFrame) -> list[MetricSummary]:
    tenth = max(1, len(table) // 10)
    rows = []
    for name in _OVERVIEW:
        if name in table and table[name].notna().any():
            column = table[name].dropna()
            rows.append(MetricSummary(name, column.head(tenth).mean(), column.tail(tenth).mean(), column.max()))
    return rows


def _draw_figures(run: Path) -> list[tuple[str, str]]:
    """Returns (title, SVG) of those figures that the run has the data for."""
    figures = []
    for name, title in FIGURES.items():
        try:
            figures.append((title, to_svg(name, [run])))
        except MissingData:
            continue
    return figures


def _encode_images(run: Path, items: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yields (sha256, WebP in base64) of each image of the items."""
    images = (Image(name, 0, 0) for item in items for name in item["images"])
    for name, data in make_thumbnails(ImageStore(run / "images"), run / "thumbnails", images):
        yield name, base64.b64encode(data).decode("ascii")


_STATUS_COLUMN = "reward/status/"
_QUARTERS = 4
_MAX_FAULTS = 12
FAULT_STATUSES = ("gold_unusable", "timeout", "error")
"""Statuses that are caused by the data or the grader, not by the model."""


class Quarter(NamedTuple):
    """A quarter of the run: its first and last step, and the share of each status that occurs in it."""

    first: int
    last: int
    shares: dict[str, float]


class Fault(NamedTuple):
    """A sample with responses that could not be judged: its id, their status, and their number."""

    id: str
    status: str
    times: int


def collect_quarters(log: pd.DataFrame) -> list[Quarter]:
    """Computes the shares of statuses by quarter of the run; empty if the log has none. `log` is `RunLog.table`."""
    statuses = [status for status in get_args(Status) if _STATUS_COLUMN + status in log]
    table = log[[_STATUS_COLUMN + status for status in statuses]].dropna()
    if not statuses or table.empty:
        return []
    quarters = []
    for rows in np.array_split(np.arange(len(table)), min(_QUARTERS, len(table))):
        part = table.iloc[rows]
        means = {status: float(part[_STATUS_COLUMN + status].mean()) for status in statuses}
        shares = {status: share for status, share in means.items() if share}
        quarters.append(Quarter(int(part.index[0]), int(part.index[-1]), shares))
    return quarters


def find_faults(responses: pd.DataFrame) -> Sequence[Fault]:
    """Finds the samples that most often could not be judged, at most 12. `responses` is `Responses.table`."""
    if not {"id", "status"} <= set(responses.columns):
        return []
    bad = responses[responses["status"].isin(FAULT_STATUSES)]
    counts = bad.groupby(["id", "status"], observed=True).size().reset_index(name="times")
    worst = counts.sort_values(["times", "id"], ascending=[False, True]).head(_MAX_FAULTS)
    return [Fault(*row) for row in zip(*(worst[name].tolist() for name in Fault._fields), strict=True)]
