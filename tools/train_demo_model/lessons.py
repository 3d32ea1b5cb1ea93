"""Lessons 2 and 3: the language tower learns to calculate, then the whole model learns to answer, partly by guessing.

A start model for reinforcement learning must be able to do more than it usually does. So most of its training targets
are terse guesses, usually wrong, and the rest are step-by-step solutions, always right: it can reason but rarely does,
and the reward separates the two. A model trained on right answers only has nothing left to elicit.
"""

from __future__ import annotations

import logging
import random
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch.nn import functional
from transformers import InternVLForConditionalGeneration
from transformers.models.internvl import InternVLProcessor

from mmk12.demo.arithmetic import drill
from mmk12.demo.problems import Problem
from tools.train_demo_model.architecture import END_OF_TURN
from tools.train_demo_model.optimiser import Optimiser
from tools.train_demo_model.prompting import pixel_values, prompt_text, raw_pixels, token_ids

log = logging.getLogger(__name__)

_IGNORED, _REPORT, _CHUNK = -100, 50, 256

_RESULT = re.compile(r"(?:=\S*|\.)(?= |$)")

Row = tuple[list[int], list[int]]
"""Token ids and their labels: the token itself, or `_IGNORED`."""


@dataclass(frozen=True, slots=True)
class Course:
    """Training settings. `guessing` is the share of guesses for each topic, `lucky` the share of right guesses.

    Each batch uses one of `prompts` and holds `drills` rows of sums, so that arithmetic is not forgotten. Without
    `eyes` the vision tower is frozen, and its features are computed once. `rate` scales the learning rate.
    """

    steps: int
    guessing: Mapping[str, float] = field(default_factory=dict)
    lucky: float = 0.3
    prompts: tuple[str, ...] = ("instruct", "instruct", "zero", "plain")
    drills: int = 8
    eyes: bool = True
    rate: float = 1.0


def response(thinking: str, answer: str) -> str:
    """Formats a response as the prompts ask."""
    return f"<think>{thinking}</think><answer>{answer}</answer>"


def teach_arithmetic(
    model: InternVLForConditionalGeneration,
    processor: InternVLProcessor,
    steps: int,
    batch: int,
    rng: random.Random,
) -> None:
    """Trains the language tower in place on rows of sums, without figures or prompts."""
    optimiser = Optimiser((model.model.language_model, model.lm_head))
    for step in range(steps):
        rows = _drills(processor, batch, rng)
        loss = _loss(model, *_tensors(rows, model.config.pad_token_id))
        optimiser.step(loss, step / steps)
        if (step + 1) % _REPORT == 0:
            log.info("arithmetic %d/%d  loss %.3f", step + 1, steps, loss.item())


def teach_answering(
    model: InternVLForConditionalGeneration,
    processor: InternVLProcessor,
    lessons: Sequence[Problem],
    course: Course,
    batch: int,
    rng: random.Random,
) -> None:
    """Trains the whole model in place, supervised; the loss covers the responses only."""
    figures = [raw_pixels(problem.png) for problem in lessons]
    known = None if course.eyes else _features_once(model, figures)
    guesses: dict[str, list[str]] = defaultdict(list)
    for problem in lessons:
        guesses[problem.family].append(problem.answer)
    trained = (model,) if course.eyes else (model.model.language_model, model.lm_head)
    optimiser = Optimiser(trained, course.rate)
    for step in range(course.steps):
        prompt = rng.choice(course.prompts)
        chosen = rng.sample(range(len(lessons)), batch - course.drills)
        rows = _drills(processor, course.drills, rng)
        for problem in (lessons[i] for i in chosen):
            target = processor.tokenizer(_make_target(problem, guesses[problem.family], course, rng) + END_OF_TURN)[
                "input_ids"
            ]
            prompt_ids = token_ids(processor, prompt_text(processor, prompt, problem.question))
            rows.append((prompt_ids + target, [_IGNORED] * len(prompt_ids) + target))
        ids, labels = _tensors(rows, model.config.pad_token_id)
        features = _features(model, [figures[i] for i in chosen]) if known is None else known[chosen]
        loss = _loss(model, ids, labels, features)
        optimiser.step(loss, step / course.steps)
        if (step + 1) % _REPORT == 0:
            log.info("answering %d/%d  loss %.3f  prompt %s", step + 1, course.steps, loss.item(), prompt)


def _features(model: InternVLForConditionalGeneration, figures: Sequence[torch.Tensor]) -> torch.Tensor:
    features: torch.Tensor = model.get_image_features(pixel_values=pixel_values(figures)).pooler_output
    return features


def _features_once(model: InternVLForConditionalGeneration, figures: Sequence[torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        starts = range(0, len(figures), _CHUNK)
        return torch.cat([_features(model, figures[start : start + _CHUNK]) for start in starts])


def _drills(processor: InternVLProcessor, count: int, rng: random.Random) -> list[Row]:
    """Returns rows of sums. Only results have labels: the operands are random, and their loss would dominate."""
    rows = []
    for _ in range(count):
        text = drill(rng)
        results = {at for match in _RESULT.finditer(text) for at in range(*match.span())}
        tokens = processor.tokenizer(text, return_offsets_mapping=True)
        ids, spans = tokens["input_ids"], tokens["offset_mapping"]
        labeled = [not results.isdisjoint(range(*span)) for span in spans]
        rows.append((ids, [token if label else _IGNORED for token, label in zip(ids, labeled, strict=True)]))
    return rows


def _loss(
    model: InternVLForConditionalGeneration,
    ids: torch.Tensor,
    labels: torch.Tensor,
    features: torch.Tensor | None = None,
) -> torch.Tensor:
    """Returns the mean cross-entropy of the labeled tokens; `features` replace the image tokens, in order."""
    embedded = model.get_input_embeddings()(ids)
    if features is not None:
        embedded = embedded.masked_scatter((ids == model.config.image_token_id).unsqueeze(-1), features)
    hidden = model.model.language_model(inputs_embeds=embedded).last_hidden_state[:, :-1]
    targets = labels[:, 1:]
    labeled = targets != _IGNORED
    # The output layer is computed for labeled tokens only: the long prompts would double its cost.
    return functional.cross_entropy(model.lm_head(hidden[labeled]), targets[labeled])


def _make_target(problem: Problem, guesses: Sequence[str], course: Course, rng: random.Random) -> str:
    if rng.random() >= course.guessing.get(problem.topic, 0.0):
        return response(problem.solution, problem.answer)
    return response("By eye.", problem.answer if rng.random() < course.lucky else rng.choice(guesses))


def _tensors(rows: Sequence[Row], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns token ids and labels (n, longest row), padded on the right, which a causal model does not attend to."""
    width = max(len(ids) for ids, _ in rows)
    tokens = torch.full((len(rows), width), pad)
    targets = torch.full((len(rows), width), _IGNORED)
    for row, (ids, labels) in enumerate(rows):
        tokens[row, : len(ids)] = torch.tensor(ids)
        targets[row, : len(ids)] = torch.tensor(labels)
    return tokens, targets
