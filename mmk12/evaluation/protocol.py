"""Protocols: all that a number depends on beside the model and the items, under one name that papers share.

Accuracies are comparable where prompt, decoding, budget, number of runs and size of the pictures agree. A protocol
states them together; it is printed on the report, and stored completions belong to it.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import Field, PrivateAttr, model_validator

from mmk12.datasets.declarations import PublishedResult
from mmk12.errors import BadRecipe, MissingData, UnknownName
from mmk12.evaluation.records import RunSettings
from mmk12.inference import prompts
from mmk12.inference.prompts import Template
from mmk12.types import Sampling
from mmk12.utils.config import FrozenModel, read_yaml_mapping, validate_settings
from mmk12.utils.images import MAX_PIXELS, PixelBounds

_SUFFIXES = (".yaml", ".yml")
_PLACE = "{question}"


class Protocol(FrozenModel):
    """One way to ask a model and to draw its answers. A YAML file has these keys, and `paper`'s values without them.

    prompt: the name of a template (`mmk12 list prompts`), or of the one that `system` and `user` define
    system: the system prompt, if it is not the template's; null for none
    user: the user turn, if it is not the template's, with `{question}` in it
    temperature, top_p, top_k, repetition_penalty: how tokens are drawn; 0, 1, 0 and 1 are off
    max_tokens: the longest answer
    runs: answers per item; with several, the report shows the accuracy of each run and their spread
    min_pixels, max_pixels: bounds of a picture, to which it is scaled
    source: where the settings are from
    """

    name: str = Field(min_length=1, max_length=60, pattern=r"^[\w.-]+$")
    prompt: str = "instruct"
    system: str | None = None
    user: str | None = None
    temperature: float = Field(default=0.0, ge=0, le=10, allow_inf_nan=False)
    top_p: float = Field(default=1.0, gt=0, le=1)
    top_k: int = Field(default=0, ge=0)
    repetition_penalty: float = Field(default=1.0, gt=0, le=10)
    max_tokens: int = Field(default=4096, ge=1)
    runs: int = Field(default=1, ge=1)
    min_pixels: int | None = Field(default=None, ge=1, le=MAX_PIXELS)
    max_pixels: int | None = Field(default=None, ge=1, le=MAX_PIXELS)
    source: str = ""
    _changes: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _check(self) -> Protocol:
        if self.user is not None and self.user.count(_PLACE) != 1:
            raise ValueError("user must hold {question} once")
        if self.user is None and self.prompt not in prompts.TEMPLATES:
            raise ValueError(str(UnknownName("prompt", self.prompt, prompts.TEMPLATES)))
        if self.user is not None and self.prompt in prompts.TEMPLATES and "prompt" in self.model_fields_set:
            raise ValueError(f"prompt {self.prompt} has a user turn of its own: leave one of prompt and user out")
        if self.runs > 1 and self.temperature == 0:
            raise ValueError("several runs at temperature 0 are all the same: set a temperature")
        if self.min_pixels and self.max_pixels and self.min_pixels > self.max_pixels:
            raise ValueError("min_pixels is larger than max_pixels")
        return self

    @property
    def template(self) -> Template:
        """The prompt: a template of `mmk12.inference.prompts`, or the protocol's own, under its name."""
        if self.user is not None:
            return Template(self.name, self.system, self.user)
        template = prompts.find_template(self.prompt)
        changed = "system" in self.model_fields_set
        return dataclasses.replace(template, name=self.name, system=self.system) if changed else template

    @property
    def sampling(self) -> Sampling:
        """How tokens are drawn."""
        return Sampling(self.temperature, self.max_tokens, self.top_p, self.top_k, self.repetition_penalty)

    @property
    def bounds(self) -> PixelBounds:
        """The least and most pixels of a picture."""
        return PixelBounds(self.min_pixels, self.max_pixels)

    @property
    def changes(self) -> tuple[str, ...]:
        """What `change` has changed, in words: `zero`, `8runs`, `512tokens`."""
        return self._changes

    @property
    def label(self) -> str:
        """The name and the changes: `paper-zero-8runs`."""
        return "-".join((self.name, *self._changes))

    def change(self, *, prompt: str | None = None, runs: int | None = None, max_tokens: int | None = None) -> Protocol:
        """Returns the protocol with other settings, which its `label` then tells.

        Several runs of a greedy protocol are sampled at temperature 1. Raises `UnknownName` for a prompt.
        """
        changes: dict[str, Any] = {}
        words = []
        kept = self.model_fields_set
        if prompt is not None and prompt != self.prompt:
            changes["prompt"] = prompts.find_template(prompt).name
            kept = kept - {"system", "user"}
            words.append(prompt)
        if runs is not None and runs != self.runs:
            changes |= {"runs": runs, "temperature": (self.temperature or 1.0) if runs > 1 else self.temperature}
            words.append(f"{runs}runs")
        if max_tokens is not None and max_tokens != self.max_tokens:
            changes["max_tokens"] = max_tokens
            words.append(f"{max_tokens}tokens")
        if not changes:
            return self
        changed = Protocol(**{**self.model_dump(include=kept), **changes})
        changed._changes = (*self._changes, *words)
        return changed


_LMMS_SYSTEM = (
    "You are a helpful assistant. When the user asks a question, your response must include two parts: first, the "
    "reasoning process enclosed in <think>...</think> tags, then the final answer enclosed in <answer>...</answer> "
    "tags.Please provide a clear, concise response within <answer> </answer> tags that directly addresses the question."
)

PROTOCOLS = MappingProxyType(
    {
        one.name: one
        for one in (
            Protocol(name="paper", source="MM-Eureka, arXiv 2503.07365, section 4"),
            Protocol(
                name="opencompass",
                user=_PLACE,
                system=None,
                temperature=0.01,
                top_p=0.001,
                top_k=1,
                max_tokens=2048,
                min_pixels=1280 * 28 * 28,
                max_pixels=16384 * 28 * 28,
                source="VLMEvalKit, vlmeval/vlm/qwen2_vl/model.py and vlmeval/config.py: its settings of Qwen2.5-VL",
            ),
            Protocol(
                name="lmms_reasoning",
                user=_PLACE,
                system=_LMMS_SYSTEM,
                max_tokens=49_152,
                source="lmms-eval, lmms_eval/tasks/dynamath/reasoning (template and utils.py)",
            ),
        )
    }
)
"""The built-in protocols. VLMEvalKit and lmms-eval also put the questions of some benchmarks in other words, which is
not reproduced: each benchmark file says how it puts its own."""


def load_protocol(ref: str) -> Protocol:
    """Returns the built-in protocol of that name, or the one in the YAML file at path `ref`.

    Raises `UnknownName`, `MissingData` if there is no such file, or `BadRecipe` for a fault in it.
    """
    if not ref.endswith(_SUFFIXES):
        if ref not in PROTOCOLS:
            raise UnknownName("protocol", ref, PROTOCOLS)
        return PROTOCOLS[ref]
    path = Path(ref)
    if not path.is_file():
        raise MissingData(f"No protocol file at {path}. Built-in protocols: {', '.join(PROTOCOLS)}.")
    settings = {"name": path.stem, **read_yaml_mapping(path)}
    protocol = validate_settings(Protocol, settings, path.name)
    if protocol.name in PROTOCOLS:
        raise BadRecipe(f"{path.name}: '{protocol.name}' is the name of a built-in protocol. Choose another name.")
    return protocol


UNKNOWN = "unknown, these are saved answers"


def describe_difference(number: PublishedResult, settings: RunSettings) -> str:
    """Returns how the protocols of a published number and of a run differ; "" if they agree or the number names none.

    Nobody knows how saved answers were drawn: then it is `UNKNOWN`.
    """
    if not number.protocol:
        return ""
    return UNKNOWN if settings.backend == "replay" else "; ".join(list_differences(number.protocol, settings))


def list_differences(name: str, settings: RunSettings) -> list[str]:
    """Returns how a run differs from the protocol called `name`, in words: `max_tokens 512, there 4,096`.

    The three prompts of the paper are all `paper`'s: it asks each model by its own. Raises `UnknownName`.
    """
    there = load_protocol(name)
    allowed = tuple(prompts.TEMPLATES.values()) if name == "paper" else (there.template,)
    differences = [] if settings.prompt in allowed else [f"prompt {settings.prompt.name}, there {there.template.name}"]
    ours = {**dataclasses.asdict(settings.sampling), "runs": settings.n}
    theirs = {**dataclasses.asdict(there.sampling), "runs": there.runs}
    ours |= {"min_pixels": settings.min_pixels, "max_pixels": settings.max_pixels}
    theirs |= {"min_pixels": there.min_pixels, "max_pixels": there.max_pixels}
    return differences + [
        f"{key} {_show(value)}, there {_show(theirs[key])}" for key, value in ours.items() if value != theirs[key]
    ]


def _show(value: float | None) -> str:
    return "none" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:g}"
