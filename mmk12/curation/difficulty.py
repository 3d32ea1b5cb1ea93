"""The offline difficulty filter: rows that a model solves always or never teach it nothing (paper, section 3.1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from mmk12.curation.context import Context, DifficultyModel
from mmk12.curation.stage_cache import Outcome, StageOutput
from mmk12.datasets.gold_check import grading
from mmk12.errors import BadInput, ModelError, PromptError
from mmk12.inference import open_backend, prompts
from mmk12.inference.generate import CompletionLog, generate, make_request
from mmk12.inference.prompt_length import PromptBuilder
from mmk12.recipes.schema import PassRateRange
from mmk12.types import Backend, BrokenLine, Completion, DroppedSample, Request, Sample, Sampling, Verdict
from mmk12.utils import fingerprint, storage
from mmk12.utils.concurrency import count_cores
from mmk12.verifier import verify_many

# Pass rates: a model answers each question n times, and the verifier counts the right answers.


TEMPERATURE = 1.0
"""Of the rollouts, as in training."""
_POOLED = 4096
"""From so many answers on, it pays to grade in several processes."""

PassRate = Mapping[str, Any]
"""A line of pass_rates.jsonl."""


def read_pass_rates(folder: Path) -> Iterator[PassRate]:
    """The lines of pass_rates.jsonl in `folder`; none before the first rollouts."""
    path = folder / "pass_rates.jsonl"
    if path.is_file():
        for row in storage.read_jsonl(path):
            if isinstance(row, BrokenLine) or "key" not in row:
                raise BadInput(f"{path} is damaged. Delete it and run the same command again; no rollout is lost.")
            yield row


class PassRateEstimator:
    """Finds the pass rates of samples: those of an earlier build where they are the same, else by rollouts."""

    def __init__(self, rollouts: DifficultyModel, context: Context) -> None:
        recipe = context.recipe
        self._rollouts, self._context = rollouts, context
        self._n = rollouts.n or recipe.data.difficulty.n
        self._sampling = Sampling(TEMPERATURE, recipe.data.difficulty.max_tokens)
        self._ask = PromptBuilder(context.recipe.profile.prompt, context.images)
        self._base = fingerprint.hash_json(
            fingerprint.hash_code(),
            rollouts.key(),
            recipe.profile.model_dump(),
            dataclasses.asdict(self._sampling),
            self._n,
        )

    def rates(self, samples: Iterable[Sample]) -> dict[str, PassRate | str]:
        """By id the rate of every sample, or the reason why it has none.

        Raises `ModelError` when the engine fails on some, unless that is allowed; the answers it gave are kept.
        """
        known = {row["key"]: row for row in read_pass_rates(self._rollouts.folder)}
        rates: dict[str, PassRate | str] = {}
        missing = []
        for sample in samples:
            row = known.get(self._key(sample))
            rates[sample.id] = row or "not measured"
            if row is None:
                missing.append(sample)
        if missing:
            rates |= self._measured(missing)
        found = [rate for rate in rates.values() if not isinstance(rate, str)]
        storage.write_jsonl(self._rollouts.folder / "pass_rates.jsonl", found)
        return rates

    def _key(self, sample: Sample) -> str:
        asked = self._ask(sample)
        pictures = [image.sha256 for image in asked.images]
        words = [message.content for message in asked.messages]
        return fingerprint.hash_json(self._base, sample.id, words, pictures, dataclasses.asdict(sample.gold))

    def _measured(self, samples: Sequence[Sample]) -> dict[str, PassRate | str]:
        """The rates of samples that no earlier build has measured."""
        folder = self._rollouts.folder
        backend = open_backend(self._rollouts.find(), self._context.images, self._rollouts.deployment)
        storage.write_json(folder / "settings.json", self._settings(backend))
        rates: dict[str, PassRate | str] = {}
        requests: dict[str, list[Request]] = {}
        for sample in samples:
            try:
                requests[sample.id] = self._requests(sample, backend)
            except PromptError as error:
                rates[sample.id] = f"the prompt cannot be built: {error}"
        wanted = [one for group in requests.values() for one in group]
        log = CompletionLog(folder / "completions.jsonl")
        made = generate(backend, wanted, log, self._progress)
        if made.failures and not self._rollouts.allow_failures:
            first = next(iter(made.failures.values()))
            raise ModelError(
                f"{len(made.failures)} of {len(wanted)} rollouts failed, first reason: {first}. The same command tries "
                "them again; --allow-failures goes on without their questions."
            )
        answered: list[tuple[Sample, list[str]]] = []
        for sample in samples:
            failed = [made.failures[one.key] for one in requests.get(sample.id, ()) if one.key in made.failures]
            if failed:
                rates[sample.id] = failed[0]
            elif sample.id in requests:
                answered.append((sample, [one.key for one in requests[sample.id]]))
        return rates | self._graded(answered, log)

    def _requests(self, sample: Sample, backend: Backend) -> list[Request]:
        asked = self._ask(sample)
        prompt = backend.render(asked.messages)
        return [
            make_request(backend, sample.id, prompt, asked.images, self._sampling, index) for index in range(self._n)
        ]

    def _settings(self, backend: Backend) -> dict[str, Any]:
        recipe = self._context.recipe
        return {
            "model": self._rollouts.model,
            "fingerprint": backend.fingerprint,
            "prompt": dataclasses.asdict(prompts.find_template(recipe.profile.prompt)),
            "reward": recipe.profile.reward,
            "sampling": dataclasses.asdict(self._sampling),
            "n": self._n,
        }

    def _progress(self, label: str, done: int, total: int) -> None:
        self._context.progress("rollouts", done, total)

    def _graded(
        self, answered: Sequence[tuple[Sample, Sequence[str]]], log: Mapping[str, Completion]
    ) -> dict[str, PassRate]:
        rows = (
            {"response": log[key].text, "gold": sample.gold.text, "question": sample.question, **grading(sample.gold)}
            for sample, keys in answered
            for key in keys
        )
        workers = count_cores() if len(answered) * self._n >= _POOLED else 1
        verdicts = verify_many(rows, profile=self._context.recipe.profile.reward, workers=workers)
        return {
            sample.id: _pass_rate(
                sample, self._key(sample), [log[key] for key in keys], list(islice(verdicts, self._n))
            )
            for sample, keys in answered
        }


def _pass_rate(sample: Sample, key: str, completions: Sequence[Completion], verdicts: Sequence[Verdict]) -> PassRate:
    right = sum(verdict.correct for verdict in verdicts)
    lengths = [one.completion_tokens for one in completions if one.completion_tokens is not None]
    return {
        "id": sample.id,
        "source": sample.source,
        "right": right,
        "n": len(verdicts),
        "pass_rate": right / len(verdicts),
        "statuses": [verdict.status for verdict in verdicts],
        "answers": [verdict.answer for verdict in verdicts],
        "prompt_tokens": completions[0].prompt_tokens,
        "mean_tokens": round(sum(lengths) / len(lengths), 1) if lengths else None,
        "truncated": sum(one.finish_reason == "length" for one in completions),
        "key": key,
    }


TAG = "pass_rate"
"""The tag that carries a row's rate to the export."""
_REASONS = {-1: "solved too rarely", 1: "solved too often"}


def difficulty(samples: StageOutput, context: Context) -> Iterator[Outcome]:
    """Keeps the rows whose pass rate is in the recipe's band; all of them where no model is there to measure it."""
    if context.rollouts is None:
        yield from samples
        return
    keep = context.recipe.data.difficulty.keep
    band = PassRateRange.parse(keep)
    rates = PassRateEstimator(context.rollouts, context).rates(samples)
    for sample in samples:
        rate = rates[sample.id]
        if isinstance(rate, str):
            yield _drop(sample, "no rollouts", rate)
        elif side := band.side(rate["right"], rate["n"]):
            yield _drop(sample, _REASONS[side], f"{rate['right']} of {rate['n']} right, kept are {keep}")
        else:
            yield dataclasses.replace(sample, tags={**sample.tags, TAG: str(rate["pass_rate"])})


def _drop(sample: Sample, reason: str, evidence: str) -> DroppedSample:
    return DroppedSample(sample.id, sample.source, "difficulty", reason, evidence)
