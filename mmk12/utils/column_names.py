"""Parses options that name the columns of a table: `--columns question=problem,answer=solution`."""

from __future__ import annotations

from collections.abc import Collection

from mmk12.errors import BadInput, find_nearest


def parse_column_names(text: str, known: Collection[str], option: str = "--columns") -> dict[str, str]:
    """Returns {ours: theirs} of `OURS=THEIRS,…`, each of our names at most once.

    Raises `BadInput` for a text of another form, and for a name that is none of `known`, with the nearest.
    """
    columns: dict[str, str] = {}
    for pair in text.split(","):
        ours, equals, theirs = (part.strip() for part in pair.partition("="))
        if not equals or not theirs or ours in columns:
            raise BadInput(f"{option} is OURS=THEIRS once per column, such as question=problem, not '{text}'.")
        if ours not in known:
            nearest = find_nearest(ours, known)
            hint = f"Did you mean '{nearest}'?" if nearest else f"Known: {', '.join(known)}."
            raise BadInput(f"{option} has no '{ours}'. {hint}")
        columns[ours] = theirs
    return columns
