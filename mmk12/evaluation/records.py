"""Defines the records that an evaluation writes, as types that are checked when a file is read back.

Each file that is one JSON object names its `schema_version`: run.json (`RunSettings`), results.json (`Results`), and
what `mmk12 compare --json` prints (`Comparison`, `Leaderboard`). The lines of verdicts.jsonl (`VerdictRow`)
follow the version in run.json of the same folder.

1 was the version of mmk12 0.2.0. Files of mmk12 0.1.0 name none, and their results.json is the value of `benchmarks`
alone. Both are read, and `mmk12 score RUN` writes them anew. A file of a later version is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from pydantic import Field, ValidationError

from mmk12.datasets.declarations import PublishedResult
from mmk12.errors import BadInput
from mmk12.inference.deployment import Deployment
from mmk12.inference.prompts import Template
from mmk12.types import FinishReason, Sampling, Status, Tag
from mmk12.utils.config import FrozenModel

SCHEMA_VERSION: Final = 2
"""Rises whenever a key of a record is added, removed, or means something else."""

SchemaVersion = Literal[2]
Interval95 = tuple[float, float]
"""Lower and upper end of a 95 % confidence interval, as fractions."""


class Attempt(FrozenModel):
    """One call of `mmk12 eval` that generated something: ISO 8601 times in UTC; `finished` is None after a kill."""

    started: str
    finished: str | None = None
    generated: int = 0


class BenchmarkSettings(FrozenModel):
    """What run.json keeps of a benchmark: enough to re-grade, compare and report without its file or its data.

    `size` counts the items that the benchmark declares, `items` those that were loaded, of the first `limit` ones or of
    all; `sha256` is over the loaded items. `groups` names the tags with sub-scores, `official` the rule of
    `mmk12.evaluation.official`, `metrics` the benchmark whose file computes metrics over several items.
    """

    about: str
    size: int
    items: int
    limit: int | None = None
    sha256: str
    read_from: str
    groups: tuple[str, ...] = ()
    official: str | None = None
    metrics: str | None = None
    published: tuple[PublishedResult, ...] = ()


class RunSettings(FrozenModel):
    """The contents of run.json: how a run was made, and when. `versions` maps packages to their versions.

    `protocol` is the name of the protocol, "" where none is known: of saved answers, and of runs of older versions.
    What it says stands in `prompt`, `sampling`, `n` (runs) and the bounds of the pictures.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    mmk12: str
    model: str
    backend: str
    fingerprint: str
    deployment: Deployment
    prompt: Template
    sampling: Sampling
    n: int
    protocol: str = ""
    min_pixels: int | None = None
    max_pixels: int | None = None
    profile: str
    benchmarks: dict[str, BenchmarkSettings]
    versions: dict[str, str]
    attempts: tuple[Attempt, ...] = ()


class VerdictRow(FrozenModel):
    """A line of verdicts.jsonl: the columns of `mmk12 verify`, and what the run knows of the item and completion.

    `index` counts the rollouts of an item from 0. `official` is the publisher's own verdict, None where there is no
    rule or it could not be applied. `finish_reason` and `completion_tokens` are None without a completion.
    """

    id: str
    index: int
    status: Status
    correct: bool
    answer: str | None
    rule: str
    reason: str
    format_ok: bool
    profile: str
    official: bool | None
    benchmark: str
    groups: dict[str, Tag]
    cluster: str | None
    finish_reason: FinishReason | None
    completion_tokens: int | None

    @property
    def problem(self) -> str:
        """The unit of independent observation: the cluster of the item, or the item's id."""
        return self.cluster or self.id


class JudgedRow(VerdictRow):
    """A line of verdicts.jsonl of a run that has a judge: `judge` is None where it gave no verdict."""

    judge: bool | None


class GroupScore(FrozenModel):
    """The accuracy on the items with one value of a tag; None where none of them has a response that can be graded."""

    n: int
    accuracy: float | None
    ci95: Interval95 | None


class MetricScore(FrozenModel):
    """A number over several items, from `n` problems; None where no problem is complete."""

    n: int
    value: float | None
    ci95: Interval95 | None


class OfficialScore(FrozenModel):
    """The accuracy by the publisher's arithmetic, and on how many responses it and the profile differ."""

    accuracy: float
    ci95: Interval95
    agreement: float
    only_strict: int
    only_official: int
    metrics: dict[str, MetricScore] = Field(default_factory=dict)


class UnusableGolds(FrozenModel):
    """The golds of a benchmark that no rule can grade against, and the statuses of the responses to them.

    It is a property of the benchmark: a response that is equal to such a gold word by word is still correct.
    """

    golds: int = 0
    statuses: dict[str, int] = Field(default_factory=dict)


class JudgeScore(FrozenModel):
    """What a judge said of a benchmark's responses.

    `n` counts the responses with an opinion; `accuracy` is the share of them that the judge accepts, `agreement` the
    share on which it and the rules say the same, both None for n = 0. `matrix` counts all rows:
    {status of the rules: {yes, no, none}}.
    """

    model: str
    prompt: str
    n: int
    accuracy: float | None
    ci95: Interval95
    agreement: float | None
    no_verdict: int
    matrix: dict[str, dict[str, int]]


class Metrics(FrozenModel):
    """The numbers that follow from the verdicts of one benchmark.

    `accuracy` is `correct` over all `n` declared items, and None if no item has a response that can be graded; of them
    `unanswered` items lack a response. Rates are shares of all rows, `mean_tokens` counts the tokens of a completion.
    `mean_at` and `pass_at` map k to mean@k and pass@k, `per_run` holds the accuracy of each rollout index; they are
    empty for one rollout. `groups` is {tag: {value: score}}, `metrics` are numbers over several items.
    """

    n: int
    correct: int | float
    accuracy: float | None
    ci95: Interval95 | None
    unanswered: int = 0
    no_answer_rate: float
    truncation_rate: float
    format_rate: float
    mean_tokens: float | None
    statuses: dict[str, int]
    mean_at: dict[str, float]
    pass_at: dict[str, float]
    per_run: tuple[float, ...] = ()
    groups: dict[str, dict[str, GroupScore]]
    metrics: dict[str, MetricScore] = Field(default_factory=dict)
    unusable_golds: UnusableGolds = UnusableGolds()
    official: OfficialScore | None = None


class BenchmarkResult(Metrics):
    """The result of one benchmark in results.json. It covers all items unless `limited` or `partial`."""

    judge: JudgeScore | None = None
    profile: str
    limited: bool
    partial: bool

    @property
    def measured(self) -> bool:
        """Whether there is any response: rates of nothing are not shown."""
        return self.unanswered < self.n or self.mean_tokens is not None

    @property
    def mark(self) -> str:
        """Why the result is not of the whole benchmark: "partial", "limited", or "" if it is."""
        return "partial" if self.partial else "limited" if self.limited else ""


class Results(FrozenModel):
    """The contents of results.json."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    benchmarks: dict[str, BenchmarkResult]


class PairedScore(FrozenModel):
    """Two accuracies on the same `n` items, and their difference b - a with its interval."""

    n: int
    a: float
    b: float
    difference: float
    ci95: Interval95


class FlippedItem(FrozenModel):
    """What two runs answered to an item on which their scores differ, and its gold."""

    gold: str | None
    a: str | None
    b: str | None


class PairedMetric(PairedScore):
    """Two values of a number over several items, paired problem by problem; `n` counts problems."""

    p_value: float


class BenchmarkComparison(PairedScore):
    """The comparison of two runs on one benchmark.

    `gained` and `lost` name the items on which b, or a, scores higher; `answers` has an entry for each of them. The
    last three fields name the items that are left out.
    """

    p_value: float
    test: str
    metrics: dict[str, PairedMetric] = Field(default_factory=dict)
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    answers: dict[str, FlippedItem]
    groups: dict[str, dict[str, PairedScore]]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    asked_differently: tuple[str, ...]


class Comparison(FrozenModel):
    """What `compare` returns: run b against run a, by benchmark."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    benchmarks: dict[str, BenchmarkComparison]


class Accuracy(FrozenModel):
    """An accuracy as a fraction, None where nothing was measured; published ones have no interval."""

    accuracy: float | None
    ci95: Interval95 | None


class LeaderboardCell(Accuracy):
    """An accuracy on one benchmark; `mark` as in `BenchmarkResult.mark`."""

    mark: str = ""


class LeaderboardRow(FrozenModel):
    """A run or a published model. `average` is None unless the row has every benchmark of the table.

    `metrics` are its numbers over several items, named `<benchmark>: <metric>`.
    """

    name: str
    model: str
    protocol: str = ""
    source: str
    grader: str
    accuracy: dict[str, LeaderboardCell]
    metrics: dict[str, LeaderboardCell] = Field(default_factory=dict)
    average: Accuracy | None


class PairedDifference(FrozenModel):
    """The difference of a run from the first one of a leaderboard, paired item by item."""

    n: int
    difference: float
    ci95: Interval95
    p_value: float


class Leaderboard(FrozenModel):
    """What `make_leaderboard` returns; `differences` is {run: {benchmark: difference from the first run}}.

    `notes` say which published numbers are left out, and why: they stand only beside runs by the same protocol.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    benchmarks: tuple[str, ...]
    runs: tuple[LeaderboardRow, ...]
    published: tuple[LeaderboardRow, ...]
    differences: dict[str, dict[str, PairedDifference]]
    notes: tuple[str, ...] = ()


Record = TypeVar("Record", bound=FrozenModel)


def upgrade_run(value: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    """Returns the contents of a run.json in the current schema. Raises `BadInput` if a later mmk12 wrote it."""
    if _read_version(value, path) >= SCHEMA_VERSION:
        return value
    known = dict(value)
    limit, benchmarks = known.pop("limit", None), known.get("benchmarks")
    if isinstance(benchmarks, dict):  # a limit was that of the whole run
        known["benchmarks"] = {
            name: {"limit": limit, **one} if isinstance(one, dict) else one for name, one in benchmarks.items()
        }
    return {**known, "schema_version": SCHEMA_VERSION}


def upgrade_results(value: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    """Returns the contents of a results.json in the current schema. Raises `BadInput` if a later mmk12 wrote it."""
    version = _read_version(value, path)
    if version == 0:
        return {"benchmarks": value}
    return value if version >= SCHEMA_VERSION else {**value, "schema_version": SCHEMA_VERSION}


def _read_version(value: Mapping[str, Any], path: Path) -> int:
    """Returns the schema version of a file, 0 if it names none; one that is no number counts as the current one."""
    version = value.get("schema_version", 0)
    if type(version) is not int:
        return SCHEMA_VERSION
    if version > SCHEMA_VERSION:
        raise BadInput(
            f"{path} has schema_version {version}, and this mmk12 reads up to {SCHEMA_VERSION}. "
            "Update mmk12: pip install -U mmk12"
        )
    return version


def parse_record(kind: type[Record], value: object, where: Path | str, advice: str) -> Record:
    """Returns a JSON value as a record of type `kind`.

    Raises:
        BadInput: The value is no such record. The message names the file `where`, the first key that is wrong, and
            `advice`: what to do.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        problem = f"{place}: {first['msg']}" if place else first["msg"]
        raise BadInput(f"{where} is not what mmk12 eval writes ({problem[:200]}). {advice}") from None
