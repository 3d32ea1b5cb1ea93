"""`build_data`: runs the stages of a recipe one after the other, and writes what they came to.

    load -> normalise -> verifiable -> duplicates -> decontaminate -> benchmark -> difficulty -> cap -> export

Each stage leaves its outcomes in `.stages/` under a key of all that decides them, so a build that was killed goes
on at the stage where it was, and a build of the same recipe on the same data gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mmk12.curation import data_card, image_fingerprints
from mmk12.curation.benchmark_split import write_benchmark
from mmk12.curation.context import Context, DifficultyModel
from mmk12.curation.decontamination import decontaminate
from mmk12.curation.difficulty import difficulty, read_pass_rates
from mmk12.curation.export import export
from mmk12.curation.filters import STAGES
from mmk12.curation.plan import Plan, make_plan
from mmk12.curation.stage_cache import Outcome, StageOutput, is_current, save_outputs
from mmk12.datasets.loader import load_samples
from mmk12.errors import BadInput, MissingData, UnknownName
from mmk12.inference.prompt_length import LengthMeter, meter_by_processor, meter_by_rollouts
from mmk12.recipes.recipe_loader import load_recipe
from mmk12.utils import fingerprint, storage
from mmk12.utils.images import ImageStore
from mmk12.utils.progress import Progress, ignore_progress

# Everything that a build writes once its rows are chosen: training files, benchmark folder, papers and figures.


Funnel = dict[str, dict[str, int]]


def write_outputs(plan: Plan, context: Context, out: Path, done: Mapping[str, StageOutput], funnel: Funnel) -> None:
    """Writes the outputs of a build into `out`; `done` are the outcomes of its stages by name, in order.

    Adds the rows of both training files to `funnel`. A build that stops before the export has only a ledger and a
    manifest.
    """
    data_card.write_drops(out, done.values())
    if plan.stages[-1] != "export":
        data_card.write_manifest(out, plan, context, done, funnel, None)
        return
    rows = list(done.values())[-1]
    if not rows.kept:
        raise BadInput(f"No row is left to train on; {out / 'drops.jsonl'} says why, row by row.")
    for split, counts in export(rows, context, out, _make_length_meter(context)).items():
        for name, steps in funnel.items():
            steps[split] = counts.get(name, 0)
    benchmark = write_benchmark(out, plan, context.images, done)
    manifest = data_card.write_manifest(out, plan, context, done, funnel, benchmark)
    data_card.write_card(out, plan, context, manifest, done.values(), rows)


def _make_length_meter(context: Context) -> LengthMeter | None:
    """How prompts are measured: by a tokenizer that was named, else by the engine that answered them."""
    if context.tokenizer is not None:
        return meter_by_processor(context.tokenizer)
    if context.rollouts is None:
        return None
    rates = read_pass_rates(context.rollouts.folder)
    counted = {row["id"]: row["prompt_tokens"] for row in rates}
    return meter_by_rollouts(counted) if any(count is not None for count in counted.values()) else None


STEPS = ("load", *(stage.__name__ for stage in STAGES), "export")
"""The names that `until` takes, in order."""

_ENDINGS = (".json", ".jsonl", ".looks")


@dataclass(frozen=True, slots=True)
class Build:
    """What a build came to. `funnel` is {source: {step: rows left}}, empty for a dry run; `out` holds the files."""

    plan: Plan
    out: Path
    funnel: Mapping[str, Mapping[str, int]]


def build_data(
    recipe: str = "mm_eureka_8b",
    *,
    raw_dir: Path | None = None,
    out: Path,
    limit: int | None = None,
    until: str | None = None,
    allow_missing: bool = False,
    seed: int | None = None,
    dry_run: bool = False,
    rollouts: DifficultyModel | None = None,
    tokenizer: str | None = None,
    progress: Progress = ignore_progress,
) -> Build:
    """Builds the mixture of `recipe` into the folder `out`; the same call goes on where a kill stopped it.

    `limit` reads only so many rows of each source, `until` stops after that stage (with ledger and manifest, without
    export), `dry_run` returns the plan. `rollouts` is the model of the difficulty filter, without which no row is left
    out for its difficulty; `tokenizer` the model whose processor measures prompts.
    Raises `MissingData` naming all sources that are not there, before any work.
    """
    chosen = load_recipe(recipe).with_seed(seed)
    if until is not None and until not in STEPS:
        raise UnknownName("stage", until, STEPS)
    if limit is not None and limit < 1:
        raise BadInput(f"--limit must be 1 or more, not {limit}.")
    steps = STEPS[: STEPS.index(until or "export") + 1]
    plan = make_plan(chosen, steps, raw_dir, limit)
    if dry_run:
        return Build(plan, out, {})
    plan.require(allow_missing)
    placed = rollouts.at(out / "rollouts") if rollouts is not None else None
    if placed is not None:
        placed.find()
    with storage.lock_folder(out):
        return Build(plan, out, _Run(plan, out, placed, tokenizer, progress).run())


class _Run:
    """One build under the folder's lock."""

    def __init__(
        self, plan: Plan, out: Path, rollouts: DifficultyModel | None, tokenizer: str | None, progress: Progress
    ) -> None:
        self.plan, self.out, self.progress = plan, out, progress
        caps = {planned.name: planned.cap for planned in plan.found if planned.cap is not None}
        self.folder = out / ".stages"
        self.context = Context(
            recipe=plan.recipe,
            caps=caps,
            images=ImageStore(out / "images"),
            rollouts=rollouts,
            tokenizer=tokenizer,
            progress=progress,
            folder=self.folder,
            raw_dir=plan.raw_dir,
            benchmarks=plan.compared,
            templates=frozenset(planned.name for planned in plan.found if planned.source.template),
        )
        self.funnel: dict[str, dict[str, int]] = {planned.name: {} for planned in plan.found}

    def run(self) -> Mapping[str, Mapping[str, int]]:
        for folder in (self.out, self.out / "images", self.out / "figures", self.folder):
            storage.remove_leftovers(folder)
        done = self._filter(*self._load())
        write_outputs(self.plan, self.context, self.out, done, self.funnel)
        return self.funnel

    def _load(self) -> tuple[str, StageOutput]:
        """The loaded rows of all sources and their key. Pictures of another key are removed first."""
        found = self.plan.found
        key = fingerprint.hash_json(
            fingerprint.hash_code(),
            fingerprint.package_versions(),
            self.plan.limit,
            [planned.key() for planned in found],
        )
        paths = [self.folder / f"0-load-{number}-{planned.name}.jsonl" for number, planned in enumerate(found)]
        ready = [path for path in paths if _is_loaded(path, key)]
        if not (ready and self._has_pictures(StageOutput(*ready))):
            self._reset()
        for planned, path in zip(found, paths, strict=True):
            if not _is_loaded(path, key):
                with image_fingerprints.write_fingerprints(path.with_suffix(".looks")) as prints:
                    store = ImageStore(self.context.images.folder, watch=prints)
                    rows = load_samples(planned.source, self.plan.raw_dir, store, self.plan.limit)
                    expected = self.plan.limit or planned.source.size or 0
                    save_outputs(path, key, self._shown(f"load {planned.name}", rows, expected))
        loaded = StageOutput(*paths)
        self._count("read", loaded.read)
        self._count("load", loaded.kept)
        return key, loaded

    def _filter(self, key: str, samples: StageOutput) -> dict[str, StageOutput]:
        """The outcomes of all stages that are to run by name, the loaded rows first."""
        done = {STEPS[0]: samples}
        rollouts = self.context.rollouts
        more = {
            decontaminate.__name__: [planned.key() for planned in self.plan.compared],
            difficulty.__name__: rollouts.key() if rollouts is not None else None,
        }
        for number, stage in enumerate(STAGES, 1):
            name = stage.__name__
            if name in self.plan.stages:
                key = fingerprint.hash_json(key, name, self.plan.recipe.model_dump(), more.get(name))
                path = self.folder / f"{number}-{name}.jsonl"
                before = list(done.values())[-1]
                if not is_current(path, key):
                    save_outputs(path, key, self._shown(name, stage(before, self.context), len(before)))
                done[name] = StageOutput(path)
                self._count(name, done[name].kept)
        return done

    def _has_pictures(self, samples: StageOutput) -> bool:
        try:
            return all(self.context.images.path(image) for sample in samples for image in sample.images)
        except MissingData:
            return False

    def _reset(self) -> None:
        """Removes the intermediate results of another recipe or code, so that nothing of them can show through."""
        with storage.open_for_writing(self.out):
            results = (path for ending in _ENDINGS for path in self.folder.glob(f"*{ending}"))
            for path in [*results, *self.context.images.files()]:
                path.unlink()

    def _count(self, step: str, counts: Mapping[str, int]) -> None:
        for name, steps in self.funnel.items():
            steps[step] = counts.get(name, 0)

    def _shown(self, label: str, outcomes: Iterable[Outcome], total: int) -> Iterator[Outcome]:
        for done, outcome in enumerate(outcomes, 1):
            self.progress(label, done, total)
            yield outcome


def _is_loaded(path: Path, key: str) -> bool:
    """Whether the rows of a source and the prints of their pictures are there."""
    return is_current(path, key) and path.with_suffix(".looks").is_file()
