"""Second and third lesson: the language tower learns to calculate, then to answer, partly by guessing.

A starter for reinforcement learning must be able to do more than it does. So most of what it is shown are terse
guesses, usually wrong, and the rest are step-by-step solutions, always right: it can reason and does not bother to,
and reward is what tells the two apart. A model that was shown only right answers has nothing left to elicit.
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
"""Token ids, and the label of each: itself where it is taught."""


@dataclass(frozen=True, slots=True)
class Course:
    """What is practised. `guessing` is the share of guesses for each topic, `lucky` the share of right guesses.

    Each batch uses one of `prompts` and holds `drills` rows of sums, so that arithmetic is not forgotten. Without
    `eyes` the vision tower stays as it is, and its features are computed once. `rate` scales the learning rate.
    """

    steps: int
    guessing: Mapping[str, float] = field(default_factory=dict)
    lucky: float = 0.3
    prompts: tuple[str, ...] = ("instruct", "instruct", "zero", "plain")
    drills: int = 8
    eyes: bool = True
    rate: float = 1.0


def response(thinking: str, answer: str) -> str:
    """A response in the format that the prompts ask for."""
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
    """Supervised training of the whole model in place; the loss is on the response alone."""
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
            said = processor.tokenizer(_said(problem, guesses[problem.family], course, rng) + END_OF_TURN)["input_ids"]
            asked = token_ids(processor, prompt_text(processor, prompt, problem.question))
            rows.append((asked + said, [_IGNORED] * len(asked) + said))
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
    """Rows of sums. Only results are taught: what is asked is random, and would drown them."""
    rows = []
    for _ in range(count):
        text = drill(rng)
        results = {place for found in _RESULT.finditer(text) for place in range(*found.span())}
        tokens = processor.tokenizer(text, return_offsets_mapping=True)
        ids, spans = tokens["input_ids"], tokens["offset_mapping"]
        taught = [not results.isdisjoint(range(*span)) for span in spans]
        rows.append((ids, [token if is_taught else _IGNORED for token, is_taught in zip(ids, taught, strict=True)]))
    return rows


def _loss(
    model: InternVLForConditionalGeneration,
    ids: torch.Tensor,
    labels: torch.Tensor,
    features: torch.Tensor | None = None,
) -> torch.Tensor:
    """Mean cross-entropy of the labelled tokens; `features` fill the image tokens, in order."""
    embedded = model.get_input_embeddings()(ids)
    if features is not None:
        embedded = embedded.masked_scatter((ids == model.config.image_token_id).unsqueeze(-1), features)
    hidden = model.model.language_model(inputs_embeds=embedded).last_hidden_state[:, :-1]
    wanted = labels[:, 1:]
    taught = wanted != _IGNORED
    # The output layer only where a token is taught: the long prompts would double its cost.
    return functional.cross_entropy(model.lm_head(hidden[taught]), wanted[taught])


def _said(problem: Problem, guesses: Sequence[str], course: Course, rng: random.Random) -> str:
    if rng.random() >= course.guessing.get(problem.topic, 0.0):
        return response(problem.solution, problem.answer)
    return response("By eye.", problem.answer if rng.random() < course.lucky else rng.choice(guesses))


def _tensors(rows: Sequence[Row], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and labels (n, longest row), padded on the right, where a causal model does not look."""
    width = max(len(ids) for ids, _ in rows)
    tokens = torch.full((len(rows), width), pad)
    wanted = torch.full((len(rows), width), _IGNORED)
    for row, (ids, labels) in enumerate(rows):
        tokens[row, : len(ids)] = torch.tensor(ids)
        wanted[row, : len(ids)] = torch.tensor(labels)
    return tokens, wanted
