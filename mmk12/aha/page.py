"""aha.html of a training run: how often responses think again, what goes with it, and the best of them to read.

One file without network or script. What a model wrote is shown as text, and characters that hide or reorder it by name.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mmk12 import storage, templates
from mmk12.aha.examples import Example, examples
from mmk12.aha.judged import Agreement, Opinions
from mmk12.aha.relations import Mean, Relation, relations
from mmk12.aha.scanning import scan
from mmk12.plot import svg
from mmk12.runlog.pictures import shown_pictures
from mmk12.tables import Table, points, points_between


class Tables(NamedTuple):
    """What the page says in numbers: the relations, and how often a judge agrees, if one was asked."""

    relations: Table
    agreement: Table | None


def write(run: Path, out: Path, data: Path | None = None) -> Tables:
    """Writes the page to `out` and returns its tables. `data` is the data folder, where it has moved since training."""
    table, judge = scan(run), Opinions.of(run)
    found, picked = as_table(relations(table)), examples(run, table, data, judge)
    agreement = as_agreement(judge.agreements(run, table)) if judge else None
    facts = {
        "run": run.absolute().name,
        "responses": len(table),
        "steps": table["step"].nunique(),
        "figure": svg("aha", [run]),
        "relations": found,
        "agreement": agreement,
        "judge": judge.model if judge else None,
        "examples": [(example, _pictures(run, example)) for example in picked],
    }
    storage.write_text(out, templates.render("aha.html.j2", **facts))
    return Tables(found, agreement)


def as_table(found: Sequence[Relation]) -> Table:
    """The relations as they are printed, a kind a row; "right by" (points) and "longer by" (tokens) within prompts."""
    header = (
        *("second thought", "responses", "% of all", "95 % interval", "right % with", "without"),
        *("right by", "95 % interval", "longer by"),
    )
    rows = []
    for one in found:
        low, high = one.share.interval.low, one.share.interval.high
        sides = (100 * side.mean if side else "–" for side in (one.right, one.right_without))
        rows.append(
            (
                *(one.kind, one.n, 100 * one.share.mean, f"{100 * low:.1f} – {100 * high:.1f}", *sides),
                *_difference(one.within),
                f"{one.longer.mean:+.1f}" if one.longer else "–",
            )
        )
    return Table(header, rows)


def as_agreement(found: Sequence[Agreement]) -> Table:
    """How often a judge takes what the rules found for genuine, a kind a row; no verdict counts on neither side."""
    header = ("second thought", "by the rules", "judged", "genuine", "not", "genuine %", "95 % interval", "no verdict")
    rows = []
    for one in found:
        share: float | str = "–" if one.share is None else 100 * one.share
        interval = f"{100 * one.interval.low:.1f} – {100 * one.interval.high:.1f}"
        judged = one.yes + one.no
        rows.append((one.kind, one.found, judged, one.yes, one.no, share, interval if judged else "–", one.none))
    return Table(header, rows)


def _difference(found: Mean | None) -> tuple[str, str]:
    if found is None:
        return "–", "–"
    return points(found.mean), points_between((found.interval.low, found.interval.high))


def _pictures(run: Path, example: Example) -> list[str]:
    """The pictures of the question as base64 of WebP files."""
    pictures = example.asked.pictures if example.asked else ()
    return [base64.b64encode(data).decode("ascii") for _, data in shown_pictures(run, pictures)]
