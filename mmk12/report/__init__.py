"""report.md and report.html of a run: what came out, how sure it is, and every item to look at.

The page is one file without network: pictures are embedded, its only script is named by its hash in the page's
content policy, and no word of a model or dataset is ever parsed as markup. Reports hold no times, so the same
completions give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmk12 import storage, templates
from mmk12.report import page
from mmk12.run import Item, Run
from mmk12.types import Completion


def write(
    run: Run,
    settings: Mapping[str, Any],
    results: Mapping[str, Any],
    items: Sequence[Item],
    rows: Sequence[Mapping[str, Any]],
    completions: Mapping[str, Completion],
) -> None:
    """Writes report.md and report.html into the run folder. `rows` are those of verdicts.jsonl."""
    facts = {"settings": settings, "results": results, "tables": _published(settings, results)}
    storage.write_text(run.folder / "report.md", templates.render("report.md.j2", **facts))
    declared = {name: benchmark["groups"] for name, benchmark in settings["benchmarks"].items()}
    data = page.script_safe({"items": page.entries(items, rows, completions), "groups": declared})
    script = templates.render("page.js")
    html = templates.render("report.html.j2", **facts, data=data, script=script, pictures=page.pictures(run, items))
    storage.write_text(run.folder / "report.html", html)


def _published(settings: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Per benchmark the printed numbers beside ours; none where our number is not of the whole benchmark."""
    tables = {}
    for name, result in results.items():
        whole = not result["partial"] and not result["limited"]
        low, high = result["ci95"]
        tables[name] = [
            {
                **number,
                "difference": 100 * result["accuracy"] - number["accuracy"],
                "inside": 100 * low <= number["accuracy"] <= 100 * high,
                "same_model": _same_model(settings["model"], number["model"]),
            }
            for number in settings["benchmarks"][name]["published"]
            if whole
        ]
    return tables


def _same_model(used: str, published: str) -> bool:
    """Whether a model folder or hub id ends in the name that a paper prints (InternVL2_5-8B = InternVL2.5-8B)."""

    def plain(name: str) -> str:
        return "".join(char for char in name.lower() if char.isalnum())

    return plain(used.rstrip("/").split("/")[-1]) == plain(published)
