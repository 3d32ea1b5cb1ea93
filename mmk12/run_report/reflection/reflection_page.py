"""aha.html of a training run: how often responses think again, what goes with it, and the best of them to read.

One file without network or script. What a model wrote is shown as text, and characters that hide or reorder it by name.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mmk12.plotting import to_svg
from mmk12.run_report.reflection.examples import Example, find_examples
from mmk12.run_report.reflection.judge import Agreement, ReflectionOpinions
from mmk12.run_report.reflection.patterns import KINDS
from mmk12.run_report.reflection.scan import scan_run
from mmk12.utils import storage, templating
from mmk12.utils.html import embed_images
from mmk12.utils.stats import Interval, clustered_means, student_t_interval
from mmk12.utils.tables import Table, format_points, format_points_interval

if TYPE_CHECKING:
    import pandas as pd


# What second thoughts go together with: right answers, length. Hard prompts invite them, so responses to one prompt
# are compared with each other as well.


class Mean(NamedTuple):
    """A mean with its 95 % interval."""

    mean: float
    interval: Interval


class Relation(NamedTuple):
    """Of one kind: how many responses have it, and how these differ. None where nothing can be compared.

    `right` and `right_without` are accuracies with and without it; `within` is the difference of the two averaged over
    the prompts that have both sorts of responses, `longer` the same of their lengths in tokens.
    """

    kind: str
    n: int
    share: Mean
    right: Mean | None
    right_without: Mean | None
    within: Mean | None
    longer: Mean | None


def relate_to_accuracy(table: pd.DataFrame) -> list[Relation]:
    """One relation per kind. `table` is what `scan` returns."""
    return [_relation(table, kind) for kind in KINDS]


def _relation(table: pd.DataFrame, kind: str) -> Relation:
    share = _means(table.assign(all=True), kind, by="all")[True]
    right = _means(table, "acc", by=kind) if "acc" in table else {}
    within, longer = (_within(table, kind, value) if value in table else None for value in ("acc", "length"))
    return Relation(kind, int(table[kind].sum()), share, right.get(True), right.get(False), within, longer)


def _means(table: pd.DataFrame, value: str, by: str) -> dict[bool, Mean]:
    found = clustered_means(table, value, by=by, cluster="prompt")
    rows = zip(found.index, found["mean"], found["low"], found["high"], strict=True)
    return {bool(key): Mean(float(mean), Interval(float(low), float(high))) for key, mean, low, high in rows}


def _within(table: pd.DataFrame, kind: str, value: str) -> Mean | None:
    """The mean over prompts of (with - without), each prompt one independent observation."""
    sides = table.groupby(["prompt", kind])[value].mean().unstack()
    if not {True, False} <= set(sides.columns):
        return None
    differences = (sides[True] - sides[False]).dropna()
    if len(differences) < 2:
        return None
    return Mean(float(differences.mean()), student_t_interval(differences))


class Tables(NamedTuple):
    """What the page says in numbers: the relations, and how often a judge agrees, if one was asked."""

    relations: Table
    agreement: Table | None


def write_report(run: Path, out: Path, data: Path | None = None) -> Tables:
    """Writes the page to `out` and returns its tables. `data` is the data folder, where it has moved since training."""
    table, judge = scan_run(run), ReflectionOpinions.of(run)
    found, picked = make_reflection_table(relate_to_accuracy(table)), find_examples(run, table, data, judge)
    agreement = make_agreement_table(judge.agreements(run, table)) if judge else None
    facts = {
        "run": run.absolute().name,
        "responses": len(table),
        "steps": table["step"].nunique(),
        "figure": to_svg("aha", [run]),
        "relations": found,
        "agreement": agreement,
        "judge": judge.model if judge else None,
        "examples": [(example, _pictures(run, example)) for example in picked],
    }
    storage.write_text(out, templating.render_template("aha.html.j2", **facts))
    return Tables(found, agreement)


def make_reflection_table(found: Sequence[Relation]) -> Table:
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


def make_agreement_table(found: Sequence[Agreement]) -> Table:
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
    return format_points(found.mean), format_points_interval((found.interval.low, found.interval.high))


def _pictures(run: Path, example: Example) -> list[str]:
    """The pictures of the question as base64 of WebP files."""
    pictures = example.asked.images if example.asked else ()
    return [base64.b64encode(data).decode("ascii") for _, data in embed_images(run, pictures)]
