"""manifest.json, the machine-readable record of a build: its input, the rows after each step, hashes and versions.

Nothing in it depends on time or machine. `schema_version` counts incompatible changes of all JSON files of a build
folder; JSONL files (drops.jsonl, pass_rates.jsonl) have no version of their own on each line, the manifest beside
them carries it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, ValidationError

from mmk12.curation.difficulty import RolloutSettings
from mmk12.errors import BadInput
from mmk12.recipes.recipe_loader import rename_old_keys
from mmk12.recipes.schema import Recipe
from mmk12.utils import storage
from mmk12.utils.config import FrozenModel

MANIFEST_FILE = "manifest.json"
SCHEMA_VERSION = 1
"""The version of the files that this code writes. Folders of release 0.1.0 have none, and count as version 0."""


class ComparedBenchmark(FrozenModel):
    """How much of a benchmark the rows were compared with."""

    model_config = ConfigDict(populate_by_name=True)

    items: int
    images: int = Field(alias="pictures")
    lost_images: int = Field(alias="lost pictures")
    broken_rows: int = Field(alias="broken rows")


class OverlapCounts(FrozenModel):
    """The number of rows that were copies of a benchmark's questions, by what they were known."""

    text: int = 0
    image: int = 0
    both: int = 0


class DecontaminationRecord(FrozenModel):
    """The benchmarks that the rows were and were not compared with; `overlap` is {source: {benchmark: copies}}."""

    compared: dict[str, ComparedBenchmark]
    not_compared: list[str]
    overlap: dict[str, dict[str, OverlapCounts]]


class DifficultyRecord(FrozenModel):
    """How pass rates were measured, and `right`: {source: [rows with 0, 1, …, n right answers]}."""

    model: str
    fingerprint: str
    prompt: dict[str, str]
    reward: str
    sampling: dict[str, float | int]
    n: int
    keep: str
    right: dict[str, list[int]]

    @classmethod
    def of(cls, settings: RolloutSettings, keep: str, right: Mapping[str, list[int]]) -> DifficultyRecord:
        """The record of rollouts with `settings`, of which the pass rates in the range `keep` stay."""
        return cls(**settings.to_json(), keep=keep, right=dict(right))


class BenchmarkRecord(FrozenModel):
    """What is in `k12_benchmark/`. `missing` is the URL of the published questions where they were not there."""

    source: str
    missing: str | None = None
    size: int = 0
    license: str = ""
    seed: int = 0
    digest: str = ""
    strata: dict[str, dict[str, int]] = Field(default_factory=dict)
    published: bool = False


class Manifest(FrozenModel):
    """The contents of manifest.json.

    `sources` holds the rows of each source that were left after each step. `read_from` and `benchmarks_read_from` tell
    where rows came from: a folder below the raw folder, or `hub:ID@COMMIT`. `hashes` holds the sha256 of the files
    that the build has written. `difficulty` is None where no pass rate was measured, `decontamination` where the build
    stopped before that stage, `benchmark` where the recipe wants none.
    """

    schema_version: int = SCHEMA_VERSION
    recipe: Recipe
    instead_of: str
    limit: int | None
    stages: list[str]
    sources: dict[str, dict[str, int]]
    missing: list[str]
    licenses: dict[str, str]
    read_from: dict[str, str]
    benchmarks_read_from: dict[str, str] = Field(default_factory=dict)
    decontamination: DecontaminationRecord | None
    difficulty: DifficultyRecord | None
    benchmark: BenchmarkRecord | None
    hashes: dict[str, str]
    versions: dict[str, str]

    def write(self, folder: Path) -> None:
        """Writes manifest.json into `folder`."""
        storage.write_json(folder / MANIFEST_FILE, self.model_dump(by_alias=True))


def read_manifest(folder: Path) -> Manifest:
    """Reads the manifest of a build folder, also of release 0.1.0.

    Raises `MissingData` if there is none, `BadInput` if it is damaged or of a newer release.
    """
    path = folder / MANIFEST_FILE
    row = storage.read_json(path)
    if not isinstance(row, dict):
        raise BadInput(
            f"{path} is no manifest of a build. Build the folder again: mmk12 build-data RECIPE --out {folder}"
        )
    check_schema_version(row, path)
    try:
        return Manifest.model_validate(_upgrade(row))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadInput(
            f"{path} cannot be read ({place}: {first['msg']}). Build the folder again with the same command; "
            "no completion of a model is lost."
        ) from None


def check_schema_version(row: Mapping[str, Any], path: Path) -> None:
    """Raises `BadInput` if `row`, the JSON object in `path`, was written by a newer release."""
    version = row.get("schema_version", 0)
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise BadInput(
            f"{path} has schema version {version}, and this release reads up to {SCHEMA_VERSION}. "
            "Update mmk12, or choose another --out."
        )


def _upgrade(row: dict[str, Any]) -> dict[str, Any]:
    """A manifest of release 0.1.0 with today's keys; any other one as it is."""
    if "schema_version" in row:
        return row
    renamed = {"licences": "licenses"}
    upgraded = {renamed.get(name, name): value for name, value in row.items()}
    if isinstance(benchmark := row.get("benchmark"), dict):
        upgraded["benchmark"] = {("license" if name == "licence" else name): value for name, value in benchmark.items()}
    if isinstance(recipe := row.get("recipe"), dict):
        upgraded["recipe"] = rename_old_keys(recipe)
    return {"schema_version": SCHEMA_VERSION, **upgraded}
