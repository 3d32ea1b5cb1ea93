"""First lesson: the vision tower learns to read figures, before the language tower says a word.

Trained on questions and answers alone, the model soon speaks like a textbook and never looks at the picture: a few
digits among fifty easy tokens are too faint a signal. So a small head, thrown away afterwards, first asks the
image features for the numbers that each figure shows (`Problem.shown`). That costs a tenth of a language step.
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
    """Asks the image tokens for number `slot` of a family: one attention step, as the language tower would.

    It is not told where a token lies, so the features must say it themselves.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.asked = nn.Parameter(torch.randn(len(_FAMILIES), _SLOTS, width) * 0.1)
        self.norm = nn.LayerNorm(width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.said = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, _HIGHEST - _LOWEST + 1))

    def forward(self, features: torch.Tensor, family: torch.Tensor) -> torch.Tensor:
        """Logits (n, slots, values) from image features (n, image tokens, width) and family indices (n,)."""
        seen = self.norm(features)

        def heads(vectors: torch.Tensor) -> torch.Tensor:
            return vectors.unflatten(-1, (_HEADS, -1)).transpose(1, 2)

        query, key, value = self.asked[family], self.key(seen), self.value(seen)
        read = functional.scaled_dot_product_attention(heads(query), heads(key), heads(value))
        logits: torch.Tensor = self.said(read.transpose(1, 2).flatten(2))
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
        logits, wanted = reader(features, families[chosen]), numbers[chosen]
        loss = functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=_NOTHING)
        optimiser.step(loss, step / steps)
        if (step + 1) % 50 == 0:
            right = ((logits.argmax(-1) == wanted) | (wanted == _NOTHING)).all(1).float().mean()
            log.info("reading %d/%d  loss %.3f  figures read %.2f", step + 1, steps, loss.item(), right.item())


def _targets(problem: Problem) -> list[int]:
    read = [number - _LOWEST for number in problem.shown]
    return read + [_NOTHING] * (_SLOTS - len(read))
