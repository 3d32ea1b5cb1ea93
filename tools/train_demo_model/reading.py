"""Lesson 1: the vision tower learns to read figures, before the language tower is trained.

Trained on questions and answers only, the model soon writes like a textbook and ignores the image: a few digits among
fifty easy tokens are too weak a signal. So a small head, which is discarded afterwards, first predicts the numbers that
each figure shows (`Problem.shown`) from the image features. A step costs a tenth of a language step.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional
from transformers import InternVLForConditionalGeneration

from mmk12.demo.problems import FAMILIES, Problem
from tools.train_demo_model.optimiser import Optimiser
from tools.train_demo_model.prompting import pixel_values, raw_pixels

log = logging.getLogger(__name__)

_FAMILIES = [family.name for family in FAMILIES]
_SLOTS, _LOWEST, _HIGHEST = 4, -9, 99
_HEADS = 4
_NOTHING = -100


class _Reader(nn.Module):  # type: ignore[misc]  # torch is not followed by mypy here
    """Predicts each number of a family from the image tokens: one attention step, as in the language tower.

    There are no position embeddings, so the features must encode the position of a token themselves.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(len(_FAMILIES), _SLOTS, width) * 0.1)
        self.norm = nn.LayerNorm(width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        values = _HIGHEST - _LOWEST + 1
        self.output = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, values))

    def forward(self, features: torch.Tensor, family: torch.Tensor) -> torch.Tensor:
        """Returns logits (n, slots, values) from image features (n, image tokens, width) and family indices (n,)."""
        tokens = self.norm(features)

        def heads(vectors: torch.Tensor) -> torch.Tensor:
            return vectors.unflatten(-1, (_HEADS, -1)).transpose(1, 2)

        query, key, value = self.queries[family], self.key(tokens), self.value(tokens)
        read = functional.scaled_dot_product_attention(heads(query), heads(key), heads(value))
        logits: torch.Tensor = self.output(read.transpose(1, 2).flatten(2))
        return logits


def teach_reading(
    model: InternVLForConditionalGeneration,
    lessons: Sequence[Problem],
    steps: int,
    batch: int,
    rng: random.Random,
) -> None:
    """Trains vision tower and projector in place for `steps` batches of figures."""
    figures = [raw_pixels(problem.png) for problem in lessons]
    families = torch.tensor([_FAMILIES.index(problem.family) for problem in lessons])
    numbers = torch.tensor([_targets(problem) for problem in lessons])
    reader = _Reader(model.config.text_config.hidden_size)
    optimiser = Optimiser((model.model.vision_tower, model.model.multi_modal_projector, reader))
    for step in range(steps):
        chosen = rng.sample(range(len(lessons)), batch)
        features = model.get_image_features(pixel_values=pixel_values([figures[i] for i in chosen])).pooler_output
        logits, targets = reader(features, families[chosen]), numbers[chosen]
        loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=_NOTHING)
        optimiser.step(loss, step / steps)
        if (step + 1) % 50 == 0:
            right = ((logits.argmax(-1) == targets) | (targets == _NOTHING)).all(1).float().mean()
            log.info("reading %d/%d  loss %.3f  figures read %.2f", step + 1, steps, loss.item(), right.item())


def _targets(problem: Problem) -> list[int]:
    read = [number - _LOWEST for number in problem.shown]
    return read + [_NOTHING] * (_SLOTS - len(read))
