"""Opens anybody's training set for comparison: parquet, JSONL, a folder of them, a hub id, or a source of ours.

The columns are recognised: those of mmk12 and verl (`prompt`, `reward_model`, `extra_info`), of EasyR1 (`problem`,
`images`), of TRL (`prompt` or `messages`, `image`) and of LLaVA (`conversations`); any other one is named by the user.
A row is compared even if no rule could grade its answer. An instruction that every question begins or ends with, such
as "put your answer in a box", is no part of the question and is left out.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from mmk12.datasets.column_source import ROW_FILES, RowFiles
from mmk12.datasets.declarations import ORIGIN, SkipRow, Source
from mmk12.datasets.files import Files
from mmk12.datasets.hub import pin_commit
from mmk12.datasets.loader import describe_location, locate_dataset
from mmk12.datasets.registry import load_source
from mmk12.datasets.row_columns import Columns, make_gold, pick, read_answer, read_choices, read_images, read_question
from mmk12.errors import BadInput, MissingData
from mmk12.types import IMAGE_MARK, BrokenLine, Gold, HubDataset, RawSample, Row, Tag
from mmk12.utils import content, fingerprint
from mmk12.utils.config import validate_settings
from mmk12.utils.shards import find_files as find_shards

NATIVE_ID, LOST = "id", "lost images"
"""The tags of a row: its id in the set, and that its images cannot be told from its column."""

KNOWN: Mapping[str, tuple[str, ...]] = {
    "question": ("extra_info.question", "problem", "question", "query", "prompt", "messages", "conversations"),
    "answer": ("reward_model.ground_truth", "answer", "ground_truth", "solution", "gold"),
    "images": ("images", "image", "image_urls", "image_path", "file_name"),
    "choices": ("extra_info.choices", "choices", "options"),
    "id": ("extra_info.id", "id", "qid", "pid", "question_id"),
    "origin": ("extra_info.tags.origin", "extra_info.source"),
}
"""The columns that are recognised, in order of preference: a text of the question alone before a whole prompt."""

_LAYOUTS = ("train.parquet", "train-*.parquet", "data/train-*.parquet", "*.parquet", "train.jsonl", "*.jsonl")
"""The files of a folder, in order of preference: of the first pattern that matches, all are read."""
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_PROBED = 64
"""The number of rows by which columns and instructions are recognised."""
_LEAST_SHARED = 8
"""The number of different questions from which what they share counts as an instruction."""
_INSTRUCTION = re.compile(
    r"<think>|<answer>|\\boxed|step by step|final answer|reasoning|question:|in the mind|一步一步|最终答案",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"\n\s*|[.?!:]\s+|[。？！：]\s*")


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """A training set: a `Source` with its `files`, and how its rows are read.

    `key` stands for its contents. `columns` are those that are read, `removed` the instructions that are left out; both
    are empty for a declared source, whose own conversion applies.
    """

    source: Source
    files: Files
    where: str
    key: str
    columns: Mapping[str, tuple[str, ...]]
    removed: tuple[str, ...] = ()


def open_training_set(
    ref: str, *, raw_dir: Path | None = None, split: str = "train", columns: Mapping[str, str] | None = None
) -> TrainingSet:
    """Opens the training set `ref`: a path, a hub id, or the name or file of a source.

    `columns` names columns that are not recognised, {"question": "text", …}; `split` is that of a hub dataset.
    Raises `MissingData` or `BadInput`.
    """
    if ref in content.names("source") or ref.endswith((".py", ".yaml")):
        return _open_source(ref, raw_dir)
    path = Path(ref)
    if path.exists():
        folder, patterns = _find_files(path)
        places, files, where = RowFiles(patterns), Files(folder), str(path)
        size = _count_rows([folder / name for pattern in patterns for name in files.names(pattern)])
        status = [(name, (folder / name).stat()) for pattern in patterns for name in files.names(pattern)]
        key = fingerprint.hash_json([[name, one.st_size, one.st_mtime_ns] for name, one in status])
    elif _HUB_ID.fullmatch(ref) and not ref.endswith(ROW_FILES):
        hub, size = HubDataset(ref, split), None
        files = Files(None, pin_commit(hub).revision)
        places, where = RowFiles((), hub=hub), f"hub:{ref}@{files.commit}"
        key = f"{where}/{split}"
    else:
        raise MissingData(f"No training set {ref}: it is no file, no folder, no ORG/NAME of the hub and no source.")
    rows = list(islice(_plain_rows(places, files), _PROBED))
    if not rows:
        raise BadInput(f"{where} holds no row that can be read.")
    chosen = _recognise_columns(rows, columns or {}, where)
    removed = find_instructions(_read_questions(rows, chosen))
    source = Source(
        name=path.stem if path.exists() else ref.rpartition("/")[2],
        about="a training set",
        license="unknown",
        url=where,
        folders=("",),
        layout="rows",
        rows=places.read,
        draft=partial(_draft, chosen, removed),
        hub=places.hub,
        size=size,
    )
    read = {name: names for name, names in chosen.model_dump().items() if names}
    return TrainingSet(source, files, where, key, read, removed)


def _open_source(ref: str, raw_dir: Path | None) -> TrainingSet:
    source = load_source(ref)
    files = locate_dataset(source, raw_dir)
    where = describe_location(source, files)
    key = where if files.folder is None else fingerprint.hash_folder(files.folder)
    return TrainingSet(source, files, where, key, {})


def _find_files(path: Path) -> tuple[Path, tuple[str, ...]]:
    """Returns the folder of a path and the patterns of its row files. Raises `BadInput` if some are missing."""
    if path.is_file():
        if path.suffix not in ROW_FILES:
            raise BadInput(f"{path} is none of {', '.join(ROW_FILES)}.")
        return path.parent, (glob.escape(path.name),)
    for pattern in _LAYOUTS:
        if any(path.glob(pattern)):
            find_shards((path / pattern).parent, "train")  # a partial download is told, not compared in silence
            return path, (pattern,)
    raise BadInput(f"{path} holds no .parquet and no .jsonl file. Name the file itself.")


def _count_rows(files: Sequence[Path]) -> int | None:
    """Returns the rows of parquet files, which progress is shown against; None if that takes reading them."""
    import pyarrow.lib
    import pyarrow.parquet as pq

    try:
        return sum(pq.read_metadata(file).num_rows for file in files) if files[0].suffix == ".parquet" else None
    except (pyarrow.lib.ArrowException, OSError):
        return None


def _plain_rows(places: RowFiles, files: Files) -> Iterator[Row]:
    return (entry["row"] for entry in places.read(files) if not isinstance(entry, BrokenLine))


def _recognise_columns(rows: Sequence[Row], named: Mapping[str, str], where: str) -> Columns:
    """Returns the columns that the rows have, of those that are `named` or known. Raises `BadInput` if no question."""
    chosen = {
        part: tuple(name for name in names if any(_holds(row, name) for row in rows)) for part, names in KNOWN.items()
    }
    if not (chosen["question"] or "question" in named):
        there = ", ".join(sorted({name for row in rows for name in row}))
        raise BadInput(
            f"{where}: no column of a question is recognised among {there}. "
            "Name it, and others if need be: --columns question=NAME,answer=NAME,images=NAME"
        )
    columns = validate_settings(Columns, {**chosen, **named}, "--columns")
    for part, name in named.items():
        if not any(_holds(row, name) for row in rows):
            raise BadInput(f"{where} has no column '{name}' for {part} in its first {len(rows)} rows.")
    return columns


def _holds(row: Row, name: str) -> bool:
    try:
        return pick(row, (name,), required=False) is not None
    except ValueError:
        return False


def _read_questions(rows: Sequence[Row], columns: Columns) -> list[str]:
    questions = []
    for row in rows:
        question = _try(lambda row: _question(row, columns, ()), row)
        if question:
            questions.append(question)
    return questions


def _try(read: Callable[[Any], Any], value: Any) -> Any:
    """Returns what `read` makes of a value, None if that is malformed or holds nothing."""
    try:
        return read(value)
    except (SkipRow, BadInput, ValueError, TypeError, KeyError, AttributeError):
        return None


def _question(row: Row, columns: Columns, removed: Sequence[str]) -> str:
    question = read_question(pick(row, columns.question)).replace(IMAGE_MARK, "").strip()
    for text in removed:
        question = question.removeprefix(text).removesuffix(text).strip()
    return question


def find_instructions(questions: Sequence[str]) -> tuple[str, ...]:
    """Returns the instructions that all questions begin or end with; none for fewer than 8 different questions.

    What all share counts as an instruction only if it speaks of reasoning or of the form of an answer.
    """
    distinct = set(questions)
    if len(distinct) < _LEAST_SHARED:
        return ()
    head = _shared_start(distinct)
    tail = _shared_start({text[::-1] for text in distinct})[::-1]
    # What a few questions share by chance goes on behind the instruction, or begins before it: cut at a sentence.
    ends = [match.end() for match in _SENTENCE_END.finditer(head)]
    head = head[: ends[-1]] if ends else head if head[-1:].isspace() else ""
    first = _SENTENCE_END.search(tail)
    tail = tail if tail[:1].isspace() else tail[first.end() :] if first else ""
    return tuple(text.strip() for text in (head, tail) if _INSTRUCTION.search(text))


def _shared_start(texts: Collection[str]) -> str:
    """Returns the longest text with which all of `texts` begin."""
    low, high = min(texts), max(texts)
    length = next((place for place, (one, two) in enumerate(zip(low, high, strict=False)) if one != two), len(low))
    return low[:length]


def _draft(columns: Columns, removed: tuple[str, ...], entry: Row) -> RawSample:
    """Converts a row for comparison. Only a row without a question raises."""
    row: Row = entry["row"]
    tags: dict[str, Tag] = {}
    question = _question(row, columns, removed)
    if not question:
        raise SkipRow("no question")
    images = _try(lambda row: entry["find"](read_images(pick(row, columns.images, required=False))), row)
    name = _try(partial(pick, names=columns.id, required=False), row)
    origin = _try(partial(pick, names=columns.origin, required=False), row)
    if name is not None:
        tags[NATIVE_ID] = str(name)
    if origin is not None:
        tags[ORIGIN] = str(origin)
    if images is None:
        tags[LOST] = "1"
    return RawSample(f"row-{entry['number']}", question, _gold(row, columns, question), images=images or (), tags=tags)


def _gold(row: Row, columns: Columns, question: str) -> Gold:
    answer = _try(lambda row: read_answer(pick(row, columns.answer, required=False)), row)
    if not answer:
        return Gold("")
    options = _try(lambda row: read_choices(pick(row, columns.choices, required=False)), row)
    gold = make_gold(question, answer, ())[1]
    return Gold(gold.text, "choice", tuple(options)) if options and gold.kind == "choice" else gold
