"""The second thoughts worth reading: of right responses the richest, those to hard prompts before others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mmk12.aha.phrases import KINDS

if TYPE_CHECKING:
    import pandas as pd

_PER_KIND = 4


class Chosen(NamedTuple):
    """Where a response lies, whether it is right, and how often its prompt was answered right."""

    step: int
    row: int
    right: bool
    rate: float


def chosen(table: pd.DataFrame) -> list[Chosen]:
    """At most four responses for each kind, each of another prompt.

    Right before wrong, then more kinds before fewer, then prompts seldom answered right, then later steps.
    """
    with_any = table[table[list(KINDS)].any(axis=1)]
    prompts = table.groupby("prompt")["acc"].mean() if "acc" in table else None
    ranked = with_any.assign(
        kinds=with_any[list(KINDS)].sum(axis=1),
        right=with_any["acc"] == 1 if prompts is not None else False,
        rate=with_any["prompt"].map(prompts) if prompts is not None else 0.0,
    ).sort_values(["right", "kinds", "rate", "step", "row"], ascending=[False, False, True, False, True])
    name = "id" if "id" in ranked else "prompt"
    found: list[Chosen] = []
    seen: list[Any] = []
    for kind in KINDS:
        best = ranked[ranked[kind] & ~ranked[name].isin(seen)].drop_duplicates(name).head(_PER_KIND)
        seen += best[name].tolist()
        found += [Chosen(*place) for place in zip(*(best[field].tolist() for field in Chosen._fields), strict=True)]
    return found
