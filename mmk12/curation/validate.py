"""`mmk12 check`: checks that a benchmark, source, recipe, model or file of golds is fit for use.

Golds are classified, and the verifier grades each usable one as its own answer, and a near miss of it: a gold that
fails either test would give wrong rewards in training and wrong points in a benchmark.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from mmk12.datasets import registry
from mmk12.datasets.column_source import is_column_source
from mmk12.datasets.declarations import Dataset, Source
from mmk12.datasets.gold_check import find_gold_fault, make_trials
from mmk12.datasets.loader import advise_download, load_samples, locate_dataset
from mmk12.demo import MODELS, generate_problems
from mmk12.errors import MissingData, UnknownName, refuse_misspelling
from mmk12.formats.data_file import Row, open_data_file
from mmk12.formats.responses import find_format, open_responses
from mmk12.inference import find_model, open_backend, prompts
from mmk12.inference.generate import make_request
from mmk12.recipes.recipe_loader import load_recipe
from mmk12.types import (
    ANSWER_TYPES,
    GOLD_KINDS,
    DroppedSample,
    GenerationFailure,
    Gold,
    GoldKind,
    Sample,
    Sampling,
)
from mmk12.utils import content
from mmk12.utils.images import ImageStore
from mmk12.verifier import classify_gold, verify_many

Kind = Literal["golds", "benchmark", "source", "recipe", "model"]


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """The result of a check: `rows` of (id, type, usable, reason), facts in `about`, one rendered `prompt`, if any."""

    kind: Kind
    about: dict[str, Any]
    rows: list[dict[str, Any]]
    prompt: str = ""

    @property
    def unusable(self) -> list[dict[str, Any]]:
        """The rows that cannot be used."""
        return [row for row in self.rows if not row["usable"]]


def check(
    ref: str, *, raw_dir: Path | None = None, limit: int | None = None, columns: Mapping[str, str] | None = None
) -> ValidationResult:
    """Checks `ref`: a file of golds (rows `id`, `gold`, optionally `answer_type`), or what has that name.

    That is a benchmark, a source, a recipe, a model or the URL of a server. A file of responses that another framework
    wrote is checked by its golds; `columns` names those of any other table. `limit` bounds the rows of a dataset.
    Raises `BadInput` for a broken line, `MissingData` or `ModelError` for what cannot be loaded.
    """
    if ref.endswith(".jsonl") or (Path(ref).is_file() and not ref.endswith((".py", ".yaml"))):
        return _check_golds(Path(ref), columns)
    if (dataset := find_dataset(ref)) is not None:
        return _check_dataset("source" if isinstance(dataset, Source) else "benchmark", dataset, raw_dir, limit)
    if ref in content.names("recipe") or ref.endswith(".yaml"):
        return ValidationResult("recipe", load_recipe(ref).model_dump(), [])
    refuse_misspelling("benchmark, source, recipe or embedded model", ref, _known_names())
    return _check_model(ref)


def find_dataset(ref: str) -> Dataset | None:
    """Returns the benchmark or source of that name or file; None if `ref` names something else."""
    if ref.partition(":")[0] in content.names("benchmark"):
        return registry.load_benchmark(ref)
    if ref in content.names("source"):
        return registry.load_source(ref)
    if ref.endswith(".yaml"):
        return registry.load_source(ref) if is_column_source(content.find("source", ref)) else None
    if ref.endswith(".py"):
        is_source = "\nsource = " in content.find("source", ref).read_text("utf-8")
        return registry.load_source(ref) if is_source else registry.load_benchmark(ref)
    return None


def _known_names() -> set[str]:
    kinds: tuple[content.Kind, ...] = ("benchmark", "source", "recipe")
    return {*MODELS, *(name for kind in kinds for name in content.names(kind))}


def _check_golds(path: Path, columns: Mapping[str, str] | None) -> ValidationResult:
    """Checks the golds of a table with the column `gold`, or of a file of responses."""
    file = open_data_file(path)
    if columns is None and (file.has("gold") or (file.container == "JSONL" and find_format(file) is None)):
        return ValidationResult("golds", {}, [_gold_row(row, number) for number, (_, row) in enumerate(file.rows(), 1)])
    opened = open_responses(path, columns)
    rows = [_gold_row(row, number) for number, (_, row) in enumerate(opened.rows(), 1)]
    return ValidationResult("golds", {"read as": opened.format.title}, rows)


def _gold_row(row: Row, number: int) -> dict[str, Any]:
    gold, name = row.get("gold"), str(row.get("id", number))
    if not isinstance(gold, str):
        return _row(name, "empty", "the row has no text `gold`")
    declared = row.get("answer_type") or "auto"
    if declared not in (*ANSWER_TYPES, "math"):
        return _row(name, "unknown", str(UnknownName("answer_type", str(declared), ANSWER_TYPES)))
    options: Any = row.get("choices")
    choices = options if isinstance(options, list) else []
    kind: GoldKind = next((kind for kind in GOLD_KINDS if kind == declared), "math")
    return _verify_golds(
        Sample(name, "golds", str(row.get("question") or ""), (), Gold(gold, kind, tuple(map(str, choices))))
    )


def _verify_golds(sample: Sample) -> dict[str, Any]:
    fault = find_gold_fault(sample.gold, list(verify_many(make_trials(sample))))
    kind = classify_gold(sample.gold).type
    return _row(sample.id, kind, f"{fault[0]}: {fault[1]}" if fault else "")


def _row(name: str, kind: str, reason: str) -> dict[str, Any]:
    return {"id": name, "type": kind, "usable": not reason, "reason": reason}


def _check_dataset(kind: Kind, dataset: Dataset, raw_dir: Path | None, limit: int | None) -> ValidationResult:
    rows, prompt = [], ""
    files = locate_dataset(dataset, raw_dir)
    with TemporaryDirectory() as folder:
        for sample in load_samples(dataset, files, ImageStore(Path(folder)), limit):
            if isinstance(sample, DroppedSample):
                rows.append(_row(sample.id, "row", f"{sample.reason}: {sample.evidence}"))
                continue
            rows.append(_verify_golds(sample))
            prompt = prompt or _render_prompt(sample)
    if not rows:
        where = files.folder or "the hub's copy"
        raise MissingData(f"{dataset.name}: {where} holds no row of it. {advise_download(dataset)}")
    about = {"name": dataset.name, "license": dataset.license, "url": dataset.url}
    return ValidationResult(kind, about, rows, prompt)


def _render_prompt(sample: Sample) -> str:
    chat = prompts.render_chat("instruct", sample.question, len(sample.images))
    return "\n".join(f"{message.role}: {message.content}" for message in chat)


def _check_model(ref: str) -> ValidationResult:
    """Loads the model, or finds the server, and lets it answer one demo problem."""
    problem = next(generate_problems("test", 1))
    with TemporaryDirectory() as folder:
        store = ImageStore(Path(folder))
        backend = open_backend(find_model(ref, "auto" if "://" in ref else "hf"), store)
        image = store.add(problem.png)
        prompt = backend.render(prompts.render_chat("instruct", f"<image>{problem.question}", 1))
        request = make_request(backend, problem.id, prompt, (image,), Sampling(max_tokens=64), 0)
        (answer,) = backend.generate([request])
    about = {"fingerprint": backend.fingerprint}
    if isinstance(answer, GenerationFailure):
        return ValidationResult("model", about, [_row(problem.id, "generation", answer.reason)], prompt)
    about |= {"prompt tokens": str(answer.prompt_tokens), "says": answer.text}
    return ValidationResult("model", about, [], prompt)
