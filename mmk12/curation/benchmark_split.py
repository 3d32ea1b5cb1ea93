"""The stage that draws a benchmark of the kind of K12-500 and keeps the mixture apart from it.

Of the kind of K12-500 is a fill-in-the-blank question with one figure and one answer that a rule can check. The draw
is in proportion to grade, topic and type of answer, as far as they are known, and decided by seed and ids alone.
Whatever shares a figure with a drawn question leaves the mixture too, and so does whatever `decontaminate` would take
for a copy of one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from mmk12.curation.context import Context
from mmk12.curation.decontamination import find_copies
from mmk12.curation.plan import Plan
from mmk12.curation.sampling import rank, sample_evenly
from mmk12.curation.similarity import ItemIndex
from mmk12.curation.stage_cache import Outcome, StageOutput, is_current, save_outputs
from mmk12.datasets.loader import hash_samples, load_samples, locate_dataset, to_plain
from mmk12.datasets.registry import load_benchmark
from mmk12.errors import BadInput, MissingData
from mmk12.types import IMAGE_MARK, DroppedSample, Sample
from mmk12.utils import fingerprint, storage, templating
from mmk12.utils.images import ImageStore
from mmk12.verifier import classify_gold

# `k12_benchmark/`: k12.json and images/ in the layout of the published K12-500, and a card.


FOLDER = "k12_benchmark"


def write_benchmark(
    out: Path, plan: Plan, pictures: ImageStore, done: Mapping[str, StageOutput]
) -> dict[str, Any] | None:
    """Fills the folder as the recipe says and returns what manifest.json tells of it; None if there is none to make.

    `done` are the outcomes of the stages by name. The published questions are optional: where the raw folder has none,
    the return value says where they are `missing` from.
    """
    wanted, folder = plan.recipe.data.benchmark, out / FOLDER
    store = ImageStore(folder / "images")
    if wanted is None:
        _remove_stale_files(folder, store, [])
        return None
    if wanted.source == OFFICIAL:
        try:
            items = _read_official(out, plan.raw_dir, store)
        except MissingData:
            _remove_stale_files(folder, store, [])
            return {"source": OFFICIAL, "missing": load_benchmark("k12").url}
        license_ = load_benchmark("k12").license
    else:
        items = _sample_official(done, pictures, store)
        license_ = next(one.source.license for one in plan.found if one.name == wanted.source)
    rows = [_row(item, store) for item in items]
    _remove_stale_files(folder, store, items)
    storage.write_json(folder / "k12.json", rows)
    found = {
        "source": wanted.source,
        "size": len(items),
        "license": license_,
        "seed": plan.recipe.data.seed,
        "digest": hash_samples(items),
        "strata": {name: _count_types(name, items) for name in STRATA if _count_types(name, items)},
    }
    found["published"] = found["digest"] == load_benchmark("k12").content
    storage.write_text(folder / "README.md", templating.render_template("k12_card.md.j2", **found))
    return found


def _read_official(out: Path, raw_dir: Path | None, store: ImageStore) -> list[Sample]:
    """The published questions; they are decoded once per raw folder."""
    declared = load_benchmark("k12")
    files = locate_dataset(declared, raw_dir)
    read = str(declared.hub) if files.folder is None else fingerprint.hash_folder(files.folder)
    path, key = (
        out / ".stages" / "k12.jsonl",
        fingerprint.hash_json(fingerprint.hash_code(), fingerprint.package_versions(), read),
    )
    if not (is_current(path, key) and _has_all(store, StageOutput(path))):
        save_outputs(path, key, load_samples(declared, raw_dir, store))
    return list(StageOutput(path))


def _has_all(store: ImageStore, samples: StageOutput) -> bool:
    try:
        return all(store.path(image) for sample in samples for image in sample.images)
    except MissingData:
        return False


def _sample_official(done: Mapping[str, StageOutput], pictures: ImageStore, store: ImageStore) -> list[Sample]:
    """The questions that the stage has drawn, their pictures copied."""
    stages = list(done)
    place = stages.index(benchmark.__name__)
    chosen = {drop.id for drop in done[stages[place]].drops() if drop.reason == DRAWN}
    items = [sample for sample in done[stages[place - 1]] if sample.id in chosen]
    for item in items:
        for image in item.images:
            source = pictures.path(image)
            storage.write_bytes(store.folder / source.name, source.read_bytes())
    return items


def _row(item: Sample, store: ImageStore) -> dict[str, str]:
    path = store.path(item.images[0])
    return {
        "id": _id(item),
        "question": to_plain(item),
        "answer": item.gold.text,
        "image_path": f"images/{path.name}",
    }


def _id(item: Sample) -> str:
    return item.id.removeprefix(f"{item.source}/")


def _count_types(name: str, items: Sequence[Sample]) -> dict[str, int]:
    found = Counter(stratify(item)[name] for item in items if name in stratify(item))
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def _remove_stale_files(folder: Path, store: ImageStore, items: Sequence[Sample]) -> None:
    """Removes what an earlier build has left here and this one does not write."""
    kept = {store.path(image).name for item in items for image in item.images}
    with storage.open_for_writing(folder):
        for path in store.files():
            if path.name not in kept:
                path.unlink()
        if not items:
            for name in ("k12.json", "README.md"):
                (folder / name).unlink(missing_ok=True)


OFFICIAL = "official"
"""The source that stands for the published 500, for which nothing is drawn."""
DRAWN = "drawn for the benchmark"
"""The reason under which drawn rows stand in the ledger."""
STRATA = ("grade", "topic", "answer_type")

_ONE_ANSWER = {
    "number",
    "numeric expression",
    "algebraic expression",
    "degrees",
    "number with unit",
    "tuple or interval",
    "equation",
    "inequality",
    "relation",
    "ratio or time",
}
"""Types of gold that are neither a list nor a letter nor words."""
_OPTIONS = re.compile(r"(?:^|[\s(（])A\s?[.)、．）].{0,400}?[\s(（]B\s?[.)、．）]", re.DOTALL)
_ROWS = 256
"""Rows that are compared with the benchmark at once."""


def benchmark(samples: StageOutput, context: Context) -> Iterator[Outcome]:
    """Takes the recipe's benchmark out of the mixture; without one, all rows stay."""
    wanted = context.recipe.data.benchmark
    if wanted is None or wanted.source == OFFICIAL:
        yield from samples
        return
    salt = f"benchmark/{context.recipe.data.seed}"
    fit = (sample for sample in samples if sample.source == wanted.source and is_fill_in_the_blank(sample))
    pool = _drop_repeats(fit, salt, context)
    if len(pool) < wanted.size:
        raise BadInput(
            f"data.benchmark: {len(pool)} different questions of the source '{wanted.source}' are fit for a benchmark, "
            f"not {wanted.size}. Ask for a smaller size."
        )
    chosen = sample_evenly({one.id: " · ".join(stratify(one).values()) for one in pool}, wanted.size, salt)
    yield from _remove_leaks(samples, [one for one in pool if one.id in chosen], context)


def is_fill_in_the_blank(sample: Sample) -> bool:
    """Whether K12-500 could hold such a question: one figure in front, no options, one answer."""
    figure, body = len(sample.images) == 1, sample.question.removeprefix(IMAGE_MARK)
    written = not sample.gold.choices and not _OPTIONS.search(body)
    return figure and body != sample.question and written and classify_gold(sample.gold).type in _ONE_ANSWER


def stratify(sample: Sample) -> dict[str, str]:
    """What is known of a question of `STRATA`."""
    known = {**sample.tags, "answer_type": classify_gold(sample.gold).type}
    return {name: str(known[name]) for name in STRATA if name in known}


def _drop_repeats(samples: Iterable[Sample], salt: str, context: Context) -> list[Sample]:
    """One question of all that share a figure, or a text where texts tell questions apart."""
    seen: set[str] = set()
    found = []
    for sample in sorted(samples, key=lambda one: rank(one.id, salt)):
        text = () if context.is_template(sample) else (" ".join(sample.question.split()),)
        keys = {sample.images[0].sha256, *text}
        if seen.isdisjoint(keys):
            found.append(sample)
        seen |= keys
    return found


def _remove_leaks(samples: Iterable[Sample], drawn: list[Sample], context: Context) -> Iterator[Outcome]:
    """The rows without those that are drawn, or give one of them away."""
    reference = ItemIndex([context.item(sample) for sample in drawn])
    chosen = {sample.id for sample in drawn}
    figures = {sample.images[0].sha256: sample.id for sample in drawn}
    rows = iter(samples)
    while batch := list(islice(rows, _ROWS)):
        items = [context.item(sample) for sample in batch]
        for sample, item, matches in zip(batch, items, reference.matches(items), strict=True):
            figure = next((figures[image.sha256] for image in sample.images if image.sha256 in figures), None)
            found = find_copies(item, reference.items, matches, context.is_template(sample))
            if sample.id in chosen:
                yield _drop(sample, DRAWN, " · ".join(stratify(sample).values()))
            elif figure is not None:
                yield _drop(sample, "has a figure of the benchmark", figure)
            elif found:
                yield _drop(sample, f"copies a question of the benchmark ({found[0].by})", str(found[0]))
            else:
                yield sample


def _drop(sample: Sample, reason: str, evidence: str) -> DroppedSample:
    return DroppedSample(sample.id, sample.source, "benchmark", reason, evidence)
