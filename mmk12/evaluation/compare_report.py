"""A comparison as a file to keep or to send: Markdown, one HTML page, or tidy CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mmk12.errors import BadInput
from mmk12.evaluation.result_tables import (
    make_comparison_table,
    make_difference_table,
    make_leaderboard_table,
    make_sub_score_table,
)
from mmk12.utils import storage, templating
from mmk12.utils.tables import Table

_PAIR = (
    "A and B are compared on the items that both were asked alike and answered. Intervals are 95 %: Agresti and Min "
    "for independent items, Student's t over problems where items share one or are means of several rollouts. The test "
    "is McNemar's, exact, or that t. Sub-scores are many comparisons: one in twenty intervals misses zero by chance."
)
_STANDINGS = (
    "Accuracies in percent, ± half the 95 % interval; averages are computed from the numbers shown, published ones "
    "too. Published numbers rest on the graders named; they stand only beside runs of the whole benchmark. "
    "Differences are paired, item by item."
)


_LEFT_OUT = ("only_a", "only_b", "asked_differently")


class Bar(NamedTuple):
    """A difference with its interval on the scale 0 to 1 of its section, 0.5 being none."""

    low: float
    at: float
    high: float


@dataclass(frozen=True, slots=True)
class Section:
    """A table under its title, with a bar per row where that helps."""

    title: str
    table: Table
    bars: Sequence[Bar] = ()


def write_pair_report(path: Path, names: tuple[str, str], found: Mapping[str, Any], cautions: Sequence[str]) -> None:
    """Writes what `compare` found; raises `BadInput` for another suffix than .md, .html or .csv."""
    sections = [Section("", make_comparison_table(found), _bars(found.values()))]
    for name, row in found.items():
        if row["groups"]:
            scores = [score for values in row["groups"].values() for score in values.values()]
            sections.append(Section(f"{name}, sub-scores", make_sub_score_table(row["groups"]), _bars(scores)))
        for kind in ("gained", "lost"):
            answers = [(item, *(row["answers"][item][key] or "–" for key in ("gold", "a", "b"))) for item in row[kind]]
            if answers:
                sections.append(Section(f"{name}, {kind}", Table(("item", "gold", "A says", "B says"), answers)))
        left_out = [(item, kind.replace("_", " ")) for kind in _LEFT_OUT for item in row[kind]]
        if left_out:
            sections.append(Section(f"{name}, left out", Table(("item", "why"), left_out)))
    title = f"{names[1]} (B) against {names[0]} (A)"
    _write(path, title, sections, _PAIR, cautions, list(_pair_records(found)))


def write_leaderboard(path: Path, found: Mapping[str, Any]) -> None:
    """Writes what `standings` found; raises `BadInput` for another suffix than .md, .html or .csv."""
    sections = [Section("", make_leaderboard_table(found))]
    if found["differences"]:
        sections.append(Section("Differences", make_difference_table(found)))
    _write(path, "Runs and published numbers", sections, _STANDINGS, (), list(_standing_records(found)))


def _write(
    path: Path,
    title: str,
    sections: Sequence[Section],
    explained: str,
    cautions: Sequence[str],
    records: Sequence[Mapping[str, Any]],
) -> None:
    if path.suffix not in (".md", ".html", ".csv"):
        raise BadInput(f"A comparison is written as .md, .html or .csv, not {path.name}. Give --out such a name.")
    if path.suffix == ".csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
        storage.write_text(path, text.getvalue())
        return
    facts = {"title": title, "sections": sections, "explained": explained, "cautions": cautions}
    storage.write_text(path, templating.render_template(f"compare{path.suffix}.j2", **facts))


def _bars(scores: Any) -> list[Bar]:
    """The differences on one scale, wide enough for all their intervals."""
    rows = [(score["ci95"][0], score["difference"], score["ci95"][1]) for score in scores]
    reach = max((abs(limit) for row in rows for limit in row), default=0.0) or 1.0
    return [Bar(*(0.5 + value / (2 * reach) for value in row)) for row in rows]


def _pair_records(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, row in found.items():
        yield _record(name, "", "", row, row["p_value"])
        for group, values in row["groups"].items():
            for value, score in values.items():
                yield _record(name, group, value, score, None)


def _record(benchmark: str, group: str, value: str, row: Mapping[str, Any], p_value: float | None) -> dict[str, Any]:
    low, high = row["ci95"]
    numbers = {"n": row["n"], "a": row["a"], "b": row["b"], "difference": row["difference"], "low": low, "high": high}
    return {"benchmark": benchmark, "group": group, "value": value, **numbers, "p_value": p_value}


def _standing_records(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for row in [*found["runs"], *found["published"]]:
        about = {key: row[key] for key in ("name", "model", "source", "grader")}
        cells = {**row["accuracy"], **({"average": row["average"]} if row["average"] else {})}
        for benchmark, cell in cells.items():
            low, high = cell["ci95"] or (None, None)
            yield {**about, "benchmark": benchmark, "accuracy": cell["accuracy"], "low": low, "high": high}
