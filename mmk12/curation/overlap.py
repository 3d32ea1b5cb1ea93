"""`mmk12 overlap`: which rows of a training set are copies of benchmark questions, by text, by image and by both.

The comparison is that of `build-data` (`mmk12.curation.decontamination`). Rows are compared in batches, and each batch
is a line of a log, so a run that was killed goes on behind the last one.

    overlap.json    the counts by benchmark, what was compared, and what was not
    overlap.jsonl   a `Pair` a line: a row, and the benchmark question that it is a copy of
    overlap.html    the pairs side by side (`mmk12.curation.overlap_page`)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from pydantic import ValidationError

from mmk12.curation.code_hash import hash_code
from mmk12.curation.decontamination import (
    BATCH,
    BOTH,
    IMAGE,
    TEXT,
    BenchmarkQuestions,
    Copy,
    ReadQuestion,
    read_questions,
)
from mmk12.curation.overlap_page import write_page
from mmk12.curation.overlap_record import OVERLAP_FILE, PAIRS_FILE, BenchmarkOverlap, Overlap, Pair
from mmk12.curation.plan import PlannedBenchmark, plan_benchmarks
from mmk12.curation.training_set import LOST, NATIVE_ID, TrainingSet, open_training_set
from mmk12.datasets.declarations import ORIGIN
from mmk12.datasets.registry import load_source
from mmk12.errors import BadInput, MissingData
from mmk12.types import BrokenLine, DroppedSample
from mmk12.utils import content, fingerprint, storage
from mmk12.utils.config import FrozenModel
from mmk12.utils.progress import Progress, ignore_progress
from mmk12.utils.storage import AppendLog

_CODE = ("mmk12.curation.decontamination", "mmk12.curation.training_set")


class _Batch(FrozenModel):
    """What became of a batch of rows: a line of the log."""

    rows: int
    unreadable: dict[str, int]
    lost_images: int
    templates: int
    pairs: list[Pair]


def find_overlap(
    ref: str,
    *,
    out: Path,
    raw_dir: Path | None = None,
    benchmarks: str | Sequence[str] = "all",
    split: str = "train",
    columns: Mapping[str, str] | None = None,
    template: bool = False,
    limit: int | None = None,
    allow_missing: bool = False,
    progress: Progress = ignore_progress,
) -> Overlap:
    """Compares the training set `ref` with benchmarks, writes the files above into `out`, and returns the counts.

    Args:
        ref: A .parquet, .jsonl or .json file, a folder of them, a hub id, or the name or file of a source.
        out: Folder that is written; the same call goes on where a kill stopped it.
        raw_dir: Folder of the downloaded benchmarks (and of a named source); None reads from the Hugging Face Hub.
        benchmarks: Names or files of benchmarks; `all` for every declared one.
        split: Split of a hub dataset.
        columns: Columns that are not recognised, {"question": "text"}.
        template: All questions are made from templates, whatever their source.
        limit: Number of rows to compare; None for all.
        allow_missing: Goes on without benchmarks that are asked for by name and not there.
        progress: Called with a label, a count and a total.

    Raises:
        MissingData: The training set is not there, or no benchmark is, or one that is asked for by name.
        BadInput: No column holds a question, or no row does.
        OutputError: Another run is writing `out`, or the disk refuses.
    """
    training_set = open_training_set(ref, raw_dir=raw_dir, split=split, columns=columns)
    there, missing = _find_benchmarks(benchmarks, raw_dir, allow_missing)
    with storage.lock_folder(out):
        log = _open_log(out, training_set, there, template, limit)
        questions = BenchmarkQuestions([(one.benchmark, one.files) for one in there], progress)
        batches = _compare(training_set, questions, log, limit, template, progress)
        overlap = _count(training_set, ref, limit, batches, questions, missing)
        pairs = [pair for batch in batches for pair in batch.pairs]
        storage.write_jsonl(out / PAIRS_FILE, (pair.model_dump() for pair in pairs))
        write_page(out, overlap, pairs, training_set, there, progress)
        storage.write_json(out / OVERLAP_FILE, overlap.model_dump())
    return overlap


def _find_benchmarks(
    refs: str | Sequence[str], raw_dir: Path | None, allow_missing: bool
) -> tuple[tuple[PlannedBenchmark, ...], dict[str, str]]:
    """Returns the benchmarks that are there, and why the others are not, by name. Raises `MissingData`.

    Of `all`, generated questions alone are not enough: nobody asks for a comparison with those.
    """
    planned = plan_benchmarks(refs, raw_dir)
    there = tuple(one for one in planned if not one.missing)
    enough = any(one.benchmark.folders for one in there) if refs == "all" else len(there) == len(planned)
    if not there or not (enough or allow_missing):
        if raw_dir is not None and not raw_dir.is_dir():
            raise MissingData(f"--raw-dir {raw_dir} is not a folder.")
        missing = [one for one in planned if one.missing]
        lines = "".join(f"\n  {one.name}: {one.reason}  {one.benchmark.url}" for one in missing)
        raise MissingData(
            f"{len(missing)} of {len(planned)} benchmarks cannot be read:{lines}\n"
            "Fetch each into its folder below RAW_DIR (files: docs/raw-layout.md) and pass --raw-dir RAW_DIR"
            + (", or go on without them: --allow-missing" if there else ".")
        )
    return there, {one.name: _say_missing(one, there) for one in planned if one.missing}


def _say_missing(missing: PlannedBenchmark, there: Sequence[PlannedBenchmark]) -> str:
    """Returns why a benchmark is missing, and which variants of it were compared all the same."""
    variants = [one.name for one in there if one.name.startswith(f"{missing.name}:")]
    return f"{missing.reason}; compared was {', '.join(variants)}" if variants else missing.reason


def _open_log(
    out: Path, training_set: TrainingSet, benchmarks: Sequence[PlannedBenchmark], template: bool, limit: int | None
) -> AppendLog:
    """Opens the log of this comparison; that of another set, other benchmarks or other code is removed."""
    code = hash_code(*_CODE, *(one.file for one in benchmarks))
    read = [training_set.key, training_set.columns, training_set.removed, template, limit]
    path, key = out / ".stages" / "compared.jsonl", fingerprint.hash_json(code, read, [one.key() for one in benchmarks])
    log = AppendLog(path)
    first = next((row for _, row in log.read()), None)
    if first != {"key": key}:
        with storage.open_for_writing(path):
            path.unlink(missing_ok=True)
        log.append([{"key": key}])
    return log


def _read_log(log: AppendLog) -> Iterator[_Batch]:
    """Yields the batches of the log. Raises `BadInput` if it is damaged."""
    for _, line in islice(log.read(), 1, None):  # the first line is the key
        try:
            yield _Batch.model_validate(None if isinstance(line, BrokenLine) else line)
        except ValidationError:
            raise BadInput(f"{log.path} is damaged. Delete it and run the same command again.") from None


def _compare(
    training_set: TrainingSet,
    questions: BenchmarkQuestions,
    log: AppendLog,
    limit: int | None,
    template: bool,
    progress: Progress,
) -> list[_Batch]:
    """Compares the rows behind those of the log, adds them to it, and returns all batches."""
    batches = list(_read_log(log))
    done = sum(batch.rows for batch in batches)
    expected = limit or training_set.source.size or 0
    templates = _Templates(training_set, template)
    rows = read_questions(training_set.source, training_set.files, done, limit)
    while some := list(islice(rows, BATCH)):
        batch = _compare_batch(some, done, questions, templates)
        log.append([batch.model_dump()])
        batches.append(batch)
        done += len(some)
        progress("compare", done, expected)
    return batches


class _Templates:
    """Tells which rows are questions made from templates: by the source that a row names, or all of them."""

    def __init__(self, training_set: TrainingSet, every: bool) -> None:
        self._every = every or training_set.source.template
        self._known = frozenset(name for name in content.names("source") if load_source(name).template)

    def __call__(self, question: ReadQuestion) -> bool:
        return self._every or str(question.tags.get(ORIGIN, "")) in self._known


def _compare_batch(
    rows: Sequence[ReadQuestion | DroppedSample], start: int, questions: BenchmarkQuestions, templates: _Templates
) -> _Batch:
    """Compares consecutive rows of a set, the first of which is number `start`."""
    sound = [(start + place, row) for place, row in enumerate(rows) if isinstance(row, ReadQuestion)]
    flags = [templates(question) for _, question in sound]
    found = questions.find_copies([question.item for _, question in sound], flags)
    pairs = [
        _make_pair(number, question, copy, template)
        for (number, question), template, copies in zip(sound, flags, found, strict=True)
        for copy in copies
    ]
    return _Batch(
        rows=len(rows),
        unreadable=Counter(row.reason for row in rows if isinstance(row, DroppedSample)),
        lost_images=sum(bool(question.lost_images or LOST in question.tags) for _, question in sound),
        templates=sum(flags),
        pairs=pairs,
    )


def _make_pair(number: int, question: ReadQuestion, copy: Copy, template: bool) -> Pair:
    match = copy.match
    name = question.item.id.partition("/")[2]
    return Pair(
        row=number,
        id=str(question.tags.get(NATIVE_ID, name)),
        benchmark=copy.benchmark,
        item=copy.id,
        by=copy.by,
        text=round(match.text, 4),
        image=round(match.image, 4),
        template=template,
    )


def _count(
    training_set: TrainingSet,
    ref: str,
    limit: int | None,
    batches: Sequence[_Batch],
    questions: BenchmarkQuestions,
    missing: Mapping[str, str],
) -> Overlap:
    pairs = [pair for batch in batches for pair in batch.pairs]
    unreadable: Counter[str] = Counter()
    for batch in batches:
        unreadable.update(batch.unreadable)
    rows = sum(batch.rows for batch in batches)
    if rows == unreadable.total():
        raise BadInput(f"No row of {ref} has a question: {dict(unreadable.most_common())}.")
    return Overlap(
        dataset=ref,
        read_from=training_set.where,
        limit=limit,
        columns=dict(training_set.columns),
        removed=training_set.removed,
        rows=rows,
        compared=rows - unreadable.total(),
        unreadable=dict(unreadable.most_common()),
        lost_images=sum(batch.lost_images for batch in batches),
        templates=sum(batch.templates for batch in batches),
        overlapping=len({pair.row for pair in pairs}),
        benchmarks=_count_benchmarks(pairs, questions),
        not_compared=dict(missing),
    )


def _count_benchmarks(pairs: Sequence[Pair], questions: BenchmarkQuestions) -> dict[str, BenchmarkOverlap]:
    """Counts the pairs of each benchmark; its variants count as one, and their repeated questions once."""
    by = Counter((pair.benchmark, pair.by) for pair in pairs)
    items = Counter(item.id.partition("/")[0].partition(":")[0] for item in questions.items)
    copied = Counter(name for name, _ in {(pair.benchmark, pair.item) for pair in pairs})
    lost: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    for name, count in questions.counts.items():
        lost[name.partition(":")[0]] += count.lost_images
        broken[name.partition(":")[0]] += count.broken_rows
    return {
        name: BenchmarkOverlap(
            questions=items[name],
            lost_images=lost[name],
            broken_rows=broken[name],
            copied=copied[name],
            **{kind: by[name, kind] for kind in (TEXT, IMAGE, BOTH)},
        )
        for name in dict.fromkeys(name.partition(":")[0] for name in questions.counts)
    }
