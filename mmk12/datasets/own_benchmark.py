"""A benchmark in a table of rows, without a Python file: `mmk12 eval --benchmarks my.jsonl`.

One row (JSONL; a .json array and .parquet have the same columns):

    {"id": "7", "question": "How long is the base?", "answer": "12 cm", "image": "figures/7.png"}

`question` and `answer` are needed. `image` or `images` are paths beside the file, or encoded bytes in a .parquet; a
question with `<image>` says where they stand. `choices` lists the options, and the answer is then the letter or the
text of one. A row without `id` is named by its number. `question=problem,answer=solution` gives other names of columns.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from mmk12.datasets.column_source import ROW_FILES, RowFiles
from mmk12.datasets.declarations import Benchmark
from mmk12.datasets.files import Files
from mmk12.datasets.row_columns import (
    Columns,
    make_gold,
    pick,
    read_answer,
    read_choices,
    read_images,
    read_question,
)
from mmk12.errors import BadInput, MissingData
from mmk12.types import Gold, RawSample, Row
from mmk12.utils import content
from mmk12.utils.column_names import parse_column_names
from mmk12.utils.config import validate_settings

COLUMNS = Columns(
    question=("question", "problem"),
    answer=("answer", "solution"),
    images=("images", "image"),
    choices=("choices", "options"),
    id=("id",),
)
"""The columns that are read if nothing else is said."""


def is_table(ref: str) -> bool:
    """Whether a reference to a benchmark is the path of a table of rows, and not a name or a Python file."""
    return ref.endswith(ROW_FILES)


def parse_columns(text: str) -> Columns:
    """Returns the columns of `question=problem,answer=solution`; those that are not named keep their usual names.

    Raises `BadInput` for a text of another form, or a name that is none of these columns.
    """
    named = parse_column_names(text, [name for name in Columns.model_fields if name != "origin"])
    return validate_settings(Columns, {**COLUMNS.model_dump(), **named}, "--columns", but=("origin",))


def read_own_benchmark(path: Path, columns: Columns = COLUMNS) -> Benchmark:
    """Returns the benchmark that the table at `path` holds; its name is that of the file.

    Raises `MissingData` if there is no such file, `BadInput` if it has no row or is named like a built-in benchmark.
    """
    if not path.is_file():
        raise MissingData(f"No benchmark file at {path}. Built-in names: {', '.join(content.names('benchmark'))}.")
    if path.stem in content.names("benchmark"):
        raise BadInput(
            f"{path.name} has the name of a built-in benchmark. Rename the file: its name is the benchmark's."
        )
    table = RowFiles((path.name,))
    size = sum(1 for _ in table.read(Files(path.parent)))
    if not size:
        raise BadInput(f'{path} holds no row. A row is like {{"id": "1", "question": "…", "answer": "…"}}.')
    return Benchmark(
        name=path.stem,
        about=f"the rows of {path.name}",
        license="not stated",
        url=path.name,
        folders=(path.stem,),
        layout=path.name,
        size=size,
        rows=table.read,
        draft=partial(_draft, columns),
        root=path.parent,
    )


def _draft(columns: Columns, entry: Row) -> RawSample:
    row = entry["row"]
    question = read_question(pick(row, columns.question))
    options = read_choices(pick(row, columns.choices, required=False))
    answer = read_answer(pick(row, columns.answer))
    question, gold = make_gold(question, answer, options)
    if gold.kind != "choice":
        gold = Gold(answer)  # as printed: golds for training are written in LaTeX, too
    name = pick(row, columns.id, required=False)
    images = entry["find"](read_images(pick(row, columns.images, required=False)))
    return RawSample(f"row-{entry['number']}" if name is None else str(name), question, gold, images=images)
