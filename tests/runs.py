"""Small graded runs of an invented benchmark, for tests of what is shown and compared."""

import dataclasses

from mmk12.evaluation.grading import grade_run
from mmk12.evaluation.records import RunSettings
from mmk12.evaluation.run_folder import EvalRun, Item
from mmk12.types import Completion, DroppedSample, Gold, Sample
from mmk12.utils import storage
from tests.conftest import picture

PUBLISHED = {"model": "MM-Eureka-8B", "accuracy": 27.0, "grader": "GPT-4o yes/no", "source": "a paper"}


def settings(items, *, benchmark=None, **changes):
    """What run.json holds of a run on the benchmark "toy"."""
    toy = {
        "about": "",
        "size": items,
        "items": items,
        "sha256": "0" * 64,
        "read_from": "raw-dir",
        "groups": ["topic"],
        "published": [PUBLISHED],
        **(benchmark or {}),
    }
    return RunSettings.model_validate(
        {
            "mmk12": "0",
            "model": "org/MM-Eureka-8B",
            "backend": "hf",
            "fingerprint": "hf x",
            "deployment": {},
            "prompt": {"name": "instruct", "system": "s", "user": "u {question}"},
            "sampling": {"temperature": 0.0, "max_tokens": 64},
            "n": 1,
            "profile": "strict",
            "benchmarks": {"toy": toy},
            "versions": {"python": "3"},
            **changes,
        }
    )


def graded(folder, texts, *, tags=(), golds=(), clusters=(), benchmark=None, **changes):
    """A graded run folder. The gold is 4 unless `golds` says otherwise; texts of None could not be asked.

    A text that is a list holds the rollouts of its item.
    """
    run = EvalRun(folder)
    image = run.images.add(picture("red", (900, 300)))
    items, completions = [], {}
    for number, text in enumerate(texts):
        name = f"toy/{number}"
        if text is None:
            items.append(Item("toy", DroppedSample(name, "toy", "load", "unusable image", "gone.png")))
            continue
        rollouts = text if isinstance(text, list) else [text]
        sample = Sample(
            name,
            "toy",
            "<image>What?",
            (image,),
            Gold(golds[number] if golds else "$4$"),
            tags[number] if tags else {"topic": "a|b"},
            clusters[number] if clusters else None,
        )
        keys = tuple(f"{number}-{index}" for index in range(len(rollouts)))
        items.append(Item("toy", sample, keys))
        for index, (key, one) in enumerate(zip(keys, rollouts, strict=True)):
            finish = "stop" if "</answer>" in one else "length"
            completions[key] = Completion(key, name, index, one, finish, 5, 6)
    known = settings(len(texts), benchmark=benchmark, **changes)
    run.write_items(items)
    run.write_settings(known)
    storage.write_jsonl(folder / "completions.jsonl", [dataclasses.asdict(one) for one in completions.values()])
    grade_run(run, known, items, completions)
    return run.folder
