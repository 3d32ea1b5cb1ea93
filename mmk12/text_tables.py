"""A table as text that goes into other files: Markdown, LaTeX (booktabs), CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from string import ascii_lowercase

from mmk12.tables import Table

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


def markdown(table: Table) -> str:
    """A Markdown table; no cell can end its row."""
    rows = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in table.texts()]
    ruler = ["---:" if right else "---" for right in flush_right(table)]
    return "".join(f"| {' | '.join(row)} |\n" for row in (table.header, ruler, *rows))


def noted(table: Table) -> tuple[Table, list[str]]:
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


def latex(table: Table) -> str:
    """A tabular of the package booktabs, notes below it; no cell can hold a command."""
    table, notes = noted(table)
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


def comma_separated(table: Table) -> str:
    """The table as it is shown, a line per row."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([table.header, *table.texts()])
    return text.getvalue()


WRITERS: Mapping[str, Callable[[Table], str]] = {".md": markdown, ".tex": latex, ".csv": comma_separated}
"""By the suffix of the file."""


def flush_right(table: Table) -> list[bool]:
    """For each column, whether all its cells are numbers, or begin with one."""
    return [all(_NUMBER.match(cell) for cell in column) for column in zip(*table.texts(), strict=True)]


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(char, char) for char in text.replace("\n", " "))
