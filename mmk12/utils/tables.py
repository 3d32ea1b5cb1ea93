"""Results as tables: rows of text and numbers. Showing them, on a terminal or in a file, is another's affair."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from rich.table import Table as RichTable


class Table(NamedTuple):
    """Column names and rows; a column of numbers is set flush right."""

    header: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def drawn(self) -> RichTable:
        """The table as rich draws it. Cells are text: nothing in them is read as markup."""
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
        """Whether a column holds more than numbers."""
        return any(isinstance(row[column], str) for row in self.rows)

    def texts(self) -> list[list[str]]:
        """The rows as they are shown: numbers with one decimal."""
        return [[f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in row] for row in self.rows]


def format_points(difference: float) -> str:
    """A difference of fractions, in points."""
    return f"{100 * difference:+.1f}"


def format_points_interval(limits: Sequence[float]) -> str:
    """The interval of a difference, in points."""
    return f"{format_points(limits[0])} to {format_points(limits[1])}"


# A table as text that goes into other files: Markdown, LaTeX (booktabs), CSV.


_LONG = 30
"""Characters of a cell that make its column one for notes."""
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


def to_markdown(table: Table) -> str:
    """A Markdown table; no cell can end its row."""
    rows = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in table.texts()]
    ruler = ["---:" if right else "---" for right in flush_right(table)]
    return "".join(f"| {' | '.join(row)} |\n" for row in (table.header, ruler, *rows))


def to_noted_table(table: Table) -> tuple[Table, list[str]]:
    """For a page that is not wider than its numbers: columns of long texts become one of letters, explained in notes.

    A table without such columns comes back as it is, with no notes.
    """
    rows = table.texts()
    long = [at for at in range(1, len(table.header)) if max((len(row[at]) for row in rows), default=0) > _LONG]
    letters: dict[str, str] = {}
    short = []
    for row in rows:
        told = "; ".join(f"{table.header[at]}: {row[at]}" for at in long)
        letter = letters.setdefault(told, f"{ascii_lowercase[len(letters) % 26]}{len(letters) // 26 or ''}")
        short.append((*(cell for at, cell in enumerate(row) if at not in long), letter))
    if not long:
        return table, []
    header = (*(name for at, name in enumerate(table.header) if at not in long), "note")
    return Table(header, short), [f"{letter}  {told}" for told, letter in letters.items()]


def to_latex(table: Table) -> str:
    """A tabular of the package booktabs, notes below it; no cell can hold a command."""
    table, notes = to_noted_table(table)
    columns = "".join("r" if right else "l" for right in flush_right(table))
    lines = [" & ".join(map(_escaped, row)) + " \\\\" for row in (table.header, *table.texts())]
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
            *(f"\\par{{\\footnotesize {_escaped(note)}}}" for note in notes),
            "",
        ]
    )


def to_csv(table: Table) -> str:
    """The table as it is shown, a line per row."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([table.header, *table.texts()])
    return text.getvalue()


WRITERS: Mapping[str, Callable[[Table], str]] = {".md": to_markdown, ".tex": to_latex, ".csv": to_csv}
"""By the suffix of the file."""


def flush_right(table: Table) -> list[bool]:
    """For each column, whether all its cells are numbers, or begin with one."""
    return [all(_NUMBER.match(cell) for cell in column) for column in zip(*table.texts(), strict=True)]


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(char, char) for char in text.replace("\n", " "))
