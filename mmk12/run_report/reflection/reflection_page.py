"""Writes aha.html of a training run: how often responses reflect, what goes with it, and examples to read.

The page is one file without network access or scripts. Text of the model is escaped, and characters that hide or
reorder text are shown by name.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from mmk12.plotting import to_svg
from mmk12.run_report.reflection.examples import Example, find_examples
from mmk12.run_report.reflection.patterns import KINDS
from mmk12.run_report.reflection.reflection_judge import Agreement, ReflectionOpinions
from mmk12.run_report.reflection.scan import scan_run
from mmk12.types import IMAGE_MARK
from mmk12.utils import storage, templating
from mmk12.utils.html import embed_images
from mmk12.utils.rich_text import render_answer, render_response, render_text, to_html
from mmk12.utils.stats import Interval, clustered_means, student_t_interval
from mmk12.utils.tables import Table, format_points, format_points_interval


class Tables(NamedTuple):
    """The tables of the page: relations, and the agreement with a judge if there are opinions."""

    relations: Table
    agreement: Table | None


def write_report(run: Path, out: Path, data: Path | None = None) -> Tables:
    """Writes the page to `out` and returns its tables. `data` is the data folder, if it has moved since training.

    Raises `MissingData` if no responses were dumped.
    """
    table, judge = scan_run(run), ReflectionOpinions.load(run)
    relations = make_reflection_table(relate_to_accuracy(table))
    agreement = make_agreement_table(judge.agreements(run, table)) if judge else None
    values = {
        "run": run.absolute().name,
        "responses": len(table),
        "steps": table["step"].nunique(),
        "figure": to_svg("aha", [run]),
        "relations": relations,
        "agreement": agreement,
        "judge": judge.model if judge else None,
        "examples": [
            (example, _encode_images(run, example), _set_example(example))
            for example in find_examples(run, table, data, judge)
        ],
    }
    storage.write_text(out, templating.render_template("aha.html.j2", **values))
    return Tables(relations, agreement)


def _set_example(example: Example) -> dict[str, str]:
    """Returns question, gold and response of an example as HTML."""
    question = example.training_row.question.replace(IMAGE_MARK, "").strip() if example.training_row else ""
    response = "".join(part if isinstance(part, str) else part.text for part in example.parts)
    return {
        "question": to_html(render_text(question), question),
        "gold": to_html(render_answer(example.gold), example.gold),
        "response": to_html(render_response(example.parts), response),
    }


def _encode_images(run: Path, example: Example) -> list[str]:
    """Returns the images of the question as base64 of WebP files."""
    images = example.training_row.images if example.training_row else ()
    return [base64.b64encode(data).decode("ascii") for _, data in embed_images(run, images)]


# Relations to accuracy and length. Hard prompts invite reflection, so responses to one prompt are compared as well.


class Mean(NamedTuple):
    """A mean with its 95 % interval."""

    mean: float
    interval: Interval


class Relation(NamedTuple):
    """For one kind, how many responses have it and how they differ from others. None if there is no comparison.

    `right` and `right_without` are accuracies with and without it; `within` is their difference within a prompt,
    averaged over the prompts that have both; `longer` is the same for lengths in tokens.
    """

    kind: str
    n: int
    share: Mean
    right: Mean | None
    right_without: Mean | None
    within: Mean | None
    longer: Mean | None


def relate_to_accuracy(table: pd.DataFrame) -> list[Relation]:
    """Computes the relation of each kind to accuracy and length. `table` is what `scan_run` returns."""
    return [_relate_kind(table, kind) for kind in KINDS]


def _relate_kind(table: pd.DataFrame, kind: str) -> Relation:
    share = _means_by(table.assign(all=True), kind, by="all")[True]
    right = _means_by(table, "acc", by=kind) if "acc" in table else {}
    within, longer = (_mean_within(table, kind, value) if value in table else None for value in ("acc", "length"))
    return Relation(kind, int(table[kind].sum()), share, right.get(True), right.get(False), within, longer)


def _means_by(table: pd.DataFrame, value: str, by: str) -> dict[bool, Mean]:
    means = clustered_means(table, value, by=by, cluster="prompt")
    rows = zip(means.index, means["mean"], means["low"], means["high"], strict=True)
    return {bool(key): Mean(float(mean), Interval(float(low), float(high))) for key, mean, low, high in rows}


def _mean_within(table: pd.DataFrame, kind: str, value: str) -> Mean | None:
    """Averages (with - without) over prompts, each prompt one independent observation."""
    means = table.groupby(["prompt", kind])[value].mean().unstack()
    if not {True, False} <= set(means.columns):
        return None
    differences = (means[True] - means[False]).dropna()
    if len(differences) < 2:
        return None
    return Mean(float(differences.mean()), student_t_interval(differences))


# Tables.


def make_reflection_table(relations: Sequence[Relation]) -> Table:
    """Makes the table of relations; "right by" (points) and "longer by" (tokens) are within prompts."""
    header = (
        *("reflection", "responses", "% of all", "95 % interval", "right % with", "without"),
        *("right by", "95 % interval", "longer by"),
    )
    rows = []
    for relation in relations:
        low, high = relation.share.interval.low, relation.share.interval.high
        accuracies = (100 * mean.mean if mean else "–" for mean in (relation.right, relation.right_without))
        rows.append(
            (
                *(relation.kind, relation.n, 100 * relation.share.mean, f"{100 * low:.1f} – {100 * high:.1f}"),
                *accuracies,
                *_format_difference(relation.within),
                f"{relation.longer.mean:+.1f}" if relation.longer else "–",
            )
        )
    return Table(header, rows)


def _format_difference(mean: Mean | None) -> tuple[str, str]:
    if mean is None:
        return "–", "–"
    return format_points(mean.mean), format_points_interval((mean.interval.low, mean.interval.high))


def make_agreement_table(agreements: Sequence[Agreement]) -> Table:
    """Makes the table of agreements with a judge; replies without a verdict count neither as yes nor as no."""
    header = ("reflection", "by the rules", "judged", "genuine", "not", "genuine %", "95 % interval", "no verdict")
    rows = []
    for one in agreements:
        share: float | str = "–" if one.share is None else 100 * one.share
        interval = f"{100 * one.interval.low:.1f} – {100 * one.interval.high:.1f}"
        judged = one.yes + one.no
        rows.append((one.kind, one.flagged, judged, one.yes, one.no, share, interval if judged else "–", one.none))
    return Table(header, rows)
