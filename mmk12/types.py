"""The core types of the toolkit: plain frozen values that every module uses, with no import heavier than dataclasses.

Words from a closed vocabulary (the kind of a gold, a status, a finish reason) are checked where a person or a file
supplies them: a misspelt one is an `UnknownName`, never a silent default.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, get_args

from mmk12.errors import UnknownName

IMAGE_MARK = "<image>"
"""Where an image stands in a question; exactly one mark per image, as verl's `RLHFDataset` demands."""

GoldKind = Literal["math", "number", "choice", "list", "text"]
"""How a dataset declares a gold; `math` leaves it to the gold's text."""
AnswerType = Literal["number", "expression", "choice", "text", "list", "auto"]
"""What a caller of the verifier declares a gold to be; `auto` leaves it to the gold's text."""
Status = Literal["correct", "wrong", "no_answer", "gold_unusable", "timeout", "error"]
FinishReason = Literal["stop", "length"]
Tag = str | tuple[str, ...]
"""The value of an item in one grouping, or all labels that apply (the skills of MathVista)."""

GOLD_KINDS: tuple[GoldKind, ...] = get_args(GoldKind)
ANSWER_TYPES: tuple[AnswerType, ...] = get_args(AnswerType)
STATUSES: tuple[Status, ...] = get_args(Status)
FINISH_REASONS: tuple[FinishReason, ...] = get_args(FinishReason)


@dataclass(frozen=True, slots=True)
class Image:
    """A decoded image, named by its content: `sha256` is over the normalised RGB pixels, never over a path."""

    sha256: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Gold:
    """The reference answer of a question, and how answers are compared with it.

    `choices` are the option texts in order (A first); `precision` counts decimals, `unit` is a plain unit name;
    `tolerance` is the largest absolute error that is allowed. `released` is the text that the dataset prints, where
    `text` corrects it: only the arithmetic of `mmk12.evaluation.official` reads it. Raises `UnknownName` for a `kind`
    that is none of `GOLD_KINDS`.
    """

    text: str
    kind: GoldKind = "math"
    choices: tuple[str, ...] = ()
    precision: int | None = None
    unit: str | None = None
    tolerance: float | None = None
    released: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in GOLD_KINDS:
            raise UnknownName("kind of gold", str(self.kind), GOLD_KINDS)


@dataclass(frozen=True, slots=True)
class RawSample:
    """One row of a dataset before its images are decoded: what a source or benchmark file makes of an upstream row.

    `images` are paths relative to the dataset's folder, or encoded image bytes. Without `<image>` marks in
    `question`, the images go in front of it. Rows are untrusted: wrong types raise `TypeError` here.
    """

    id: str
    question: str
    gold: Gold
    images: Sequence[str | bytes] = ()
    tags: Mapping[str, Tag] = field(default_factory=dict)
    cluster: str | None = None

    def __post_init__(self) -> None:
        for name, value in (("id", self.id), ("question", self.question), ("gold", self.gold.text)):
            if not isinstance(value, str):
                raise TypeError(f"{name} is of type {type(value).__name__}, not a text")
        if not all(isinstance(image, str | bytes) for image in self.images):
            raise TypeError("an image is neither a path nor bytes")


@dataclass(frozen=True, slots=True)
class Sample:
    """One question, ready for a model. `id` is `<source>/<native id>`, stable across builds and machines.

    `question` holds one `<image>` mark per entry of `images`, which is empty where saved answers are graded without the
    images. `cluster` names the problem that several items share (MathVerse versions), so that intervals can respect it.
    """

    id: str
    source: str
    question: str
    images: tuple[Image, ...]
    gold: Gold
    tags: Mapping[str, Tag] = field(default_factory=dict)
    cluster: str | None = None

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Sample:
        """Reads a sample that `dataclasses.asdict` turned into `row`."""
        gold = Gold(**{**row["gold"], "choices": tuple(row["gold"]["choices"])})
        images = tuple(Image(**image) for image in row["images"])
        tags = {name: tag if isinstance(tag, str) else tuple(tag) for name, tag in row["tags"].items()}
        return cls(**{**row, "gold": gold, "images": images, "tags": tags})


@dataclass(frozen=True, slots=True)
class DroppedSample:
    """A row that left the pipeline: at which stage, and the reason with its evidence. No row is dropped without one."""

    id: str
    source: str
    stage: str
    reason: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn, at most `max_tokens` of them. Temperature 0 is greedy.

    The other fields are off by default: `top_p` at 1, `top_k` at 0, `repetition_penalty` at 1.
    """

    temperature: float = 0.0
    max_tokens: int = 4096
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0

    def describe(self) -> str:
        """Returns the settings that are on, in words: `greedy, at most 4,096 tokens`."""
        words = ["greedy" if self.temperature == 0 else f"temperature {self.temperature:g}"]
        words += [f"top-p {self.top_p:g}"] if self.top_p != 1 else []
        words += [f"top-k {self.top_k}"] if self.top_k else []
        words += [f"repetition penalty {self.repetition_penalty:g}"] if self.repetition_penalty != 1 else []
        return ", ".join((*words, f"at most {self.max_tokens:,} tokens"))


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat; `content` carries `<image>` marks."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """One completion to be generated. `prompt` is the text after the model's own chat template.

    `index` tells the n rollouts of one prompt apart; `key` is the hash that makes generation resumable.
    """

    key: str
    id: str
    prompt: str
    images: tuple[Image, ...]
    sampling: Sampling
    index: int = 0


_MOST_TOKENS = 10**9


def read_token_count(value: Any) -> int | None:
    """Returns a count of tokens that a server or file states, or None if it is no such number.

    Servers have stated texts, fractions, negative numbers and numbers of 4,000 digits.
    """
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else None


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model answered to one `Request`; `finish_reason="length"` means that the answer was cut.

    Token counts are the engine's own, image tokens included; None where saved completions hold none.
    """

    key: str
    id: str
    index: int
    text: str
    finish_reason: FinishReason
    prompt_tokens: int | None
    completion_tokens: int | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Completion:
        """Reads a stored completion; other keys of `row` are ignored. Raises `UnknownName` for its finish reason."""
        finish_reason = row["finish_reason"]
        if finish_reason not in FINISH_REASONS:
            raise UnknownName("finish reason", str(finish_reason), FINISH_REASONS)
        return cls(
            row["key"],
            row["id"],
            row["index"],
            row["text"],
            finish_reason,
            read_token_count(row["prompt_tokens"]),
            read_token_count(row["completion_tokens"]),
        )


@dataclass(frozen=True, slots=True)
class SavedAnswer:
    """A response that was generated elsewhere, with what its file says about the item that it answers.

    `id` names the item, with or without the `<benchmark>/` in front; a file without ids gives `row`, the item's number
    in its benchmark, counted from 0. `index` tells the samples of one item apart, None where the file does not count
    them. `gold` and `question` are those of the file: they are what a row number is checked by.
    """

    text: str
    id: str | None = None
    row: int | None = None
    index: int | None = None
    gold: str | None = None
    question: str | None = None
    finish_reason: FinishReason = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class GenerationFailure:
    """A request that the engine could not answer. It is never stored and never graded as a wrong answer."""

    key: str
    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one response, with what a reader needs to check it.

    `answer` is what was extracted, `rule` names the rule that decided, `reason` says why in words.
    """

    status: Status
    answer: str | None
    rule: str
    reason: str
    format_ok: bool
    profile: str

    @property
    def correct(self) -> bool:
        """Whether this verdict scores a point; every other status scores none."""
        return self.status == "correct"

    def to_row(self) -> dict[str, Any]:
        """Returns the verdict as JSON rows hold it: its fields and `correct`, in the documented order."""
        return {
            "status": self.status,
            "correct": self.status == "correct",
            "answer": self.answer,
            "rule": self.rule,
            "reason": self.reason,
            "format_ok": self.format_ok,
            "profile": self.profile,
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Verdict:
        """Reads what `to_row` wrote; other keys of `row` are ignored. Raises `UnknownName` for a status."""
        status = row["status"]
        if status not in STATUSES:
            raise UnknownName("status", str(status), STATUSES)
        return cls(status, row["answer"], row["rule"], row["reason"], row["format_ok"], row["profile"])


@dataclass(frozen=True, slots=True)
class Graded:
    """One item of a benchmark with its verdict, as the metrics of a benchmark see it.

    `id` is the item's own id, without the `<benchmark>/` in front; `problem` names what several items share, or is the
    id. An item that was not answered is not `correct`.
    """

    id: str
    problem: str
    tags: Mapping[str, Tag]
    correct: bool


class Backend(Protocol):
    """Anything that turns requests into completions. One file per backend in `mmk12/inference`."""

    @property
    def fingerprint(self) -> str:
        """Model, weights, engine and version: completions are only reused where this is equal."""
        ...

    def render(self, messages: Sequence[Message]) -> str:
        """The prompt text, by the model's own chat template. Raises `PromptError` if image marks do not fit."""
        ...

    def generate(self, requests: Sequence[Request]) -> Iterator[Completion | GenerationFailure]:
        """Yields one completion or failure per request, in any order, as they finish."""
        ...


@dataclass(frozen=True, slots=True)
class HubDataset:
    """A dataset on the Hugging Face hub; `revision` pins it.

    `files` names the files of a repository that is no table: they are fetched and read as a folder.
    """

    id: str
    split: str
    config: str | None = None
    revision: str = "main"
    files: tuple[str, ...] = ()


Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A place in an upstream file that holds no row: where it is and why it cannot be read."""

    where: str
    reason: str
