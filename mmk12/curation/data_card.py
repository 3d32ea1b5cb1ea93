"""Writes the reports of a build: drop log, manifest, data card, figures and a sheet of samples. They hold no times."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mmk12.curation.decontamination import COUNTS_FILE, decontaminate, measure_overlap
from mmk12.curation.difficulty import DifficultyModel, RolloutSettings, read_pass_rates
from mmk12.curation.export import SPLITS, STATISTICS_FILE
from mmk12.curation.hub_card import CARD_FILE, LICENSE_FILE, list_licenses, make_head
from mmk12.curation.manifest import (
    BenchmarkRecord,
    ComparedBenchmark,
    DecontaminationRecord,
    DifficultyRecord,
    Manifest,
    OverlapCounts,
)
from mmk12.curation.paper_counts import compare_with_paper
from mmk12.curation.plan import Plan
from mmk12.curation.sampling import sample_evenly
from mmk12.curation.stage_cache import StageOutput
from mmk12.plotting import plot
from mmk12.types import IMAGE_MARK, DroppedSample
from mmk12.utils import fingerprint, storage, templating
from mmk12.utils.images import ImageStore
from mmk12.utils.rich_text import render_answer, render_text, to_html
from mmk12.utils.shards import find_files
from mmk12.utils.storage import replace_file, to_json

SHEET_ROWS = 24
"""The number of rows in samples.html."""
_HASHED = ("train.jsonl", "statistics.json", "drops.jsonl")
_OLD_CARD = "DATA_CARD.md"
"""The card of release 0.1.0 in the same folder, which would go out of date."""
_FIGURES = ("sources", "image_sizes", "prompt_lengths")


def write_drops(out: Path, outputs: Iterable[StageOutput]) -> None:
    """Writes drops.jsonl: the rows that every stage dropped, in order of stage, then of input.

    A line is a `DroppedSample`. Its schema version is that of the manifest.
    """
    with replace_file(out / "drops.jsonl") as file:
        for drop in _read_drops(outputs):
            file.write((to_json(dataclasses.asdict(drop)) + "\n").encode("utf-8", "replace"))


def write_manifest(
    out: Path,
    plan: Plan,
    outputs: Mapping[str, StageOutput],
    funnel: Mapping[str, Mapping[str, int]],
    rollouts: DifficultyModel | None,
    benchmark: BenchmarkRecord | None,
) -> Manifest:
    """Writes manifest.json and returns it; `hashes` are of the files that this build has written."""
    written = ["drops.jsonl"]
    if plan.stages[-1] == "export":
        written = [*(path.name for split in SPLITS for path in find_files(out, split)), *_HASHED]
    difficulty = _describe_difficulty(plan, rollouts)
    if difficulty is not None:
        written.append("rollouts/pass_rates.jsonl")
    manifest = Manifest(
        recipe=plan.recipe,
        instead_of=plan.instead_of,
        limit=plan.limit,
        stages=list(plan.stages),
        sources={name: dict(steps) for name, steps in funnel.items()},
        missing=sorted(plan.missing),
        licenses={planned.name: planned.source.license for planned in plan.available},
        read_from={planned.name: planned.read_from(plan.raw_dir) for planned in plan.available},
        benchmarks_read_from={planned.name: planned.read_from(plan.raw_dir) for planned in plan.compared},
        decontamination=_describe_decontamination(out, plan, outputs),
        difficulty=difficulty,
        benchmark=benchmark,
        hashes={name: fingerprint.hash_file(out / name) for name in written},
        versions=fingerprint.package_versions(),
    )
    manifest.write(out)
    return manifest


def _describe_decontamination(
    out: Path, plan: Plan, outputs: Mapping[str, StageOutput]
) -> DecontaminationRecord | None:
    """What the rows were compared with and not compared with, and the copies; None before that stage."""
    rows = outputs.get(decontaminate.__name__)
    if rows is None:
        return None
    counts = storage.read_json(out / ".stages" / COUNTS_FILE)
    return DecontaminationRecord(
        compared={name: ComparedBenchmark(**count) for name, count in counts.items()},
        not_compared=sorted(plan.not_compared),
        overlap={
            source: {name: OverlapCounts(**rows_by) for name, rows_by in benchmarks.items()}
            for source, benchmarks in measure_overlap(rows.drops()).items()
        },
    )


def _describe_difficulty(plan: Plan, rollouts: DifficultyModel | None) -> DifficultyRecord | None:
    """How pass rates were measured, and the rows of each source by right answers; None where nothing was measured."""
    if rollouts is None or "difficulty" not in plan.stages:
        return None
    settings = RolloutSettings.read(rollouts.folder)
    if settings is None:  # no row was left to ask about
        return None
    right: dict[str, list[int]] = {}
    for rate in read_pass_rates(rollouts.folder):
        right.setdefault(rate.source, [0] * (rate.n + 1))[rate.right] += 1
    return DifficultyRecord.of(settings, plan.recipe.data.difficulty.keep, right)


def write_card(
    out: Path,
    plan: Plan,
    manifest: Manifest,
    outputs: Iterable[StageOutput],
    rows: StageOutput,
    images: ImageStore,
) -> None:
    """Writes README.md, LICENSE.md, the figures and samples.html, which shows some of `rows` with their `images`."""
    reasons = Counter((drop.source, drop.stage, drop.reason) for drop in _read_drops(outputs))
    statistics = storage.read_json(out / STATISTICS_FILE)
    compared = manifest.decontamination.compared if manifest.decontamination is not None else {}
    licenses = list_licenses(plan, statistics["origins"], manifest.sources)
    text = templating.render_template("license.md.j2", licenses=licenses, benchmark=manifest.benchmark)
    storage.write_text(out / LICENSE_FILE, text)
    card = templating.render_template(
        "data_card.md.j2",
        head=make_head(out, manifest.recipe.name, licenses, manifest.benchmark),
        manifest=manifest,
        steps=list(next(iter(manifest.sources.values()))),
        reasons=sorted(reasons.items()),
        families=list(dict.fromkeys(name.partition(":")[0] for name in compared)),
        statistics=statistics,
        long_prompts=_count_long_prompts(plan, statistics["prompt_lengths"]),
        paper_counts=compare_with_paper(statistics["origins"], {one.name: one.source.size for one in plan.sources}),
    )
    storage.write_text(out / CARD_FILE, card)
    (out / _OLD_CARD).unlink(missing_ok=True)
    for name in _FIGURES:
        plot(name, [out], out / "figures" / f"{name}.png")
    if manifest.difficulty is None:
        (out / "figures" / "difficulty.png").unlink(missing_ok=True)
    else:
        plot("difficulty", [out], out / "figures" / "difficulty.png")
    sheet = templating.render_template(
        "samples.html.j2",
        recipe=manifest.recipe.name,
        total=len(rows),
        samples=list(_select_sheet_rows(rows, images, plan.recipe.data.seed)),
    )
    storage.write_text(out / "samples.html", sheet)


def _count_long_prompts(plan: Plan, lengths: Mapping[str, Any]) -> tuple[int, int] | None:
    """Returns (the training's bound, rows whose prompts are longer); None without a training or without tokens."""
    training = plan.recipe.train or plan.recipe.sft
    if training is None or lengths["unit"] != "tokens":
        return None
    counts = (count for by_length in lengths["counts"].values() for count in by_length)
    return training.max_prompt, sum(rows for length, rows in counts if length > training.max_prompt)


def _select_sheet_rows(rows: StageOutput, images: ImageStore, seed: int) -> Iterator[dict[str, object]]:
    """Some rows of each source, in proportion, as the template shows them."""
    sources = {sample.id: sample.source for sample in rows}
    chosen = sample_evenly(sources, min(SHEET_ROWS, len(sources)), f"sheet/{seed}")
    for sample in rows:
        if sample.id in chosen:
            question, gold = sample.question.replace(IMAGE_MARK, "").strip(), sample.gold
            yield {
                "sample": sample,
                "question": to_html(render_text(question), question),
                "gold": to_html(render_answer(gold.text), gold.text),
                "choices": [to_html(render_answer(choice), choice) for choice in gold.choices],
                "pictures": [images.path(image).name for image in sample.images],
                "tags": {name: tag for name, tag in sample.tags.items() if tag},
            }


def _read_drops(outputs: Iterable[StageOutput]) -> Iterator[DroppedSample]:
    for output in outputs:
        yield from output.drops()
