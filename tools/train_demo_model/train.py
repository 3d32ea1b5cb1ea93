"""Trains the embedded models: `python -m tools.train_demo_model --out DIR [--model demo|demo-tuned]`.

"demo" is trained from scratch: figures first, then sums, then answers. "demo-tuned" is trained further from "demo" with
worked solutions only. On two idle cores "demo" takes about a quarter of an hour.
"""

from __future__ import annotations

import argparse
import logging
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, InternVLForConditionalGeneration
from transformers.models.internvl import InternVLProcessor

from mmk12.demo import generate_problems, model_path
from mmk12.demo.problems import Problem
from mmk12.inference.prompts import TEMPLATES, render_chat
from tools.train_demo_model.architecture import build_model, build_processor
from tools.train_demo_model.card import model_card
from tools.train_demo_model.exam import examine
from tools.train_demo_model.lessons import Course, response, teach_answering, teach_arithmetic
from tools.train_demo_model.reading import teach_reading

log = logging.getLogger(__name__)

_LESSONS, _BATCH = 7_200, 64
_READING_STEPS, _ARITHMETIC_STEPS = 800, 300
_EXAM, _SAMPLES = 300, 8
_COURSES = {
    # First worked solutions alone, under the shortest prompt, which costs half as much; then the mixture.
    "demo": (
        Course(steps=900, prompts=("plain",), eyes=False),
        Course(
            steps=250,
            guessing={"geometry": 0.65, "functions": 0.4, "statistics": 0.4, "number": 0.4},
            rate=0.5,
        ),
    ),
    "demo-tuned": (
        Course(
            steps=80,
            guessing={"geometry": 0.5, "functions": 0.4, "statistics": 0.3, "number": 0.3},
            rate=0.25,
        ),
        Course(steps=200, rate=0.5),
    ),
}
_ABOUT = {
    "demo": "The starter: it mostly guesses, though it can reason. Made to be improved by reinforcement learning.",
    "demo-tuned": "The stronger sibling of `demo`: trained further on worked solutions, so it reasons first.",
}


def train(name: str, out: Path, start: Path, seed: int) -> None:
    """Trains the model of that name and writes it, with its processor and card, to `out`.

    `start` is the folder of the model from which "demo-tuned" is trained further.
    """
    torch.manual_seed(seed)
    rng = random.Random(seed)
    lessons = list(generate_problems("train", _LESSONS, seed))
    if name == "demo":
        processor = build_processor(vocabulary_corpus(lessons))
        model = build_model(processor.tokenizer)
        log.info("%d parameters, %d problems", model.num_parameters(), len(lessons))
        teach_reading(model, lessons, _READING_STEPS, _BATCH, rng)
        teach_arithmetic(model, processor, _ARITHMETIC_STEPS, _BATCH, rng)
    else:
        processor, model = _load(start)
    for course in _COURSES[name]:
        teach_answering(model, processor, lessons, course, _BATCH, rng)
    model.half().save_pretrained(out)
    processor.save_pretrained(out)
    command = f"python -m tools.train_demo_model --model {name} --seed {seed} --out DIR"
    (out / "README.md").write_text(_card(name, command, out), encoding="utf-8")


def vocabulary_corpus(lessons: Sequence[Problem]) -> Iterator[str]:
    """Yields the texts that the vocabulary is learned from: every prompt around every question, and the solutions."""
    for problem in lessons[::4]:
        yield from (message.content for name in TEMPLATES for message in render_chat(name, problem.question, 0))
        yield response(problem.solution, problem.answer)


def _load(folder: Path) -> tuple[InternVLProcessor, InternVLForConditionalGeneration]:
    return (
        AutoProcessor.from_pretrained(folder),
        AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32),
    )


def _card(name: str, command: str, folder: Path) -> str:
    """Evaluates the saved model, so that the card describes the shipped weights."""
    processor, model = _load(folder)
    exam = list(generate_problems("test", _EXAM))
    greedy = {prompt: examine(model, processor, exam, prompt) for prompt in TEMPLATES}
    sampled = examine(model, processor, exam, samples=_SAMPLES)
    for prompt, marks in greedy.items():
        log.info("%s: greedy %.3f, format %.3f, %.0f tokens", prompt, marks.accuracy, marks.format, marks.tokens)
    log.info("sampled %.3f, pass@%d %.3f", sampled.accuracy, _SAMPLES, sampled.passed)
    return model_card(name, _ABOUT[name], model.num_parameters(), command, len(exam), greedy, sampled, _SAMPLES)


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.train_demo_model", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for model, processor and model card")
    parser.add_argument("--model", choices=sorted(_COURSES), default="demo")
    parser.add_argument(
        "--start", type=Path, default=model_path("demo"), help="the model from which demo-tuned is trained further"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    torch.set_num_threads(arguments.threads)
    train(arguments.model, arguments.out, arguments.start, arguments.seed)
