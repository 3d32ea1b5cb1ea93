"""The papers of a build: ledger, manifest, card, figures and sample sheet. Nothing in them has a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mmk12.curation.context import Context, DifficultyModel
from mmk12.curation.decontamination import COMPARED, decontaminate, measure_overlap
from mmk12.curation.difficulty import read_pass_rates
from mmk12.curation.paper_counts import compare_with_paper
from mmk12.curation.plan import Plan
from mmk12.curation.sampling import sample_evenly
from mmk12.curation.stage_cache import StageOutput
from mmk12.plotting import plot
from mmk12.types import IMAGE_MARK, DroppedSample
from mmk12.utils import fingerprint, storage, templating
from mmk12.utils.storage import replace_file, to_json

SHEET_ROWS = 24
_HASHED = ("train.parquet", "val.parquet", "train.jsonl", "statistics.json", "drops.jsonl")
_FIGURES = ("sources", "image_sizes", "prompt_lengths")


def write_drops(out: Path, done: Iterable[StageOutput]) -> None:
    """Writes drops.jsonl: the rows that every stage dropped, in order of stage, then of input."""
    with replace_file(out / "drops.jsonl") as file:
        for drop in _drops(done):
            row = {"id": drop.id, "source": drop.source, "stage": drop.stage}
            line = to_json({**row, "reason": drop.reason, "evidence": drop.evidence}) + "\n"
            file.write(line.encode("utf-8", "replace"))


def write_manifest(
    out: Path,
    plan: Plan,
    context: Context,
    done: Mapping[str, StageOutput],
    funnel: Mapping[str, Mapping[str, int]],
    benchmark: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Writes manifest.json and returns its contents; `hashes` are of the files that this build has written."""
    written = _HASHED if plan.stages[-1] == "export" else ("drops.jsonl",)
    difficulty = _difficulty(plan, context.rollouts)
    if difficulty is not None:
        written = (*written, "rollouts/pass_rates.jsonl")
    manifest = {
        "recipe": plan.recipe.model_dump(),
        "instead_of": plan.instead_of,
        "limit": plan.limit,
        "stages": list(plan.stages),
        "sources": {name: dict(steps) for name, steps in funnel.items()},
        "missing": sorted(plan.missing),
        "licenses": {planned.name: planned.source.license for planned in plan.found},
        "read_from": {planned.name: planned.read_from(plan.raw_dir) for planned in plan.found},
        "decontamination": _decontamination(plan, context, done),
        "difficulty": difficulty,
        "benchmark": benchmark,
        "hashes": {name: fingerprint.hash_file(out / name) for name in written},
        "versions": fingerprint.package_versions(),
    }
    storage.write_json(out / "manifest.json", manifest)
    return manifest


def _decontamination(plan: Plan, context: Context, done: Mapping[str, StageOutput]) -> dict[str, Any] | None:
    """What the rows were compared with and not compared with, and what was found; None before that stage."""
    rows = done.get(decontaminate.__name__)
    if rows is None:
        return None
    return {
        "compared": storage.read_json(context.folder / COMPARED),
        "not_compared": sorted(plan.not_compared),
        "overlap": measure_overlap(rows.drops()),
    }


def _difficulty(plan: Plan, rollouts: DifficultyModel | None) -> dict[str, Any] | None:
    """What was measured, and the rows of each source by the number of right answers; None where nothing was."""
    if rollouts is None or "difficulty" not in plan.stages:
        return None
    path = rollouts.folder / "settings.json"
    if not path.is_file():  # there was no row to ask about
        return None
    settings = storage.read_json(path)
    counts: dict[str, list[int]] = {}
    for rate in read_pass_rates(rollouts.folder):
        counts.setdefault(rate["source"], [0] * (rate["n"] + 1))[rate["right"]] += 1
    return {**settings, "keep": plan.recipe.data.difficulty.keep, "right": counts}


def write_card(
    out: Path, plan: Plan, context: Context, manifest: Mapping[str, Any], done: Iterable[StageOutput], rows: StageOutput
) -> None:
    """Writes DATA_CARD.md, its figures and samples.html, which shows some of `rows`."""
    reasons = Counter((drop.source, drop.stage, drop.reason) for drop in _drops(done))
    statistics = storage.read_json(out / "statistics.json")
    facts = {
        "manifest": manifest,
        "steps": list(next(iter(manifest["sources"].values()))),
        "reasons": sorted(reasons.items()),
        "families": list(dict.fromkeys(name.partition(":")[0] for name in manifest["decontamination"]["compared"])),
        "statistics": statistics,
        "beside": compare_with_paper(statistics["origins"], {one.name: one.source.size for one in plan.sources}),
    }
    storage.write_text(out / "DATA_CARD.md", templating.render_template("data_card.md.j2", **facts))
    for name in _FIGURES:
        plot(name, [out], out / "figures" / f"{name}.png")
    if manifest["difficulty"] is None:
        (out / "figures" / "difficulty.png").unlink(missing_ok=True)
    else:
        plot("difficulty", [out], out / "figures" / "difficulty.png")
    sheet = {"recipe": manifest["recipe"]["name"], "total": len(rows), "samples": list(_sample_rows(rows, context))}
    storage.write_text(out / "samples.html", templating.render_template("samples.html.j2", **sheet))


def _sample_rows(rows: StageOutput, context: Context) -> Iterator[dict[str, Any]]:
    """Some rows of each source, in proportion."""
    sources = {sample.id: sample.source for sample in rows}
    chosen = sample_evenly(sources, min(SHEET_ROWS, len(sources)), f"sheet/{context.recipe.data.seed}")
    for sample in rows:
        if sample.id in chosen:
            yield {
                "sample": sample,
                "question": sample.question.replace(IMAGE_MARK, "").strip(),
                "pictures": [context.images.path(image).name for image in sample.images],
                "tags": {name: tag for name, tag in sample.tags.items() if tag},
            }


def _drops(done: Iterable[StageOutput]) -> Iterator[DroppedSample]:
    for outcomes in done:
        yield from outcomes.drops()
