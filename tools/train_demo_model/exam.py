"""Evaluates a trained model: greedy accuracy, pass@k and format on held-out problems, graded by the verifier."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import InternVLForConditionalGeneration
from transformers.models.internvl import InternVLProcessor

from mmk12.demo.problems import Problem
from mmk12.verifier import verify
from tools.train_demo_model.prompting import pixel_values, prompt_text, raw_pixels, token_ids

_BATCH, _LONGEST = 64, 96


@dataclass(frozen=True, slots=True)
class ExamResult:
    """Results on n problems; shares in [0, 1], `tokens` is the mean length of a response.

    `accuracy` and `format` count responses; `passed` counts problems that at least one response answers.
    """

    accuracy: float
    format: float
    passed: float
    tokens: float
    families: dict[str, float]


def answer(
    model: InternVLForConditionalGeneration,
    processor: InternVLProcessor,
    exam: Sequence[Problem],
    prompt: str = "instruct",
    temperature: float = 0.0,
) -> list[str]:
    """Returns one response to each problem; greedy at temperature 0, else sampled from the full distribution."""
    sampling = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
    pad = model.config.pad_token_id
    responses: list[str] = []
    for start in range(0, len(exam), _BATCH):
        problems = exam[start : start + _BATCH]
        rows = [token_ids(processor, prompt_text(processor, prompt, problem.question)) for problem in problems]
        width = max(map(len, rows))
        ids = torch.tensor([[pad] * (width - len(row)) + row for row in rows])
        with torch.no_grad():
            tokens = model.generate(
                input_ids=ids,
                attention_mask=(ids != pad).long(),
                pixel_values=pixel_values([raw_pixels(problem.png) for problem in problems]),
                max_new_tokens=_LONGEST,
                **(sampling if temperature else {"do_sample": False}),
            )
        responses += processor.tokenizer.batch_decode(tokens[:, width:], skip_special_tokens=True)
    return responses


def examine(
    model: InternVLForConditionalGeneration,
    processor: InternVLProcessor,
    exam: Sequence[Problem],
    prompt: str = "instruct",
    samples: int = 0,
) -> ExamResult:
    """Returns the results of greedy decoding, or of `samples` responses to each problem at temperature 1."""
    model.eval()
    rounds = [answer(model, processor, exam, prompt, 1.0 if samples else 0.0) for _ in range(samples or 1)]
    model.train()
    right: dict[str, list[bool]] = defaultdict(list)
    formatted = passed = tokens = 0
    for problem, *responses in zip(exam, *rounds, strict=True):
        verdicts = [verify(text, problem.answer) for text in responses]
        right[problem.family] += [verdict.correct for verdict in verdicts]
        formatted += sum(verdict.format_ok for verdict in verdicts)
        passed += any(verdict.correct for verdict in verdicts)
        tokens += sum(len(processor.tokenizer(text)["input_ids"]) for text in responses)
    total = len(exam) * len(rounds)
    return ExamResult(
        accuracy=sum(map(sum, right.values())) / total,
        format=formatted / total,
        passed=passed / len(exam),
        tokens=tokens / total,
        families={family: sum(marks) / len(marks) for family, marks in sorted(right.items())},
    )
