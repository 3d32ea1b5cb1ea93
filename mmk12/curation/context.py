"""What a stage is, and what it may look at beside the rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from mmk12.curation.image_fingerprints import FingerprintIndex
from mmk12.curation.plan import PlannedBenchmark
from mmk12.curation.similarity import ComparableItem, ImageFingerprint
from mmk12.curation.stage_cache import Outcome, StageOutput
from mmk12.datasets import registry
from mmk12.datasets.declarations import ORIGIN
from mmk12.errors import BadInput
from mmk12.inference import find_model
from mmk12.inference.deployment import Deployment, Model
from mmk12.recipes.schema import Recipe
from mmk12.types import Sample
from mmk12.utils import content, fingerprint
from mmk12.utils.images import ImageStore
from mmk12.utils.progress import Progress, ignore_progress


@dataclass(frozen=True)
class Context:
    """What stages may look at beside the samples.

    `folder` is where their results lie, and the prints of the pictures; a stage may keep a file of its own there.
    `rollouts` is None where no model was given; `tokenizer` is the model whose processor measures prompts. `templates`
    are the recipe's own sources of that kind.
    """

    recipe: Recipe
    caps: Mapping[str, int]
    images: ImageStore
    rollouts: DifficultyModel | None = None
    tokenizer: str | None = None
    progress: Progress = ignore_progress
    folder: Path = Path(".stages")
    raw_dir: Path | None = None
    benchmarks: tuple[PlannedBenchmark, ...] = ()
    templates: frozenset[str] = frozenset()

    @cached_property
    def looks(self) -> FingerprintIndex:
        """The prints of all loaded pictures."""
        return FingerprintIndex(sorted(self.folder.glob("*.looks")))

    def is_template(self, sample: Sample) -> bool:
        """Whether its questions are made from templates, so that equal words on another picture are another question.

        The rows of a published mixture are what the sources are that they come from.
        """
        return str(sample.tags.get(ORIGIN, sample.source)) in self._templates

    @cached_property
    def _templates(self) -> frozenset[str]:
        built_in = {name for name in content.names("source") if registry.load_source(name).template}
        return self.templates | built_in

    def item(self, sample: Sample) -> ComparableItem:
        """A sample as it is compared with others."""
        pictures = [ImageFingerprint(image.width, image.height, self.looks[image]) for image in sample.images]
        return ComparableItem.of(sample.id, sample.question, sample.gold, pictures)


Stage = Callable[[StageOutput, Context], Iterator[Outcome]]


@dataclass(frozen=True, slots=True)
class DifficultyModel:
    """Which model answers; `n` None is the recipe's number. `folder` is where its answers are kept.

    `allow_failures` goes on without the questions that the engine cannot answer.
    """

    model: str
    backend: str = "auto"
    n: int | None = None
    deployment: Deployment = field(default_factory=Deployment)
    allow_failures: bool = False
    folder: Path = Path("rollouts")

    def at(self, folder: Path) -> DifficultyModel:
        """The same, kept in `folder`."""
        return dataclasses.replace(self, folder=folder)

    def find(self) -> Model:
        """The model, not loaded. Raises `MissingData` if there is none."""
        found = find_model(self.model, self.backend)
        if found.backend == "replay" and Path(found.location).resolve().is_relative_to(self.folder.resolve()):
            raise BadInput(f"{self.model} holds the rollouts of this very folder. Name the model, or another --out.")
        return found

    def key(self) -> list[Any]:
        """What the rates depend on beside the questions and the recipe."""
        found = self.find()
        path = Path(found.location)
        read = (
            fingerprint.hash_folder(path) if path.is_dir() else fingerprint.hash_file(path) if path.is_file() else None
        )
        return [found.backend, read or found.location, self.n, self.allow_failures]
