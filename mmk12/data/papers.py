"""The papers of a build: drops.jsonl, manifest.json, DATA_CARD.md and its figure. Nothing in them has a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmk12 import storage
from mmk12.data import fingerprint
from mmk12.data.card import card
from mmk12.data.outcomes import Outcomes
from mmk12.data.plan import Plan
from mmk12.plot import plot
from mmk12.storage import replacing, to_json
from mmk12.types import Dropped

_HASHED = ("train.parquet", "val.parquet", "drops.jsonl")


def write_drops(out: Path, done: Sequence[Outcomes]) -> None:
    """Writes drops.jsonl: the rows that every stage dropped, in order of stage, then of input."""
    with replacing(out / "drops.jsonl") as file:
        for drop in _drops(done):
            row = {"id": drop.id, "source": drop.source, "stage": drop.stage}
            line = to_json({**row, "reason": drop.reason, "evidence": drop.evidence}) + "\n"
            file.write(line.encode("utf-8", "replace"))


def write_manifest(out: Path, plan: Plan, funnel: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """Writes manifest.json and returns its contents; `hashes` are of the files that this build has written."""
    written = _HASHED if plan.stages[-1] == "export" else ("drops.jsonl",)
    manifest = {
        "recipe": plan.recipe.model_dump(),
        "limit": plan.limit,
        "stages": list(plan.stages),
        "sources": {name: dict(steps) for name, steps in funnel.items()},
        "missing": sorted(plan.missing),
        "licences": {planned.name: planned.source.licence for planned in plan.found},
        "read_from": {planned.name: planned.read_from(plan.raw_dir) for planned in plan.found},
        "hashes": {name: fingerprint.file(out / name) for name in written},
        "versions": fingerprint.versions(),
    }
    storage.write_json(out / "manifest.json", manifest)
    return manifest


def write_card(out: Path, manifest: Mapping[str, Any], done: Sequence[Outcomes]) -> None:
    """Writes DATA_CARD.md and figures/sources.png."""
    reasons = Counter((drop.source, drop.stage, drop.reason) for drop in _drops(done))
    storage.write_text(out / "DATA_CARD.md", card(manifest, reasons))
    plot("sources", [out], out / "figures" / "sources.png")


def _drops(done: Sequence[Outcomes]) -> Iterator[Dropped]:
    for outcomes in done:
        yield from outcomes.drops()
