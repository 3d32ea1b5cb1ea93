"""The folder `k12_benchmark/` of a build: k12.json and images/ in the layout of the published K12-500, and a card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmk12.curation.benchmark_split import DRAWN, OFFICIAL, STRATA, benchmark, stratify
from mmk12.curation.code_hash import hash_code
from mmk12.curation.manifest import BenchmarkRecord
from mmk12.curation.plan import Plan
from mmk12.curation.stage_cache import StageOutput, is_current, save_outputs
from mmk12.datasets.loader import describe_location, hash_samples, load_samples, locate_dataset, to_plain
from mmk12.datasets.registry import load_benchmark
from mmk12.errors import MissingData
from mmk12.types import Sample
from mmk12.utils import content, fingerprint, storage, templating
from mmk12.utils.images import ImageStore

FOLDER = "k12_benchmark"


def write_benchmark(
    out: Path, plan: Plan, images: ImageStore, outputs: Mapping[str, StageOutput]
) -> BenchmarkRecord | None:
    """Fills the folder as the recipe says and returns its part of the manifest; None if the recipe wants no benchmark.

    `outputs` are those of the stages, by name and in order; `images` holds the images of the mixture. The published
    questions are optional: where the raw folder has none, `missing` of the return value says where to get them.
    """
    settings, folder = plan.recipe.data.benchmark, out / FOLDER
    store = ImageStore(folder / "images")
    if settings is None:
        _remove_stale_files(folder, store, [])
        return None
    if settings.source == OFFICIAL:
        try:
            items = _read_official(out, plan.raw_dir, store)
        except MissingData:
            _remove_stale_files(folder, store, [])
            return BenchmarkRecord(source=OFFICIAL, missing=load_benchmark("k12").url)
        license_ = load_benchmark("k12").license
    else:
        items = _copy_sampled(outputs, images, store)
        license_ = next(one.source.license for one in plan.available if one.name == settings.source)
    rows = [_make_row(item, store) for item in items]
    _remove_stale_files(folder, store, items)
    storage.write_json(folder / "k12.json", rows)
    digest = hash_samples(items)
    counts = {name: _count_values(name, items) for name in STRATA}
    record = BenchmarkRecord(
        source=settings.source,
        size=len(items),
        license=license_,
        seed=plan.recipe.data.seed,
        digest=digest,
        strata={name: values for name, values in counts.items() if values},
        published=digest == load_benchmark("k12").content,
    )
    storage.write_text(folder / "README.md", templating.render_template("k12_card.md.j2", benchmark=record))
    return record


def _read_official(out: Path, raw_dir: Path | None, store: ImageStore) -> list[Sample]:
    """Reads the published questions; they are decoded once per raw folder."""
    declared = load_benchmark("k12")
    files = locate_dataset(declared, raw_dir)
    location = describe_location(declared, files) if files.folder is None else fingerprint.hash_folder(files.folder)
    code = hash_code("mmk12.datasets.loader", "mmk12.curation.stage_cache", content.find("benchmark", "k12"))
    path, key = out / ".stages" / "k12.jsonl", fingerprint.hash_json(code, location)
    if not (is_current(path, key) and StageOutput(path).has_images(store)):
        save_outputs(path, key, load_samples(declared, files, store))
    return list(StageOutput(path))


def _copy_sampled(outputs: Mapping[str, StageOutput], images: ImageStore, store: ImageStore) -> list[Sample]:
    """Returns the questions that the stage has sampled, after copying their images."""
    stages = list(outputs)
    number = stages.index(benchmark.__name__)
    chosen = {drop.id for drop in outputs[stages[number]].drops() if drop.reason == DRAWN}
    items = [sample for sample in outputs[stages[number - 1]] if sample.id in chosen]
    for item in items:
        for image in item.images:
            source = images.path(image)
            storage.write_bytes(store.folder / source.name, source.read_bytes())
    return items


def _make_row(item: Sample, store: ImageStore) -> dict[str, str]:
    return {
        "id": item.id.removeprefix(f"{item.source}/"),
        "question": to_plain(item),
        "answer": item.gold.text,
        "image_path": f"images/{store.path(item.images[0]).name}",
    }


def _count_values(name: str, items: Sequence[Sample]) -> dict[str, int]:
    """The number of questions by the value of one of `STRATA`, the most frequent first."""
    counts = Counter(strata[name] for strata in map(stratify, items) if name in strata)
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


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
