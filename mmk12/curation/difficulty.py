"""The offline difficulty filter: rows that a model solves always or never teach it nothing (paper, section 3.1).

A model answers each question n times, and the verifier counts the right answers. Two files in `rollouts/` keep what
that costs: completions.jsonl every answer, pass_rates.jsonl a line per question. A line is valid while its key is: the
hash of the model, the prompt with its images, sampling, gold, reward profile, and the verifier's code.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from mmk12.curation.code_hash import hash_code
from mmk12.curation.stage_cache import Outcome, StageOutput
from mmk12.errors import BadInput, ModelError, PromptError
from mmk12.inference import find_model, open_backend, prompts
from mmk12.inference.deployment import Deployment, Model
from mmk12.inference.generate import CompletionLog, generate, make_request
from mmk12.inference.prompt_length import PromptBuilder
from mmk12.inference.replay import ReplayBackend
from mmk12.recipes.data_schema import PassRateRange
from mmk12.recipes.schema import Recipe
from mmk12.types import Backend, BrokenLine, Completion, DroppedSample, Request, Sample, Sampling, Verdict
from mmk12.utils import fingerprint, storage
from mmk12.utils.concurrency import count_cores
from mmk12.utils.images import ImageStore
from mmk12.utils.progress import Progress, ignore_progress
from mmk12.verifier import GradingSpec, verify_many

TEMPERATURE = 1.0
"""The temperature of rollouts, as in training."""
TAG = "pass_rate"
"""The tag that carries a row's pass rate to the export."""
VERIFIER_CODE = ("mmk12.verifier.api", "mmk12.verifier.worker", "mmk12.datasets.gold_check")
"""The code that decides a verdict on a completion; worker processes are started by name."""

_RATE_VERSION = 1
"""Part of the key of a pass rate: raise it when a rate is to be measured again for a reason that no hash shows."""
_PARALLEL_FROM = 4096
"""The number of answers from which it pays to grade in several processes."""
_REASONS = {-1: "solved too rarely", 1: "solved too often"}


def difficulty(samples: StageOutput, *, estimator: PassRateEstimator | None, keep: str) -> Iterator[Outcome]:
    """Keeps the rows whose pass rate is in the range `keep`, such as "0 < p < 1"; without `estimator`, all of them."""
    if estimator is None:
        yield from samples
        return
    accepted = PassRateRange.parse(keep)
    rates = estimator.measure(samples)
    for sample in samples:
        rate = rates[sample.id]
        if isinstance(rate, str):
            yield _drop(sample, "no rollouts", rate)
        elif side := accepted.side(rate.right, rate.n):
            yield _drop(sample, _REASONS[side], f"{rate.right} of {rate.n} right, kept are {keep}")
        else:
            yield dataclasses.replace(sample, tags={**sample.tags, TAG: str(rate.pass_rate)})


def _drop(sample: Sample, reason: str, evidence: str) -> DroppedSample:
    return DroppedSample(sample.id, sample.source, "difficulty", reason, evidence)


@dataclass(frozen=True, slots=True)
class DifficultyModel:
    """The model of the difficulty filter, and where its answers are kept.

    `model` and `backend` are those of `mmk12.inference.find_model`. `n` is the number of answers per question, None
    for the recipe's. `allow_failures` goes on without the questions that the engine cannot answer.
    """

    model: str
    backend: str = "auto"
    n: int | None = None
    deployment: Deployment = field(default_factory=Deployment)
    allow_failures: bool = False
    folder: Path = Path("rollouts")

    def at(self, folder: Path) -> DifficultyModel:
        """Returns the same model with its answers kept in `folder`."""
        return dataclasses.replace(self, folder=folder)

    def find(self) -> Model:
        """Finds the model without loading it. Raises `MissingData` if there is none."""
        model = find_model(self.model, self.backend)
        if model.backend == "replay" and Path(model.location).resolve().is_relative_to(self.folder.resolve()):
            raise BadInput(f"{self.model} holds the rollouts of this very folder. Name the model, or another --out.")
        return model

    def fingerprint(self) -> str:
        """Returns a hash that tells this model and the options of its engine from others, without loading it."""
        model = self.find()
        path = Path(model.location)
        if path.is_dir():
            content = fingerprint.hash_folder(path)
        else:
            content = fingerprint.hash_file(path) if path.is_file() else model.location
        return fingerprint.hash_json(model.backend, content, dict(sorted(self.deployment.options.items())))


@dataclass(frozen=True, slots=True)
class RolloutSettings:
    """The contents of settings.json in `rollouts/`: how the answers there were made and graded."""

    model: str
    fingerprint: str
    prompt: prompts.Template
    reward: str
    sampling: Sampling
    n: int

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON object of these settings."""
        return dataclasses.asdict(self)

    @classmethod
    def read(cls, folder: Path) -> RolloutSettings | None:
        """Reads settings.json in `folder`; None before the first rollouts. Raises `BadInput` if it is damaged."""
        path = folder / "settings.json"
        if not path.is_file():
            return None
        row = storage.read_json(path)
        try:
            return cls(**{**row, "prompt": prompts.Template(**row["prompt"]), "sampling": Sampling(**row["sampling"])})
        except (TypeError, KeyError):
            raise _damaged(path) from None


@dataclass(frozen=True, slots=True)
class PassRate:
    """A line of pass_rates.jsonl: the `right` ones of `n` answers to a question, and what the answers were.

    `mean_tokens` is the mean length of the answers, `truncated` the number of those that were cut at the limit. Token
    counts are None where the engine does not tell them.
    """

    id: str
    source: str
    right: int
    n: int
    pass_rate: float
    statuses: list[str]
    answers: list[str | None]
    prompt_tokens: int | None
    mean_tokens: float | None
    truncated: int
    key: str

    @classmethod
    def of(cls, sample: Sample, key: str, completions: Sequence[Completion], verdicts: Sequence[Verdict]) -> PassRate:
        """Counts the right answers to a question. There is at least one."""
        right = sum(verdict.correct for verdict in verdicts)
        lengths = [one.completion_tokens for one in completions if one.completion_tokens is not None]
        return cls(
            id=sample.id,
            source=sample.source,
            right=right,
            n=len(verdicts),
            pass_rate=right / len(verdicts),
            statuses=[verdict.status for verdict in verdicts],
            answers=[verdict.answer for verdict in verdicts],
            prompt_tokens=completions[0].prompt_tokens,
            mean_tokens=round(sum(lengths) / len(lengths), 1) if lengths else None,
            truncated=sum(one.finish_reason == "length" for one in completions),
            key=key,
        )


def read_pass_rates(folder: Path) -> Iterator[PassRate]:
    """Reads pass_rates.jsonl in `folder`; nothing before the first rollouts. Raises `BadInput` if it is damaged."""
    path = folder / "pass_rates.jsonl"
    if path.is_file():
        for row in storage.read_jsonl(path):
            if isinstance(row, BrokenLine):
                raise _damaged(path)
            try:
                yield PassRate(**row)
            except TypeError:
                raise _damaged(path) from None


def _damaged(path: Path) -> BadInput:
    return BadInput(f"{path} is damaged. Delete it and run the same command again; no rollout is lost.")


class PassRateEstimator:
    """Measures pass rates: takes those of an earlier build where their keys are the same, else makes rollouts."""

    def __init__(
        self, model: DifficultyModel, recipe: Recipe, images: ImageStore, progress: Progress = ignore_progress
    ) -> None:
        self._model, self._images, self._progress = model, images, progress
        self._prompt, self._profile = recipe.prompt, recipe.reward.grader
        self._n = model.n or recipe.data.difficulty.n
        self._sampling = Sampling(TEMPERATURE, recipe.data.difficulty.max_tokens)
        self._build_prompt = PromptBuilder(recipe.prompt, images)
        self._base = fingerprint.hash_json(
            _RATE_VERSION,
            hash_code(*VERIFIER_CODE),
            model.fingerprint(),
            recipe.reward.grader,
            dataclasses.asdict(self._sampling),
            self._n,
        )

    @property
    def key(self) -> str:
        """The hash of all that decides the rates beside the samples and their prompts, failures included."""
        return fingerprint.hash_json(self._base, self._prompt, self._model.allow_failures)

    def measure(self, samples: Iterable[Sample]) -> dict[str, PassRate | str]:
        """Returns by id the rate of every sample, or the reason why it has none, and writes pass_rates.jsonl.

        Raises `ModelError` when the engine fails on some, unless that is allowed; the answers it gave are kept.
        """
        known = {rate.key: rate for rate in read_pass_rates(self._model.folder)}
        rates: dict[str, PassRate | str] = {}
        missing = []
        for sample in samples:
            rate = known.get(self._rate_key(sample))
            rates[sample.id] = rate or "not measured"
            if rate is None:
                missing.append(sample)
        if missing:
            rates |= self._roll_out(missing)
        rows = (dataclasses.asdict(rate) for rate in rates.values() if not isinstance(rate, str))
        storage.write_jsonl(self._model.folder / "pass_rates.jsonl", rows)
        return rates

    def _rate_key(self, sample: Sample) -> str:
        prompt = self._build_prompt(sample)
        images = [image.sha256 for image in prompt.images]
        words = [message.content for message in prompt.messages]
        return fingerprint.hash_json(self._base, sample.id, words, images, dataclasses.asdict(sample.gold))

    def _roll_out(self, samples: Sequence[Sample]) -> dict[str, PassRate | str]:
        """Measures the samples that no earlier build has measured."""
        folder = self._model.folder
        backend = open_backend(self._model.find(), self._images, self._model.deployment)
        if isinstance(backend, ReplayBackend):
            backend.join(samples, self._n)
        storage.write_json(folder / "settings.json", self._settings(backend).to_json())
        rates: dict[str, PassRate | str] = {}
        requests: dict[str, list[Request]] = {}
        for sample in samples:
            try:
                requests[sample.id] = self._make_requests(sample, backend)
            except PromptError as error:
                rates[sample.id] = f"the prompt cannot be built: {error}"
        pending = [one for group in requests.values() for one in group]
        log = CompletionLog(folder / "completions.jsonl")
        failures = generate(backend, pending, log, self._report).failures
        if failures and not self._model.allow_failures:
            first = next(iter(failures.values()))
            raise ModelError(
                f"{len(failures)} of {len(pending)} rollouts failed, first reason: {first}. The same command tries "
                "them again; --allow-failures goes on without their questions."
            )
        answered: list[tuple[Sample, list[str]]] = []
        for sample in samples:
            failed = [failures[one.key] for one in requests.get(sample.id, ()) if one.key in failures]
            if failed:
                rates[sample.id] = failed[0]
            elif sample.id in requests:
                answered.append((sample, [one.key for one in requests[sample.id]]))
        return rates | self._grade(answered, log)

    def _make_requests(self, sample: Sample, backend: Backend) -> list[Request]:
        prompt = self._build_prompt(sample)
        text = backend.render(prompt.messages)
        return [
            make_request(backend, sample.id, text, prompt.images, self._sampling, index) for index in range(self._n)
        ]

    def _settings(self, backend: Backend) -> RolloutSettings:
        template = prompts.find_template(self._prompt)
        return RolloutSettings(self._model.model, backend.fingerprint, template, self._profile, self._sampling, self._n)

    def _report(self, label: str, count: int, total: int) -> None:
        self._progress("rollouts", count, total)

    def _grade(
        self, answered: Sequence[tuple[Sample, Sequence[str]]], log: Mapping[str, Completion]
    ) -> dict[str, PassRate]:
        """Grades the completions of samples, which are given by their keys."""
        rows = (
            {"response": log[key].text, **GradingSpec.from_gold(sample.gold, sample.question).to_row()}
            for sample, keys in answered
            for key in keys
        )
        workers = count_cores() if len(answered) * self._n >= _PARALLEL_FROM else 1
        verdicts = verify_many(rows, profile=self._profile, workers=workers)
        return {
            sample.id: PassRate.of(
                sample, self._rate_key(sample), [log[key] for key in keys], list(islice(verdicts, self._n))
            )
            for sample, keys in answered
        }
