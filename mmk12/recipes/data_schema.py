"""The `data` section of a recipe: the mixture, and the range of pass rates that its difficulty filter keeps."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from mmk12.errors import UnknownName
from mmk12.utils import content
from mmk12.utils.config import FrozenModel

_BOUND = r"(0|1|0?\.\d{1,6}|1\.0{1,6})"
_BAND = re.compile(rf"(?:{_BOUND}\s*(<=?|≤)\s*)?p(?:\s*(<=?|≤)\s*{_BOUND})?")


@dataclass(frozen=True, slots=True)
class PassRateRange:
    """The pass rates between two bounds; `open_low` and `open_high` exclude the bound itself.

    As text: `0 < p < 1`, `0.2 <= p <= 0.8`, `p < 1`, `all`.
    """

    low: Fraction = Fraction(0)
    high: Fraction = Fraction(1)
    open_low: bool = False
    open_high: bool = False

    @classmethod
    def parse(cls, text: str) -> PassRateRange:
        """Parses a band. Raises `ValueError` if it is not one, or if it contains no pass rate."""
        if text.strip() == "all":
            return cls()
        match = _BAND.fullmatch(text.strip())
        if match is None or match[0] == "p":
            raise ValueError(f"'{text}' is not a band of pass rates; write '0 < p < 1', '0.25 <= p <= 0.75' or 'all'")
        low, below, above, high = match.groups()
        band = cls(Fraction(low or 0), Fraction(high or 1), below == "<", above == "<")
        if band.low > band.high or (band.low == band.high and (band.open_low or band.open_high)):
            raise ValueError(f"no pass rate is inside '{text}'")
        return band

    def side(self, right: int, of: int) -> int:
        """Returns -1 if the pass rate `right` / `of` is below the band, 1 if it is above, 0 if it is inside."""
        rate = Fraction(right, of)
        if rate < self.low or (self.open_low and rate == self.low):
            return -1
        return int(rate > self.high or (self.open_high and rate == self.high))


Cap = Annotated[int, Field(strict=True, gt=0)]
Seed = Annotated[int, Field(strict=True, ge=0)]


class Difficulty(FrozenModel):
    """The offline difficulty filter (arXiv 2503.07365, section 3.1): a model answers each question `n` times.

    Rows whose pass rate p is in the band `keep` are kept. `max_tokens` bounds one answer.
    """

    n: Annotated[int, Field(strict=True, ge=1, le=1024)] = 8
    keep: str = "0 < p < 1"
    max_tokens: Cap = 4096

    @field_validator("keep")
    @classmethod
    def _is_a_band(cls, keep: str) -> str:
        PassRateRange.parse(keep)
        return keep


class K12Benchmark(FrozenModel):
    """The rows of the folder `k12_benchmark`.

    They are the published 500 for the source `official`, else `size` rows of one of the mixture's sources, which are
    then removed from the mixture.
    """

    source: str
    size: Cap = 500


class Data(FrozenModel):
    """The mixture. `sources` is in order of priority: of two equal rows the one of the earlier source is kept.

    `letters` keeps multiple-choice questions that only a letter can answer. `otherwise` is the recipe to build if none
    of `sources` is available. `val_fraction` of the rows, chosen by a hash of seed and id, go to val.parquet.
    `order: pass_rate` puts the rows that a model solves most often first. `decontaminate` names the benchmarks whose
    questions are removed: `all` declared ones, or a list. `collect` draws so many rows of a source by seed and id from
    those whose text is usable, before any image is decoded; the number in `sources` caps what is left at the end.
    `long_prompts: drop` leaves out the rows whose prompt is longer than the training's `max_prompt`, image tokens
    included, where a build has a processor to measure them (`--tokenizer`); `count` tells their number alone.
    """

    sources: Annotated[dict[str, Literal["all"] | Cap], Field(min_length=1)]
    collect: dict[str, Cap] = Field(default_factory=dict)
    letters: Annotated[bool, Field(strict=True)] = False
    otherwise: str | None = None
    seed: Seed = 0
    val_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.01
    difficulty: Difficulty = Difficulty()
    benchmark: K12Benchmark | None = None
    order: Literal["source", "pass_rate"] = "source"
    decontaminate: Literal["all"] | list[str] = "all"
    long_prompts: Literal["count", "drop"] = "count"

    @field_validator("sources")
    @classmethod
    def _known_sources(cls, sources: dict[str, Any]) -> dict[str, Any]:
        built_in = content.names("source")
        for ref in sources:
            if "/" not in ref and not ref.endswith((".py", ".yaml")):  # else a user's own source file
                check_known("source", ref, built_in)
        return sources

    @model_validator(mode="after")
    def _collected_sources(self) -> Self:
        for ref in self.collect:
            check_known("source of this recipe", ref, self.sources)
        return self

    @field_validator("decontaminate")
    @classmethod
    def _known_benchmarks(cls, refs: str | list[str]) -> str | list[str]:
        for ref in refs if isinstance(refs, list) else ():
            if "/" not in ref and not ref.endswith(".py"):  # else a user's own benchmark file
                check_known("benchmark", ref.partition(":")[0], content.names("benchmark"))
        return refs

    @field_validator("otherwise")
    @classmethod
    def _known_recipe(cls, ref: str | None) -> str | None:
        if ref is not None and "/" not in ref and not ref.endswith(".yaml"):
            check_known("recipe", ref, content.names("recipe"))
        return ref


def check_known(kind: str, name: str, known: Iterable[str]) -> str:
    """Returns `name` if it is one of the `known` ones. Raises `ValueError` with the nearest if it is not."""
    if name not in known:
        raise ValueError(str(UnknownName(kind, name, known)))
    return name
