"""`build_data` runs the stages of a recipe one after the other, and writes the training files and the reports.

    load -> normalise -> verifiable -> duplicates -> decontaminate -> benchmark -> difficulty -> cap -> export

Each stage leaves its output in `.stages/` under a key: the hash of its input, its settings and its code. So a build
that was killed goes on at the stage where it was, after a change only the affected stages run again, and a
build of the same recipe on the same data gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from mmk12.curation import data_card, image_fingerprints
from mmk12.curation.benchmark_folder import write_benchmark
from mmk12.curation.benchmark_split import OFFICIAL, benchmark
from mmk12.curation.code_hash import hash_code
from mmk12.curation.decontamination import COUNTS_FILE, decontaminate
from mmk12.curation.deduplication import duplicates
from mmk12.curation.difficulty import VERIFIER_CODE, DifficultyModel, PassRateEstimator, difficulty, read_pass_rates
from mmk12.curation.export import export
from mmk12.curation.filters import cap, normalise
from mmk12.curation.manifest import MANIFEST_FILE, check_schema_version
from mmk12.curation.plan import Plan, PlannedSource, make_plan
from mmk12.curation.sampling import draw_ids
from mmk12.curation.similarity import ItemBuilder
from mmk12.curation.stage_cache import Outcome, StageOutput, is_current, save_outputs
from mmk12.curation.verifiability import verifiable
from mmk12.datasets.loader import load_samples, read_samples
from mmk12.datasets.registry import load_source
from mmk12.errors import BadInput, UnknownName
from mmk12.inference import find_model, prompts
from mmk12.inference.prompt_length import LengthMeter, PromptBuilder, meter_by_processor, meter_by_rollouts
from mmk12.recipes.recipe_loader import load_recipe
from mmk12.types import RawSample
from mmk12.utils import content, fingerprint, storage
from mmk12.utils.images import ImageStore
from mmk12.utils.progress import Progress, ignore_progress

STAGES: tuple[Callable[..., Iterator[Outcome]], ...] = (
    normalise,
    verifiable,
    duplicates,
    decontaminate,
    benchmark,
    difficulty,
    cap,
)
"""The stages between loading and export. A new one is added here, and its arguments in `_Run.make_stages`."""
STEPS = ("load", *(stage.__name__ for stage in STAGES), "export")
"""The names that `until` takes, in order."""

_LOADING_CODE = ("mmk12.datasets.loader", "mmk12.curation.image_fingerprints", "mmk12.curation.stage_cache")
_INTERMEDIATE = (".json", ".jsonl", image_fingerprints.ENDING, ".looks")
"""The endings of files in `.stages/`, those of release 0.1.0 included."""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Build:
    """The result of a build. `funnel` is {source: {step: rows left}}, empty for a dry run; `out` holds the files.

    `moved` tells which hub datasets have another commit than in the earlier build of the folder.
    """

    plan: Plan
    out: Path
    funnel: Mapping[str, Mapping[str, int]]
    moved: tuple[str, ...] = ()


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
    """Builds the mixture of a recipe; the same call goes on where a kill stopped it.

    Args:
        recipe: Name of a recipe, or path of a YAML file.
        raw_dir: Folder of the downloaded sources and benchmarks; None reads from the Hugging Face Hub.
        out: Folder that is written.
        limit: Number of rows to read of each source; None for all.
        until: Stage after which to stop, with drop log and manifest but without export; one of `STEPS`.
        allow_missing: Goes on without sources and benchmarks that are not there.
        seed: Seed of sampling and split; None for the recipe's.
        dry_run: Returns the plan and writes nothing.
        rollouts: Model of the difficulty filter; without one, no row is dropped for its difficulty.
        tokenizer: Model whose processor measures prompts in tokens; None measures with what is known.
        progress: Called with a label, a count and a total.

    Raises:
        MissingData: Sources or benchmarks are not there; names all of them, before any work.
        BadInput: An argument is out of range, no row is left, or `out` was written by a newer release.
        OutputError: Another run is writing `out`, or the disk refuses.
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
    moved = _find_moved(plan, _check_folder(out))
    with storage.lock_folder(out):
        return Build(plan, out, _Run(plan, out, placed, tokenizer, progress).run(), moved)


def _check_folder(out: Path) -> Mapping[str, Any]:
    """Returns the manifest of an earlier build in the folder, {} if there is none; it is replaced step by step.

    Raises `BadInput` if it is that of a newer release.
    """
    path = out / MANIFEST_FILE
    manifest = storage.read_json(path) if path.is_file() else {}
    earlier = manifest if isinstance(manifest, dict) else {}
    check_schema_version(earlier, path)
    return earlier


def _find_moved(plan: Plan, earlier: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns a line for each hub dataset that has another commit than in the `earlier` manifest."""
    lines = []
    for key, planned in (("read_from", plan.available), ("benchmarks_read_from", plan.compared)):
        places = earlier.get(key)
        for one in planned:
            before = places.get(one.name) if isinstance(places, dict) else None
            if isinstance(before, str) and before.startswith("hub:") and before != one.where and "hub:" in one.where:
                lines.append(f"{one.name} has moved on the hub, from {before} to {one.where}: it is read again")
    return tuple(lines)


@dataclass(frozen=True, slots=True)
class _Stage:
    """A stage with its arguments: `settings`, JSON values that are part of its key, and other `inputs`.

    `inputs_key` stands for the inputs in the key. `code` is what decides its output beside the stage's own module.
    """

    function: Callable[..., Iterator[Outcome]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    inputs_key: Any = None
    code: tuple[str | Path, ...] = ()

    @property
    def name(self) -> str:
        return self.function.__name__

    def key(self, before: str) -> str:
        """Returns the key of its output; `before` is the key of its input."""
        code = hash_code(self.function.__module__, *self.code)
        return fingerprint.hash_json(before, self.name, code, self.settings, self.inputs_key)

    def run(self, samples: StageOutput) -> Iterator[Outcome]:
        return self.function(samples, **self.settings, **self.inputs)


class _Run:
    """One build under the folder's lock."""

    def __init__(
        self, plan: Plan, out: Path, rollouts: DifficultyModel | None, tokenizer: str | None, progress: Progress
    ) -> None:
        self.plan, self.out, self.rollouts, self.tokenizer, self.progress = plan, out, rollouts, tokenizer, progress
        self.folder = out / ".stages"
        self.images = ImageStore(out / "images")
        self.funnel: dict[str, dict[str, int]] = {planned.name: {} for planned in plan.available}

    def run(self) -> Mapping[str, Mapping[str, int]]:
        """Runs what is not there yet, writes all outputs, and returns the funnel."""
        for folder in (self.out, self.out / "images", self.out / "figures", self.folder):
            storage.remove_leftovers(folder)
        self._write_outputs(self._filter(*self._load()))
        return self.funnel

    def _load(self) -> tuple[str, StageOutput]:
        """Returns the loaded rows of all sources and their key. Images of another key are removed first."""
        sources = self.plan.available
        key = fingerprint.hash_json(
            hash_code(*_LOADING_CODE, *(planned.file for planned in sources)),
            self.plan.limit,
            [planned.key() for planned in sources],
            *([self.plan.recipe.data.seed] if any(planned.collect is not None for planned in sources) else []),
        )
        paths = [self.folder / f"0-load-{number}-{planned.name}.jsonl" for number, planned in enumerate(sources)]
        ready = [path for path in paths if _is_loaded(path, key)]
        if not (ready and StageOutput(*ready).has_images(self.images)):
            self._reset()
        for planned, path in zip(sources, paths, strict=True):
            if not _is_loaded(path, key):
                self._load_source(planned, path, key)
        loaded = StageOutput(*paths)
        self._count("read", loaded.read)
        if loaded.not_drawn:
            self._count("collect", loaded.read - loaded.not_drawn)
        self._count("load", loaded.kept)
        return key, loaded

    def _load_source(self, planned: PlannedSource, path: Path, key: str) -> None:
        """Loads the rows of one source. With `collect`, its text is read first and only drawn rows are decoded."""
        limit, source = self.plan.limit, planned.source
        expected = limit or source.size or 0
        chosen, not_drawn = None, 0
        if planned.collect is not None:
            drafts = islice(read_samples(source, planned.files), limit)
            rows = self._report(f"read {planned.name}", drafts, expected)
            usable = (row.id for row in rows if isinstance(row, RawSample))
            chosen, not_drawn = draw_ids(usable, planned.collect, f"collect/{self.plan.recipe.data.seed}")
            expected = len(chosen)
        with image_fingerprints.write_fingerprints(path.with_suffix(image_fingerprints.ENDING)) as writer:
            store = ImageStore(self.images.folder, watch=writer)
            outcomes = load_samples(source, planned.files, store, limit, chosen)
            counted = {planned.name: not_drawn} if not_drawn else None
            save_outputs(path, key, self._report(f"load {planned.name}", outcomes, expected), counted)

    def _filter(self, key: str, samples: StageOutput) -> dict[str, StageOutput]:
        """Returns the outputs of all stages that are to run by name, the loaded rows first."""
        outputs = {STEPS[0]: samples}
        for number, stage in enumerate(self._make_stages(samples), 1):
            if stage.name in self.plan.stages:
                key = stage.key(key)
                path = self.folder / f"{number}-{stage.name}.jsonl"
                before = list(outputs.values())[-1]
                if not is_current(path, key):
                    save_outputs(path, key, self._report(stage.name, stage.run(before), len(before)))
                outputs[stage.name] = StageOutput(path)
                self._count(stage.name, outputs[stage.name].kept)
        return outputs

    def _make_stages(self, loaded: StageOutput) -> tuple[_Stage, ...]:
        """Returns the stages of this build in order, each with only the settings that affect its output."""
        recipe, data, plan = self.plan.recipe, self.plan.recipe.data, self.plan
        templates = sorted(name for name in loaded.origins if self._is_template(name))
        items = {"build_item": ItemBuilder(self.folder, templates)}
        official = data.benchmark is None or data.benchmark.source == OFFICIAL
        rollouts = self.rollouts if "difficulty" in plan.stages else None
        estimator = PassRateEstimator(rollouts, recipe, self.images, self.progress) if rollouts is not None else None
        return (
            self._make_normalise(),
            _Stage(verifiable, {"reward": recipe.reward.grader, "letters": data.letters}, code=VERIFIER_CODE),
            _Stage(duplicates, inputs=items),
            _Stage(
                decontaminate,
                inputs={
                    **items,
                    "benchmarks": [(planned.benchmark, planned.files) for planned in plan.compared],
                    "counts_file": self.folder / COUNTS_FILE,
                    "progress": self.progress,
                },
                inputs_key=[templates, [planned.key() for planned in plan.compared]],
                code=tuple(planned.file for planned in plan.compared),
            ),
            _Stage(
                benchmark,
                {
                    "source": None if data.benchmark is None or official else data.benchmark.source,
                    "size": 0 if data.benchmark is None or official else data.benchmark.size,
                    "seed": data.seed,
                },
                items,
                templates,
            ),
            _Stage(
                difficulty,
                {"keep": data.difficulty.keep},
                {"estimator": estimator},
                estimator.key if estimator is not None else None,
            ),
            _Stage(
                cap, {"caps": {one.name: one.cap for one in plan.available if one.cap is not None}, "seed": data.seed}
            ),
        )

    def _make_normalise(self) -> _Stage:
        """Returns the stage that leaves out long prompts if the recipe says so and there is a processor to measure."""
        recipe = self.plan.recipe
        training = recipe.train or recipe.sft
        if self.tokenizer is None or training is None or recipe.data.long_prompts == "count":
            return _Stage(normalise)
        meter, build_prompt = self._processor_meter, PromptBuilder(recipe.prompt, self.images)
        location = Path(find_model(self.tokenizer, "hf").location)
        return _Stage(
            normalise,
            {"longest": training.max_prompt},
            {"measure": lambda sample: meter.measure(sample, build_prompt(sample))},
            [
                fingerprint.hash_folder(location) if location.is_dir() else self.tokenizer,
                recipe.image_settings,
                asdict(prompts.find_template(recipe.prompt)),
            ],
            ("mmk12.inference.prompt_length",),
        )

    def _is_template(self, name: str) -> bool:
        """Whether a source, of the recipe or inside a published mixture, makes its questions from templates."""
        planned = {planned.name: planned.source for planned in self.plan.available}
        if name in planned:
            return planned[name].template
        return name in content.names("source") and load_source(name).template

    def _write_outputs(self, outputs: Mapping[str, StageOutput]) -> None:
        """Writes training files, benchmark folder and reports, and adds the rows of both splits to the funnel.

        A build that stops before the export has only a drop log and a manifest.
        """
        data_card.write_drops(self.out, outputs.values())
        if self.plan.stages[-1] != "export":
            data_card.write_manifest(self.out, self.plan, outputs, self.funnel, self.rollouts, None)
            return
        rows = list(outputs.values())[-1]
        if not rows.kept:
            raise BadInput(f"No row is left to train on; {self.out / 'drops.jsonl'} says why, row by row.")
        meter = self._make_length_meter()
        for split, counts in export(rows, self.plan.recipe, self.images, self.out, meter, self.progress).items():
            self._count(split, counts)
        record = write_benchmark(self.out, self.plan, self.images, outputs)
        manifest = data_card.write_manifest(self.out, self.plan, outputs, self.funnel, self.rollouts, record)
        data_card.write_card(self.out, self.plan, manifest, outputs.values(), rows, self.images)

    def _make_length_meter(self) -> LengthMeter | None:
        """Returns how prompts are measured: by the named tokenizer, else by the engine that has answered them."""
        if self.tokenizer is not None:
            return self._processor_meter
        if self.rollouts is None:
            return None
        tokens = {rate.id: rate.prompt_tokens for rate in read_pass_rates(self.rollouts.folder)}
        return meter_by_rollouts(tokens) if any(count is not None for count in tokens.values()) else None

    @cached_property
    def _processor_meter(self) -> LengthMeter:
        assert self.tokenizer is not None
        return meter_by_processor(self.tokenizer, self.plan.recipe.image_settings)

    def _reset(self) -> None:
        """Removes the intermediate results of another recipe or code, so that none of them can be taken for ours."""
        with storage.open_for_writing(self.out):
            results = (path for ending in _INTERMEDIATE for path in self.folder.glob(f"*{ending}"))
            for path in [*results, *self.images.files()]:
                path.unlink()

    def _count(self, step: str, counts: Mapping[str, int]) -> None:
        for name, steps in self.funnel.items():
            steps[step] = counts.get(name, 0)

    def _report(self, label: str, rows: Iterable[T], total: int) -> Iterator[T]:
        """Passes rows on and reports how many there were."""
        for count, row in enumerate(rows, 1):
            self.progress(label, count, total)
            yield row


def _is_loaded(path: Path, key: str) -> bool:
    """Whether the rows of a source and the fingerprints of their images are there."""
    return is_current(path, key) and path.with_suffix(image_fingerprints.ENDING).is_file()
