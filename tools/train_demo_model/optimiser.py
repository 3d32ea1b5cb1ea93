"""The optimizer of the tiny model: Muon for weight matrices, AdamW for everything else, a trapezoid schedule.

Muon (Jordan et al. 2024, "Muon: an optimizer for hidden layers") needs about half the steps of AdamW here, and
a laptop needs every saving. torch's own Muon works in bfloat16, which is ten times slower than float32 on most CPUs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import nn

_MUON_RATE, _ADAM_RATE, _DECAY = 0.02, 1.5e-3, 0.01
_MOMENTUM = 0.95
_QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of the Newton-Schulz iteration that moves all singular values close to 1."""

_WARM_UP_STEPS, _COOL_DOWN = 40, 0.5


class Optimiser:
    """Both optimizers behind one `step`; `rate` scales both learning rates."""

    def __init__(self, modules: Iterable[nn.Module], rate: float = 1.0) -> None:
        named = [pair for module in modules for pair in module.named_parameters()]
        self._parameters = [parameter for _, parameter in named]
        self._matrices: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
        others = []
        for name, parameter in named:
            if parameter.ndim == 2 and not _is_table(name):
                self._matrices[parameter.shape].append(parameter)
            else:
                others.append(parameter)
        self._momenta = {shape: torch.zeros(len(same), *shape) for shape, same in self._matrices.items()}
        self._adam = torch.optim.AdamW(others, betas=(0.9, 0.98), weight_decay=_DECAY)
        self._rate, self._steps = rate, 0

    def step(self, loss: torch.Tensor, progress: float) -> None:
        """Back-propagates `loss`, clips the gradient to norm 1 and updates the weights.

        `progress` in [0, 1) is the part of the training that is over.
        """
        loss.backward()
        nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self._steps += 1
        rate = self._rate * min(1.0, self._steps / _WARM_UP_STEPS, max(0.01, (1 - progress) / _COOL_DOWN))
        self._adam.param_groups[0]["lr"] = rate * _ADAM_RATE
        self._adam.step()
        self._muon_step(rate * _MUON_RATE)
        for parameter in self._parameters:
            parameter.grad = None

    def _muon_step(self, rate: float) -> None:
        """Updates all matrices of one shape together: a few large products instead of many small ones."""
        for shape, same in self._matrices.items():
            gradients = torch.stack([matrix.grad for matrix in same])
            momentum = self._momenta[shape].lerp_(gradients, 1 - _MOMENTUM)
            moves = _orthogonal(gradients.lerp(momentum, _MOMENTUM)) * max(1, shape[0] / shape[1]) ** 0.5
            with torch.no_grad():
                for matrix, move in zip(same, moves, strict=True):
                    matrix.mul_(1 - rate * _DECAY).sub_(move, alpha=rate)


def _orthogonal(matrices: torch.Tensor, iterations: int = 5) -> torch.Tensor:
    """Returns approximately the nearest (semi-)orthogonal matrices to a stack (n, rows, columns)."""
    a, b, c = _QUINTIC
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(iterations):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


def _is_table(name: str) -> bool:
    """Returns whether a parameter is an embedding table or the output layer, to which Muon does not apply."""
    return "embed" in name or "lm_head" in name
