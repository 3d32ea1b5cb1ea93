"""The text of DATA_CARD.md: what manifest.json and drops.jsonl say, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

COLUMNS = """The columns are those of verl 0.9.1; `extra_info.tags` is JSON. A text-only row has a white 224 x 224
picture. `mmk12.verify(response, reward_model.ground_truth)` grades a response, with `question`, `answer_type`,
`choices` and `precision` of `extra_info` where they are not null."""

LOADING = """```python
from datasets import load_dataset

data = load_dataset("parquet", data_files={"train": "train.parquet", "val": "val.parquet"})
```"""


def card(manifest: Mapping[str, Any], reasons: Mapping[tuple[str, str, str], int]) -> str:
    """The card of a finished build; `reasons` counts dropped rows by (source, stage, reason)."""
    sources: dict[str, dict[str, int]] = manifest["sources"]
    recipe = manifest["recipe"]
    steps = list(next(iter(sources.values())))
    rows = [[name, *(str(counts[step]) for step in steps)] for name, counts in sources.items()]
    total = ["**all**", *(str(sum(counts[step] for counts in sources.values())) for step in steps)]
    profile, seed = recipe["profile"], recipe["data"]["seed"]
    licences = [[name, licence, manifest["read_from"][name]] for name, licence in manifest["licences"].items()]
    parts = [
        f"# {recipe['name']}",
        f"{recipe['about']}.",
        *_notice(manifest),
        "Rows that were left after each step; `train` and `val` are the two files.",
        _table(["source", *steps], [*rows, total]),
        "![rows by source](figures/sources.png)",
        "## What was dropped",
        "Row by row, with the evidence, in `drops.jsonl`.",
        _table(["source", "stage", "reason", "rows"], [[*key, str(n)] for key, n in sorted(reasons.items())]),
        "## Licences",
        "The rows keep the licences of their sources. Read them before you pass this folder on.",
        _table(["source", "licence", "read from"], licences),
        "## How to load it",
        LOADING,
        COLUMNS,
        f"Prompt `{profile['prompt']}`, reward `{profile['reward']}`, seed {seed}.",
    ]
    return "\n\n".join(parts) + "\n"


def _notice(manifest: Mapping[str, Any]) -> list[str]:
    told = []
    if manifest["limit"] is not None:
        told.append(f"only the first {manifest['limit']} rows of each source were read")
    if manifest["missing"]:
        told.append(f"not there when this was built: {', '.join(manifest['missing'])}")
    return [f"**Not the whole mixture:** {'; '.join(told)}."] if told else []


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "Nothing."
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
