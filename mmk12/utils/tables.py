"""Tables of text and numbers, and how they are written: rich for the terminal, Markdown, LaTeX and CSV for files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from rich.table import Table as RichTable


_LONG = 30
"""A column with a longer cell, in characters, is moved into notes."""
_NUMBER = re.compile(r"[-+−]?\d|–$")
_LATEX = {
    **{char: f"\\{char}" for char in "&%$#_{}"},
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "±": "$\\pm$",
    "–": "--",
    "−": "$-$",
}


class Table(NamedTuple):
    """Column names and rows; columns of numbers are right-aligned."""

    header: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def to_rich(self) -> RichTable:
        """Returns the table for rich. Cells are plain text: markup in them is not interpreted."""
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(box=box.SIMPLE_HEAD)
        for number, name in enumerate(self.header):
            table.add_column(name, justify="left" if self.is_text(number) else "right", overflow="fold")
        for row in self.texts():
            table.add_row(*map(Text, row))
        return table

    def is_text(self, column: int) -> bool:
        """Returns whether a column holds text, other than dashes for missing numbers."""
        return any(isinstance(row[column], str) and row[column] not in ("–", "") for row in self.rows)

    def texts(self) -> list[list[str]]:
        """Returns the cells as text, floats with one decimal."""
        return [[f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in row] for row in self.rows]


def format_points(difference: float) -> str:
    """Formats a difference of fractions in percentage points: 0.012 -> `+1.2`."""
    return f"{100 * difference:+.1f}"


def format_points_interval(limits: Sequence[float]) -> str:
    """Formats the interval of a difference in percentage points: `-0.5 to +2.9`."""
    return f"{format_points(limits[0])} to {format_points(limits[1])}"


def to_markdown(table: Table) -> str:
    """Returns a Markdown table; special characters in cells are escaped."""
    rows = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in table.texts()]
    ruler = ["---:" if right else "---" for right in flush_right(table)]
    return "".join(f"| {' | '.join(row)} |\n" for row in (table.header, ruler, *rows))


def to_noted_table(table: Table) -> tuple[Table, list[str]]:
    """Returns a narrow table and its notes: columns of long texts are replaced by one column of letters.

    Each letter is explained in a note. A table without such columns is returned unchanged, without notes.
    """
    rows = table.texts()
    long = [at for at in range(1, len(table.header)) if max((len(row[at]) for row in rows), default=0) > _LONG]
    letters: dict[str, str] = {}
    short = []
    for row in rows:
        note_text = "; ".join(f"{table.header[at]}: {row[at]}" for at in long)
        letter = letters.setdefault(note_text, f"{ascii_lowercase[len(letters) % 26]}{len(letters) // 26 or ''}")
        short.append((*(cell for at, cell in enumerate(row) if at not in long), letter))
    if not long:
        return table, []
    header = (*(name for at, name in enumerate(table.header) if at not in long), "note")
    return Table(header, short), [f"{letter}  {note_text}" for note_text, letter in letters.items()]


def to_latex(table: Table) -> str:
    """Returns a LaTeX `tabular` for the package booktabs, with notes below; special characters are escaped."""
    table, notes = to_noted_table(table)
    columns = "".join("r" if right else "l" for right in flush_right(table))
    lines = [" & ".join(map(_escape_latex, row)) + " \\\\" for row in (table.header, *table.texts())]
    head, *body = lines
    return "\n".join(
        [
            f"\\begin{{tabular}}{{{columns}}}",
            "\\toprule",
            head,
            "\\midrule",
            *body,
            "\\bottomrule",
            "\\end{tabular}",
            *(f"\\par{{\\footnotesize {_escape_latex(note)}}}" for note in notes),
            "",
        ]
    )


def to_csv(table: Table) -> str:
    """Returns the table as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([table.header, *table.texts()])
    return text.getvalue()


WRITERS: Mapping[str, Callable[[Table], str]] = {".md": to_markdown, ".tex": to_latex, ".csv": to_csv}
"""Writers by the suffix of the file."""


def flush_right(table: Table) -> list[bool]:
    """Returns for each column whether all cells start with a number, so that it is right-aligned."""
    return [all(_NUMBER.match(cell) for cell in column) for column in zip(*table.texts(), strict=True)]


def _escape_latex(text: str) -> str:
    return "".join(_LATEX.get(char, char) for char in text.replace("\n", " "))
